//! Where the variables and the environment of a run come from besides `variables`: files of variables and texts that
//! lie in secrets; and the secret that a workspace writes its outputs into.

use captd_variables::Format;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::env_names::{TEXT_BYTES_MAX, VARIABLES_MAX, check_name};
use super::fields::Fields;
use super::metadata::name_field;
use super::name::Name;
use super::problem::Problems;

/// A key of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretKey {
    /// The secret.
    pub name: Name,
    /// Its namespace, when that is another one: it must be exported from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Name>,
    /// What of it.
    pub key: String,
}

/// A file of variables that lies in a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VarFile {
    /// Where it lies.
    pub secret_ref: SecretKey,
    /// How it is written.
    pub format: Format,
}

/// A variable of the environment of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The secret that holds its text instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKey>,
}

/// Names a secret of one's own namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRef {
    /// Its name.
    pub name: Name,
}

/// What a run takes in besides its variables, and where its outputs go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Files of variables; later ones win, and `variables` over all.
    pub var_files: Vec<VarFile>,
    /// The environment.
    pub env: Vec<EnvVar>,
    /// The secret that the outputs are written into.
    pub write_connection_secret_to_ref: Option<SecretRef>,
}

/// Reads `varFiles`, `env` and `writeConnectionSecretToRef`.
pub(super) fn parse(f: &mut Fields<'_, '_>) -> Sources {
    let var_files = f.list("varFiles", var_file).unwrap_or_default();
    let env = f.list("env", env_var).unwrap_or_default();
    if env.len() > VARIABLES_MAX {
        f.problem("env", "too_many", format!("has {} entries, and at most {VARIABLES_MAX} are possible", env.len()));
    }
    for (number, it) in env.iter().enumerate() {
        if env[..number].iter().any(|other| other.name == it.name) {
            f.problem("env", "duplicate", format!("`{}` is said twice; keep one of the two", it.name));
        }
    }
    let write_connection_secret_to_ref = f.object("writeConnectionSecretToRef", |f| {
        if f.value("namespace").is_some() {
            f.problem("namespace", "unknown_field", "a workspace writes into its own namespace; export the secret's texts from there by `exportTo` of a secret of your own");
        }
        let name = name_field(f, "name");
        Some(SecretRef { name: f.required("name", name)? })
    });
    Sources { var_files, env, write_connection_secret_to_ref }
}

fn var_file(value: &Value, at: &str, problems: &mut Problems) -> Option<VarFile> {
    let mut f = Fields::open(value, at, problems)?;
    let secret_ref = f.object("secretRef", secret_key);
    let secret_ref = f.required("secretRef", secret_ref);
    let format = match f.text("format").as_deref() {
        None | Some("HCL") => Some(Format::Hcl),
        Some("JSON") => Some(Format::Json),
        Some(other) => {
            f.problem("format", "unknown_value", format!("`{other}` is none of HCL, JSON"));
            None
        }
    };
    f.finish();
    Some(VarFile { secret_ref: secret_ref?, format: format? })
}

fn env_var(value: &Value, at: &str, problems: &mut Problems) -> Option<EnvVar> {
    let mut f = Fields::open(value, at, problems)?;
    let name = f.text("name");
    let name = f.required("name", name);
    let value = f.text("value");
    let has_secret = f.value("secretRef").is_some();
    let secret_ref = f.object("secretRef", secret_key);
    if f.has("value") == has_secret {
        f.problem("value", "exactly_one_of", "give exactly one of value and secretRef");
    }
    if let Some(Err(why)) = name.as_deref().map(check_name) {
        f.problem("name", "invalid_name", why);
    }
    if let Some(Err(why)) = value.as_deref().map(check_text) {
        f.problem("value", "invalid_value", why);
    }
    f.finish();
    Some(EnvVar { name: name?, value, secret_ref })
}

/// Checks a text of the environment, wherever it comes from.
///
/// # Errors
/// Why no program could be started with it; the text itself is not told.
pub fn check_text(text: &str) -> Result<(), String> {
    if text.contains('\0') {
        return Err("holds a zero byte, which no variable of the environment can".to_owned());
    }
    if text.len() > TEXT_BYTES_MAX {
        let bytes = text.len();
        return Err(format!(
            "has {bytes} bytes, and {TEXT_BYTES_MAX} are possible; give it to a variable of the template"
        ));
    }
    Ok(())
}

fn secret_key(f: &mut Fields<'_, '_>) -> Option<SecretKey> {
    let (name, namespace) = (name_field(f, "name"), name_field(f, "namespace"));
    let key = f.text("key");
    let (name, key) = (f.required("name", name), f.required("key", key));
    Some(SecretKey { name: name?, namespace, key: key? })
}
