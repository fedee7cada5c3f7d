//! What is due: "given this world, the daemon would …", line by line.

use captd::domain::decide::{World, decide, next_look};
use captd::domain::needs::Standing;
use captd::domain::resource::{Key, ResourceKind};
use captd::domain::run::{Kind, Outcome, Run, State};
use captd::domain::workspace::Workspace;

use serde_json::json;

use super::world::{at, ended, failed, name, run, seen, unseen};

/// It is 12:00 in all of these worlds, and generation 2 is wanted.
struct Given {
    standing: Standing,
    workspace: Workspace,
    open: Option<Run>,
    last: Option<Run>,
}

/// Never seen, never run.
fn new() -> Given {
    Given { standing: Standing::default(), workspace: unseen(2), open: None, last: None }
}

/// Seen a moment ago, and its apply run ended so.
fn applied(outcome: Outcome) -> Given {
    Given { standing: Standing::default(), workspace: seen(2), open: None, last: Some(ended(Kind::Apply, 2, outcome)) }
}

/// To be deleted, and its destroy run ended so.
fn destroyed(outcome: Outcome) -> Given {
    Given { last: Some(ended(Kind::Destroy, 2, outcome)), ..applied(Outcome::Succeeded).deleting() }
}

impl Given {
    fn busy(mut self) -> Self {
        self.open = Some(run(Kind::Apply, 2, State::Queued));
        self
    }

    fn paused(mut self) -> Self {
        self.workspace.paused = true;
        self
    }

    fn deleting(mut self) -> Self {
        self.workspace.deleting_since = Some(at("11:59"));
        self
    }

    fn edited(mut self) -> Self {
        self.workspace.generation += 1;
        self
    }

    fn look_due(mut self, time: &str) -> Self {
        self.workspace.observe_at = Some(at(time));
        self
    }

    fn never_seen(mut self) -> Self {
        self.workspace.observation = None;
        self.workspace.observe_at = None;
        self
    }

    /// At a time that was 12:00's future, before the clock was put back.
    fn ended_at(mut self, time: &str) -> Self {
        if let Some(Run { state: State::Ended(ended), .. }) = &mut self.last {
            ended.at = at(time);
        }
        self
    }

    /// Another is not ready yet.
    fn waiting(mut self) -> Self {
        self.standing.unmet = vec!["workspace default/network, which is not made yet".to_owned()];
        self
    }

    /// The last run had 1 as its input, and it is `now` now.
    fn with_input(mut self, now: u64) -> Self {
        let inputs = |value: u64| [("vpc".to_owned(), json!(value))].into_iter().collect();
        self.standing.inputs = Some(inputs(now));
        if let Some(last) = &mut self.last {
            last.inputs = Some(inputs(1));
        }
        self
    }

    fn needed(mut self) -> Self {
        let key = Key { kind: ResourceKind::Machine, namespace: name("default"), name: name("workers") };
        self.standing.needed_by = vec![key];
        self
    }

    fn retaining(mut self) -> Self {
        self.standing.retains = true;
        self
    }

    fn with_state(mut self) -> Self {
        self.standing.has_state = true;
        self
    }

    fn third_try(mut self) -> Self {
        if let Some(last) = &mut self.last {
            last.attempt = 3;
        }
        self
    }
}

fn tell(worlds: Vec<(&str, Given)>) -> String {
    let mut out = String::new();
    for (words, given) in worlds {
        let world = World {
            workspace: &given.workspace,
            open: given.open.as_ref(),
            last: given.last.as_ref(),
            standing: &given.standing,
            observe_interval_seconds: 600,
            now: at("12:00"),
        };
        out.push_str(&format!("{words} → {}\n", decide(world)));
    }
    out.replace("2026-01-01T", "").replace(":00Z", "")
}

