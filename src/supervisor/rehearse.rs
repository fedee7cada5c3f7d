//! A process of captd's own that may take little: for what comes from outside and might not end.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::Environment;
use super::capture::capture;
use super::shim::OWN_PROGRAM;

/// Seconds of CPU time for one rehearsal; a template takes milliseconds.
pub const REHEARSAL_CPU_SECONDS_MAX: u64 = 2;
/// Bytes of memory for one rehearsal, the program itself among them.
pub const REHEARSAL_BYTES_MAX: u64 = 1 << 30;

/// Runs `captd rehearse <folder>`. It ends with whoever waits for it.
///
/// # Errors
/// A sentence, when it has not come to its end.
pub async fn rehearse(folder: &Path, environment: &Environment, patience: Duration) -> Result<(), String> {
    let folder = folder.display().to_string();
    capture(OWN_PROGRAM, &["rehearse", &folder], environment, patience).await.map(drop)
}

/// Limits this process to what a rehearsal may take; whatever takes more is ended by the kernel.
///
/// # Errors
/// When the kernel refuses.
pub fn limit_to_rehearsal() -> std::io::Result<()> {
    let limits = [(Resource::Cpu, REHEARSAL_CPU_SECONDS_MAX), (Resource::As, REHEARSAL_BYTES_MAX), (Resource::Core, 0)];
    for (resource, limit) in limits {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    Ok(())
}
