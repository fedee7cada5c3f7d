//! What `engine.confine` comes to on this machine.

use captd_process::Version;

use crate::config::Confine;

/// What `engine.confine` comes to on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Terraform is confined.
    Confined(Version),
    /// It is not, because it is not to be.
    Off,
    /// It is not, because the kernel cannot; why.
    Unavailable(String),
    /// Nothing may be started: it is required, and the kernel cannot; why.
    Refused(String),
}

/// What a setting comes to where the kernel answers so.
#[must_use]
pub fn effect(setting: Confine, landlock: std::result::Result<Version, String>) -> Effect {
    match (setting, landlock) {
        (Confine::Off, _) => Effect::Off,
        (_, Ok(version)) => Effect::Confined(version),
        (Confine::Preferred, Err(why)) => Effect::Unavailable(why),
        (Confine::Required, Err(why)) => Effect::Refused(why),
    }
}
