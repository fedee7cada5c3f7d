//! What a run takes in of secrets besides single variables: files of variables, and its environment.
//!
//! **Invariant:** no variable reaches a run that its template or its provider configuration has not opened.

use captd_variables::{misfits, read_file};
use serde_json::{Map, Value};

use super::Service;
use crate::domain::env_names::opens;
use crate::domain::number::check_numbers;
use crate::domain::resource::Spec;
use crate::domain::secret::{env_var, var_file};
use crate::domain::sources::check_text;
use crate::domain::template::Template;
use crate::render::field_of;
use crate::terraform::environment::Environment;

impl Service {
    /// The values of a spec's files of variables; `texts` are those of the secrets, by what takes them. One that is not
    /// among them gives nothing yet.
    ///
    /// # Errors
    /// The number of the file, and a sentence that tells no value.
    pub(super) fn file_values(
        &self,
        spec: &Spec,
        template: &Template,
        texts: &Map<String, Value>,
    ) -> Result<Map<String, Value>, (usize, String)> {
        let mut values = Map::new();
        for (number, file) in spec.var_files().iter().enumerate() {
            let Some(text) = texts.get(&var_file(number)).and_then(Value::as_str) else { continue };
            let place = format!("`{}` of the secret `{}`", file.secret_ref.key, file.secret_ref.name);
            let found = read_file(text, file.format).map_err(|why| (number, format!("{place} {why}")))?;
            for (name, value) in &found {
                check(spec, template, name, value).map_err(|why| (number, format!("{place} sets `{name}`, {why}")))?;
                self.know_within(value);
            }
            values.extend(found);
        }
        Ok(values)
    }

    /// Every text within a value of a secret is secret.
    fn know_within(&self, value: &Value) {
        match value {
            Value::String(text) => self.know(std::iter::once(text)),
            Value::Array(items) => items.iter().for_each(|item| self.know_within(item)),
            Value::Object(entries) => entries.values().for_each(|entry| self.know_within(entry)),
            _ => {}
        }
    }
}

fn check(spec: &Spec, template: &Template, name: &str, value: &Value) -> Result<(), String> {
    if let Some(field) = field_of(spec.kind(), name) {
        return Err(format!("which comes from {field}; set it there"));
    }
    let Some(variable) = template.variables.get(name) else {
        return Err(format!("which template `{}` does not declare", template.name));
    };
    if !variable.is_sensitive {
        return Err("which would show the secret in plans; say `sensitive = true` in its block".to_owned());
    }
    if check_numbers(value).is_err() {
        return Err("which is or holds a number that is too long or too great".to_owned());
    }
    match misfits(value, &variable.of).first() {
        Some(misfit) => Err(format!("which {misfit}")),
        None => Ok(()),
    }
}

impl Service {
    /// The environment that a spec adds: what it may set of what it sets.
    ///
    /// # Errors
    /// What is wrong with a text that comes from a secret.
    pub(super) fn environment_of(
        &self,
        spec: &Spec,
        template: &Template,
        texts: &Map<String, Value>,
    ) -> std::result::Result<Environment, String> {
        let providers = self.providers();
        let opened = self.rules(&providers).env_opened(spec, template);
        let mut added = Environment::new();
        for it in spec.env().iter().filter(|it| opens(&opened, &it.name)) {
            let of_secret = || texts.get(&env_var(&it.name)).and_then(Value::as_str).map(str::to_owned);
            let Some(text) = it.value.clone().or_else(of_secret) else { continue };
            check_text(&text).map_err(|why| format!("env: the text for `{}` {why}", it.name))?;
            added.insert(it.name.clone(), text);
        }
        Ok(added)
    }
}
