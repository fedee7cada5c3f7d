//! How many files and connections this process may have open, and who gets how many of them.
//!
//! **Invariant:** what runs need is kept back before connections get anything.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// Open files that captd needs for itself: database, logs, listeners, the gateway.
const OWN: u64 = 128;
/// Open files for one run: its process that is waited for, and what is read and written meanwhile.
const FOR_A_RUN: u64 = 4;
/// Connections to the state port for one run.
const STATES_FOR_A_RUN: u64 = 2;
const STATES_MIN: u64 = 16;

/// Who gets how many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shares {
    /// At the API's address.
    pub(super) api: usize,
    /// At the port where runs reach their states.
    pub(super) states: usize,
}

/// Shares out what the system allows. The limit is raised as far as the settings need it and the system
/// lets it be: no further, since children have it too.
pub(super) fn share(config: &Config) -> Shares {
    let runs = u64::from(config.engine.warm_plans_at_once.max(config.engine.plans_at_once))
        + u64::from(config.engine.warm_applies_at_once.max(config.engine.applies_at_once));
    let kept = OWN + FOR_A_RUN * runs;
    let states = STATES_MIN + STATES_FOR_A_RUN * runs;
    let api = u64::from(config.server.connections_max);
    let allowed = raised_to(kept + states + api);
    let shares = shared(allowed, kept, states, api);
    if (shares.api as u64) < api {
        tracing::warn!(
            open_files = allowed,
            connections = shares.api,
            "server.connections_max is more than the limit of open files leaves; raise that limit (LimitNOFILE=, ulimit -n)"
        );
    }
    shares
}

/// Of a small limit, half is kept and an eighth is for states.
fn shared(allowed: u64, kept: u64, states: u64, api: u64) -> Shares {
    let kept = kept.min(allowed / 2);
    let states = states.min((allowed / 8).max(STATES_MIN));
    let api = api.min(allowed.saturating_sub(kept + states)).max(1);
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Shares { api: count(api), states: count(states) }
}

/// The limit of open files, raised to `wanted` where it is lower and that is allowed.
fn raised_to(wanted: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let current = current.unwrap_or(u64::MAX);
    if current >= wanted {
        return current;
    }
    let raised = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => raised,
        Err(error) => {
            tracing::debug!(%error, "the limit of open files stays as it is");
            current
        }
    }
}
