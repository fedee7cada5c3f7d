//! A workspace: what has state, outputs and runs. Every machine owns exactly one.

use jiff::Timestamp;
use uuid::Uuid;

use super::name::Name;
use super::observation::Observation;
use super::state::Divergence;

/// A workspace as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Workspace {
    /// Id that is never used again.
    pub uid: Uuid,
    /// The tenant.
    pub namespace: Name,
    /// The machine that owns it.
    pub machine: Name,
    /// Generation of the spec that it should have.
    pub generation: u64,
    /// Runs of one cluster are counted together: provider configuration, region, cluster.
    pub cluster: String,
    /// While true, no run begins by itself.
    pub paused: bool,
    /// When its destruction was asked for.
    pub deleting_since: Option<Timestamp>,
    /// What Terraform last reported.
    pub observation: Option<Observation>,
    /// Why its state is in doubt, if it is: then no run begins.
    pub diverged: Option<Divergence>,
    /// Generation whose apply may have left something in the cloud that stands in no state.
    pub in_doubt: Option<u64>,
    /// When it is to be looked at again.
    pub observe_at: Option<Timestamp>,
}
