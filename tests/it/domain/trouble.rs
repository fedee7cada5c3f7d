//! A provider configuration that fails as a whole, step by step.

use captd::domain::failure::{Class, Failure};
use captd::domain::retry::Backoff;
use captd::domain::trouble::{
    Failed, Pause, Trouble, Users, after_failure, after_success, may_be_of_the_whole, provider_of,
};
use uuid::Uuid;

use super::world::at;

/// Without chance: 60 s, 120 s, 240 s, … up to an hour.
const BACKOFF: Backoff = Backoff { base_seconds: 60, cap_seconds: 3_600, retries_max: 8 };
const ROOM_MAX: u32 = 10;

/// A run of workspace `workspace` fails at `time`.
fn fails(before: Option<Trouble>, workspace: u128, is_only_one: bool, time: &str) -> Trouble {
    let failure = Failure::new(Class::Authentication, "ExpiredToken");
    let workspace = Uuid::from_u128(workspace);
    let users = Users { workspaces: if is_only_one { 1 } else { 9 }, namespaces: 1, templates: 1 };
    let whose = ("a", None, users);
    after_failure(before, failed(&failure, workspace, whose, time))
}

/// Namespace and template of what failed, and who uses the provider configuration.
type Whose = (&'static str, Option<&'static str>, Users);

fn failed(failure: &Failure, workspace: Uuid, (namespace, template, users): Whose, time: &str) -> Failed<'static> {
    let failure: &'static Failure = Box::leak(Box::new(failure.clone()));
    Failed { failure, workspace, namespace, template, users, backoff: BACKOFF, fraction: 0.5, now: at(time) }
}

#[test]
fn what_one_namespace_or_one_template_has_in_common_is_not_the_provider_configuration() {
    let users = |namespaces, templates| Users { workspaces: 9, namespaces, templates };
    let after = |users: Users, failures: &[(&'static str, Option<&'static str>)]| {
        let failure = Failure::new(Class::Network, "no such host");
        let one = |before, (n, (namespace, template)): (usize, &(&'static str, Option<&'static str>))| {
            let workspace = Uuid::from_u128(n as u128);
            Some(after_failure(before, failed(&failure, workspace, (namespace, *template, users), "12:00")))
        };
        failures.iter().enumerate().fold(None, one).is_some_and(|trouble: Trouble| trouble.stops())
    };
    let (own, a, b) = (None, Some("a/t"), Some("b/u"));
    for (users, failures, stops) in [
        (users(1, 1), vec![("a", own); 3], true),
        (users(2, 1), vec![("a", own); 9], false),
        (users(2, 1), vec![("a", own), ("a", own), ("b", own)], true),
        (users(1, 2), vec![("a", a); 9], false),
        (users(1, 1), vec![("a", a); 3], true),
        (users(1, 2), vec![("a", a), ("a", a), ("a", b)], true),
        (users(1, 2), vec![("a", a), ("a", a), ("a", own)], true),
        (users(1, 2), vec![("a", own); 3], true),
        (users(2, 2), vec![("a", a), ("b", a), ("b", a)], false),
        (users(2, 2), vec![("a", a), ("a", b), ("a", a)], false),
        (users(2, 2), vec![("a", a), ("b", b), ("a", a)], true),
    ] {
        assert_eq!(after(users, &failures), stops, "{users:?} {failures:?}");
    }
}

/// Three of two workspaces have failed, the last at 12:00.
fn paused() -> Trouble {
    let first = fails(None, 1, false, "11:58");
    let second = fails(Some(first), 2, false, "11:59");
    fails(Some(second), 1, false, "12:00")
}

fn pause(looks: u32, look_at: &str, room: Option<u32>) -> Option<Pause> {
    Some(Pause { since: at("12:00"), looks, look_at: at(look_at), room })
}

#[test]
fn three_in_a_row_of_two_workspaces_are_the_whole_provider_configuration() {
    let first = fails(None, 1, false, "11:58");
    assert_eq!((first.failures, first.pause, first.room(at("12:00"))), (1, None, None));
    let second = fails(Some(first), 2, false, "11:59");
    assert_eq!(second.pause, None);
    let third = fails(Some(second), 3, false, "12:00");
    assert_eq!(third.pause, pause(0, "12:01", None));
    assert_eq!((third.class, third.message.as_str()), (Class::Authentication, "ExpiredToken"));
}

#[test]
fn one_workspace_among_several_fails_for_itself() {
    let one = (0..9).fold(None, |before, _| Some(fails(before, 1, false, "12:00"))).unwrap();
    assert_eq!((one.failures, one.pause), (9, None));
    assert_eq!(fails(Some(one), 2, false, "12:00").pause, pause(0, "12:01", None), "until another one fails too");
}

