//! What an uploaded template may do.

use std::collections::BTreeMap;

use captd_policy::{Policy, judge, violations};

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

/// What is wrong with a template of these files, as `path line code`.
fn judged(policy: &Policy, files: &[(&str, &str)]) -> Vec<String> {
    let files: BTreeMap<String, String> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    judge(policy, &files).iter().map(|(path, it)| format!("{path} {} {}", it.line, it.code)).collect()
}

/// Ways to read what is not the template's own, in an expression.
const EXPRESSIONS: [&str; 50] = [
    // Names.
    r#"core::file("/proc/self/environ")"#,
    r#"core::filebase64("/proc/self/environ")"#,
    r#"core::templatefile("/etc/passwd", {})"#,
    r#"core :: file ("/etc/passwd")"#,
    r#"file /* x */ ("/etc/passwd")"#,
    r#"filebase64sha256("/etc/passwd")"#,
    r#"filebase64sha512("../x")"#,
    r#"filesha512("/x")"#,
    r#"filemd5("/x")"#,
    r#"fileexists("/etc/ssh/ssh_host_key")"#,
    r#"file_of_tomorrow("/x")"#,
    "templatestring(local.text, {})",
    r#"core::templatestring("x", {})"#,
    r#"template_of_tomorrow("/x")"#,
    r#"provider::local::direxists("/x")"#,
    r#"provider::aws::file("/x")"#,
    r#"elsewhere::upper("x")"#,
    r#"pathexpand("~/.aws/credentials")"#,
    r#"abspath("../..")"#,
    // Paths.
    r#"file("${path.cwd}/x")"#,
    r#"file("${path.module}")"#,
    r#"file("${path.module}x/../../y")"#,
    r#"file("${path.module}/a/../../../x")"#,
    r#"file("${path.root}/../x")"#,
    r#"file("${path.module}/${"../x"}")"#,
    r#"file("./../x")"#,
    r#"file("a/\u002e\u002e/\u002e\u002e/x")"#,
    r#"file("\u002fetc/passwd")"#,
    r#"file("${path.module}/%{ if true }../../x%{ endif }")"#,
    r#"file(join("/", ["", "etc", "passwd"]))"#,
    r#"file(format("/%s", "etc/passwd"))"#,
    r#"file(["/etc/passwd"]...)"#,
    r#"file(("/etc/passwd"))"#,
    r#"file(true ? "/etc/passwd" : "x")"#,
    r#"file(replace(path.module, "/.*/", "/etc/passwd"))"#,
    r#"file(".terraform/terraform.tfstate")"#,
    r#"file("${path.module}/terraform.tfvars.json")"#,
    r#"file("errored.tfstate")"#,
    r#"file("captd_backend.tf")"#,
    r#"fileset("${path.module}/x", "../../*")"#,
    r#"fileset("${path.module}/x", var.pattern)"#,
    r#"fileset("/", "**")"#,
    // Places.
    r#""${file("/x")}""#,
    r#""%{ if file("/x") != "" }y%{ endif }""#,
    r#""%{ for x in [file("/x")] }${x}%{ endfor }""#,
    r#"{ "${file("/x")}" = 1 }"#,
    r#"{ (file("/x")) = 1 }"#,
    r#"local.x[file("/x")]"#,
    r#"[for x in [file("/x")] : x]"#,
    r#"{ for x in ["a"] : x => file("/x") if fileexists("x") }"#,
];

#[test]
fn no_expression_reads_what_is_not_the_templates_own() {
    for expression in EXPRESSIONS {
        for text in [
            format!("locals {{\n  it = {expression}\n}}\n"),
            format!("output \"it\" {{\n  value = upper(trimspace({expression}))\n}}\n"),
            format!("locals {{\n  it = <<EOT\n${{{expression}}}\nEOT\n}}\n"),
        ] {
            for path in ["main.tf", "override.tf", "x_override.tf", "modules/main.tf"] {
                assert!(!judged(&policy(), &[(path, &text)]).is_empty(), "{path}: {text}");
            }
        }
        let evaluated = format!("a\n%{{ if true }}${{{expression}}}%{{ endif }}\n");
        let reader = ("main.tf", "locals {\n  it = templatefile(\"${path.module}/it.txt\", {})\n}\n");
        assert!(!judged(&policy(), &[reader, ("it.txt", &evaluated)]).is_empty(), "{evaluated}");
        assert_eq!(judged(&policy(), &[("it.txt", &evaluated)]), [""; 0], "nothing evaluates it");
    }
}

