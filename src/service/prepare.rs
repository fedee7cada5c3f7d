//! What a run needs before it can begin: rendered files, environment, program, folders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::redaction::texts_among;
use super::{DAEMON, Error, Result, Service, gateway_dir};
use crate::config::providers::Credentials;
use crate::config::{AwsProvider, Confine};
use crate::domain::adoption::{Adoption, Owner};
use crate::domain::failure::{Class, Failure};
use crate::domain::machine::{Approval, ScalingOwner};
use crate::domain::redaction::Secrets;
use crate::domain::refusal::Refusal;
use crate::domain::resource::Spec;
use crate::domain::run::{Kind, Run};
use crate::domain::secret::uses;
use crate::domain::state::{self, Contents};
use crate::domain::template::{Gateway, Manifest, Provider, Template};
use crate::domain::warmth::Warmth;
use crate::domain::workspace::Workspace;
use crate::render::{Rendered, import_ids, render, values};
use crate::store::Snapshot;
use crate::supervisor::Confinement;
use crate::supervisor::confine::{Needs, confinement};
use crate::terraform::environment::{Environment, environment, http_backend};
use crate::terraform::installation::mirror_folders;

/// All that a run needs. It has no `Debug`: its environment holds secrets.
#[derive(Clone)]
pub struct Prepared {
    /// The files of its workspace.
    pub rendered: Rendered,
    /// Revision of the template that they come from.
    pub revision: String,
    /// What the template says of itself.
    pub manifest: Manifest,
    /// What it looks for before it creates, where an earlier run has left doubt.
    pub adoption: Option<Adoption>,
    /// Addresses for which the next run looks, should this one end in doubt.
    pub looked_for: BTreeSet<String>,
    /// What may go on without a person.
    pub approval: Approval,
    /// All of the environment of Terraform's processes.
    pub environment: Environment,
    /// The same without what the spec adds.
    pub own_environment: Environment,
    /// What must not be shown of what Terraform says.
    pub secrets: Secrets,
    /// What Terraform's processes may touch; everything, where this is absent.
    pub confinement: Option<Confinement>,
    /// What makes its commands warm; absent, they go the plain way.
    pub warmth: Option<Warmth>,
    /// What all workspaces of its revision have in common.
    pub revision_dir: PathBuf,
    /// The same for a state that needs providers which its configuration does not name.
    pub state_revision_dir: PathBuf,
    /// What is in the workspace's state, where it has one.
    pub state: Option<Contents>,
    /// Why it may not begin, if so.
    pub refused: Option<Refusal>,
    /// Terraform's program.
    pub program: String,
    /// Holds the plan and the commands.
    pub run_dir: PathBuf,
}

/// What the template says of itself, as far as it holds for this spec.
fn manifest_for(spec: &Spec, template: &Template) -> Manifest {
    let mut manifest = template.manifest.clone();
    let owner = spec.machine().map(|machine| machine.node_group_config.scaling_owner);
    if owner != Some(ScalingOwner::Autoscaler) {
        manifest.autoscaled.clear();
    }
    manifest
}

/// The variable of a template that says whether what it made is to go.
const DESTROYING: &str = "captd_destroying";

/// What a run is rendered from.
#[derive(Clone, Copy)]
struct Specs<'a> {
    spec: &'a Spec,
    /// The spec whose apply has left doubt.
    doubted: Option<&'a Spec>,
    /// Whether it is to be destroyed: then nothing is asked for that may be gone.
    is_destroyed: bool,
    /// Whether nothing of it was ever in force: what exists already may be taken over.
    is_new: bool,
    /// Outputs of others.
    inputs: &'a Map<String, Value>,
    template: &'a Template,
}

/// The spec whose apply has left doubt. What is gone from the history was like what came after it, as far as is known.
async fn doubted_spec(snapshot: &mut Snapshot, workspace: &Workspace, wanted: &Spec) -> Result<Option<Spec>> {
    let Some(generation) = workspace.in_doubt else { return Ok(None) };
    let kept = snapshot.spec_of(workspace.uid, generation).await?;
    Ok(Some(kept.map_or_else(|| wanted.clone(), |(_, spec)| spec)))
}

