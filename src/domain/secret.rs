//! Secrets: named bundles of texts that are written and never read back, and what uses them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::name::Name;
use super::needs::{VALUE_FROM, export_to};
use super::problem::{Problems, pointer_to};
use super::resource::Spec;

/// Texts of one secret.
const KEYS_MAX: usize = 64;
/// Bytes of all of them together.
const BYTES_MAX: usize = 64 * 1024;
/// Marks an input that is a secret's: what is kept of a run names it and its version, never its value.
const MARK: &str = "captd:secret";

/// A secret without what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Counts what was written.
    pub version: u64,
    /// What it holds, by name.
    pub keys: Vec<String>,
    /// Namespaces that may use it, besides its own.
    pub export_to: Vec<Name>,
    /// Who wrote it last.
    pub author: String,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When it was last written.
    pub changed_at: Timestamp,
}

/// What is written. It has no `Debug`: it holds the texts.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretSpec {
    /// Text by key; absent where the texts stay as they are.
    pub data: Option<BTreeMap<String, String>>,
    /// Namespaces that may use it, besides its own.
    pub export_to: Vec<Name>,
}

impl std::fmt::Debug for SecretSpec {
    /// The keys, never a text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretSpec")
            .field("keys", &self.data.as_ref().map(BTreeMap::keys))
            .field("export_to", &self.export_to)
            .finish()
    }
}

/// Something that takes a text of a secret: a variable, a file of variables, the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretUse {
    /// The variable; `/varFiles/N` or `/env/NAME` where it is none.
    pub variable: String,
    /// The secret's namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// What of it.
    pub key: String,
}

impl SecretUse {
    /// Where the spec says so: a pointer below it.
    #[must_use]
    pub fn place(&self) -> String {
        if self.variable.starts_with('/') { self.variable.clone() } else { pointer_to("/variables", &self.variable) }
    }

    /// The secret in a sentence.
    #[must_use]
    pub fn secret(&self) -> String {
        format!("secret {}/{}", self.namespace, self.name)
    }

    /// What is kept of it among a run's inputs.
    #[must_use]
    pub fn marked(&self, version: u64) -> Value {
        json!({MARK: format!("{}/{}", self.namespace, self.name), "key": self.key, "version": version})
    }
}

/// Whether an input stands for a secret's text.
#[must_use]
pub fn is_marked(input: &Value) -> bool {
    input.get(MARK).is_some()
}

/// Reads a secret's `spec`.
pub fn parse_spec(value: &Value, at: &str, problems: &mut Problems) -> Option<SecretSpec> {
    let mut f = Fields::open(value, at, problems)?;
    let given = f.text_map("data");
    let export_to = export_to(&mut f);
    let Some(data) = given else {
        f.finish();
        return Some(SecretSpec { data: None, export_to });
    };
    let bytes: usize = data.iter().map(|(key, text)| key.len() + text.len()).sum();
    if data.is_empty() || data.len() > KEYS_MAX || bytes > BYTES_MAX {
        let detail = format!("a secret has 1 to {KEYS_MAX} texts of at most {BYTES_MAX} bytes together");
        f.problem("data", "out_of_range", detail);
    }
    let mut found = Problems::default();
    for key in data.keys() {
        // As Kubernetes has it (`IsConfigMapKey`).
        let fits = (1..=253).contains(&key.len())
            && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && key != "."
            && !key.starts_with("..");
        if !fits {
            let detail = "a key has 1 to 253 letters, digits, `-`, `_`, `.`, and is neither `.` nor begins with `..`";
            found.add(pointer_to(&format!("{at}/data"), key), "invalid_name", detail);
        }
    }
    f.absorb(found);
    f.finish();
    Some(SecretSpec { data: Some(data), export_to })
}

/// What of secrets a spec uses, said in `home`.
#[must_use]
pub fn uses(spec: &Spec, home: &Name) -> Vec<SecretUse> {
    let variables: &Map<String, Value> = spec.variables();
    let of = |(variable, value): (&String, &Value)| {
        let from = value.get(VALUE_FROM)?;
        let name = |field: &str| from.get(field).and_then(Value::as_str).and_then(|text| Name::parse(text).ok());
        let namespace = name("namespace").unwrap_or_else(|| home.clone());
        let key = from.get("key")?.as_str()?.to_owned();
        Some(SecretUse { variable: variable.clone(), namespace, name: name("secret")?, key })
    };
    let files = spec.var_files().iter().enumerate().map(|(n, file)| (var_file(n), &file.secret_ref));
    let env = spec.env().iter().filter_map(|it| Some((env_var(&it.name), it.secret_ref.as_ref()?)));
    let others = files.chain(env).map(|(variable, it)| {
        let namespace = it.namespace.clone().unwrap_or_else(|| home.clone());
        SecretUse { variable, namespace, name: it.name.clone(), key: it.key.clone() }
    });
    variables.iter().filter_map(of).chain(others).collect()
}

/// Among the inputs of a run, the text of a file of variables.
#[must_use]
pub fn var_file(number: usize) -> String {
    format!("/varFiles/{number}")
}

/// Among the inputs of a run, a variable of its environment.
#[must_use]
pub fn env_var(name: &str) -> String {
    format!("/env/{name}")
}
