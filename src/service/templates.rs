//! Templates: those that come with captd, and those that were uploaded, revision by revision.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Map;

use super::{Actor, Error, Result, Service};
use crate::config::AwsProvider;
use crate::domain::event::Told;
use crate::domain::machine::TemplateRef;
use crate::domain::name::Name;
use crate::domain::problem::Problems;
use crate::domain::template::{Assigned, Provider, Template, UpdateMode};
use crate::domain::workspace::Workspace;
use crate::render::{VALUES_FILE, render};
use crate::store::{Revision, Snapshot, Uploaded};

/// Parsed revisions that are kept at hand.
const AT_HAND_MAX: usize = 256;

/// Revisions that were read once, by namespace, name and revision: none of them ever changes.
pub(super) type AtHand = BTreeMap<(Name, Name, String), Arc<Template>>;

/// A template as a namespace sees it.
#[derive(Debug, Clone)]
pub struct TemplateView {
    /// The revision.
    pub template: Arc<Template>,
    /// How it came; none for one that comes with captd.
    pub uploaded: Option<Uploaded>,
}

/// A revision of an uploaded template, and whether it is the current one.
#[derive(Debug, Clone)]
pub struct RevisionView {
    /// The revision.
    pub revision: Revision,
    /// Whether new workspaces take it.
    pub is_current: bool,
}

/// For what a template is rendered.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rendering<'a> {
    /// The current revision when not said.
    pub revision: Option<&'a str>,
    /// Provider configuration; none is rendered for one of an unnamed account.
    pub provider: Option<&'a str>,
    /// AWS region; the provider configuration's when not said.
    pub region: Option<&'a str>,
}

/// The template that a spec refers to.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) template: Arc<Template>,
    /// What its workspace is to have; none for a template that comes with captd.
    pub(super) assigned: Option<Assigned>,
}

/// Why a reference finds none: pointer below it, code, sentence.
pub(super) struct NotFound(pub(super) &'static str, pub(super) &'static str, pub(super) String);

impl Service {
    /// One template, as the namespace sees it; the current revision, or a certain one.
    ///
    /// # Errors
    /// When the namespace, the template or the revision does not exist.
    pub async fn template(&self, namespace: &Name, name: &Name, revision: Option<&str>) -> Result<TemplateView> {
        let mut snapshot = self.store.read().await?;
        self.require_namespace(&mut snapshot, namespace).await?;
        let missing = || Error::NotFound { what: "template", name: name.to_string() };
        if let Some(uploaded) = snapshot.uploaded(namespace, name).await? {
            let revision = revision.unwrap_or(&uploaded.current).to_owned();
            let found = self.revision(&mut snapshot, namespace, name, &revision).await?;
            let template = found.ok_or_else(|| no_revision(name, &revision))?;
            return Ok(TemplateView { template, uploaded: Some(uploaded) });
        }
        let template = Arc::clone(self.library.get(name).ok_or_else(missing)?);
        match revision {
            Some(revision) if revision != template.revision => Err(no_revision(name, revision)),
            _ => Ok(TemplateView { template, uploaded: None }),
        }
    }

    /// The templates that the namespace sees: its own before those that come with captd.
    ///
    /// # Errors
    /// When the namespace does not exist.
    pub async fn templates(&self, namespace: &Name) -> Result<Vec<TemplateView>> {
        let mut snapshot = self.store.read().await?;
        self.require_namespace(&mut snapshot, namespace).await?;
        let mut views = BTreeMap::new();
        for template in self.library.iter() {
            views.insert(template.name.clone(), TemplateView { template: Arc::clone(template), uploaded: None });
        }
        for uploaded in snapshot.all_uploaded(Some(namespace)).await? {
            let found = self.readable_revision(&mut snapshot, namespace, &uploaded.name, &uploaded.current).await?;
            if let Some(template) = found {
                views.insert(uploaded.name.clone(), TemplateView { template, uploaded: Some(uploaded) });
            }
        }
        Ok(views.into_values().collect())
    }

    /// What terraform would get of a template, but for the values.
    ///
    /// # Errors
    /// When there is no such template or provider configuration.
    pub async fn rendered_template(
        &self,
        namespace: &Name,
        name: &Name,
        asked: Rendering<'_>,
    ) -> Result<BTreeMap<String, String>> {
        let view = self.template(namespace, name, asked.revision).await?;
        let providers = self.providers();
        let unnamed = AwsProvider::unnamed();
        let provider = match asked.provider {
            None => (view.template.manifest.provider == Provider::Aws).then_some(&unnamed),
            Some(name) => {
                // What the namespace may not use is as if it did not exist.
                let tenant = self.require_namespace(&mut self.store.read().await?, namespace).await?;
                let usable = |it: &&AwsProvider| tenant.spec.may_use(name) && it.admits(namespace.as_str());
                let missing = || Error::NotFound { what: "provider configuration", name: name.to_owned() };
                Some(providers.aws.get(name).filter(usable).ok_or_else(missing)?)
            }
        };
        let region = asked.region.or_else(|| provider.and_then(|provider| provider.region.as_deref()));
        let rendered = render(&view.template, &Map::new(), region, provider);
        let rendered = rendered.map_err(|error| Error::one("", "not_rendered", error.to_string()))?;
        Ok(rendered.files.into_iter().filter(|(path, _)| path != VALUES_FILE).collect())
    }

