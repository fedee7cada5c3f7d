//! What an uploaded template may do.

use captd_policy::{Policy, violations};

fn policy() -> Policy {
    Policy { providers: ["hashicorp/aws".to_owned()].into(), ..Policy::default() }
}

/// What is wrong with a file of `folder`, as `line code`.
fn found_in(policy: &Policy, text: &str, folder: &str) -> Vec<String> {
    let body = text.parse().unwrap();
    violations(policy, text, &body, folder).iter().map(|found| format!("{} {}", found.line, found.code)).collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(found_in(&policy(), text, ""), expected, "{text}");
}

#[test]
fn what_every_template_may_do() {
    for text in [
        "terraform {\n  required_providers {\n    aws = {\n      source = \"hashicorp/aws\"\n    }\n  }\n}\n",
        "terraform {\n  required_providers {\n    aws = { source = \"registry.terraform.io/hashicorp/aws\" }\n  }\n}\n",
        "provider \"aws\" {\n  region = var.region\n}\n",
        "resource \"aws_vpc\" \"it\" {\n  cidr_block = var.cidr\n}\n",
        "resource \"terraform_data\" \"it\" {}\n",
        "data \"aws_subnets\" \"it\" {}\n",
        "module \"it\" {\n  source = \"./modules/it\"\n}\n",
        "locals {\n  a = file(\"${path.module}/a.sh\")\n  b = templatefile(\"b.tpl\", { x = 1 })\n}\n",
    ] {
        check(text, &[]);
    }
}

#[test]
fn a_provider_that_is_not_allowed() {
    check("provider \"null\" {}\n", &["1 provider"]);
    check("\nresource \"null_resource\" \"it\" {}\n", &["2 provider"]);
    check("data \"local_file\" \"it\" {}\n", &["1 provider"]);
    check("terraform {\n  required_providers {\n    x = { source = \"evil/x\" }\n  }\n}\n", &["3 provider"]);
    // One that takes the name of another.
    check("terraform {\n  required_providers {\n    aws = { source = \"evil/aws\" }\n  }\n}\n", &["3 provider"]);
    check("terraform {\n  required_providers {\n    evil = { source = \"hashicorp/aws\" }\n  }\n}\n", &["3 provider"]);
    check("terraform {\n  required_providers {\n    aws = { source = var.source }\n  }\n}\n", &["3 provider"]);
}

#[test]
fn what_reaches_out_of_terraform() {
    check(
        "resource \"terraform_data\" \"it\" {\n  provisioner \"local-exec\" {\n    command = \"id\"\n  }\n}\n",
        &["2 provisioner"],
    );
    check("data \"external\" \"it\" {}\n", &["1 data_source"]);
    check("data \"http\" \"it\" {}\n", &["1 data_source"]);
    check("terraform {\n  backend \"s3\" {}\n}\n", &["2 backend"]);
    check("terraform {\n  cloud {}\n}\n", &["2 backend"]);
    let open = Policy {
        provisioners: true,
        data_sources: ["external".to_owned()].into(),
        providers: ["hashicorp/external".to_owned()].into(),
        ..Policy::default()
    };
    let text =
        "resource \"terraform_data\" \"it\" {\n  provisioner \"local-exec\" {}\n}\ndata \"external\" \"it\" {}\n";
    assert_eq!(found_in(&open, text, ""), [""; 0]);
}

#[test]
fn modules_come_from_the_template_or_from_where_it_is_allowed() {
    let source = |source: &str| format!("module \"it\" {{\n  source = {source}\n}}\n");
    for bad in [
        "\"git::https://example.com/x.git\"",
        "\"terraform-aws-modules/vpc/aws\"",
        "\"../elsewhere\"",
        "\"./a/../../b\"",
        "\"/etc\"",
        "var.source",
        "\"${var.source}\"",
    ] {
        check(&source(bad), &["1 module_source"]);
    }
    check("module \"it\" {}\n", &["1 module_source"]);
    let open = Policy { module_sources: vec!["terraform-aws-modules/".to_owned()], ..policy() };
    assert_eq!(found_in(&open, &source("\"terraform-aws-modules/vpc/aws\""), ""), [""; 0]);
    assert_eq!(found_in(&open, &source("\"evil-modules/vpc/aws\""), ""), ["1 module_source"]);
    // Hidden in a module of the template's own.
    assert_eq!(found_in(&policy(), &source("\"git::https://example.com/x.git\""), "modules/a"), ["1 module_source"]);
    assert_eq!(found_in(&policy(), &source("\"../b\""), "modules/a"), [""; 0]);
    assert_eq!(found_in(&policy(), &source("\"../../../b\""), "modules/a"), ["1 module_source"]);
}

#[test]
fn files_are_the_templates_own() {
    for bad in [
        "file(\"/etc/passwd\")",
        "file(\"../x\")",
        "file(\"~/x\")",
        "file(\"${path.module}/../../x\")",
        "file(var.path)",
        "file(\"${path.module}/${var.name}\")",
        "fileset(\"/\", \"*\")",
        "templatefile(pathexpand(\"~\"), {})",
        "jsondecode(filebase64(\"../secret\"))",
        "[for x in [1] : filesha256(\"/x\")]",
    ] {
        check(&format!("locals {{\n  it = {bad}\n}}\n"), &["2 file"]);
    }
    let module = "locals {\n  it = file(\"${path.module}/../shared.sh\")\n}\n";
    assert_eq!(found_in(&policy(), module, "modules/a"), [""; 0]);
    assert_eq!(
        found_in(&policy(), "locals {\n  it = file(\"../shared.sh\")\n}\n", "modules/a"),
        ["2 file"],
        "it is seen from the root"
    );
}
