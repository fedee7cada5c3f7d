//! How long captd waits between tries.

use captd::domain::failure::{Class, Failure};
use captd::domain::retry::{Backoff, Next, next, wait_seconds};

const BACKOFF: Backoff = Backoff { base_seconds: 15, cap_seconds: 900, retries_max: 8 };

fn delay(attempt: u32, fraction: f64) -> i64 {
    wait_seconds(attempt, BACKOFF, fraction)
}

#[test]
fn the_wait_doubles_up_to_the_cap() {
    let expected =
        [(1, 15), (2, 30), (3, 60), (4, 120), (5, 240), (6, 480), (7, 900), (8, 900), (1_000, 900), (u32::MAX, 900)];
    for (attempt, seconds) in expected {
        assert_eq!(delay(attempt, 0.5), seconds, "attempt {attempt}");
    }
}

#[test]
fn chance_moves_the_wait_by_a_fifth_either_way() {
    for (attempt, least, most) in [(1, 12, 18), (2, 24, 36), (3, 48, 72), (6, 384, 576)] {
        assert_eq!(delay(attempt, 0.0), least, "attempt {attempt}");
        assert_eq!(delay(attempt, 0.999), most, "attempt {attempt}");
    }
}

#[test]
fn no_wait_is_shorter_than_a_second() {
    let backoff = Backoff { base_seconds: 1, cap_seconds: 1, retries_max: 8 };
    assert_eq!(wait_seconds(1, backoff, 0.0), 1);
}

#[test]
fn only_a_wrong_configuration_waits_for_a_person() {
    for (class, is_tried_again) in [
        (Class::Configuration, false),
        (Class::Authentication, true),
        (Class::Throttling, true),
        (Class::Quota, true),
        (Class::Capacity, true),
        (Class::Dependency, true),
        (Class::Lock, true),
        (Class::Network, true),
        (Class::Provider, true),
        (Class::ProviderLost, true),
        (Class::Limit, true),
        (Class::Disk, true),
        (Class::Timeout, true),
        (Class::Internal, true),
    ] {
        for attempt in [1, 2, 8] {
            let tries = matches!(next(&Failure::new(class, ""), attempt, BACKOFF, 0.5), Next::Try(_));
            assert_eq!(tries, is_tried_again, "{} attempt {attempt}", class.as_str());
        }
    }
}

#[test]
fn after_the_last_try_a_person_is_waited_for() {
    let after = |class, attempt| next(&Failure::new(class, ""), attempt, BACKOFF, 0.5);
    assert_eq!(after(Class::Network, 8), Next::Try(900));
    assert_eq!(after(Class::Network, 9), Next::GiveUp);
    assert_eq!(after(Class::Network, u32::MAX), Next::GiveUp);
    assert_eq!(after(Class::Configuration, 9), Next::Wait);
    let none = Backoff { retries_max: 0, ..BACKOFF };
    assert_eq!(next(&Failure::new(Class::Network, ""), 1, none, 0.5), Next::GiveUp);
}

#[test]
fn a_failure_that_is_given_up_says_how_to_go_on_and_no_longer_that_captd_does() {
    let said = |class| Failure::new(class, "it failed").given_up(9).remedy;
    assert_eq!(
        said(Class::Quota),
        "captd has tried 9 times, as often as reconcile.retries_max lets it, and tries no more; everything is kept, and `captd retry` goes on. Ask AWS to raise the quota, or free some of it."
    );
    for class in [Class::Authentication, Class::Throttling, Class::Capacity, Class::ProviderLost, Class::Internal] {
        assert!(!said(class).contains("tries again by itself"), "{}", said(class));
    }
}
