//! References to others, checked once all of a request is written: what they name exists, may be
//! used, gives what is taken, and closes no circle.

use captd_dependencies::Graph;
use captd_variables::misfits;
use serde_json::{Map, Value};

use super::bundles::usable;
use super::{Actor, Error, Result, Service};
use crate::domain::needs::{Need, needs};
use crate::domain::problem::Problems;
use crate::domain::resource::{Key, Resource};
use crate::domain::secret::{SecretUse, uses, var_file};
use crate::domain::template::Template;
use crate::store::Change;

impl Service {
    /// Checks what `key` refers to, and whether those that refer to it still may.
    pub(super) async fn check_references(&self, change: &mut Change, key: &Key, at: &str, actor: &Actor) -> Result<()> {
        let Some(resource) = change.resource(key).await? else { return Ok(()) };
        let mut problems = Problems::default();
        let needs = needs(&resource.spec, &key.namespace);
        for need in &needs {
            self.check_reference(change, &resource, need, at, &mut problems).await?;
        }
        let uses = uses(&resource.spec, &key.namespace);
        for it in &uses {
            let found = match change.secret_writer(&it.namespace, &it.name).await? {
                Some(writer) => self.will_give(change, &writer, it, &key.namespace).await?,
                None => usable(change, it, &key.namespace).await?.map(drop),
            };
            if let Err(why) = found {
                let detail = format!("it needs {why}; write it before, or in the same apply");
                problems.add(format!("{at}/spec{}", it.place()), "not_found", detail);
            }
        }
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        self.check_files(change, &resource, &uses, at).await?;
        if !needs.is_empty() || !uses.is_empty() || resource.spec.written_secret().is_some() {
            check_circle(change, key, &needs, at, actor).await?;
        }
        check_exports(change, &resource, at, actor).await
    }

    /// Files of variables that are there already hold what the template takes.
    async fn check_files(&self, change: &mut Change, resource: &Resource, uses: &[SecretUse], at: &str) -> Result<()> {
        if resource.spec.var_files().is_empty() {
            return Ok(());
        }
        let Some(own) = change.workspace(resource.workspace).await? else { return Ok(()) };
        let Some(takes) = self.template_in_use(change, &own, resource.spec.template(), None).await? else {
            return Ok(());
        };
        let mut texts = Map::new();
        for it in uses {
            let Ok(secret) = usable(change, it, &resource.metadata.namespace).await? else { continue };
            let mut data = change.secret_data(&secret, &self.keys.now()).await?;
            texts.extend(data.remove(&it.key).map(|text| (it.variable.clone(), Value::from(text))));
        }
        let checked = self.file_values(&resource.spec, &takes, &texts);
        let wrong = |(number, why)| Error::one(&format!("{at}/spec{}", var_file(number)), "wrong_type", why);
        checked.map(drop).map_err(wrong)
    }

    async fn check_reference(
        &self,
        change: &mut Change,
        resource: &Resource,
        need: &Need,
        at: &str,
        problems: &mut Problems,
    ) -> Result<()> {
        let (home, target) = (&resource.metadata.namespace, &need.target);
        let pointer = format!("{at}/spec{}", need.place);
        let found = change.resource(target).await?;
        // Of another tenant nothing is told, not even whether it exists.
        let foreign = target.namespace != *home;
        let may_see = |found: &Resource| !foreign || found.spec.export_to().contains(home);
        let Some(found) = found.filter(may_see) else {
            let remedy = if foreign {
                format!("that is exported to `{home}`; name `{home}` in its exportTo")
            } else {
                "; declare it before, or in the same apply".to_owned()
            };
            let space = if foreign { " " } else { "" };
            problems.add(pointer, "not_found", format!("there is no {target}{space}{remedy}"));
            return Ok(());
        };
        if let Some(since) = found.metadata.deletion_timestamp {
            problems.add(pointer, "deleting", format!("{target} is being deleted since {since}"));
            return Ok(());
        }
        let Some(input) = &need.input else { return Ok(()) };
        let Some(target_workspace) = change.workspace_of(target).await? else { return Ok(()) };
        let gives = self.template_in_use(change, &target_workspace, found.spec.template(), None).await?;
        let Some(gives) = gives else { return Ok(()) };
        match gives.outputs.get(&input.output) {
            None => {
                let known: Vec<&str> = gives.outputs.keys().map(String::as_str).collect();
                let detail = format!(
                    "template `{}` of {target} has no output `{}`; it has {}",
                    gives.name,
                    input.output,
                    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
                );
                problems.add(format!("{pointer}/valueFrom/output"), "not_found", detail);
            }
            Some(output) if output.is_sensitive => {
                let detail =
                    format!("output `{}` of {target} is sensitive, and no value that others can read", input.output);
                problems.add(format!("{pointer}/valueFrom/output"), "sensitive", detail);
            }
            Some(_) => {
                let seen = target_workspace.observation;
                let value = seen.and_then(|seen| seen.outputs.get(&input.output).cloned());
                let takes = match change.workspace(resource.workspace).await? {
                    Some(own) => self.template_in_use(change, &own, resource.spec.template(), None).await?,
                    None => None,
                };
                if let (Some(value), Some(takes)) = (value, &takes) {
                    check_type(
                        takes,
                        &input.variable,
                        &value,
                        &format!("{} of {target}", input.output),
                        &pointer,
                        problems,
                    );
                }
            }
        }
        Ok(())
    }
}

fn check_type(takes: &Template, variable: &str, value: &Value, of: &str, pointer: &str, problems: &mut Problems) {
    let Some(declared) = takes.variables.get(variable) else { return };
    for misfit in misfits(value, &declared.of) {
        let detail = format!(
            "`{variable}` of template `{}` is {}; at `{}` the output {of} {}",
            takes.name, declared.of, misfit.pointer, misfit.detail
        );
        problems.add(pointer, "wrong_type", detail);
    }
}

/// A circle would wait for itself for ever.
async fn check_circle(change: &mut Change, key: &Key, needs: &[Need], at: &str, actor: &Actor) -> Result<()> {
    let graph: Graph<Key> = change.edges().await?.into_iter().collect();
    let Some(circle) = graph.circle(key) else { return Ok(()) };
    let place = needs.iter().find(|need| circle.get(1) == Some(&need.target)).map_or("", |need| need.place.as_str());
    let drawn: Vec<String> = circle.iter().map(|it| actor.told([it], &key.namespace)).collect();
    let detail = format!("this closes a circle, in which each waits for the next: {}", drawn.join(" → "));
    Err(Error::one(&format!("{at}/spec{place}"), "circle", detail))
}

/// Whom it was exported to, and who uses it from there, keeps it.
async fn check_exports(change: &mut Change, resource: &Resource, at: &str, actor: &Actor) -> Result<()> {
    let key = resource.key();
    let users = change.needed_by(&key).await?;
    let cut_off: Vec<&Key> = users
        .iter()
        .filter(|user| user.namespace != key.namespace && !resource.spec.export_to().contains(&user.namespace))
        .collect();
    if cut_off.is_empty() {
        return Ok(());
    }
    let detail = format!("{} use it from there; change them first", actor.told(cut_off, &key.namespace));
    Err(Error::one(&format!("{at}/spec/exportTo"), "in_use", detail))
}
