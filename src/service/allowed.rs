//! What holds now for what was declared and uploaded, whenever that was: which variables of the environment a
//! declaration may set, and what a template may do.
//!
//! **Invariant:** it is asked before each run, of exactly that which the run is made from; what was taken in by an older
//! captd is asked like all else.

use std::collections::BTreeMap;
use std::sync::Arc;

use captd_capt::FACTS_FILE;
use captd_policy::Policy;

use super::{Error, Result, Service};
use crate::config::{Providers, Templates};
use crate::domain::env_names::{check_name, opens};
use crate::domain::name::Name;
use crate::domain::problem::Problems;
use crate::domain::refusal::{Refusal, Refused};
use crate::domain::resource::Spec;
use crate::domain::run::{Outcome, Run};
use crate::domain::template::{Provider, Template};
use crate::domain::workspace::Workspace;
use crate::render::{Library, Rendered, not_allowed};
use crate::store::Snapshot;

/// Refusals of revisions that were asked before: a revision never changes, nor do these settings while captd serves.
pub(super) type Judged = BTreeMap<(Name, String), Option<Refusal>>;

/// What the answers depend on.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The templates that come with captd.
    pub library: &'a Library,
    /// Provider configurations.
    pub providers: &'a Providers,
    /// `[templates]`
    pub templates: &'a Templates,
}

/// A variable of the environment that a spec sets, and may not: its place in the spec, and what to do about it.
pub(super) struct NotAllowed {
    pub(super) number: usize,
    pub(super) why: String,
}

impl Rules<'_> {
    /// What a template may do.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let settings = self.templates;
        Policy {
            providers: settings.allow_providers.iter().cloned().collect(),
            module_sources: settings.allow_module_sources.clone(),
            provisioners: settings.allow_provisioners,
            data_sources: settings.allow_data_sources.iter().cloned().collect(),
        }
    }

    /// What is not allowed about a declaration.
    #[must_use]
    pub fn of_declaration(&self, spec: &Spec, template: &Template) -> Option<Refusal> {
        let refused = self.env_not_allowed(spec, template);
        let why: Vec<String> = refused.into_iter().map(|it| it.why).collect();
        (!why.is_empty()).then(|| Refusal { of: Refused::Environment, message: format!("env: {}", why.join("; ")) })
    }

    /// What is not allowed about a revision, as far as it can be told without a run of its own.
    #[must_use]
    pub fn of_revision(&self, template: &Template) -> Option<Refusal> {
        if self.is_own(template) {
            return None;
        }
        refusal_of(template, &self.library.not_allowed(template, &self.policy()))
    }

    /// What is not allowed about the files of a run.
    fn of_rendered(&self, template: &Template, rendered: &Rendered) -> Option<Refusal> {
        if self.is_own(template) {
            return None;
        }
        refusal_of(template, &not_allowed(&rendered.files, &self.policy()))
    }

    /// The variables that a spec sets and may not, since nobody has opened them.
    pub(super) fn env_not_allowed(&self, spec: &Spec, template: &Template) -> Vec<NotAllowed> {
        let opened = self.env_opened(spec, template);
        let refused = spec.env().iter().enumerate().filter(|(_, it)| !opens(&opened, &it.name));
        let why = |name: &str| match check_name(name) {
            Err(why) => why,
            Ok(()) => format!("`{name}` is not open to declarations; {}", self.remedy(name, spec, template)),
        };
        refused.map(|(number, it)| NotAllowed { number, why: why(&it.name) }).collect()
    }

    /// Names, and beginnings of names, that an administrator has opened for this spec.
    pub(super) fn env_opened(&self, spec: &Spec, template: &Template) -> Vec<String> {
        let mut opened = template.manifest.env.clone();
        if self.is_own(template) || template.files.contains_key(FACTS_FILE) {
            let provider = self.providers.aws.get(&spec.provider().name);
            let provider = provider.filter(|_| template.manifest.provider == Provider::Aws);
            opened.extend(provider.into_iter().flat_map(|provider| provider.env_allow.clone()));
        }
        opened
    }

    /// Whether a template comes with captd, or from its own folder of templates.
    fn is_own(&self, template: &Template) -> bool {
        self.library.get(&template.name).is_some_and(|own| own.revision == template.revision)
    }

    /// Who may open a name, and by which line.
    fn remedy(&self, name: &str, spec: &Spec, template: &Template) -> String {
        let provider = &spec.provider().name;
        let (is_own, is_of_capt) = (self.is_own(template), template.files.contains_key(FACTS_FILE));
        if template.manifest.provider == Provider::Aws && (is_own || is_of_capt) {
            return format!("the operator opens it with `env_allow = [\"{name}\"]` in [providers.aws.{provider}]");
        }
        let name_of = &template.name;
        if is_of_capt {
            return format!("an administrator opens it by naming it in `env` of the WorkspaceTemplate `{name_of}`");
        }
        format!("an administrator opens it with `env: [{name}]` in the template.yaml of template `{name_of}`")
    }
}

/// Texts of one refusal.
const TOLD_MAX: usize = 5;

