//! What the outside world hands in: the time of day, fresh ids and chance.
//!
//! **Invariant:** nothing else in captd reads the wall clock or makes an id. Whoever needs one
//! takes a [`Clock`], so that a test can say what time it is.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

/// Source of time, ids and chance.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The wall clock in UTC, cut to microseconds: what the database can keep.
    fn now(&self) -> Timestamp;
    /// A fresh id that sorts by the time of its making (UUID version 7).
    fn id(&self) -> Uuid;
    /// A number in `0.0..1.0`, for jitter.
    fn fraction(&self) -> f64;
}

/// A clock that can be handed around.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        cut_to_micros(Timestamp::now())
    }

    fn id(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn fraction(&self) -> f64 {
        // 32 random bits of a version 7 id, scaled to 0..1.
        let bytes = Uuid::now_v7().into_bytes();
        let bits = u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }
}

/// The same instant without its nanoseconds.
#[must_use]
pub fn cut_to_micros(at: Timestamp) -> Timestamp {
    from_micros(at.as_microsecond())
}

/// The instant that lies `micros` microseconds after the Unix epoch; beyond the range that a
/// timestamp can hold, the nearest one that it can.
#[must_use]
pub fn from_micros(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// `at` moved by `seconds`, kept within the range of a timestamp.
#[must_use]
pub fn plus_seconds(at: Timestamp, seconds: i64) -> Timestamp {
    from_micros(at.as_microsecond().saturating_add(seconds.saturating_mul(1_000_000)))
}
