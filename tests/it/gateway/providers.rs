//! Providers of all kinds: several in one template, one that cannot be warm, none; and those that
//! are none.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::bench::AWS;
use crate::support::{Daemon, FakeAws, local_machine, provider_mirror, requires, until};

/// The variables that every machine gives.
const VARIABLES: &str = r#"
variable "node_group_name" { type = string }
variable "instance_types" { type = list(string) }
variable "min_size" { type = number }
variable "max_size" { type = number }
variable "desired_size" { type = number }
"#;

/// A provider of the AWS binary, as it is configured for the fake.
const BLOCK: &str = r#"{
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
struct Shop {
    dir: TempDir,
    real: PathBuf,
}

impl Shop {
    /// None, where the AWS provider is not on this machine.
    fn open() -> Option<Self> {
        let real = provider_mirror()?.canonicalize().unwrap();
        let shop = Self { dir: tempfile::tempdir().unwrap(), real };
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
    fn sell_aws_as(&self, source: &str) -> PathBuf {
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
    fn sell_script(&self, name: &str, script: &str) -> PathBuf {
        let path = self.package(&format!("captd/{name}")).join(format!("terraform-provider-{name}_v1.0.0"));
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn template(&self, name: &str, manifest: &str, main: &str) {
        let folder = self.dir.path().join("templates/workspace").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("template.yaml"), format!("description: A template of a test.\n{manifest}")).unwrap();
        fs::write(folder.join("variables.tf"), VARIABLES).unwrap();
        fs::write(folder.join("main.tf.tera"), main).unwrap();
    }

    fn daemon(&self, aws: &FakeAws) -> Daemon {
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "{}[templates]\ndir = {}\n[engine]\nconfine_read = [{}]\n[reconcile]\nretries_max = 0\n",
            aws.config(),
            json!(self.dir.path().join("templates")),
            json!(self.real)
        );
        fs::write(dir.path().join("captd.toml"), config).unwrap();
        let mirror = self.mirror().display().to_string();
        let variables = [("CAPTD_ENGINE__PROVIDER_MIRROR", mirror.as_str())];
        Daemon::start_program(dir, Path::new(env!("CARGO_BIN_EXE_captd")), &variables)
    }
}

/// What a template needs: providers by local name and address.
fn needs(providers: &[(&str, &str)]) -> String {
    let lines = providers.iter().map(|(name, source)| format!("    {name} = {{ source = \"{source}\" }}\n"));
    format!("terraform {{\n  required_providers {{\n{}  }}\n}}\n", lines.collect::<String>())
}

async fn create(daemon: &Daemon, name: &str, template: &str) {
    let mut machine = local_machine(name, 1, &json!({}));
    machine["spec"]["workspaceTemplateRef"]["name"] = json!(template);
    let created = daemon.post("/v1/namespaces/default/machines", &machine).await;
    assert_eq!(created.status, 201, "{}", created.text);
}

/// The newest run's commands but init: how their providers were reached, each way once.
async fn ways(daemon: &Daemon, name: &str) -> Vec<(Value, Value)> {
    let run = daemon.runs(name).await.swap_remove(0);
    let steps = run["steps"].as_array().unwrap().iter().filter(|step| step["name"] != "init");
    let mut ways: Vec<(Value, Value)> =
        steps.map(|step| (step["warm"].clone(), step["plainBecause"].clone())).collect();
    ways.dedup();
    ways
}

#[tokio::test]
async fn a_template_may_have_several_providers_or_none_and_be_warm_as_far_as_it_goes() {
    if !requires("aws") {
        return;
    }
    let Some(shop) = Shop::open() else { return println!("skipped: a mirror with the AWS provider not found") };
    shop.sell_aws_as("captd/awsb");
    fs::write(shop.sell_aws_as("captd/awsc").join("terraform-provider-awsc_zzz"), "no program").unwrap();
    let topics = |other: &str| {
        format!(
            "{}provider \"aws\" {BLOCK}provider \"{other}\" {BLOCK}\
             resource \"aws_sns_topic\" \"one\" {{\n  name = \"one-${{var.node_group_name}}\"\n}}\n\
             resource \"aws_sns_topic\" \"two\" {{\n  provider = {other}\n  name = \"two-${{var.node_group_name}}\"\n}}\n",
            needs(&[("aws", "hashicorp/aws"), (other, &format!("captd/{other}"))])
        )
    };
    shop.template("two", "provider: aws\n", &topics("awsb"));
    shop.template("half", "provider: aws\n", &topics("awsc"));
    shop.template("off", "provider: aws\ngateway: \"off\"\n", &topics("awsb"));
    shop.template("none", "provider: none\n", "resource \"terraform_data\" \"one\" {}\n");
    let aws = FakeAws::start();
    let daemon = shop.daemon(&aws);
    for template in ["two", "half", "off", "none"] {
        create(&daemon, &format!("of-{template}"), template).await;
    }
    for template in ["two", "half", "off", "none"] {
        daemon.wait_until_ready(&format!("of-{template}")).await;
    }
    let awsb = "registry.terraform.io/captd/awsb";
    assert_eq!(ways(&daemon, "of-two").await, [(json!([awsb, AWS]), Value::Null)]);
    let half = ways(&daemon, "of-half").await;
    assert_eq!((half.len(), &half[0].0), (1, &json!([AWS])), "{half:?}");
    let why = half[0].1[0].as_str().unwrap();
    assert!(why.contains("registry.terraform.io/captd/awsc") && why.contains("2 programs"), "{why}");
    assert_eq!(ways(&daemon, "of-off").await, [(Value::Null, Value::Null)]);
    assert_eq!(ways(&daemon, "of-none").await, [(Value::Null, Value::Null)]);
    let made = aws.calls().await.into_iter().filter(|call| call["action"] == "CreateTopic");
    let mut made: Vec<String> = made.map(|call| call["makes"].as_str().unwrap().to_owned()).collect();
    made.sort();
    assert_eq!(made, ["one-of-half", "one-of-off", "one-of-two", "two-of-half", "two-of-off", "two-of-two"]);
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_no_provider_fails_its_own_run_and_no_other() {
    if !requires("aws") {
        return;
    }
    let Some(shop) = Shop::open() else { return println!("skipped: a mirror with the AWS provider not found") };
    let bad = [
        ("exits", "echo 'it is not well' >&2; exit 3", "ended before it said where it listens: it is not well"),
        ("garbage", "echo 'hello, world'; sleep 60", "the provider's handshake is none: `hello, world`"),
        ("old", "echo '1|4|unix|/nowhere|grpc|'; sleep 60", "the provider speaks protocol 4"),
        (
            "floods",
            "head -c 3000000 /dev/zero | tr '\\0' 'x' >&2; exit 4",
            "ended before it said where it listens: xxx",
        ),
    ];
    for (name, script, _) in bad {
        shop.sell_script(name, script);
        let main = needs(&[(name, &format!("captd/{name}"))]) + &format!("resource \"{name}_thing\" \"one\" {{}}\n");
        shop.template(name, "provider: none\n", &main);
    }
    let topic = needs(&[("aws", "hashicorp/aws")])
        + &format!("provider \"aws\" {BLOCK}resource \"aws_sns_topic\" \"one\" {{\n  name = \"one\"\n}}\n");
    shop.template("good", "provider: aws\n", &topic);
    let aws = FakeAws::start();
    let daemon = shop.daemon(&aws);
    for (name, ..) in bad {
        create(&daemon, name, name).await;
    }
    create(&daemon, "good", "good").await;
    for (name, _, told) in bad {
        let failed = daemon.wait_for_phase(name, "Failed").await;
        let class = if name == "old" { "configuration" } else { "provider_lost" };
        assert_eq!(failed["status"]["failureReason"], class, "{failed}");
        let run = first_run(&daemon, name).await;
        assert!(run["steps"].to_string().contains(told), "{name}: {}", run["steps"]);
    }
    daemon.wait_until_ready("good").await;
    assert_eq!(ways(&daemon, "good").await, [(json!([AWS]), Value::Null)]);

    // Another program than the one that was locked is not started, plainly neither.
    let started = shop.dir.path().join("started");
    let was = first_run(&daemon, "exits").await["id"].clone();
    shop.sell_script("exits", &format!("touch {}; exit 3", started.display()));
    let tried = daemon.post("/v1/namespaces/default/machines/exits/retry", &json!({})).await;
    assert!(tried.status.is_success(), "{}", tried.text);
    let run = until("it fails for another reason", async || {
        let runs = daemon.runs("exits").await;
        runs.into_iter().find(|run| run["id"] != was && run["failure"]["class"] == "configuration")
    })
    .await;
    let message = run["failure"]["message"].as_str().unwrap();
    assert_eq!(message.matches("h1:").count(), 2, "both hashes: {message}");
    assert!(!started.exists(), "it was not started");
    daemon.stop().await;
}

/// The first run of a machine, which later tries do not change.
async fn first_run(daemon: &Daemon, name: &str) -> Value {
    daemon.runs(name).await.pop().unwrap()
}
