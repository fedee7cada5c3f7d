//! A mirror of the test's own: the real AWS provider under any address, scripts in the place of
//! providers, and templates that use them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Daemon, FakeAws, local_machine, provider_mirror};

/// The variables that every machine gives.
const VARIABLES: &str = r#"
variable "node_group_name" { type = string }
variable "instance_types" { type = list(string) }
variable "min_size" { type = number }
variable "max_size" { type = number }
variable "desired_size" { type = number }
"#;

/// A provider of the AWS binary, as it is configured for the fake.
pub const BLOCK: &str = r#"{
  region = "eu-central-1"

  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true

  endpoints {
    sns = {{ provider.endpoint_url }}
    sts = {{ provider.endpoint_url }}
  }
}
"#;

/// A mirror of the test's own, with the AWS provider in it, and templates that use what it holds.
pub struct Shop {
    dir: TempDir,
    real: PathBuf,
}

impl Shop {
    /// None, where the AWS provider is not on this machine.
    pub fn open() -> Option<Self> {
        let real = provider_mirror()?.canonicalize().unwrap();
        let shop = Self { dir: tempfile::tempdir().unwrap(), real };
        fs::create_dir(shop.marks()).unwrap();
        shop.sell_aws_as("hashicorp/aws");
        Some(shop)
    }

    fn mirror(&self) -> PathBuf {
        self.dir.path().join("mirror")
    }

    /// The folder of a provider, made.
    fn package(&self, source: &str) -> PathBuf {
        let folder = self.mirror().join(format!("registry.terraform.io/{source}/1.0.0/linux_amd64"));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// The AWS provider under another address.
    pub fn sell_aws_as(&self, source: &str) -> PathBuf {
        let name = source.rsplit('/').next().unwrap();
        let versions = fs::read_dir(self.real.join("registry.terraform.io/hashicorp/aws")).unwrap();
        let version = versions.map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
        let packages = fs::read_dir(version).unwrap().next().unwrap().unwrap().path();
        let mut program = fs::read_dir(packages).unwrap().map(|entry| entry.unwrap().path());
        let program = program.find(|path| path.to_string_lossy().contains("terraform-provider-aws")).unwrap();
        let folder = self.package(source);
        symlink(program, folder.join(format!("terraform-provider-{name}_v1.0.0"))).unwrap();
        folder
    }

    /// A shell script in the place of a provider.
    pub fn sell_script(&self, name: &str, script: &str) -> PathBuf {
        let path = self.package(&format!("captd/{name}")).join(format!("terraform-provider-{name}_v1.0.0"));
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub fn template(&self, name: &str, manifest: &str, main: &str) {
        let folder = self.dir.path().join("templates/workspace").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("template.yaml"), format!("description: A template of a test.\n{manifest}")).unwrap();
        fs::write(folder.join("variables.tf"), VARIABLES).unwrap();
        fs::write(folder.join("main.tf.tera"), main).unwrap();
    }

    /// A folder in which scripts may leave marks.
    pub fn marks(&self) -> PathBuf {
        self.dir.path().join("marks")
    }

    pub fn daemon(&self, aws: &FakeAws) -> Daemon {
        self.daemon_with(aws, &[])
    }

    /// The same with variables of its own.
    pub fn daemon_with(&self, aws: &FakeAws, variables: &[(&str, &str)]) -> Daemon {
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "{}[templates]\ndir = {}\n[engine]\nconfine_read = [{}]\nconfine_write = [{}]\n[reconcile]\nretries_max = 0\n",
            aws.config(),
            json!(self.dir.path().join("templates")),
            json!(self.real),
            json!(self.marks())
        );
        fs::write(dir.path().join("captd.toml"), config).unwrap();
        let mirror = self.mirror().display().to_string();
        let variables = [&[("CAPTD_ENGINE__PROVIDER_MIRROR", mirror.as_str())], variables].concat();
        Daemon::start_program(dir, Path::new(env!("CARGO_BIN_EXE_captd")), &variables)
    }
}

/// What a template needs: providers by local name and address.
pub fn needs(providers: &[(&str, &str)]) -> String {
    let lines = providers.iter().map(|(name, source)| format!("    {name} = {{ source = \"{source}\" }}\n"));
    format!("terraform {{\n  required_providers {{\n{}  }}\n}}\n", lines.collect::<String>())
}

pub async fn create(daemon: &Daemon, name: &str, template: &str) {
    let mut machine = local_machine(name, 1, &json!({}));
    machine["spec"]["workspaceTemplateRef"]["name"] = json!(template);
    let created = daemon.post("/v1/namespaces/default/machines", &machine).await;
    assert_eq!(created.status, 201, "{}", created.text);
}

/// The newest run's commands but init: how their providers were reached, each way once.
pub async fn ways(daemon: &Daemon, name: &str) -> Vec<(Value, Value)> {
    let run = daemon.runs(name).await.swap_remove(0);
    let steps = run["steps"].as_array().unwrap().iter().filter(|step| step["name"] != "init");
    let mut ways: Vec<(Value, Value)> =
        steps.map(|step| (step["warm"].clone(), step["plainBecause"].clone())).collect();
    ways.dedup();
    ways
}

/// The first run of a machine, which later tries do not change.
pub async fn first_run(daemon: &Daemon, name: &str) -> Value {
    daemon.runs(name).await.pop().unwrap()
}
