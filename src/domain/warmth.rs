//! What makes a run warm: where the gateway is, and what it is told of the run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;

/// What makes a run warm. Without it, its commands go the plain way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warmth {
    /// The gateway's folder.
    pub gateway: PathBuf,
    /// Id of the run.
    pub run: String,
    /// Its namespace.
    pub namespace: String,
    /// What its provider configuration is called.
    pub configuration: String,
    /// Types of the resources in the workspace's state.
    pub types: BTreeSet<String>,
}

/// A provider that hangs while a run waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// `registry.terraform.io/hashicorp/aws`
    pub provider: String,
    /// Since when.
    pub since: Timestamp,
}
