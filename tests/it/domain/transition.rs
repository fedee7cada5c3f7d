//! Every state and every verb: what is allowed, what becomes of the run, what is refused.

use captd::domain::gate::Gate;
use captd::domain::plan::Summary;
use captd::domain::run::{Consent, Ended, Kind, Outcome, Planned, Run, State, Wish};
use captd::domain::transition::Moved;

use super::world::{at, begun, ended, failed, planned, run};

type Verb = (&'static str, fn(Run) -> Moved);

const VERBS: [Verb; 8] = [
    ("claim", |run| run.claim(at("12:00"))),
    ("begin planning", Run::begin_planning),
    ("plan made", |run| run.plan_made(Gate::Open, Summary::default(), at("12:00"))),
    ("approve", |run| run.approve("eve", at("12:00"))),
    ("discard", |run| run.discard(at("12:00"))),
    ("begin applying", Run::begin_applying),
    ("supersede", |run| run.give_way(Wish::Supersede, at("12:00"))),
    ("cancel", |run| run.give_way(Wish::Cancel, at("12:00"))),
];

fn outcomes() -> [Outcome; 7] {
    [
        Outcome::Unchanged,
        Outcome::Succeeded,
        failed(None),
        Outcome::Canceled,
        Outcome::Discarded,
        Outcome::Superseded,
        Outcome::Lost,
    ]
}

fn open_states() -> [State; 6] {
    [
        State::Queued,
        State::Preparing(begun()),
        State::Planning(begun()),
        State::Planned(planned()),
        State::AwaitingApproval(planned(), vec!["it would replace".to_owned()]),
        State::Applying(planned()),
    ]
}

/// What became of a run: its state; with a `+` its state and a wish; `-` when it was refused.
fn result(moved: Moved) -> String {
    match moved {
        Ok(run) => match run.wish {
            None => run.state_word().to_owned(),
            Some(Wish::Supersede) => format!("{}+supersede", run.state_word()),
            Some(Wish::Cancel) => format!("{}+cancel", run.state_word()),
        },
        Err(_) => "-".to_owned(),
    }
}

#[test]
fn each_verb_in_each_state() {
    let open = open_states().map(|state| run(Kind::Apply, 1, state));
    let over = outcomes().map(|outcome| ended(Kind::Apply, 1, outcome));
    let mut table = String::new();
    for run in open.into_iter().chain(over) {
        let cells = VERBS.map(|(verb, act)| (verb, result(act(run.clone()))));
        let allowed: Vec<String> = cells
            .iter()
            .filter(|(_, became)| became != "-")
            .map(|(verb, became)| format!("{verb} → {became}"))
            .collect();
        let refused: Vec<&str> = cells.iter().filter(|(_, became)| became == "-").map(|(verb, _)| *verb).collect();
        let or_none = |text: String| if text.is_empty() { "nothing".to_owned() } else { text };
        table.push_str(&format!(
            "{}\n  allows {}\n  refuses {}\n",
            run.state_word(),
            or_none(allowed.join(", ")),
            or_none(refused.join(", "))
        ));
    }
    insta::assert_snapshot!(table, @"
    queued
      allows claim → preparing, supersede → superseded, cancel → canceled
      refuses begin planning, plan made, approve, discard, begin applying
    preparing
      allows begin planning → planning, plan made → planned, supersede → preparing+supersede, cancel → preparing+cancel
      refuses claim, approve, discard, begin applying
    planning
      allows plan made → planned, supersede → planning+supersede, cancel → planning+cancel
      refuses claim, begin planning, approve, discard, begin applying
    planned
      allows begin applying → applying, supersede → superseded, cancel → canceled
      refuses claim, begin planning, plan made, approve, discard
    awaiting_approval
      allows approve → planned, discard → discarded, supersede → superseded, cancel → canceled
      refuses claim, begin planning, plan made, begin applying
    applying
      allows cancel → applying+cancel
      refuses claim, begin planning, plan made, approve, discard, begin applying, supersede
    unchanged
      allows nothing
      refuses claim, begin planning, plan made, approve, discard, begin applying, supersede, cancel
    succeeded
      allows nothing
      refuses claim, begin planning, plan made, approve, discard, begin applying, supersede, cancel
    failed
      allows nothing
      refuses claim, begin planning, plan made, approve, discard, begin applying, supersede, cancel
    canceled
      allows nothing
      refuses claim, begin planning, plan made, approve, discard, begin applying, supersede, cancel
    discarded
      allows nothing
      refuses claim, begin planning, plan made, approve, discard, begin applying, supersede, cancel
    superseded
      allows nothing
      refuses claim, begin planning, plan made, approve, discard, begin applying, supersede, cancel
    lost
      allows nothing
      refuses claim, begin planning, plan made, approve, discard, begin applying, supersede, cancel
    ");
}

#[test]
fn a_refusal_says_the_state_and_what_was_asked() {
    let refused = VERBS.map(|(_, act)| act(ended(Kind::Apply, 1, Outcome::Lost)).unwrap_err().to_string());
    insta::assert_snapshot!(refused.join("\n"), @"
    a run that is lost cannot be claimed
    a run that is lost cannot be planned
    a run that is lost cannot be planned
    a run that is lost cannot be approved
    a run that is lost cannot be discarded
    a run that is lost cannot be applied
    a run that is lost cannot be superseded
    a run that is lost cannot be canceled
    ");
}

#[test]
fn the_gate_says_what_becomes_of_a_plan() {
    let closed = || Gate::Closed(vec!["it would replace".to_owned()]);
    for (gate, word) in [
        (Gate::Nothing, "unchanged"),
        (Gate::Shown, "succeeded"),
        (Gate::Open, "planned"),
        (closed(), "awaiting_approval"),
    ] {
        for state in [State::Preparing(begun()), State::Planning(begun())] {
            let summary = Summary { replace: 1, ..Summary::default() };
            let moved = run(Kind::Apply, 1, state).plan_made(gate.clone(), summary, at("12:00")).unwrap();
            assert_eq!(moved.state_word(), word);
            assert_eq!(
                (moved.begun_at(), moved.summary()),
                (Some(at("09:01")), Some(summary)),
                "{word} keeps what it knew"
            );
        }
    }
}

#[test]
fn only_runs_that_change_things_are_applied() {
    for (kind, applies) in [(Kind::Apply, true), (Kind::Destroy, true), (Kind::Plan, false), (Kind::Refresh, false)] {
        assert_eq!(run(kind, 1, State::Planned(planned())).begin_applying().is_ok(), applies, "{}", kind.as_str());
    }
}

#[test]
fn an_approval_is_kept_to_the_end() {
    let waiting = run(Kind::Apply, 1, State::AwaitingApproval(planned(), vec!["it would replace".to_owned()]));
    let applying = waiting.approve("eve", at("11:00")).unwrap().begin_applying().unwrap();
    let consent = Consent { by: "eve".to_owned(), at: at("11:00") };
    assert_eq!(applying.approval(), Some(&consent));
    let over = applying.end(Outcome::Succeeded, at("12:00"));
    let expected = Ended {
        begun_at: Some(at("09:01")),
        summary: Some(Summary { create: 1, ..Summary::default() }),
        approval: Some(consent),
        at: at("12:00"),
        outcome: Outcome::Succeeded,
    };
    assert_eq!(over.state, State::Ended(expected));
}

#[test]
fn every_open_run_can_end_and_none_ends_twice() {
    for state in open_states() {
        let begun_at = (state != State::Queued).then(|| at("09:01"));
        let over = run(Kind::Apply, 1, state).end(Outcome::Lost, at("12:00"));
        assert_eq!(over.ended().map(|e| (e.begun_at, e.at, &e.outcome)), Some((begun_at, at("12:00"), &Outcome::Lost)));
        assert_eq!(over.clone().end(Outcome::Succeeded, at("13:00")), over);
    }
}

#[test]
fn a_plan_that_nobody_had_to_see_has_no_approval() {
    let applying = run(Kind::Apply, 1, State::Planned(planned())).begin_applying().unwrap();
    assert_eq!(applying.state, State::Applying(Planned { approval: None, ..planned() }));
}

#[test]
fn only_a_good_end_of_a_destroy_run_means_that_the_workspace_is_gone() {
    for outcome in outcomes() {
        let gone = matches!(outcome, Outcome::Succeeded | Outcome::Unchanged);
        assert_eq!(ended(Kind::Destroy, 1, outcome.clone()).has_destroyed(), gone, "{}", outcome.as_str());
        assert!(!ended(Kind::Apply, 1, outcome).has_destroyed());
    }
    assert!(!run(Kind::Destroy, 1, State::Applying(planned())).has_destroyed());
}

#[test]
fn the_time_for_planning_counts_from_the_beginning_of_the_run_across_restarts() {
    let planning = run(Kind::Apply, 1, State::Planning(begun()));
    for (now, left) in [("09:01", 1800), ("09:11", 1200), ("09:31", 60), ("12:00", 60), ("08:00", 1800)] {
        assert_eq!(planning.plan_seconds_left(1800, 60, at(now)), left, "begun at 09:01, now {now}");
    }
    assert_eq!(planning.plan_seconds_left(30, 60, at("12:00")), 30, "never more than there was");
}