fn refusal_of(template: &Template, why: &[String]) -> Option<Refusal> {
    if why.is_empty() {
        return None;
    }
    let more = if why.len() > TOLD_MAX { format!("; and {} more", why.len() - TOLD_MAX) } else { String::new() };
    let message = format!(
        "revision {} of template `{}` does what is not allowed: {}{more}. An administrator uploads a better revision, or the operator allows it in [templates] of the configuration",
        template.revision,
        template.name,
        why.iter().take(TOLD_MAX).cloned().collect::<Vec<_>>().join("; ")
    );
    Some(Refusal { of: Refused::Template, message })
}

/// A revision that was taken in once and cannot be put together now: a module of the operator's folder is gone, say.
fn unreadable(workspace: &Workspace, problems: &Problems) -> Refusal {
    let assigned = workspace.template.as_ref();
    let of = assigned.map_or_else(String::new, |it| format!("revision {} of template `{}` ", it.revision, it.name));
    let why: Vec<&str> = problems.as_slice().iter().map(|problem| problem.detail.as_str()).collect();
    let message = format!(
        "{of}cannot be read any more: {}. The operator brings back what it needs, or an administrator uploads a better revision",
        why.join("; ")
    );
    Refusal { of: Refused::Template, message }
}

impl Service {
    pub(super) fn rules<'a>(&'a self, providers: &'a Providers) -> Rules<'a> {
        Rules { library: &self.library, providers, templates: &self.config.templates }
    }

    /// What is not allowed about that from which the next run of a workspace is made: what it is to have, or, where it is
    /// to be deleted, that with which it is destroyed.
    pub(super) async fn refused(&self, snapshot: &mut Snapshot, workspace: &Workspace) -> Result<Option<Refusal>> {
        let Some(resource) = snapshot.resource(&workspace.key()).await? else { return Ok(None) };
        let (mut spec, mut revision) = (resource.spec, None);
        if workspace.deleting_since.is_some() {
            let basis = self.basis(snapshot, workspace).await?;
            if let Some((_, made)) = snapshot.spec_of(workspace.uid, basis.generation).await? {
                spec = made;
            }
            revision = basis.revision;
        }
        Ok(self.judged(snapshot, workspace, &spec, revision.as_deref()).await?.1)
    }

    /// The template of a workspace as far as it can be read, in a revision or in that which it is to have, and what is not
    /// allowed about it with this spec.
    pub(super) async fn judged(
        &self,
        snapshot: &mut Snapshot,
        workspace: &Workspace,
        spec: &Spec,
        revision: Option<&str>,
    ) -> Result<(Option<Arc<Template>>, Option<Refusal>)> {
        match self.template_in_use(snapshot, workspace, spec.template(), revision).await {
            Ok(Some(template)) => {
                let refusal = self.refusal(spec, &template);
                Ok((Some(template), refusal))
            }
            Ok(None) => Ok((None, None)),
            Err(Error::Invalid(problems)) => Ok((None, Some(unreadable(workspace, &problems)))),
            Err(error) => Err(error),
        }
    }

    /// What is not allowed about a declaration with its template.
    pub(super) fn refusal(&self, spec: &Spec, template: &Template) -> Option<Refusal> {
        let providers = self.providers();
        let rules = self.rules(&providers);
        let key = (template.name.clone(), template.revision.clone());
        let known = self.judged.lock().expect("invariant: no holder of this lock panics").get(&key).cloned();
        let of_revision = known.unwrap_or_else(|| {
            let found = rules.of_revision(template);
            self.judged.lock().expect("invariant: no holder of this lock panics").insert(key, found.clone());
            found
        });
        of_revision.or_else(|| rules.of_declaration(spec, template))
    }

    /// What is not allowed about a run as it was prepared.
    pub(super) fn refusal_of_run(
        &self,
        run: &Run,
        spec: &Spec,
        template: &Template,
        files: &Rendered,
    ) -> Option<Refusal> {
        let providers = self.providers();
        let rules = self.rules(&providers);
        let found = rules.of_rendered(template, files).or_else(|| self.refusal(spec, template));
        found.filter(|refusal| refusal.blocks(run.kind))
    }

    /// Ends a run that is not allowed. Where the same holds for the next one, nothing has failed: that waits, and
    /// begins when it is allowed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refuse(&self, run: uuid::Uuid, refusal: &Refusal) -> Result<()> {
        let mut change = self.write(super::DAEMON).await?;
        let Some(run) = change.run(run).await? else { return Ok(()) };
        let again = match change.workspace(run.workspace).await? {
            Some(workspace) => self.refused(&mut change, &workspace).await?,
            None => None,
        };
        tracing::warn!(run = %run.id, owner = %run.key(), why = refusal.message, "a run is not allowed");
        if again.is_some_and(|again| again.blocks(run.kind)) {
            return self.ended(change, run, Outcome::Superseded).await;
        }
        drop(change);
        let remedy = "Change it as said, or have it allowed; then call `captd retry`.";
        let class = crate::domain::failure::Class::Configuration;
        self.failed(run.id, crate::domain::failure::Failure::with_remedy(class, refusal.message.clone(), remedy)).await
    }
}
