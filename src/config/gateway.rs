//! `[gateway]`: what bounds the warm provider processes.

use crate::domain::fields::Fields;

/// `[gateway]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gateway {
    /// Processes at the same time.
    pub processes_max: u32,
    /// Resident MiB of all of them together.
    pub pool_mib_max: u32,
    /// Resident MiB of one; beyond, it retires after its last run.
    pub process_mib_max: u32,
    /// Seconds without use after which one ends.
    pub idle_seconds_max: u32,
    /// Seconds from its start after which one retires.
    pub age_seconds_max: u32,
    /// Times that one is lent.
    pub uses_max: u32,
    /// Seconds in which one says where it listens; then its start has failed.
    pub handshake_seconds_max: u32,
    /// Seconds after which gateway and providers are asked again whether they answer; they have as long to do so.
    pub heartbeat_seconds: u32,
}

pub(super) fn parse(f: &mut Fields<'_, '_>) -> Option<Gateway> {
    let gateway = Gateway {
        processes_max: super::number(f, "processes_max", 8, 1, 256),
        pool_mib_max: super::number(f, "pool_mib_max", 2_048, 64, 1 << 20),
        process_mib_max: super::number(f, "process_mib_max", 1_024, 64, 1 << 20),
        idle_seconds_max: super::number(f, "idle_seconds_max", 900, 1, 86_400),
        age_seconds_max: super::number(f, "age_seconds_max", 43_200, 1, 604_800),
        uses_max: super::number(f, "uses_max", 20_000, 1, 1_000_000),
        // As long as terraform gives it.
        handshake_seconds_max: super::number(f, "handshake_seconds_max", 60, 1, 3_600),
        heartbeat_seconds: super::number(f, "heartbeat_seconds", 4, 1, 60),
    };
    if gateway.process_mib_max > gateway.pool_mib_max {
        f.problem("process_mib_max", "out_of_range", "is greater than pool_mib_max");
    }
    Some(gateway)
}
