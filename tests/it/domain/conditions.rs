//! Conditions over time: when Ready grows old, and when a `lastTransitionTime` moves.

use captd::domain::conditions::Condition;
use captd::domain::failure::{Class, Failure};
use captd::domain::needs::{Basis, Standing};
use captd::domain::observation::{Observation, Seen};
use captd::domain::run::{Kind, Outcome, Run, State};
use captd::domain::state::{Holder, Lock};
use captd::domain::status::{Phase, View, derive};
use captd::domain::trouble::{Pause, Trouble};
use captd::domain::workspace::Workspace;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::world::{ALONE, active, at, begun, ended, failed, outputs, run, seen, unseen};

/// A machine that was declared at 09:00 and is looked at every ten minutes.
fn view_of<'a>(workspace: &'a Workspace, last: &'a Run, now: &str) -> View<'a> {
    View {
        workspace,
        created_at: at("09:00"),
        open: None,
        last: Some(last),
        standing: &ALONE,
        trouble: None,
        held_back: None,
        silent: None,
        without_effect: &[],
        lock: None,
        observe_interval_seconds: 600,
        now: at(now),
    }
}

/// The condition of a machine that was declared at 09:00 and is looked at every ten minutes.
fn condition(workspace: &Workspace, condition_type: &str, now: &str) -> Option<Condition> {
    let last = ended(Kind::Apply, 1, Outcome::Succeeded);
    derive(view_of(workspace, &last, now))
        .conditions
        .into_iter()
        .find(|condition| condition.condition_type == condition_type)
}

fn ready(workspace: &Workspace, now: &str) -> (String, Timestamp) {
    let ready = condition(workspace, "Ready", now).unwrap();
    (format!("{} {}", ready.status, ready.reason), ready.last_transition_time)
}

/// A refresh that sees `status`, size and drift at `time`.
fn refresh(workspace: &mut Workspace, status: &str, size: u64, drift: &[&str], time: &str) {
    let drift = drift.iter().map(|address| (*address).to_owned()).collect();
    let seen = Seen { outputs: outputs(status, size), drift, ..Seen::default() };
    let before = workspace.observation.take();
    workspace.observation = Some(Observation::after(before, seen, Uuid::nil(), workspace.generation, at(time)));
}

/// Looks that failed one after the other, the first at 12:10, then each minute.
/// Looks failed at these times.
fn missed(times: &[&str]) -> Workspace {
    let observation = times.iter().fold(active(1), |observation, time| observation.missed(at(time)));
    Workspace { observation: Some(observation), ..seen(1) }
}

#[test]
fn ready_grows_old_when_three_looks_and_their_jitter_have_passed() {
    let workspace = seen(1);
    for (now, expected, since) in [
        ("12:00", "True NodeGroupActive", "10:00"),
        ("12:35", "True NodeGroupActive", "10:00"),
        ("12:36", "Unknown ObservationStale", "12:35"),
        ("23:59", "Unknown ObservationStale", "12:35"),
    ] {
        assert_eq!(ready(&workspace, now), (expected.to_owned(), at(since)), "at {now}");
    }
}

