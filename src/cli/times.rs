//! Times as people read and write them on a command line.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// `30m`, `90s` or `1h30m`, for `--timeout`.
///
/// # Errors
/// How to write it.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time; write it with a unit, such as 90s, 30m or 1h30m");
    let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(duration).map_err(|_| wrong())
}

/// From `since` until `now`, in the two largest units that matter: `12s`, `3m20s`, `5h`, `3d`.
pub(super) fn age(since: Timestamp, now: Timestamp) -> String {
    span(now.duration_since(since).as_secs().max(0))
}

/// A time that is to come: `in 12s (2026-11-25T10:00:00Z)`.
pub(super) fn ahead(at: Timestamp, now: Timestamp) -> String {
    let in_whole_seconds = at.round(jiff::Unit::Second).unwrap_or(at);
    match at.duration_since(now).as_secs() {
        ..=0 => format!("now (due since {in_whole_seconds})"),
        seconds => format!("in {} ({in_whole_seconds})", span(seconds)),
    }
}

/// How long something took: `340ms`, `4.2s`, then as [`age`].
pub(super) fn took(millis: i128) -> String {
    match millis {
        ..=0 => "0ms".to_owned(),
        1..1_000 => format!("{millis}ms"),
        1_000..10_000 => format!("{}.{}s", millis / 1_000, millis % 1_000 / 100),
        _ => span(i64::try_from(millis / 1_000).unwrap_or(i64::MAX)),
    }
}

/// Seconds since `begun` with a tenth, as wide as five characters at least: `  0.2s`.
pub(super) fn elapsed(begun: Timestamp, now: Timestamp) -> String {
    let millis = now.duration_since(begun).as_millis().max(0);
    let text = if millis < 100_000 { format!("{}.{}s", millis / 1_000, millis % 1_000 / 100) } else { took(millis) };
    format!("{text:>6}")
}

fn span(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 if seconds % 60 != 0 => format!("{minutes}m{}s", seconds % 60),
        120..10_800 => format!("{minutes}m"),
        10_800..28_800 if minutes % 60 != 0 => format!("{hours}h{}m", minutes % 60),
        10_800..172_800 => format!("{hours}h"),
        _ => format!("{days}d"),
    }
}
