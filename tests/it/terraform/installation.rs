//! Terraform's CLI configuration: its text, and that the real Terraform reads it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use captd::terraform::installation::{cli_configuration, implied_mirrors};

const AWS: &str = "registry.terraform.io/hashicorp/aws";
const FAKE: &str = "registry.terraform.io/hashicorp/fake";

fn mirrors(folders: &[(&Path, &[&str])]) -> BTreeMap<PathBuf, Vec<String>> {
    let owned = |providers: &[&str]| providers.iter().map(|provider| (*provider).to_owned()).collect();
    folders.iter().map(|(folder, providers)| (folder.to_path_buf(), owned(providers))).collect()
}

#[test]
fn without_a_mirror_everything_comes_from_its_registry() {
    let expected = "# Written by captd at its start; changes are overwritten.\ndisable_checkpoint = true\n";
    assert_eq!(cli_configuration(&BTreeMap::new()), expected);
    assert_eq!(cli_configuration(&mirrors(&[(Path::new("/empty"), &[])])), expected);
}

#[test]
fn what_a_mirror_has_comes_from_there_only() {
    let text = cli_configuration(&mirrors(&[
        (Path::new("/opt/mirror"), &[AWS, FAKE]),
        (Path::new("/opt/a \"b\" \\c"), &["example.com/me/mine"]),
        (Path::new("/opt/empty"), &[]),
    ]));
    insta::assert_snapshot!(text, @r#"
    # Written by captd at its start; changes are overwritten.
    disable_checkpoint = true
    provider_installation {
      filesystem_mirror {
        path    = "/opt/a \"b\" \\c"
        include = ["example.com/me/mine"]
      }
      filesystem_mirror {
        path    = "/opt/mirror"
        include = ["registry.terraform.io/hashicorp/aws", "registry.terraform.io/hashicorp/fake"]
      }
      direct {
        exclude = ["example.com/me/mine", "registry.terraform.io/hashicorp/aws", "registry.terraform.io/hashicorp/fake"]
      }
    }
    "#);
}

#[test]
fn terraforms_own_mirrors_are_looked_into() {
    let system = ["/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins"].map(PathBuf::from);
    let home = ["/h/.terraform.d/plugins", "/h/.local/share/terraform/plugins"].map(PathBuf::from);
    assert_eq!(implied_mirrors(None), system);
    assert_eq!(implied_mirrors(Some(Path::new("/h"))), [home, system].concat());
}

/// Lets the real Terraform install a provider from a mirror in a folder of this name.
fn install_from(folder_name: &str) {
    let root = tempfile::tempdir().unwrap();
    let mirror = root.path().join(folder_name);
    let version = Command::new("terraform").args(["version", "-json"]).env("CHECKPOINT_DISABLE", "1").output().unwrap();
    let version: serde_json::Value = serde_json::from_slice(&version.stdout).unwrap();
    let package = mirror.join(FAKE).join("1.0.0").join(version["platform"].as_str().unwrap());
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("terraform-provider-fake_v1.0.0"), "no program").unwrap();
    let workspace = root.path().join("workspace");
    std::fs::create_dir(&workspace).unwrap();
    let main = "terraform {\n  required_providers {\n    fake = {\n      source = \"hashicorp/fake\"\n    }\n  }\n}\n";
    std::fs::write(workspace.join("main.tf"), main).unwrap();
    let cli_config = root.path().join("terraform.rc");
    std::fs::write(&cli_config, cli_configuration(&mirrors(&[(&mirror, &[FAKE])]))).unwrap();

    let init = Command::new("terraform")
        .args(["init", "-input=false", "-no-color"])
        .current_dir(&workspace)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", root.path())
        .env("TF_CLI_CONFIG_FILE", &cli_config)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[init.stdout, init.stderr].concat()).into_owned();
    assert!(init.status.success() && said.contains("Installed hashicorp/fake v1.0.0"), "{folder_name}: {said}");
}

#[test]
fn the_real_terraform_installs_from_a_mirror_with_a_quote_in_its_path() {
    if !crate::support::requires("terraform") {
        return;
    }
    install_from("it's \"here\" \\ %{now} é");
}

#[test]
fn the_real_terraform_installs_from_a_mirror_whose_path_looks_like_a_template() {
    if !crate::support::requires("terraform") {
        return;
    }
    install_from("a${b");
}
