//! Argument vectors, word by word.

use std::path::PathBuf;

use captd::domain::run::Kind;
use captd::terraform::argv::Command;

fn check(command: &Command, name: &str, argv: &[&str]) {
    assert_eq!(command.argv(), argv);
    assert_eq!(command.name(), name);
}

fn plan(kind: Kind) -> Command {
    Command::Plan { kind, out: PathBuf::from("/data/runs/1/plan") }
}

#[test]
fn every_command() {
    check(&Command::Init, "init", &["init", "-input=false", "-no-color"]);
    check(&Command::Validate, "validate", &["validate", "-json", "-no-color"]);
    check(&plan(Kind::Apply), "plan", &["plan", "-input=false", "-json", "-out=/data/runs/1/plan"]);
    check(&plan(Kind::Plan), "plan", &["plan", "-input=false", "-json", "-out=/data/runs/1/plan"]);
    check(&plan(Kind::Destroy), "plan", &["plan", "-input=false", "-json", "-destroy", "-out=/data/runs/1/plan"]);
    check(&plan(Kind::Refresh), "plan", &["plan", "-input=false", "-json", "-refresh-only", "-out=/data/runs/1/plan"]);
    let saved = PathBuf::from("/data/runs/1/plan");
    check(&Command::Show { plan: saved.clone() }, "show", &["show", "-json", "-no-color", "/data/runs/1/plan"]);
    check(&Command::Apply { plan: saved }, "apply", &["apply", "-input=false", "-json", "/data/runs/1/plan"]);
    let (address, id) = ("aws_iam_role.node[0]".to_owned(), "workers".to_owned());
    let import = Command::Import { address: address.clone(), id };
    check(&import, "import", &["import", "-input=false", "-no-color", "aws_iam_role.node[0]", "workers"]);
    check(&Command::Untaint { address }, "untaint", &["untaint", "-no-color", "aws_iam_role.node[0]"]);
    check(&Command::Output, "output", &["output", "-json", "-no-color"]);
}

#[test]
fn a_path_with_spaces_stays_one_word() {
    let argv = Command::Apply { plan: PathBuf::from("/my data/plan") }.argv();
    assert_eq!(argv.last().map(String::as_str), Some("/my data/plan"));
}