#[test]
fn what_templatefile_evaluates_is_looked_at_and_known_beforehand() {
    let reads = |path: &str| format!("locals {{\n  it = templatefile({path}, {{}})\n}}\n");
    let in_module = reads("\"${path.module}/it.sh\"");
    let bad = "x\n${file(\"/proc/self/environ\")}\n";
    assert_eq!(
        judged(&policy(), &[("modules/a/main.tf", &in_module), ("modules/a/it.sh", bad)]),
        ["modules/a/it.sh 2 file"]
    );
    assert_eq!(
        judged(&policy(), &[("modules/a/main.tf", &in_module), ("modules/a/it.sh", "${name}\n"), ("it.sh", bad)]),
        [""; 0]
    );
    assert_eq!(judged(&policy(), &[("main.tf", &in_module)]), ["main.tf 2 file"], "it may be anything");
    assert_eq!(
        judged(&policy(), &[("main.tf", &in_module), ("it.sh", "%{ if }")]),
        ["it.sh 1 file"],
        "nobody can tell"
    );
    for path in ["var.path", "each.value", "\"${path.module}/${var.name}\"", "one(fileset(\"x\", \"*\"))"] {
        assert!(!judged(&policy(), &[("main.tf", &reads(path))]).is_empty(), "{path}");
    }
}

#[test]
fn what_terraform_reads_otherwise_than_captd_is_refused() {
    // Terraform ends a heredoc at each of these lines.
    for space in ["\u{a0}", "\u{85}", "\u{2003}", "\u{3000}", "\u{b}", "\u{c}", "\r", " \u{a0}"] {
        let text = format!("locals {{\n  a = <<EOT\nx\n{space}EOT\n  b = file(\"/x\")\n  c = <<EOT\nEOT\n}}\n");
        if text.parse::<hcl_edit::structure::Body>().is_ok() {
            assert!(!judged(&policy(), &[("main.tf", &text)]).is_empty(), "{text:?}");
        }
    }
    let japanese = "locals {\n  a = \"\u{3000}\u{5168}\u{89d2}\" # \u{3000}\u{5168}\u{89d2} x\n}\n";
    assert_eq!(judged(&policy(), &[("main.tf", japanese)]), [""; 0]);
}