impl Service {
    /// Prepares a run.
    ///
    /// # Errors
    /// The outer one when the database fails, the inner one when the run cannot be prepared: then
    /// it has failed.
    pub async fn prepare(&self, run: &Run) -> Result<std::result::Result<Prepared, Failure>> {
        let mut snapshot = self.store.read().await?;
        let Some((declared, wanted)) = snapshot.spec_of(run.workspace, run.generation).await? else {
            let message = format!("generation {} of its spec is no longer kept", run.generation);
            return Ok(Err(Failure::new(Class::Internal, message)));
        };
        let workspace = snapshot.workspace(run.workspace).await?;
        let Some(workspace) = workspace else {
            return Ok(Err(Failure::new(Class::Internal, "its workspace is gone")));
        };
        let inputs = self.inputs(&mut snapshot, &workspace, run).await?;
        let template = match self.template_of_run(&mut snapshot, &workspace, run, &wanted).await? {
            Ok(template) => template,
            Err(failure) => return Ok(Err(failure)),
        };
        let doubted = doubted_spec(&mut snapshot, &workspace, &wanted).await?;
        // One that is over, or that nobody has queued, leaves nothing: neither in the database nor in a folder of its own.
        let is_open = snapshot.run(run.id).await?.is_some_and(|run| run.is_open());
        // Whoever held one connection and waited for a second would hold up all others, and they it.
        drop(snapshot);
        let inputs = match inputs {
            Ok(inputs) => inputs,
            Err(failure) => return Ok(Err(failure)),
        };
        if is_open {
            self.keep_sources(run, &workspace, &template, &inputs).await?;
        }
        let mut snapshot = self.store.read().await?;
        let uses = uses(&wanted, &workspace.namespace);
        let opened = match self.opened(&mut snapshot, &workspace, run.kind, &uses, inputs.clone()).await? {
            Ok(opened) => opened,
            Err(failure) => return Ok(Err(failure)),
        };
        drop(snapshot);
        let owner = Owner {
            installation: self.installation.clone(),
            kind: run.owner,
            name: format!("{}/{}/{declared}", run.namespace, run.name),
        };
        let spec = &wanted;
        let state = self.state(run.workspace).await?.map(|state| state::contents(&state));
        let prepared = self.prepare_spec(
            run,
            Specs {
                spec,
                doubted: doubted.as_ref(),
                is_destroyed: run.kind == Kind::Destroy,
                is_new: workspace.observation.is_none(),
                inputs: &opened,
                template: &template,
            },
            &owner,
        );
        if let (Ok(prepared), true) = (&prepared, is_open) {
            self.remember(run.id, &prepared.environment, texts_among(&inputs, &opened)).await;
        }
        Ok(prepared.map(|prepared| Prepared {
            warmth: self.warmth(run, spec, &prepared.manifest, state.as_ref()),
            state_revision_dir: self.state_revision_dir(&prepared.rendered.structure, state.as_ref()),
            state,
            ..prepared
        }))
    }

    /// The template of a run, in the revision that it takes.
    async fn template_of_run(
        &self,
        snapshot: &mut Snapshot,
        workspace: &Workspace,
        run: &Run,
        spec: &Spec,
    ) -> Result<std::result::Result<Arc<Template>, Failure>> {
        let revision = self.revision_for(snapshot, workspace, run).await?;
        match self.template_in_use(snapshot, workspace, spec.template(), revision.as_deref()).await {
            Ok(Some(template)) => Ok(Ok(template)),
            Ok(None) => {
                let message = format!("the template `{}` does not exist any more", spec.template().name);
                Ok(Err(Failure::new(Class::Configuration, message)))
            }
            Err(Error::Invalid(problems)) => Ok(Err(Failure::new(Class::Configuration, problems.to_string()))),
            Err(error) => Err(error),
        }
    }

    /// Keeps what a run is made from, where that is not kept yet.
    async fn keep_sources(
        &self,
        run: &Run,
        workspace: &Workspace,
        template: &Template,
        inputs: &Map<String, Value>,
    ) -> Result<()> {
        let has_news =
            (run.inputs.is_none() && !inputs.is_empty()) || (run.revision.is_none() && workspace.template.is_some());
        if has_news {
            let mut change = self.write(DAEMON).await?;
            change.keep_sources(run.id, &template.revision, inputs).await?;
            change.commit().await?;
        }
        Ok(())
    }

