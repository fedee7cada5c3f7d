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

/// The machine's own clock; in a debug build, moved by what the file says that
/// `CAPTD_TEST_CLOCK_FILE` names in `environment`. Only captd's own processes that ask for it are
/// moved: the variable reaches no child.
#[must_use]
pub fn clock(environment: &std::collections::BTreeMap<String, String>) -> SharedClock {
    #[cfg(debug_assertions)]
    if let Some(file) = environment.get("CAPTD_TEST_CLOCK_FILE") {
        return Arc::new(moved::MovedClock::new(file.into()));
    }
    let _ = environment;
    Arc::new(SystemClock)
}

/// A clock that tests move while captd runs. A release build has none.
#[cfg(debug_assertions)]
mod moved {
    use std::path::PathBuf;
    use std::sync::{Mutex, PoisonError};

    use jiff::Timestamp;
    use uuid::{ContextV7, Uuid};

    use super::{Clock, SystemClock, plus_seconds};

    /// The machine's clock, moved by as many seconds as `file` says; not moved while it says none.
    #[derive(Debug)]
    pub(super) struct MovedClock {
        file: PathBuf,
        ids: Mutex<ContextV7>,
    }

    impl MovedClock {
        pub(super) fn new(file: PathBuf) -> Self {
            Self { file, ids: Mutex::new(ContextV7::new()) }
        }
    }

    impl Clock for MovedClock {
        fn now(&self) -> Timestamp {
            let text = std::fs::read_to_string(&self.file).unwrap_or_default();
            plus_seconds(SystemClock.now(), text.trim().parse().unwrap_or_default())
        }

        fn id(&self) -> Uuid {
            let now = self.now();
            let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
            let seconds = u64::try_from(now.as_second()).unwrap_or_default();
            let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
            Uuid::new_v7(uuid::Timestamp::from_unix(&*ids, seconds, nanos))
        }

        fn fraction(&self) -> f64 {
            SystemClock.fraction()
        }
    }
}

/// `fresh`, or the next id after `newest` where the clock was put back meanwhile: ids sort by the
/// time of their making, and what is newest is made last whatever the clock says.
#[must_use]
pub fn after(newest: Option<Uuid>, fresh: Uuid) -> Uuid {
    newest.map_or(fresh, |newest| fresh.max(Uuid::from_u128(newest.as_u128().saturating_add(1))))
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
