//! What brings a try before its time, what none, and with what a deletion goes on: line by line.

use captd::domain::decide::{World, decide};
use captd::domain::failure::{Class, Failure};
use captd::domain::needs::{Basis, Standing};
use captd::domain::run::{Kind, Outcome, Run, State};
use captd::domain::workspace::Workspace;
use serde_json::json;

use super::world::{at, ended, failed, seen};

fn tell(workspace: &Workspace, last: &Run, standing: &Standing) -> String {
    let world =
        World { workspace, open: None, last: Some(last), standing, observe_interval_seconds: 600, now: at("12:00") };
    decide(world).to_string().replace("2026-01-01T", "").replace(":00Z", "")
}

/// It failed at 10:00, and would be tried at 12:30.
fn waiting(kind: Kind) -> Run {
    ended(kind, 2, failed(Some("12:30")))
}

fn mended(time: &str) -> Workspace {
    Workspace { mended_at: Some(at(time)), ..seen(2) }
}

fn deleting(workspace: Workspace) -> Workspace {
    Workspace { deleting_since: Some(at("09:00")), ..workspace }
}

fn locked() -> Standing {
    Standing { locked: Some("kim holds the lock".to_owned()), ..Standing::default() }
}

fn basis(generation: u64, revision: &str) -> Standing {
    let basis = Basis { generation, revision: Some(revision.to_owned()), inputs: None };
    Standing { basis: Some(basis), ..Standing::default() }
}

/// What it may have made is not known.
fn unsure(run: Run) -> Run {
    let failure = Failure::new(Class::Provider, "unknown").unsure_of(vec!["aws_vpc.this".to_owned()]);
    let State::Ended(mut it) = run.state else { unreachable!("it is over") };
    it.outcome = Outcome::Failed { failure, retry_at: None };
    Run { state: State::Ended(it), ..run }
}

#[test]
fn what_mends_a_failure_brings_the_next_try_at_once() {
    let none = Standing::default();
    let later = "rest until 12:10: the last run failed and is tried again";
    let (apply, destroy) =
        ("begin apply run (trigger retry, attempt 1)", "begin destroy run (trigger retry, attempt 1)");
    assert_eq!(tell(&mended("11:00"), &waiting(Kind::Apply), &none), apply);
    assert_eq!(tell(&mended("11:00"), &ended(Kind::Apply, 2, failed(None)), &none), apply);
    assert_eq!(tell(&mended("09:30"), &waiting(Kind::Apply), &none), apply, "it came while the run was at work");
    assert_eq!(tell(&mended("09:00"), &waiting(Kind::Apply), &none), later, "it began since");
    assert_eq!(tell(&mended("18:00"), &waiting(Kind::Apply), &none), later, "the clock was put back");
    assert_eq!(tell(&deleting(mended("11:00")), &waiting(Kind::Destroy), &none), destroy);
    let doubtful = "rest until 12:10: the last run may have made what cannot be looked for; `retry` is needed";
    assert_eq!(tell(&mended("11:00"), &unsure(waiting(Kind::Apply)), &none), doubtful);
    let stopped = ended(Kind::Apply, 2, Outcome::Canceled);
    let said = tell(&mended("11:00"), &stopped, &none);
    assert!(said.contains("stopped"), "a person's word holds: {said}");
    let paused = Workspace { paused: true, ..mended("11:00") };
    assert_eq!(tell(&paused, &waiting(Kind::Apply), &none), "rest: paused");
}

#[test]
fn while_somebody_holds_the_lock_nothing_begins() {
    let rest = "rest: somebody holds the lock on its state";
    for (workspace, last) in [
        (mended("11:00"), waiting(Kind::Apply)),
        (seen(3), ended(Kind::Apply, 2, Outcome::Succeeded)),
        (deleting(seen(2)), ended(Kind::Apply, 2, Outcome::Succeeded)),
        (Workspace { observe_at: Some(at("11:00")), ..seen(2) }, ended(Kind::Apply, 2, Outcome::Succeeded)),
    ] {
        assert_eq!(tell(&workspace, &last, &locked()), rest);
    }
}

#[test]
fn what_comes_after_a_failed_destroy_brings_the_next_one() {
    let last = Run { revision: Some("one".to_owned()), ..waiting(Kind::Destroy) };
    let begins = "begin destroy run (trigger spec, attempt 1)";
    let workspace = deleting(seen(2));
    assert_eq!(tell(&workspace, &last, &basis(2, "one")), "rest until 12:30: the deletion failed and is tried again");
    assert_eq!(tell(&workspace, &last, &basis(3, "one")), begins);
    assert_eq!(tell(&workspace, &last, &basis(2, "two")), begins);
}

#[test]
fn a_deletion_that_a_person_stopped_begins_again_by_no_others_word() {
    let stopped = "rest: the deletion was stopped; `retry` is needed";
    let begins = "begin destroy run (trigger spec, attempt 1)";
    let workspace = deleting(seen(2));
    let other_inputs = |basis: Standing| {
        let inputs = Some([("v".to_owned(), json!(2))].into_iter().collect());
        Standing { basis: basis.basis.map(|basis| Basis { inputs, ..basis }), ..basis }
    };
    for outcome in [Outcome::Canceled, Outcome::Discarded] {
        let had = Some([("v".to_owned(), json!(1))].into_iter().collect());
        let last = ended(Kind::Destroy, 2, outcome.clone());
        let last = Run { revision: Some("one".to_owned()), inputs: had, ..last };
        for (what, standing) in [
            ("nothing came", basis(2, "one")),
            ("a revision came", basis(2, "two")),
            ("a secret was written", other_inputs(basis(2, "one"))),
            ("another generation is in force", basis(1, "one")),
        ] {
            assert_eq!(tell(&workspace, &last, &standing), stopped, "{what}, {outcome:?}");
        }
        // What was wished before the deletion is no edit of it.
        assert_eq!(tell(&deleting(seen(3)), &last, &basis(2, "two")), stopped, "{outcome:?}");
        // It was edited since: that is a person's word on just this.
        assert_eq!(tell(&deleting(seen(3)), &last, &basis(3, "one")), begins, "{outcome:?}");
        let paused = Workspace { paused: true, ..deleting(seen(3)) };
        assert_eq!(tell(&paused, &last, &basis(3, "one")), stopped, "{outcome:?}");
        let mended = Workspace { mended_at: Some(at("11:00")), ..workspace.clone() };
        assert_eq!(tell(&mended, &last, &basis(2, "one")), stopped, "{outcome:?}");
    }
}
