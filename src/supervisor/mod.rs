//! The supervisor: a small process that owns one terraform and outlives the daemon; what it
//! leaves in its folder, and how a command is found again by that.
//!
//! A folder holds one command:
//!
//! | file | written by | holds |
//! |---|---|---|
//! | `command.json` | the daemon | program, arguments, working folder, what it may touch |
//! | `supervisor.lock` | both | locked while the supervisor lives |
//! | `supervisor.json`, `terraform.json` | the supervisor | pid, start time and boot id |
//! | `stdout.log`, `stderr.log` | terraform | what it says: files, never a pipe |
//! | `providers.json` | the supervisor | how its providers were reached |
//! | `provider-silent.json` | the supervisor | for which provider it waits, while that hangs |
//! | `interrupted`, `interrupted-again` | the daemon | nothing: which interrupts were sent |
//! | `forced` | the daemon | when a person has forced it to end |
//! | `exceeded.json` | the supervisor | what the command has taken more of than it may |
//! | `exit.json` | the supervisor | the exit status: whole, or not there; 126 or 127 when it could not start its program |
//! | `abandoned` | the daemon | from now on nothing may be started here |
//!
//! **Invariant:** the end of the daemon is no event for a supervisor or its terraform.

mod capture;
pub mod confine;
mod daemon_side;
mod effect;
mod ending;
mod gateway;
mod leftovers;
mod record;
mod rehearse;
mod shim;
mod supervise;
mod warm;
mod watch;

pub use captd_process::{
    Confinement, Error, Limits, Result, boot_id, landlock, missing_in, proof, proven, sync_below, write_json,
    write_whole,
};
pub use capture::capture;
pub use daemon_side::{Attached, arguments, attach, exceeded, lives, look_at, said, spawn, worked_in};
pub use effect::{Effect, effect};
pub use ending::{kill, silent};
pub use gateway::{
    Settings, end as end_gateway, ensure as ensure_gateway, kill as kill_gateway, obstacle as gateway_obstacle,
    settings as gateway_settings,
};
pub use leftovers::{leftovers, read as read_left, remove as remove_left};
pub use record::{APPLY, Exit, Invocation, NOT_FOUND, NOT_STARTED, STDERR, STDOUT, SUPERVISOR_LOG};
pub use rehearse::{REHEARSAL_BYTES_MAX, REHEARSAL_CPU_SECONDS_MAX, limit_to_rehearsal, rehearse};
pub use shim::{exec, own_session};
pub use supervise::supervise;
pub use warm::starter;
pub use watch::{Exceeded, log_is_cut};

/// The folder of the data folder that holds what runs have left and what cannot be removed.
pub const ASIDE: &str = "left";

/// The variables that a process gets, by name: these and no others.
pub type Environment = std::collections::BTreeMap<String, String>;
