//! Argument vectors, word by word.

use std::path::PathBuf;

use captd::domain::run::Kind;
use captd::terraform::argv::{Command, has_changes};

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
    check(
        &plan(Kind::Apply),
        "plan",
        &["plan", "-input=false", "-json", "-detailed-exitcode", "-out=/data/runs/1/plan"],
    );
    check(
        &plan(Kind::Plan),
        "plan",
        &["plan", "-input=false", "-json", "-detailed-exitcode", "-out=/data/runs/1/plan"],
    );
    check(
        &plan(Kind::Destroy),
        "plan",
        &["plan", "-input=false", "-json", "-detailed-exitcode", "-destroy", "-out=/data/runs/1/plan"],
    );
    check(
        &plan(Kind::Refresh),
        "plan",
        &["plan", "-input=false", "-json", "-detailed-exitcode", "-refresh-only", "-out=/data/runs/1/plan"],
    );
    let of_state = Command::PlanDestroyOfState { out: PathBuf::from("/data/runs/1/plan") };
    check(
        &of_state,
        "plan",
        &[
            "plan",
            "-input=false",
            "-json",
            "-detailed-exitcode",
            "-destroy",
            "-refresh=false",
            "-out=/data/runs/1/plan",
        ],
    );
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

#[test]
fn a_good_end_of_a_plan_has_two_exit_codes_and_that_of_all_else_one() {
    let others = [Command::Init, Command::Validate, Command::Output, Command::Apply { plan: PathBuf::from("/p") }];
    for (code, of_a_plan, of_others) in [
        (Some(0), true, true),
        (Some(1), false, false),
        (Some(2), true, false),
        (Some(3), false, false),
        (None, false, false),
    ] {
        for kind in [Kind::Apply, Kind::Destroy, Kind::Refresh, Kind::Plan] {
            assert_eq!(plan(kind).is_done(code), of_a_plan, "{kind:?} {code:?}");
        }
        let of_state = Command::PlanDestroyOfState { out: PathBuf::from("/p") };
        assert_eq!(of_state.is_done(code), of_a_plan, "{code:?}");
        for other in &others {
            assert_eq!(other.is_done(code), of_others, "{other:?} {code:?}");
        }
    }
}

#[test]
fn what_a_plan_says_by_its_exit_code_depends_on_how_it_was_begun() {
    let now = plan(Kind::Apply).argv();
    assert_eq!([0, 2].map(|code| has_changes(&now, Some(code))), [Some(false), Some(true)]);
    let before: Vec<String> = now.into_iter().filter(|word| word != "-detailed-exitcode").collect();
    assert_eq!([0, 2].map(|code| has_changes(&before, Some(code))), [None, None], "begun by a captd of before");
    assert_eq!(has_changes(&[], Some(0)), None, "not known how it was begun");
}