#[test]
fn before_anything_else_come_an_open_run_a_deletion_and_a_pause() {
    let told = tell(vec![
        ("a run is open", new().busy()),
        ("a run is open, a newer spec is there", applied(Outcome::Succeeded).busy().edited()),
        ("a run is open, the machine is to be deleted", new().busy().deleting()),
        ("a run is open, the machine is paused", new().busy().paused()),
        ("paused, never run", new().paused()),
        ("paused, a newer spec is there", applied(Outcome::Succeeded).paused().edited()),
        ("paused, a try is due", applied(failed(Some("11:00"))).paused()),
        ("paused, the last run was lost", applied(Outcome::Lost).paused()),
        ("paused, a look is due", applied(Outcome::Succeeded).paused().look_due("11:00")),
        ("paused, the machine is to be deleted", applied(Outcome::Succeeded).paused().deleting()),
    ]);
    insta::assert_snapshot!(told, @"
    a run is open → rest: a run is open
    a run is open, a newer spec is there → rest: a run is open
    a run is open, the machine is to be deleted → rest: a run is open
    a run is open, the machine is paused → rest: a run is open
    paused, never run → rest: paused
    paused, a newer spec is there → rest: paused
    paused, a try is due → rest: paused
    paused, the last run was lost → rest: paused
    paused, a look is due → rest: paused
    paused, the machine is to be deleted → begin destroy run (trigger delete, attempt 1)
    ");
}

#[test]
fn a_spec_without_its_run_gets_one() {
    let told = tell(vec![
        ("never run", new()),
        ("a newer spec after a success", applied(Outcome::Succeeded).edited()),
        ("a newer spec after a failure that waits for a change", applied(failed(None)).edited()),
        ("a newer spec before the next try", applied(failed(Some("12:30"))).edited().third_try()),
        ("a newer spec after a plan that was discarded", applied(Outcome::Discarded).edited()),
        ("a newer spec after a run that was lost", applied(Outcome::Lost).edited()),
        ("superseded, and no run followed", applied(Outcome::Superseded)),
        ("lost", applied(Outcome::Lost)),
        ("lost before anything was seen", applied(Outcome::Lost).never_seen()),
        ("lost at the third try", applied(Outcome::Lost).third_try()),
    ]);
    insta::assert_snapshot!(told, @"
    never run → begin apply run (trigger spec, attempt 1)
    a newer spec after a success → begin apply run (trigger spec, attempt 1)
    a newer spec after a failure that waits for a change → begin apply run (trigger spec, attempt 1)
    a newer spec before the next try → begin apply run (trigger spec, attempt 1)
    a newer spec after a plan that was discarded → begin apply run (trigger spec, attempt 1)
    a newer spec after a run that was lost → begin apply run (trigger spec, attempt 1)
    superseded, and no run followed → begin apply run (trigger spec, attempt 1)
    lost → begin apply run (trigger rescue, attempt 2)
    lost before anything was seen → begin apply run (trigger rescue, attempt 2)
    lost at the third try → begin apply run (trigger rescue, attempt 4)
    ");
}

#[test]
fn a_failed_run_is_tried_again_when_its_time_has_come() {
    let told = tell(vec![
        ("failed, a try was due at 11:00", applied(failed(Some("11:00")))),
        ("failed, a try is due now", applied(failed(Some("12:00")))),
        ("failed for the third time, a try is due", applied(failed(Some("11:00"))).third_try()),
        ("failed, a try and a look are due", applied(failed(Some("11:00"))).look_due("10:00")),
        ("failed, the next try before the next look", applied(failed(Some("12:05")))),
        ("failed, the next look before the next try", applied(failed(Some("12:30")))),
        ("failed before anything was seen, a try is due later", applied(failed(Some("12:30"))).never_seen()),
        ("failed, a look is due, the next try is not", applied(failed(Some("12:30"))).look_due("11:00")),
        ("failed for good", applied(failed(None))),
        ("failed for good before anything was seen", applied(failed(None)).never_seen()),
        ("failed for good, a look is due", applied(failed(None)).look_due("11:00")),
    ]);
    insta::assert_snapshot!(told, @"
    failed, a try was due at 11:00 → begin apply run (trigger retry, attempt 2)
    failed, a try is due now → begin apply run (trigger retry, attempt 2)
    failed for the third time, a try is due → begin apply run (trigger retry, attempt 4)
    failed, a try and a look are due → begin apply run (trigger retry, attempt 2)
    failed, the next try before the next look → rest until 12:05: the last run failed and is tried again
    failed, the next look before the next try → rest until 12:10: the last run failed and is tried again
    failed before anything was seen, a try is due later → rest until 12:30: the last run failed and is tried again
    failed, a look is due, the next try is not → begin refresh run (trigger observe, attempt 1)
    failed for good → rest until 12:10: the last run failed; a change or `retry` is needed
    failed for good before anything was seen → rest: the last run failed; a change or `retry` is needed
    failed for good, a look is due → begin refresh run (trigger observe, attempt 1)
    ");
}

#[test]
fn what_people_stopped_stays_stopped_and_what_is_in_force_is_looked_at() {
    let told = tell(vec![
        ("canceled", applied(Outcome::Canceled)),
        ("canceled before anything was seen", applied(Outcome::Canceled).never_seen()),
        ("canceled, a look is due", applied(Outcome::Canceled).look_due("11:00")),
        ("discarded", applied(Outcome::Discarded)),
        ("discarded before anything was seen", applied(Outcome::Discarded).never_seen()),
        ("discarded, a look is due", applied(Outcome::Discarded).look_due("11:00")),
        ("succeeded", applied(Outcome::Succeeded)),
        ("succeeded, a look was due at 11:00", applied(Outcome::Succeeded).look_due("11:00")),
        ("succeeded, a look is due now", applied(Outcome::Succeeded).look_due("12:00")),
        ("succeeded, nothing was seen", applied(Outcome::Succeeded).never_seen()),
        ("unchanged", applied(Outcome::Unchanged)),
        ("unchanged, a look is due", applied(Outcome::Unchanged).look_due("11:00")),
    ]);
    insta::assert_snapshot!(told, @"
    canceled → rest until 12:10: the last run was stopped; a change or `retry` is needed
    canceled before anything was seen → rest: the last run was stopped; a change or `retry` is needed
    canceled, a look is due → begin refresh run (trigger observe, attempt 1)
    discarded → rest until 12:10: the last run was stopped; a change or `retry` is needed
    discarded before anything was seen → rest: the last run was stopped; a change or `retry` is needed
    discarded, a look is due → begin refresh run (trigger observe, attempt 1)
    succeeded → rest until 12:10: the spec is in force
    succeeded, a look was due at 11:00 → begin refresh run (trigger observe, attempt 1)
    succeeded, a look is due now → begin refresh run (trigger observe, attempt 1)
    succeeded, nothing was seen → rest: the spec is in force
    unchanged → rest until 12:10: the spec is in force
    unchanged, a look is due → begin refresh run (trigger observe, attempt 1)
    ");
}

#[test]
fn a_deletion_destroys_first_and_removes_afterwards() {
    let told = tell(vec![
        ("never run", new().deleting()),
        ("applied before", applied(Outcome::Succeeded).deleting()),
        ("a failed apply would be tried again", applied(failed(Some("12:30"))).deleting()),
        ("the apply was lost", applied(Outcome::Lost).deleting()),
        ("destroyed", destroyed(Outcome::Succeeded)),
        ("there was nothing to destroy", destroyed(Outcome::Unchanged)),
        ("the destroy run failed, a try is due", destroyed(failed(Some("11:00"))).third_try()),
        ("the destroy run failed, a try is due now", destroyed(failed(Some("12:00")))),
        ("the destroy run failed, a try is due later", destroyed(failed(Some("12:05")))),
        ("the destroy run failed for good, a look would be due", destroyed(failed(None)).look_due("11:00")),
        ("the destroy run was canceled", destroyed(Outcome::Canceled)),
        ("the destroy run was discarded", destroyed(Outcome::Discarded)),
        ("the destroy run was superseded", destroyed(Outcome::Superseded)),
        ("the destroy run was lost", destroyed(Outcome::Lost)),
        ("paused, the destroy run failed, a try is due", destroyed(failed(Some("11:00"))).paused()),
        ("paused, the destroy run was lost", destroyed(Outcome::Lost).paused()),
        ("paused, destroyed", destroyed(Outcome::Succeeded).paused()),
    ]);
    insta::assert_snapshot!(told, @"
    never run → remove the rows
    applied before → begin destroy run (trigger delete, attempt 1)
    a failed apply would be tried again → begin destroy run (trigger delete, attempt 1)
    the apply was lost → begin destroy run (trigger delete, attempt 1)
    destroyed → remove the rows
    there was nothing to destroy → remove the rows
    the destroy run failed, a try is due → begin destroy run (trigger retry, attempt 4)
    the destroy run failed, a try is due now → begin destroy run (trigger retry, attempt 2)
    the destroy run failed, a try is due later → rest until 12:05: the deletion failed and is tried again
    the destroy run failed for good, a look would be due → rest: the deletion failed; `retry` is needed
    the destroy run was canceled → rest: the deletion was stopped; `retry` is needed
    the destroy run was discarded → rest: the deletion was stopped; `retry` is needed
    the destroy run was superseded → begin destroy run (trigger delete, attempt 1)
    the destroy run was lost → begin destroy run (trigger rescue, attempt 2)
    paused, the destroy run failed, a try is due → rest: paused
    paused, the destroy run was lost → rest: paused
    paused, destroyed → remove the rows
    ");
}

#[test]
fn a_try_that_was_not_counted_is_made_again_under_its_number() {
    let mut given = applied(failed(Some("11:00"))).third_try();
    if let Some(Run { state: State::Ended(ended), .. }) = &mut given.last
        && let Outcome::Failed { failure, .. } = &mut ended.outcome
    {
        failure.spared = true;
    }
    insta::assert_snapshot!(tell(vec![("not counted, a try is due", given)]), @"not counted, a try is due → begin apply run (trigger retry, attempt 3)");
}

#[test]
fn a_clock_that_was_put_back_makes_nothing_wait() {
    let told = tell(vec![
        ("failed at 18:00, a try is due at 18:01", applied(failed(Some("18:01"))).ended_at("18:00").third_try()),
        ("failed for good at 18:00", applied(failed(None)).ended_at("18:00")),
        ("destruction failed at 18:00, a try is due at 18:01", destroyed(failed(Some("18:01"))).ended_at("18:00")),
        ("succeeded, a look is due at 12:11, the end of the interval", applied(Outcome::Succeeded).look_due("12:11")),
        ("succeeded, a look is due at 12:12, after its end", applied(Outcome::Succeeded).look_due("12:12")),
        ("failed at 10:00, a try at 12:30, a look at 18:00", applied(failed(Some("12:30"))).look_due("18:00")),
    ]);
    insta::assert_snapshot!(told, @"
    failed at 18:00, a try is due at 18:01 → begin apply run (trigger retry, attempt 4)
    failed for good at 18:00 → rest until 12:10: the last run failed; a change or `retry` is needed
    destruction failed at 18:00, a try is due at 18:01 → begin destroy run (trigger retry, attempt 2)
    succeeded, a look is due at 12:11, the end of the interval → rest until 12:11: the spec is in force
    succeeded, a look is due at 12:12, after its end → begin refresh run (trigger observe, attempt 1)
    failed at 10:00, a try at 12:30, a look at 18:00 → begin refresh run (trigger observe, attempt 1)
    ");
}

#[test]
fn looks_are_spread_by_a_tenth_of_the_interval_either_way() {
    for (fraction, time) in [(0.0, "12:09"), (0.5, "12:10"), (0.999_999, "12:11")] {
        assert_eq!(next_look(at("12:00"), 600, fraction), at(time), "fraction {fraction}");
    }
}

#[test]
fn what_others_are_to_give_is_waited_for() {
    let told = tell(vec![
        ("never run, another is not ready", new().waiting()),
        ("a newer spec, another is not ready", applied(Outcome::Succeeded).edited().waiting()),
        (
            "a newer spec, another is not ready, a look is due",
            applied(Outcome::Succeeded).edited().waiting().look_due("11:00"),
        ),
        ("a try is due, another is not ready", applied(failed(Some("11:00"))).waiting()),
        ("in force, another is not ready any more", applied(Outcome::Succeeded).waiting()),
        ("to be deleted, another is not ready", applied(Outcome::Succeeded).deleting().waiting()),
    ]);
    insta::assert_snapshot!(told, @"
    never run, another is not ready → rest: waits for others
    a newer spec, another is not ready → rest until 12:10: waits for others
    a newer spec, another is not ready, a look is due → begin refresh run (trigger observe, attempt 1)
    a try is due, another is not ready → rest until 12:10: waits for others
    in force, another is not ready any more → rest until 12:10: the spec is in force
    to be deleted, another is not ready → begin destroy run (trigger delete, attempt 1)
    ");
}

#[test]
fn an_output_that_is_another_one_brings_a_run_and_nothing_else_does() {
    let told = tell(vec![
        ("in force, the input is the same", applied(Outcome::Succeeded).with_input(1)),
        ("in force, the input is another", applied(Outcome::Succeeded).with_input(2)),
        ("in force without changes, the input is another", applied(Outcome::Unchanged).with_input(2)),
        ("failed for good, the input is another", applied(failed(None)).with_input(2)),
        ("failed and tried again, the input is another", applied(failed(Some("12:05"))).with_input(2)),
        ("discarded by a person, the input is another", applied(Outcome::Discarded).with_input(2)),
        ("paused, the input is another", applied(Outcome::Succeeded).with_input(2).paused()),
    ]);
    insta::assert_snapshot!(told, @"
    in force, the input is the same → rest until 12:10: the spec is in force
    in force, the input is another → begin apply run (trigger input, attempt 1)
    in force without changes, the input is another → begin apply run (trigger input, attempt 1)
    failed for good, the input is another → begin apply run (trigger input, attempt 1)
    failed and tried again, the input is another → begin apply run (trigger input, attempt 1)
    discarded by a person, the input is another → rest until 12:10: the last run was stopped; a change or `retry` is needed
    paused, the input is another → rest: paused
    ");
}

#[test]
fn what_others_need_is_deleted_after_them() {
    let told = tell(vec![
        ("to be deleted, another needs it", applied(Outcome::Succeeded).deleting().needed()),
        ("to be deleted, what it made stays", applied(Outcome::Succeeded).deleting().retaining()),
        (
            "to be deleted, what it made stays, another needs it",
            applied(Outcome::Succeeded).deleting().retaining().needed(),
        ),
        ("to be deleted and never run", new().deleting()),
        ("to be deleted, its only run failed at its plan", applied(failed(None)).deleting().never_seen()),
        ("to be deleted and never run, another needs it", new().deleting().needed()),
        ("to be deleted and never run, somebody pushed a state", new().deleting().with_state()),
    ]);
    insta::assert_snapshot!(told, @"
    to be deleted, another needs it → rest: others still need it
    to be deleted, what it made stays → remove the rows
    to be deleted, what it made stays, another needs it → rest: others still need it
    to be deleted and never run → remove the rows
    to be deleted, its only run failed at its plan → remove the rows
    to be deleted and never run, another needs it → rest: others still need it
    to be deleted and never run, somebody pushed a state → begin destroy run (trigger delete, attempt 1)
    ");
}
