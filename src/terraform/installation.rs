//! How Terraform gets its providers: its CLI configuration, from the mirrors that were found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Folders in which Terraform itself looks for a filesystem mirror, below `home` and the system's.
#[must_use]
pub fn implied_mirrors(home: Option<&Path>) -> Vec<PathBuf> {
    let below_home = home
        .into_iter()
        .flat_map(|home| [home.join(".terraform.d/plugins"), home.join(".local/share/terraform/plugins")]);
    let system = ["/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins"].map(PathBuf::from);
    below_home.chain(system).collect()
}

/// Folders in which providers are looked for: the one that is `named`, or Terraform's own.
#[must_use]
pub fn mirror_folders(named: Option<&Path>, home: Option<&Path>) -> Vec<PathBuf> {
    named.map_or_else(|| implied_mirrors(home), |named| vec![named.to_owned()])
}

/// Writes Terraform's CLI configuration. `mirrors` maps a folder to the providers in it, as
/// `registry.terraform.io/hashicorp/aws`. A provider that a mirror has is taken from there only,
/// all others from their registry: the rule that Terraform follows for its implied mirrors.
#[must_use]
pub fn cli_configuration(mirrors: &BTreeMap<PathBuf, Vec<String>>) -> String {
    let mut out =
        String::from("# Written by captd at its start; changes are overwritten.\ndisable_checkpoint = true\n");
    let held: Vec<&String> = mirrors.values().flatten().collect();
    if held.is_empty() {
        return out;
    }
    out.push_str("provider_installation {\n");
    for (folder, providers) in mirrors.iter().filter(|(_, providers)| !providers.is_empty()) {
        out.push_str("  filesystem_mirror {\n");
        out.push_str(&format!("    path    = {}\n", quoted(&folder.display().to_string())));
        out.push_str(&format!("    include = {}\n  }}\n", list(providers.iter())));
    }
    out.push_str(&format!("  direct {{\n    exclude = {}\n  }}\n}}\n", list(held.into_iter())));
    out
}

fn list<'a>(items: impl Iterator<Item = &'a String>) -> String {
    format!("[{}]", items.map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
}

/// The CLI configuration is HCL of the first version. JSON's quoting is right for it, but for `${`,
/// which would begin an interpolation.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string().replace('$', "\\u0024")
}
