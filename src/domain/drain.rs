//! A drain: no run gets a place until the machine has been started again, or a person ends it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A drain that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// When it was asked for.
    pub since: Timestamp,
    /// Who asked.
    pub by: String,
    /// The boot in which it was asked for: it ends with that.
    pub boot_id: String,
}

impl std::fmt::Display for Drain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "draining since {}, as {} asked", self.since, self.by)
    }
}