    fn prepare_spec(&self, run: &Run, specs: Specs<'_>, owner: &Owner) -> std::result::Result<Prepared, Failure> {
        let Specs { spec, doubted, is_new, inputs, template, .. } = specs;
        let wrong = |message: String| Failure::new(Class::Configuration, message);
        let providers = self.providers();
        let provider = match template.manifest.provider {
            Provider::None => None,
            Provider::Aws => {
                let name = &spec.provider().name;
                let missing = || {
                    wrong(format!(
                        "there is no provider configuration `{name}` any more; add [providers.aws.{name}] to the configuration"
                    ))
                };
                Some(providers.aws.get(name).ok_or_else(missing)?)
            }
        };
        let all = |spec: &Spec| self.all_values(spec, owner, specs).map_err(wrong);
        let rendered =
            render(template, &all(spec)?, spec.region(), provider).map_err(|error| wrong(error.to_string()))?;
        let import = spec.import().filter(|_| is_new && run.kind != Kind::Destroy).cloned();
        let adoption = doubted
            .or(import.as_ref().map(|_| spec))
            .map(|spec| {
                let mut ids = import_ids(template, &all(spec)?).map_err(|error| wrong(error.to_string()))?;
                ids.extend(import.iter().flat_map(|import| import.ids.clone()));
                Ok(Adoption { ids, owner: owner.clone(), import })
            })
            .transpose()?;
        let looked_for = all(spec).ok().and_then(|values| import_ids(template, &values).ok()).unwrap_or_default();
        let engine = &self.config.engine;
        let mut own_environment =
            environment(&self.terraform_environment, &engine.pass_environment, &self.cli_config_path(), provider);
        let password = self.run_password(run.id).map_err(|error| Failure::new(Class::Internal, error.to_string()))?;
        let address = format!("{}/state/v1/workspaces/{}", self.state_address, run.workspace);
        own_environment.extend(http_backend(&address, &format!("run/{}", run.id), &password));
        let environment = self.environment_of(spec, template, inputs).map_err(wrong)?;
        // Of two, captd's own holds.
        let environment = environment.into_iter().chain(own_environment.clone()).collect();
        let revision_dir = self.revision_dir(&rendered.structure);
        let run_dir = self.run_dir(run.id);
        Ok(Prepared {
            refused: self.refusal_of_run(run, spec, template, &rendered),
            rendered,
            revision: template.revision.clone(),
            manifest: manifest_for(spec, template),
            adoption,
            looked_for: looked_for.into_keys().collect(),
            approval: spec.approval(),
            confinement: self.confinement(&run_dir, provider, &own_environment),
            state_revision_dir: revision_dir.clone(),
            revision_dir,
            state: None,
            environment,
            own_environment,
            warmth: None,
            secrets: self.secrets_of(run.id),
            program: engine.binary.clone(),
            run_dir,
        })
    }

    /// All values by variable: those of the spec over those of its files.
    fn all_values(
        &self,
        spec: &Spec,
        owner: &Owner,
        specs: Specs<'_>,
    ) -> std::result::Result<Map<String, Value>, String> {
        let files = self.file_values(spec, specs.template, specs.inputs);
        let mut all = files.map_err(|(_, why)| format!("varFiles: {why}"))?;
        if specs.is_destroyed {
            all.insert(DESTROYING.to_owned(), Value::from(true));
        }
        all.extend(values(spec, owner, specs.inputs));
        Ok(all)
    }

    fn warmth(&self, run: &Run, spec: &Spec, manifest: &Manifest, state: Option<&Contents>) -> Option<Warmth> {
        (self.config.engine.gateway && manifest.gateway == Gateway::On).then(|| Warmth {
            gateway: gateway_dir(&self.config),
            run: run.id.to_string(),
            namespace: run.namespace.to_string(),
            configuration: spec.provider().name.clone(),
            types: state.map(|state| state.types.clone()).unwrap_or_default(),
        })
    }

    /// What terraform may touch that works in these folders; `environment` is captd's own.
    pub(super) fn confinement(
        &self,
        run_dir: &Path,
        provider: Option<&AwsProvider>,
        environment: &Environment,
    ) -> Option<Confinement> {
        let engine = &self.config.engine;
        let home = environment.get("HOME").map(Path::new);
        let by_files = |provider: &AwsProvider| !matches!(provider.credentials, Credentials::Key { .. });
        let needs = Needs {
            data_dir: &self.config.data_dir,
            run_dir,
            cli_config: &self.cli_config_path(),
            key_file: self.keys.path(),
            mirrors: &mirror_folders(engine.provider_mirror.as_deref(), home),
            environment,
            signs_in_by_files: provider.is_some_and(by_files),
            read: &engine.confine_read,
            write: &engine.confine_write,
        };
        (engine.confine != Confine::Off).then(|| confinement(&needs))
    }

    /// The folder of a rendered structure: of the same depth as a run's work folder, so that paths in it mean the same.
    fn revision_dir(&self, structure: &str) -> PathBuf {
        self.config.data_dir.join("revisions").join(structure.get(..16).unwrap_or(structure))
    }

    /// The same for the providers of a state.
    fn state_revision_dir(&self, structure: &str, state: Option<&Contents>) -> PathBuf {
        let providers = state.into_iter().flat_map(|state| &state.providers);
        let text: String = providers.fold(structure.to_owned(), |text, provider| text + "\n" + provider);
        self.revision_dir(&state::digest(text.as_bytes()))
    }

    /// The folder of a run: its commands, and what they left.
    #[must_use]
    pub fn run_dir(&self, run: uuid::Uuid) -> PathBuf {
        self.config.data_dir.join("runs").join(run.to_string())
    }

    /// Where an earlier captd had the files of a workspace.
    pub(super) fn workspace_dir(&self, workspace: uuid::Uuid) -> PathBuf {
        self.config.data_dir.join("workspaces").join(workspace.to_string())
    }
}
