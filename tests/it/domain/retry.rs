//! How long captd waits between tries.

use captd::domain::failure::{Class, Failure};
use captd::domain::retry::{Backoff, delay_seconds};

const BACKOFF: Backoff = Backoff { base_seconds: 15, cap_seconds: 900 };

fn delay(attempt: u32, fraction: f64) -> Option<i64> {
    delay_seconds(&Failure::new(Class::Throttling, "Rate exceeded"), attempt, BACKOFF, fraction)
}

#[test]
fn the_wait_doubles_up_to_the_cap() {
    let expected =
        [(1, 15), (2, 30), (3, 60), (4, 120), (5, 240), (6, 480), (7, 900), (8, 900), (1_000, 900), (u32::MAX, 900)];
    for (attempt, seconds) in expected {
        assert_eq!(delay(attempt, 0.5), Some(seconds), "attempt {attempt}");
    }
}

#[test]
fn chance_moves_the_wait_by_a_fifth_either_way() {
    for (attempt, least, most) in [(1, 12, 18), (2, 24, 36), (3, 48, 72), (6, 384, 576)] {
        assert_eq!(delay(attempt, 0.0), Some(least), "attempt {attempt}");
        assert_eq!(delay(attempt, 0.999), Some(most), "attempt {attempt}");
    }
}

#[test]
fn no_wait_is_shorter_than_a_second() {
    let backoff = Backoff { base_seconds: 1, cap_seconds: 1 };
    let failure = Failure::new(Class::Network, "connection refused");
    assert_eq!(delay_seconds(&failure, 1, backoff, 0.0), Some(1));
}

#[test]
fn only_a_wrong_configuration_waits_for_a_person() {
    for (class, is_tried_again) in [
        (Class::Configuration, false),
        (Class::Authentication, true),
        (Class::Throttling, true),
        (Class::Quota, true),
        (Class::Capacity, true),
        (Class::Lock, true),
        (Class::Network, true),
        (Class::ProviderLost, true),
        (Class::Timeout, true),
        (Class::Internal, true),
    ] {
        for attempt in [1, 2, 100] {
            let delay = delay_seconds(&Failure::new(class, ""), attempt, BACKOFF, 0.5);
            assert_eq!(delay.is_some(), is_tried_again, "{} attempt {attempt}", class.as_str());
        }
    }
}
