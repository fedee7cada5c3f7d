//! The module that stands in for `terraform-aws-modules/eks/aws//modules/eks-managed-node-group`, called by a root
//! module: the real Terraform and the real AWS provider against the fake AWS.

mod arrives;
mod refused;
mod user_data;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::gateway::bench::{Bench, Done, OwnGateway};
use crate::support::FakeAws;

const MODULE: &str = "modules/eks-managed-node-group";
const PROVIDER: &str = r#"
provider "aws" {
  region     = "eu-central-1"
  access_key = "AKIACAPTDTEST"
  secret_key = "not-a-secret"

  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true

  endpoints {
    autoscaling = "ENDPOINT"
    ec2         = "ENDPOINT"
    eks         = "ENDPOINT"
    iam         = "ENDPOINT"
    ssm         = "ENDPOINT"
    sts         = "ENDPOINT"
  }
}

# Known when it is made, and not before.
resource "terraform_data" "later" {
  input = { group = "sg-0a1b", endpoint = "https://api.example" }
}

resource "aws_launch_template" "own" {
  name = "own"
}
"#;

/// A cluster, and a root module of somebody who calls the stand-in.
struct Site {
    aws: FakeAws,
    gateway: OwnGateway,
    bench: Bench,
    subnets: Vec<String>,
    /// A role that exists.
    role: String,
}

impl Site {
    async fn open() -> Self {
        let aws = FakeAws::start();
        let seeded = aws.seeded("demo").await;
        let gateway = OwnGateway::start().await;
        let bench = Bench::new(Some(&gateway));
        let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join(MODULE), bench.workspace().join(MODULE));
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
        bench.write("provider.tf", &PROVIDER.replace("ENDPOINT", aws.url()));
        let subnets = serde_json::from_value(seeded["subnet_ids"].clone()).unwrap();
        let role = seeded["node_role_arn"].as_str().unwrap().to_owned();
        Self { aws, gateway, bench, subnets, role }
    }

    /// Calls the module once for each label, with these arguments beside name, cluster and subnets, and hands out all
    /// that it gives.
    async fn call(&mut self, calls: &[(&str, Value)]) {
        let mut text = String::new();
        for (label, arguments) in calls {
            let mut all = json!({"name": label, "cluster_name": "demo", "subnet_ids": self.subnets});
            all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
            write!(text, "module \"{label}\" {{\n  source = \"./{MODULE}\"\n").unwrap();
            for (argument, value) in all.as_object().unwrap() {
                writeln!(text, "  {argument} = {value}").unwrap();
            }
            write!(text, "}}\noutput \"{label}\" {{\n  value = module.{label}\n}}\n").unwrap();
        }
        self.bench.write("main.tf", &text);
        self.bench.init().await;
    }

    async fn plan(&mut self) -> Done {
        self.bench.terraform(&["plan", "-input=false", "-json", "-detailed-exitcode", "-out=tfplan"]).await
    }

    async fn apply(&mut self) {
        let done = self.plan().await;
        assert_eq!(done.code, 2, "{}{}", done.stdout, done.stderr);
        let done = self.bench.terraform(&["apply", "-input=false", "-json", "tfplan"]).await;
        assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    }

    /// Says that the next plan has nothing to do.
    async fn is_settled(&mut self) {
        let done = self.plan().await;
        assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    }

    /// What the calls hand out, by label.
    async fn outputs(&mut self) -> BTreeMap<String, Value> {
        let all: BTreeMap<String, Value> = self.json(&["output", "-json", "-no-color"]).await;
        all.into_iter().map(|(label, output)| (label, output["value"].clone())).collect()
    }

    async fn json<T: serde::de::DeserializeOwned>(&mut self, args: &[&str]) -> T {
        let done = self.bench.terraform(args).await;
        assert_eq!(done.code, 0, "{args:?}: {}{}", done.stdout, done.stderr);
        serde_json::from_str(&done.stdout).unwrap()
    }

    /// Destroys all that was made.
    async fn destroy(&mut self) {
        let done = self.bench.terraform(&["destroy", "-auto-approve", "-input=false", "-json"]).await;
        assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    }

    /// Ends what was started.
    async fn close(self) {
        self.gateway.stop().await;
    }
}

/// What Terraform complains of, in the order of the alphabet.
fn complaints(done: &Done) -> Vec<String> {
    let lines = done.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut found: Vec<String> = lines
        .filter(|line| line["@level"] == "error")
        .map(|line| line["diagnostic"]["detail"].as_str().unwrap().lines().next().unwrap_or_default().to_owned())
        .collect();
    found.sort();
    found
}

/// The resource of a module in what `terraform show -json` says.
fn resource<'a>(shown: &'a Value, label: &str, kind: &str) -> &'a Value {
    let modules = shown["root_module"]["child_modules"].as_array().unwrap();
    let module = modules.iter().find(|module| module["address"] == format!("module.{label}")).unwrap();
    let found = module["resources"].as_array().unwrap().iter().find(|resource| resource["type"] == kind);
    &found.unwrap_or_else(|| panic!("no {kind} of {label}"))["values"]
}