#[test]
fn no_block_brings_in_what_is_not_allowed() {
    let required = |entry: &str| format!("terraform {{\n  required_providers {{\n    {entry}\n  }}\n}}\n");
    let mut bad: Vec<String> = [
        r#"aws = { "source" = "evil/aws" }"#,
        r#"aws = { "${"source"}" = "evil/aws" }"#,
        r#"aws = { ("source") = "evil/aws" }"#,
        r#"aws = { source = "hashicorp/aws", source = "evil/aws" }"#,
        r#"aws = { source = "evil/aws", source = "hashicorp/aws" }"#,
        r#"aws = ({ source = "evil/aws" })"#,
        r#"aws = { source = "example.com/hashicorp/aws" }"#,
        r#"aws = { source = "${"evil"}/aws" }"#,
        r#"external = "~> 2""#,
        r#"terraform = { source = "evil/terraform" }"#,
    ]
    .map(required)
    .to_vec();
    bad.extend(
        [
            "resource \"terraform_data\" \"it\" {\n  provider = external\n}\n",
            "resource \"aws_vpc\" \"it\" {\n  provider = evil.west\n}\n",
            "resource \"aws_vpc\" \"it\" {\n  provider = \"evil\"\n}\n",
            "data \"aws_vpc\" \"it\" {\n  provider = evil[\"a\"]\n}\n",
            "module \"it\" {\n  source = \"./x\"\n  providers = { aws = evil }\n}\n",
            "module \"it\" {\n  source = \"./x\"\n  providers = merge({}, { aws = evil })\n}\n",
            "module \"it\" {\n  source = \"./x\"\n  providers = { evil = aws }\n}\n",
            "import {\n  to = x.y\n  id = \"z\"\n  provider = evil\n}\n",
            "ephemeral \"vault_token\" \"it\" {}\n",
            "action \"local_command\" \"it\" {}\n",
            "data \"exter\\u006eal\" \"it\" {}\n",
            "data external it {}\n",
            "check \"it\" {\n  data \"http\" \"it\" {}\n}\n",
            "data \"terraform_remote_state\" \"it\" {\n  backend = \"local\"\n}\n",
            "terraform {\n  provider_meta \"evil\" {}\n}\n",
            "terraform {\n  encryption {\n    key_provider \"external\" \"x\" {}\n  }\n}\n",
            "terraform {\n  backend \"local\" {}\n}\n",
            "resource \"terraform_data\" \"it\" {\n  provisioner local-exec {}\n}\n",
        ]
        .map(str::to_owned),
    );
    for text in bad {
        assert!(!judged(&policy(), &[("main.tf", &text)]).is_empty(), "{text}");
    }
    for good in [
        required(r#"terraform = { source = "terraform.io/builtin/terraform" }"#),
        required(r#"aws = { "source" = "hashicorp/aws", configuration_aliases = [aws.west] }"#),
        "resource \"aws_vpc\" \"it\" {\n  provider = aws.west\n}\n".to_owned(),
        "module \"it\" {\n  source = \"./x\"\n  providers = { aws = aws.west, aws.east = aws }\n}\n".to_owned(),
        "output \"it\" {\n  value = provider::aws::arn_parse(\"x\")\n}\n".to_owned(),
        "locals {\n  it = fileset(\"${path.module}/conf\", \"**/*.sh\")\n}\n".to_owned(),
    ] {
        assert_eq!(judged(&policy(), &[("main.tf", &good)]), [""; 0], "{good}");
    }
}

#[test]
fn a_beginning_of_module_sources_leads_nowhere_else() {
    let open = |allowed: &str| Policy { module_sources: vec![allowed.to_owned()], ..policy() };
    for (allowed, source, is_open) in [
        ("git::https://example.com/acme", "git::https://example.com/acme/net.git?ref=v1", true),
        ("git::https://example.com/acme", "git::https://example.com/acme@evil.org/x", false),
        ("git::https://example.com/acme", "git::https://example.com/acme/../evil/x", false),
        ("git::https://example.com/acme", "git::https://example.com/acme/%2e%2e/evil/x", false),
        ("git::https://example.com", "git::https://example.com.evil.org/x", false),
        ("git::https://example.com", "git::https://example.com/x", true),
        ("terraform-aws-modules/", "terraform-aws-modules/vpc/aws//modules/x", true),
        ("git@example.com:acme/", "git@example.com:acme/net.git", true),
        ("git::https://example.com/acme", "git::https://example.com/acme-evil/x", false),
        ("git::https://example.com/acme", "git::https://example.com/acme.evil/x", false),
        ("git::https://example.com/acme", "git::https://example.com/acme_/x", false),
        ("git::https://example.com/acme", "git::https://example.com/acme", true),
        ("git::https://example.com/acme", "git::https://example.com/acme?ref=v1", true),
        ("git::https://example.com/acme", "git::https://example.com/acme//modules/x", true),
        ("git::https://example.com/acme/", "git::https://example.com/acme/x", true),
        ("git::https://example.com/acme/x?ref=v1", "git::https://example.com/acme/x?ref=v1", true),
        ("git::https://example.com/acme/x?ref=v1", "git::https://example.com/acme/x?ref=v12", false),
        ("git::https://example.com/acme/x?ref=v1", "git::https://example.com/acme/x?ref=v1&ref=evil", false),
        ("git::https://example.com/acme/x?ref=", "git::https://example.com/acme/x?ref=v2", true),
        ("git::https://example.com", "git::https://example.com:8443/x", false),
        ("git::https://example.com", "git::https://example.com@evil.org/x", false),
        ("terraform-aws-modules", "terraform-aws-modules-evil/vpc/aws", false),
        ("terraform-aws-modules", "terraform-aws-modules/vpc/aws", true),
        ("terraform-aws-modules/vpc/aws", "terraform-aws-modules/vpc/awsome", false),
        ("s3::https://s3.amazonaws.com/acme", "s3::https://s3.amazonaws.com/acme-evil/x.zip", false),
        ("git@example.com:acme", "git@example.com:acme-evil/net.git", false),
        ("git@example.com:acme", "git@example.com:acme/net.git", true),
    ] {
        let text = format!("module \"it\" {{\n  source = {source:?}\n}}\n");
        assert_eq!(judged(&open(allowed), &[("main.tf", &text)]).is_empty(), is_open, "{allowed}: {source}");
    }
}
