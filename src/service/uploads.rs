//! Uploads: what comes in is looked at and put on trial before anything is written, and kept as it
//! was looked at.
//!
//! **Invariant:** no transaction is open while a trial goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::write::Written;
use super::{Actor, Error, Result, Service, gateway_dir, trials_dir};
use crate::config::{AwsProvider, Limits};
use crate::domain::document::Document;
use crate::domain::event::Told;
use crate::domain::failure::Failure;
use crate::domain::metadata::Declared;
use crate::domain::name::Name;
use crate::domain::problem::Problems;
use crate::domain::redaction::Secrets;
use crate::domain::template::{Gateway, Manifest, Template, UpdateMode};
use crate::domain::warmth::Warmth;
use crate::domain::warning::Warning;
use crate::render::{self, Rendered};
use crate::store::{Change, Revision, Uploaded};
use crate::supervisor::Confinement;
use crate::terraform::diagnostics::Diagnostic;
use crate::terraform::environment::Environment;
use crate::terraform::plan::Shown;

/// Seconds for one trial, if `engine.plan_seconds_max` does not allow less: somebody waits for the answer.
const TRIAL_SECONDS_MAX: u32 = 300;

/// Puts templates on trial; handed in, since the service starts no process.
pub trait Validator: Debug + Send + Sync {
    /// All that Terraform finds wrong; the failure, when that cannot be told. Whoever waits no more
    /// drops the future, and the trial ends.
    fn validate(&self, trial: Trial) -> Pin<Box<dyn Future<Output = Verdict> + Send + '_>>;

    /// A plan that imports what `ids` name and exists; it is read, and never applied.
    fn look(&self, trial: Trial, ids: BTreeMap<String, String>) -> Pin<Box<dyn Future<Output = Looked> + Send + '_>>;
}

/// What a look comes to.
pub type Looked = std::result::Result<Shown, Failure>;

/// What a trial comes to.
pub type Verdict = std::result::Result<Vec<Diagnostic>, Failure>;

/// All that a trial needs. It has no `Debug`: its environment may hold secrets.
pub struct Trial {
    /// The files, with no values and no backend.
    pub rendered: Rendered,
    /// What the template says of itself.
    pub manifest: Manifest,
    /// All of the environment of Terraform's processes: in that of an upload are no credentials.
    pub environment: Environment,
    /// What must not be shown of what Terraform says.
    pub secrets: Secrets,
    /// What Terraform's processes may touch; everything, where this is absent.
    pub confinement: Option<Confinement>,
    /// What each of its commands may take of the machine.
    pub limits: Limits,
    /// What makes its commands warm; absent, they go the plain way.
    pub warmth: Option<Warmth>,
    /// Terraform's program.
    pub program: String,
    /// Holds a folder for each command.
    pub run_dir: PathBuf,
    /// Holds the files that are initialised.
    pub revision_dir: PathBuf,
    /// Seconds for all of it.
    pub seconds_max: u32,
}

/// Pointer of the document and of its files, the files, and the trial.
type OnTrial<'a> = (String, String, &'a BTreeMap<String, String>, Trial);

/// The uploads of one request by the pointer of their document, each as it was found.
#[derive(Debug, Default)]
pub(super) struct Uploads(BTreeMap<String, std::result::Result<Template, Problems>>);

impl Service {
    /// Looks at the uploads among `documents`, which are given by their pointers: parsed, rendered on
    /// trial, held against what is allowed, and validated by Terraform where they are new.
    ///
    /// # Errors
    /// When the database fails, or Terraform cannot run. What is wrong with an upload stands in its place.
    pub(super) async fn look_at_uploads<'a>(
        &self,
        documents: impl Iterator<Item = (String, &'a Document)> + Clone,
        default_namespace: &Name,
    ) -> Result<Uploads> {
        let mut uploads = Uploads::default();
        let policy = self.rules(&self.providers()).policy();
        let declared: BTreeSet<&Name> = documents.clone().filter_map(|(_, it)| namespace_declared(it)).collect();
        let mut taken_in = Vec::new();
        for (at, document) in documents {
            let Document::Template(Declared { name: Some(name), namespace, .. }, files) = document else { continue };
            let namespace = namespace.as_ref().unwrap_or(default_namespace);
            let pointer = format!("{at}/spec/files");
            let taken = match self.rehearse(files, &pointer).await? {
                Ok(()) => self.library.take_in(name, files, &policy, &pointer),
                Err(problems) => Err(problems),
            };
            if let Ok(template) = &taken {
                taken_in.push((at.clone(), pointer, files, namespace, template.clone()));
            }
            uploads.0.insert(at, taken);
        }
        let mut trials = Vec::new();
        let mut snapshot = self.store.read().await?;
        for (at, pointer, files, namespace, template) in taken_in {
            let before = snapshot.uploaded(namespace, &template.name).await?;
            let is_current = before.is_some_and(|before| before.current == template.revision);
            // One for a namespace that does not exist is refused where it would be written.
            let has_place = declared.contains(namespace) || snapshot.namespace(namespace).await?.is_some();
            if !is_current && has_place {
                let rendered = render::sample(&template);
                let rendered = rendered.map_err(|error| Error::one(&pointer, "not_rendered", error.to_string()))?;
                trials.push((at, pointer, files, self.trial(namespace, &template, rendered)));
            }
        }
        drop(snapshot);
        for (at, problems) in self.put_on_trial(trials).await? {
            uploads.0.insert(at, Err(problems));
        }
        Ok(uploads)
    }