    /// The revisions of an uploaded template, newest first.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn template_revisions(&self, namespace: &Name, name: &Name) -> Result<Vec<RevisionView>> {
        let mut snapshot = self.store.read().await?;
        let uploaded = self.require_uploaded(&mut snapshot, namespace, name).await?;
        let revisions = snapshot.revisions(namespace, name).await?;
        let view = |revision: Revision| RevisionView { is_current: revision.revision == uploaded.current, revision };
        Ok(revisions.into_iter().map(view).collect())
    }

    /// The files of a revision as they were uploaded.
    ///
    /// # Errors
    /// When there is none.
    pub async fn template_files(
        &self,
        namespace: &Name,
        name: &Name,
        revision: &str,
    ) -> Result<BTreeMap<String, String>> {
        let mut snapshot = self.store.read().await?;
        self.require_uploaded(&mut snapshot, namespace, name).await?;
        snapshot.revision_files(namespace, name, revision).await?.ok_or_else(|| no_revision(name, revision))
    }

    /// Makes a revision of before the current one again.
    ///
    /// # Errors
    /// When there is none.
    pub async fn roll_template_back(
        &self,
        namespace: &Name,
        name: &Name,
        revision: &str,
        actor: &Actor,
    ) -> Result<TemplateView> {
        let mut change = self.write(&actor.0).await?;
        let uploaded = self.require_uploaded(&mut change, namespace, name).await?;
        let found = self.revision(&mut change, namespace, name, revision).await?;
        let template = found.ok_or_else(|| no_revision(name, revision))?;
        let uploaded = Uploaded {
            current: revision.to_owned(),
            rolling: template.manifest.update_policy.mode == UpdateMode::Automatic,
            changed_at: self.clock.now(),
            ..uploaded
        };
        change.put_uploaded(&uploaded).await?;
        let message = format!("revision {revision} is the current one again");
        change.tell(Told::of("TemplateRolledBack", "WorkspaceTemplate", namespace, name.as_str(), message)).await?;
        change.commit().await?;
        self.wakes.all();
        Ok(TemplateView { template, uploaded: Some(uploaded) })
    }

    /// Removes a template that nobody uses.
    ///
    /// # Errors
    /// When it does not exist, comes with captd, or is used.
    pub async fn delete_template(&self, namespace: &Name, name: &Name, actor: &Actor) -> Result<()> {
        let mut change = self.write(&actor.0).await?;
        self.require_uploaded(&mut change, namespace, name).await?;
        let users: Vec<String> =
            change.users_of(namespace, name).await?.iter().map(|user| user.key().to_string()).collect();
        if !users.is_empty() {
            let detail = format!("the template `{name}` is used by {}; delete those first", users.join(", "));
            return Err(Error::conflict("in_use", detail));
        }
        change.remove_uploaded(namespace, name).await?;
        change.commit().await?;
        Ok(())
    }

    /// The template that a reference means in `home`. What has a workspace already stays with its
    /// template, and with its revision unless the reference names one.
    pub(super) async fn find_template(
        &self,
        snapshot: &mut Snapshot,
        home: &Name,
        reference: &TemplateRef,
        before: Option<&Workspace>,
    ) -> Result<std::result::Result<Found, NotFound>> {
        let uploaded = match before {
            Some(Workspace { template: Some(had), .. }) => snapshot.uploaded(&had.namespace, &had.name).await?,
            Some(_) => None,
            None => {
                let namespace = reference.namespace.as_ref().unwrap_or(home);
                snapshot.uploaded(namespace, &reference.name).await?
            }
        };
        let Some(uploaded) = uploaded else { return Ok(self.own_template(home, reference)) };
        let had = before.and_then(|before| before.template.as_ref()).filter(|had| !had.is_pinned);
        let followed = had.map_or(&uploaded.current, |had| &had.revision);
        let revision = reference.revision.as_ref().unwrap_or(followed);
        let (namespace, name) = (&uploaded.namespace, &uploaded.name);
        let Some(template) = self.revision(snapshot, namespace, name, revision).await? else {
            let detail =
                format!("template `{name}` has no revision `{revision}`; `captd template revisions {name}` lists them");
            return Ok(Err(NotFound("/revision", "not_found", detail)));
        };
        if namespace != home && !template.manifest.export_to.contains(home) {
            return Ok(Err(not_exported(namespace, home)));
        }
        let assigned = Assigned {
            namespace: namespace.clone(),
            name: name.clone(),
            revision: revision.clone(),
            is_pinned: reference.revision.is_some(),
        };
        Ok(Ok(Found { template, assigned: Some(assigned) }))
    }

    /// One that comes with captd, or with its configuration.
    fn own_template(&self, home: &Name, reference: &TemplateRef) -> std::result::Result<Found, NotFound> {
        let elsewhere = reference.namespace.as_ref().filter(|n| *n != home && n.as_str() != "default");
        if let Some(elsewhere) = elsewhere {
            return Err(not_exported(elsewhere, home));
        }
        let Some(template) = self.library.get(&reference.name) else {
            let known: Vec<&str> = self.library.iter().map(|t| t.name.as_str()).collect();
            let detail = format!("there is no template `{}`; there are {}", reference.name, known.join(", "));
            return Err(NotFound("/name", "not_found", detail));
        };
        if let Some(revision) = reference.revision.as_ref().filter(|revision| **revision != template.revision) {
            let detail =
                format!("template `{}` has no revision `{revision}`; it has {}", template.name, template.revision);
            return Err(NotFound("/revision", "not_found", detail));
        }
        Ok(Found { template: Arc::clone(template), assigned: None })
    }

    /// The template with which a workspace works; for a run that was prepared, that of its `revision`.
    pub(super) async fn template_in_use(
        &self,
        snapshot: &mut Snapshot,
        workspace: &Workspace,
        reference: &TemplateRef,
        revision: Option<&str>,
    ) -> Result<Option<Arc<Template>>> {
        let Some(assigned) = &workspace.template else { return Ok(self.library.get(&reference.name).cloned()) };
        let revision = revision.unwrap_or(&assigned.revision);
        self.revision(snapshot, &assigned.namespace, &assigned.name, revision).await
    }

    /// A revision of an uploaded template.
    pub(super) async fn revision(
        &self,
        snapshot: &mut Snapshot,
        namespace: &Name,
        name: &Name,
        revision: &str,
    ) -> Result<Option<Arc<Template>>> {
        let key = (namespace.clone(), name.clone(), revision.to_owned());
        if let Some(known) = self.at_hand.lock().expect("invariant: no holder of this lock panics").get(&key) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(files) = snapshot.revision_files(namespace, name, revision).await? else { return Ok(None) };
        // It was taken in once. Whether it is allowed still is asked before each run.
        let template = self.library.put_together(name, files).map_err(|reason| {
            let mut problems = Problems::default();
            problems.add("/spec/workspaceTemplateRef", "not_a_template", reason);
            Error::Invalid(problems)
        })?;
        let template = Arc::new(Template { revision: revision.to_owned(), ..template });
        let mut at_hand = self.at_hand.lock().expect("invariant: no holder of this lock panics");
        if at_hand.len() >= AT_HAND_MAX {
            at_hand.clear();
        }
        at_hand.insert(key, Arc::clone(&template));
        Ok(Some(template))
    }

    /// The same for whoever goes on without it: one that cannot be put together any more is as one that is not there.
    pub(super) async fn readable_revision(
        &self,
        snapshot: &mut Snapshot,
        namespace: &Name,
        name: &Name,
        revision: &str,
    ) -> Result<Option<Arc<Template>>> {
        match self.revision(snapshot, namespace, name, revision).await {
            Err(Error::Invalid(_)) => Ok(None),
            other => other,
        }
    }

    pub(super) async fn require_uploaded(
        &self,
        snapshot: &mut Snapshot,
        namespace: &Name,
        name: &Name,
    ) -> Result<Uploaded> {
        self.require_namespace(snapshot, namespace).await?;
        if let Some(uploaded) = snapshot.uploaded(namespace, name).await? {
            return Ok(uploaded);
        }
        if self.library.get(name).is_some() {
            let detail = format!("the template `{name}` comes with captd, and its revisions with captd's versions");
            return Err(Error::conflict("built_in", detail));
        }
        Err(Error::NotFound { what: "template", name: name.to_string() })
    }
}

fn not_exported(namespace: &Name, home: &Name) -> NotFound {
    let detail = format!(
        "the templates of namespace `{namespace}` are not exported to `{home}`; name `{home}` in exportTo of the template, or leave the namespace out to use a built-in one"
    );
    NotFound("/namespace", "not_found", detail)
}

fn no_revision(name: &Name, revision: &str) -> Error {
    Error::NotFound { what: "revision of template", name: format!("{name}@{revision}") }
}