/// One that an older captd has written.
fn trouble() -> Trouble {
    let text = r#"{"failures":1,"workspace":"00000000-0000-0000-0000-000000000000","several":false,"class":"network","message":"","pause":null}"#;
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_run_that_waits_for_its_provider_configuration_says_so() {
    let failure = Failure::new(Class::Network, "no such host");
    let pause = Some(Pause { since: at("11:00"), looks: 2, look_at: at("12:30"), room: None });
    let workspace = unseen(1);
    let message = failure.message;
    let trouble = Trouble {
        failures: 4,
        workspace: workspace.uid,
        several: true,
        class: failure.class,
        message,
        pause,
        ..trouble()
    };
    let phase_of = |open: &Run, trouble: &Trouble| {
        let view = View {
            workspace: &workspace,
            created_at: at("09:00"),
            open: Some(open),
            last: None,
            held_back: None,
            silent: None,
            without_effect: &[],
            lock: None,
            standing: &ALONE,
            trouble: Some(trouble),
            observe_interval_seconds: 600,
            now: at("12:00"),
        };
        let status = derive(view);
        let paused = status.conditions.iter().find(|condition| condition.condition_type == "ProviderPaused");
        (status.phase, paused.map(|paused| (paused.reason.clone(), paused.last_transition_time)))
    };
    let queued = run(Kind::Apply, 1, State::Queued);
    let told = Some(("NotReachable".to_owned(), at("11:00")));
    assert_eq!(phase_of(&queued, &trouble), (Phase::Waiting, told.clone()));
    // The one that looks is at work.
    assert_eq!(phase_of(&run(Kind::Apply, 1, State::Planning(begun())), &trouble), (Phase::Provisioning, told));
    let well = Trouble { pause: None, ..trouble };
    assert_eq!(phase_of(&queued, &well), (Phase::Pending, None));
}

#[test]
fn what_is_not_known_is_not_ready_and_says_since_when() {
    let workspace = seen(1);
    let view = View {
        workspace: &workspace,
        created_at: at("09:00"),
        open: None,
        last: None,
        standing: &ALONE,
        trouble: None,
        held_back: None,
        silent: None,
        without_effect: &[],
        lock: None,
        observe_interval_seconds: 600,
        now: at("13:00"),
    };
    let status = derive(view);
    assert!(!status.ready);
    assert_eq!(status.conditions[0].message, "last looked at 2026-01-01T12:00:00Z; what is true now is not known");
    assert_eq!(status.current_size, Some(2), "what was seen last is still said");
}

#[test]
fn ready_grows_old_at_the_third_miss_and_stays_as_old() {
    let (known, unknown) = ("True NodeGroupActive", "Unknown ObservationStale");
    for (misses, now, expected, since) in [
        (&["12:10"][..], "12:10", known, "10:00"),
        (&["12:10", "12:20"], "12:20", known, "10:00"),
        (&["12:10", "12:20", "12:30"], "12:30", unknown, "12:30"),
        (&["12:10", "12:20", "12:30"], "12:31", unknown, "12:30"),
        (&["12:10", "12:20", "12:30"], "12:59", unknown, "12:30"),
        (&["12:10", "12:20", "12:30", "12:40"], "12:59", unknown, "12:30"),
        (&["12:10", "12:20", "12:38"], "12:59", unknown, "12:35"),
    ] {
        assert_eq!(ready(&missed(misses), now), (expected.to_owned(), at(since)), "{misses:?} at {now}");
    }
}

#[test]
fn a_look_makes_an_old_ready_new() {
    let mut workspace = missed(&["12:10", "12:20", "12:30"]);
    refresh(&mut workspace, "ACTIVE", 2, &[], "12:40");
    assert_eq!(ready(&workspace, "12:41").0, "True NodeGroupActive");
    let missed_again = workspace.observation.take().map(|observation| observation.missed(at("12:50")));
    workspace.observation = missed_again;
    assert_eq!(ready(&workspace, "12:51").0, "True NodeGroupActive", "misses are counted anew");
}

#[test]
fn a_refresh_that_sees_the_same_moves_no_time() {
    let mut workspace = seen(1);
    let before = [ready(&workspace, "12:01").1, condition(&workspace, "Synced", "12:01").unwrap().last_transition_time];
    refresh(&mut workspace, "ACTIVE", 2, &[], "12:10");
    refresh(&mut workspace, "ACTIVE", 2, &[], "12:20");
    let after = [ready(&workspace, "12:21").1, condition(&workspace, "Synced", "12:21").unwrap().last_transition_time];
    assert_eq!(before, after);
    assert_eq!(before, [at("10:00"), at("10:00")]);
}

#[test]
fn a_refresh_that_sees_another_status_moves_the_time() {
    let mut workspace = seen(1);
    refresh(&mut workspace, "DEGRADED", 2, &[], "12:10");
    assert_eq!(ready(&workspace, "12:11"), ("False NodeGroupDegraded".to_owned(), at("12:10")));
    refresh(&mut workspace, "DEGRADED", 1, &[], "12:20");
    assert_eq!(ready(&workspace, "12:21"), ("False NodeGroupDegraded".to_owned(), at("12:10")));
    refresh(&mut workspace, "ACTIVE", 2, &[], "12:30");
    assert_eq!(ready(&workspace, "12:31"), ("True NodeGroupActive".to_owned(), at("12:30")));
}

#[test]
fn an_update_that_leaves_it_in_service_moves_no_time() {
    let mut workspace = seen(1);
    refresh(&mut workspace, "UPDATING", 2, &[], "12:10");
    assert_eq!(ready(&workspace, "12:11"), ("True NodeGroupUpdating".to_owned(), at("10:00")));
}

#[test]
fn drift_that_is_seen_again_is_as_old_as_before() {
    let mut workspace = seen(1);
    let since = |workspace: &Workspace, now| condition(workspace, "Drifted", now).unwrap().last_transition_time;
    refresh(&mut workspace, "ACTIVE", 2, &["a"], "12:10");
    assert_eq!(since(&workspace, "12:11"), at("12:10"));
    refresh(&mut workspace, "ACTIVE", 2, &["a"], "12:20");
    assert_eq!(since(&workspace, "12:21"), at("12:10"));
}

#[test]
fn drift_that_is_gone_is_not_spoken_of_and_begins_anew() {
    let mut workspace = seen(1);
    refresh(&mut workspace, "ACTIVE", 2, &["a"], "12:10");
    refresh(&mut workspace, "ACTIVE", 2, &[], "12:20");
    assert_eq!(condition(&workspace, "Drifted", "12:21"), None);
    refresh(&mut workspace, "ACTIVE", 2, &["a"], "12:30");
    assert_eq!(condition(&workspace, "Drifted", "12:31").unwrap().last_transition_time, at("12:30"));
}

#[test]
fn a_pause_is_a_condition() {
    assert_eq!(condition(&seen(1), "Paused", "12:01"), None);
    let paused = condition(&Workspace { paused: true, ..seen(1) }, "Paused", "12:01").unwrap();
    assert_eq!((paused.status, paused.reason.as_str()), ("True", "Paused"));
}

/// Before, what a run saw, and the observation that both make.
#[test]
fn an_observation_keeps_what_a_run_did_not_change() {
    let see = |outputs, in_force, applied| {
        let seen = Seen { outputs, in_force, applied, ..Seen::default() };
        Observation::after(Some(Observation { misses: 2, ..active(1) }), seen, Uuid::from_u128(7), 2, at("12:10"))
    };
    let looked = see(outputs("ACTIVE", 2), false, false);
    let expected = Observation { at: at("12:10"), run: Uuid::from_u128(7), misses: 0, ..active(1) };
    assert_eq!(looked, expected);

    let applied = see(outputs("ACTIVE", 3), true, true);
    let scaled = Observation {
        generation: 2,
        outputs: outputs("ACTIVE", 3),
        scaled_at: Some(at("12:10")),
        applied_at: Some(at("12:10")),
        ..expected
    };
    assert_eq!(applied, scaled);
}

#[test]
fn the_first_observation_is_no_scaling() {
    let seen = Seen { outputs: outputs("ACTIVE", 2), in_force: true, applied: true, ..Seen::default() };
    let first = Observation::after(None, seen, Uuid::nil(), 1, at("10:00"));
    assert_eq!((first.scaled_at, first.serves_since, first.generation), (None, at("10:00"), 1));
}

#[test]
fn a_lock_is_what_is_waited_for_only_where_something_would_begin_without_it() {
    let locked = Standing { locked: Some("kim holds the lock".to_owned()), ..Standing::default() };
    let basis = |revision: &str| Basis { generation: 1, revision: Some(revision.to_owned()), inputs: None };
    let newer = Standing { basis: Some(basis("two")), ..locked.clone() };
    let holder = Holder::Person("kim".to_owned());
    let lock = Lock { id: "1".to_owned(), info: json!({}), holder, locked_at: at("11:30"), released: false };
    let (apply, destroy) = (Kind::Apply, Kind::Destroy);
    let deleting = Workspace { deleting_since: Some(at("11:00")), ..seen(1) };
    for (workspace, last, standing, waits) in [
        (seen(1), ended(apply, 1, failed(Some("12:30"))), &locked, true),
        (seen(1), ended(apply, 1, failed(None)), &locked, false),
        (seen(2), ended(apply, 1, failed(None)), &locked, true),
        (unseen(1), ended(apply, 1, Outcome::Canceled), &locked, false),
        (unseen(1), ended(apply, 1, Outcome::Discarded), &locked, false),
        (seen(1), ended(apply, 1, Outcome::Succeeded), &locked, false),
        (deleting.clone(), ended(apply, 1, Outcome::Succeeded), &locked, true),
        (deleting.clone(), ended(destroy, 1, failed(None)), &locked, false),
        (deleting.clone(), ended(destroy, 1, Outcome::Canceled), &locked, false),
        (deleting.clone(), ended(destroy, 1, failed(None)), &newer, true),
    ] {
        let last = Run { revision: Some("one".to_owned()), ..last };
        let view = View { standing, lock: Some(&lock), ..view_of(&workspace, &last, "12:00") };
        let status = derive(view);
        let waiting = status.conditions.iter().find(|condition| condition.condition_type == "Waiting");
        let told = format!("{last:?}: {:?}", status.conditions);
        assert_eq!(waiting.map(|condition| condition.reason.as_str()), waits.then_some("StateLocked"), "{told}");
        let why = status.failure_reason.as_deref();
        let own = last.failure().map(|failure| failure.class.as_str());
        assert_eq!(why, if waits { Some("lock") } else { own }, "{told}");
    }
}