#[test]
fn the_only_workspace_speaks_for_its_provider_configuration() {
    let twice = fails(Some(fails(None, 1, true, "11:58")), 1, true, "11:59");
    assert_eq!(twice.pause, None);
    assert_eq!(fails(Some(twice), 1, true, "12:00").pause, pause(0, "12:01", None));
}

#[test]
fn a_success_in_between_starts_the_count_again() {
    let twice = fails(Some(fails(None, 1, false, "11:58")), 2, false, "11:59");
    assert_eq!(after_success(twice, ROOM_MAX), None);
}

#[test]
fn one_run_looks_when_it_is_time_and_not_before() {
    let trouble = paused();
    assert!(trouble.stops());
    assert_eq!(trouble.room(at("12:00")), Some(0));
    assert_eq!(trouble.room(at("12:01")), Some(1));
    assert_eq!(trouble.clone().look_now(at("12:00")).room(at("12:00")), Some(1), "a person asks");
    assert_eq!(trouble.clone().look_now(at("12:30")), trouble, "it was due earlier");
}

#[test]
fn a_clock_that_was_put_back_makes_no_look_wait() {
    let trouble = paused();
    assert_eq!(trouble.room(at("06:00")), Some(1), "it began at 12:00");
    let looked = fails(Some(trouble), 1, false, "06:00");
    assert_eq!(looked.pause, Some(Pause { since: at("06:00"), looks: 1, look_at: at("06:02"), room: None }));
    assert_eq!(looked.room(at("06:01")), Some(0), "from then on it waits as ever");
}

#[test]
fn looks_that_fail_are_farther_and_farther_apart() {
    let once = fails(Some(paused()), 1, false, "12:01");
    assert_eq!(once.pause, pause(1, "12:03", None));
    let twice = fails(Some(once), 2, false, "12:03");
    assert_eq!(twice.pause, pause(2, "12:07", None));
    // What was at work before is no look.
    assert_eq!(fails(Some(twice), 3, false, "12:04").pause, pause(2, "12:07", None));
}

#[test]
fn recovery_is_gradual_and_a_failure_ends_it_at_once() {
    let two = after_success(paused(), ROOM_MAX).unwrap();
    assert!(!two.stops());
    assert_eq!(two.room(at("12:00")), Some(2));
    let four = after_success(two, ROOM_MAX).unwrap();
    let eight = after_success(four.clone(), ROOM_MAX).unwrap();
    assert_eq!((four.room(at("12:00")), eight.room(at("12:00"))), (Some(4), Some(8)));
    assert_eq!(after_success(eight.clone(), ROOM_MAX), None, "there is no more room than that");

    let again = fails(Some(eight), 1, false, "12:10");
    assert_eq!(again.pause, pause(1, "12:12", None));
    // The others that had come back fail with it, and count as one.
    assert_eq!(fails(Some(again), 2, false, "12:10").pause, pause(1, "12:12", None));
}

#[test]
fn what_may_be_of_the_whole() {
    let whole = [Class::Authentication, Class::Network, Class::Throttling];
    let mut own = Class::ALL.into_iter().filter(|class| !whole.contains(class));
    assert!(whole.into_iter().all(may_be_of_the_whole));
    assert!(!own.any(may_be_of_the_whole));
}

#[test]
fn a_provider_configuration_is_found_in_the_key_of_a_cluster() {
    assert_eq!(provider_of("aws/default/eu-central-1/demo"), Some("default"));
    assert_eq!(provider_of("none/default/"), None);
}

#[test]
fn a_wait_says_why_since_when_and_until_when() {
    let (reason, sentence) = paused().in_words("prod").unwrap();
    assert_eq!(reason, "AuthenticationFails");
    assert_eq!(
        sentence,
        "the provider configuration `prod` fails as a whole since 2026-01-01T12:00:00Z: its runs wait, one at a time is let through to look, the next from 2026-01-01T12:01:00Z on; no try is counted meanwhile, and `captd retry` looks at once. The newest failure (authentication): ExpiredToken"
    );
    let (reason, sentence) = after_success(paused(), ROOM_MAX).unwrap().in_words("prod").unwrap();
    assert_eq!(
        (reason, sentence.as_str()),
        ("Recovering", "the provider configuration `prod` works again; for now it takes 2 runs at once")
    );
    assert_eq!(fails(None, 1, false, "12:00").in_words("prod"), None);
}