    /// All trials side by side, as far as the validator lets them; what is wrong, by document.
    async fn put_on_trial(&self, trials: Vec<OnTrial<'_>>) -> Result<BTreeMap<String, Problems>> {
        let mut under_way = JoinSet::new();
        let mut files_of = BTreeMap::new();
        for (at, pointer, files, trial) in trials {
            files_of.insert(at.clone(), (pointer, files));
            let validator = Arc::clone(&self.validator);
            under_way.spawn(async move { (at, validator.validate(trial).await) });
        }
        let mut wrong = BTreeMap::new();
        while let Some(ended) = under_way.join_next().await {
            let (at, verdict) = ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
            let found = verdict.map_err(|failure| Error::NotChecked(failure.message))?;
            let (pointer, files) = &files_of[&at];
            let problems = problems_of(found, files, pointer);
            if !problems.is_empty() {
                wrong.insert(at, problems);
            }
        }
        Ok(wrong)
    }

    fn trial(&self, namespace: &Name, template: &Template, rendered: Rendered) -> Trial {
        let what = format!("the upload of template {}", template.name);
        self.trial_with(namespace, template, rendered, (self.plain_environment(), None), what)
    }

    /// A trial with what its processes may know of a provider configuration; `what` says what it is for.
    pub(super) fn trial_with(
        &self,
        namespace: &Name,
        template: &Template,
        rendered: Rendered,
        (environment, provider): (Environment, Option<&AwsProvider>),
        what: String,
    ) -> Trial {
        let id = self.clock.id().to_string();
        let engine = &self.config.engine;
        let run_dir = trials_dir(&self.config).join(&id);
        let revision_dir = run_dir.with_extension("files");
        let is_warm = engine.gateway && template.manifest.gateway == Gateway::On;
        Trial {
            rendered,
            manifest: template.manifest.clone(),
            confinement: self.confinement(&run_dir, provider, &environment),
            environment,
            secrets: self.known_secrets(),
            limits: self.config.limits,
            warmth: is_warm.then(|| Warmth {
                gateway: gateway_dir(&self.config),
                run: id,
                namespace: namespace.to_string(),
                configuration: what,
                types: BTreeSet::new(),
            }),
            program: engine.binary.clone(),
            run_dir,
            revision_dir,
            seconds_max: engine.plan_seconds_max.min(TRIAL_SECONDS_MAX),
        }
    }

    /// Keeps an upload as the current revision, as it was looked at.
    pub(super) async fn put_template(
        &self,
        change: &mut Change,
        namespace: &Name,
        name: &Name,
        files: &BTreeMap<String, String>,
        looked_at: Option<&std::result::Result<Template, Problems>>,
        actor: &Actor,
    ) -> Result<Written> {
        self.require_namespace(change, namespace).await?;
        let template = looked_at.expect("invariant: every upload that has a name was looked at").as_ref();
        let template = template.map_err(|problems| Error::Invalid(problems.clone()))?;
        let before = change.uploaded(namespace, name).await?;
        if before.as_ref().is_some_and(|before| before.current == template.revision) {
            return Ok(Written::Unchanged);
        }
        let now = self.clock.now();
        let newest = change.revisions(namespace, name).await?.first().map_or(0, |newest| newest.number);
        let uploaded = Uploaded {
            namespace: namespace.clone(),
            name: name.clone(),
            current: template.revision.clone(),
            rolling: template.manifest.update_policy.mode == UpdateMode::Automatic,
            created_at: before.as_ref().map_or(now, |before| before.created_at),
            changed_at: now,
        };
        change.put_uploaded(&uploaded).await?;
        let (revision, author) = (template.revision.clone(), actor.0.clone());
        let revision = Revision { revision, number: newest + 1, author, created_at: now };
        change.keep_revision(&uploaded, &revision, files).await?;
        let message = format!("revision {} is the current one", uploaded.current);
        change.tell(Told::of("TemplateUploaded", "WorkspaceTemplate", namespace, name.as_str(), message)).await?;
        Ok(if before.is_some() { Written::Configured } else { Written::Created })
    }
}

impl Uploads {
    /// What was found of the document at this pointer.
    pub(super) fn at(&self, pointer: &str) -> Option<&std::result::Result<Template, Problems>> {
        self.0.get(pointer)
    }

    /// What the author of the document at this pointer should hear.
    pub(super) fn warnings(&self, pointer: &str, files: &BTreeMap<String, String>) -> Vec<Warning> {
        let rendered = self.at(pointer).and_then(|found| render::sample(found.as_ref().ok()?).ok());
        let lost = rendered.map(|rendered| render::lost_files(&rendered.files)).unwrap_or_default();
        let at = format!("{pointer}/spec/files");
        lost.into_iter().map(|(file, said)| Warning::new(render::pointer_of(files, &at, &file), said)).collect()
    }
}

fn namespace_declared(document: &Document) -> Option<&Name> {
    match document {
        Document::Namespace(declared, _) => declared.name.as_ref(),
        _ => None,
    }
}

fn problems_of(found: Vec<Diagnostic>, files: &BTreeMap<String, String>, at: &str) -> Problems {
    let mut problems = Problems::default();
    for Diagnostic { file, text } in found {
        let pointer = file.map_or_else(|| at.to_owned(), |file| render::pointer_of(files, at, &file));
        problems.add(pointer, "not_valid", text);
    }
    problems
}
