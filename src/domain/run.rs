//! A run: one attempt to bring a workspace to its spec. Each state carries the data that is true
//! in it; `transition.rs` says how one becomes another.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::failure::Failure;
use super::name::Name;
use super::plan::Summary;
use super::resource::{Key, ResourceKind};

/// A run as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Sorts by the time of its making.
    pub id: Uuid,
    /// What it does.
    pub kind: Kind,
    /// The workspace that it works on.
    pub workspace: Uuid,
    /// The tenant.
    pub namespace: Name,
    /// Whether the workspace is a machine's or stands on its own.
    pub owner: ResourceKind,
    /// The owner's name.
    pub name: Name,
    /// Generation of the spec that it serves.
    pub generation: u64,
    /// Why it was made.
    pub trigger: Trigger,
    /// 1 for the first try at a generation.
    pub attempt: u32,
    /// Who asked for it.
    pub author: String,
    /// When it was queued.
    pub created_at: Timestamp,
    /// What it was asked to do instead of going on.
    pub wish: Option<Wish>,
    /// Who asked it to stop, once a person has.
    pub stop: Option<Stop>,
    /// Where it stands.
    pub state: State,
    /// Terraform commands so far.
    pub steps: Vec<Step>,
    /// Outputs of others that it is rendered with, by variable, once it was prepared.
    pub inputs: Option<Map<String, Value>>,
    /// Revision of the template that it is rendered from, once it was prepared.
    pub revision: Option<String>,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Plan and apply.
    Apply,
    /// Plan and apply the destruction.
    Destroy,
    /// Look at the cloud, apply nothing.
    Refresh,
    /// Plan only.
    Plan,
}

impl Kind {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Destroy => "destroy",
            Self::Refresh => "refresh",
            Self::Plan => "plan",
        }
    }

    /// Whether it is meant to change something.
    #[must_use]
    pub fn changes_things(self) -> bool {
        matches!(self, Self::Apply | Self::Destroy)
    }
}

/// Why a run was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// A spec was written.
    Spec,
    /// A deletion was asked for.
    Delete,
    /// A person or client asked for this run.
    Request,
    /// An earlier one failed and may be tried again.
    Retry,
    /// An earlier one was lost.
    Rescue,
    /// It was time to look.
    Observe,
    /// An output of another, that it takes, has changed.
    Input,
    /// Its template has another revision.
    Template,
}

impl Trigger {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Delete => "delete",
            Self::Request => "request",
            Self::Retry => "retry",
            Self::Rescue => "rescue",
            Self::Observe => "observe",
            Self::Input => "input",
            Self::Template => "template",
        }
    }
}

/// What an open run was asked to do instead of going on; its owner does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wish {
    /// A newer spec took its place.
    Supersede,
    /// A person wants it to stop.
    Cancel,
}

/// Seconds from a forced stop until terraform is killed, when it has not ended by then.
pub const FORCED_SECONDS: i64 = 60;

/// A person's request that a run stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stop {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Whether at once, whatever is under way.
    pub force: bool,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Waits for a place. Moved in by whoever made it, out by the queue.
    Queued,
    /// Its files are rendered and `terraform init` runs.
    Preparing(Begun),
    /// `terraform plan` and `show` run.
    Planning(Begun),
    /// Its plan is saved, needs no more consent, and waits for a place to apply.
    Planned(Planned),
    /// Its plan is saved and waits for a person.
    AwaitingApproval(Planned, Vec<String>),
    /// `terraform apply` runs, of exactly that plan.
    Applying(Planned),
    /// It is over.
    Ended(Ended),
}

/// A run that has a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// When it got its place.
    pub at: Timestamp,
}

/// A run that has a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// When it got its place to plan.
    pub begun_at: Timestamp,
    /// What the plan would do.
    pub summary: Summary,
    /// Who approved it, where somebody had to.
    pub approval: Option<Consent>,
}

/// Somebody's consent to a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A run that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// When it got its place; `None` when it never did.
    pub begun_at: Option<Timestamp>,
    /// What its plan would do, when it had one.
    pub summary: Option<Summary>,
    /// Who approved it.
    pub approval: Option<Consent>,
    /// When it ended.
    pub at: Timestamp,
    /// How.
    pub outcome: Outcome,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// There was nothing to apply.
    Unchanged,
    /// It did what it was to do.
    Succeeded,
    /// It did not; when it may be tried again by itself, `retry_at` says when.
    Failed {
        /// What happened and what to do.
        failure: Failure,
        /// When the next try is due.
        retry_at: Option<Timestamp>,
    },
    /// A person stopped it.
    Canceled,
    /// A person refused its plan.
    Discarded,
    /// A newer spec took its place before it began to apply.
    Superseded,
    /// Its processes are gone without a word.
    Lost,
}

/// One Terraform command of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// `init`, `plan`, `show`, `apply` or `output`; `import` and `untaint` in a rescue.
    pub name: String,
    /// Where it stands among the commands of its run: its folder is `<place>-<name>`.
    #[serde(default)]
    pub place: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// How long it took; absent while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// How it ended; absent while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Providers that were warm: reached through the gateway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warm: Vec<String>,
    /// Why a provider was not, or not always, though it was to be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plain_because: Vec<String>,
    /// What it has taken more of than `[limits]` lets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exceeded: Option<String>,
}

impl Run {
    /// By what the owner of its workspace is known.
    #[must_use]
    pub fn key(&self) -> Key {
        Key { kind: self.owner, namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// Whether it is not over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::Ended(_))
    }

    /// Whether it is to end at once, whatever is under way.
    #[must_use]
    pub fn is_forced(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.force)
    }

    /// The state's word on the wire.
    #[must_use]
    pub fn state_word(&self) -> &'static str {
        match &self.state {
            State::Queued => "queued",
            State::Preparing(_) => "preparing",
            State::Planning(_) => "planning",
            State::Planned(_) => "planned",
            State::AwaitingApproval(..) => "awaiting_approval",
            State::Applying(_) => "applying",
            State::Ended(ended) => ended.outcome.as_str(),
        }
    }

    /// When it got its place to plan.
    #[must_use]
    pub fn begun_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Queued => None,
            State::Preparing(begun) | State::Planning(begun) => Some(begun.at),
            State::Planned(planned) | State::AwaitingApproval(planned, _) | State::Applying(planned) => {
                Some(planned.begun_at)
            }
            State::Ended(ended) => ended.begun_at,
        }
    }

    /// Seconds that are left of `max` for preparing and planning, which count from the run's beginning, whatever was restarted
    /// meanwhile; never less than `least`, so that what ended while nobody looked is still taken in.
    #[must_use]
    pub fn plan_seconds_left(&self, max: u32, least: u32, now: Timestamp) -> u32 {
        let passed = self.begun_at().map_or(0, |at| now.duration_since(at).as_secs().max(0));
        max.saturating_sub(u32::try_from(passed).unwrap_or(u32::MAX)).max(least.min(max))
    }

    /// What its plan would do, once there is one.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        match &self.state {
            State::Planned(planned) | State::AwaitingApproval(planned, _) | State::Applying(planned) => {
                Some(planned.summary)
            }
            State::Ended(ended) => ended.summary,
            State::Queued | State::Preparing(_) | State::Planning(_) => None,
        }
    }

    /// Who approved it.
    #[must_use]
    pub fn approval(&self) -> Option<&Consent> {
        match &self.state {
            State::Planned(planned) | State::AwaitingApproval(planned, _) | State::Applying(planned) => {
                planned.approval.as_ref()
            }
            State::Ended(ended) => ended.approval.as_ref(),
            State::Queued | State::Preparing(_) | State::Planning(_) => None,
        }
    }

    /// How it ended, once it has.
    #[must_use]
    pub fn ended(&self) -> Option<&Ended> {
        match &self.state {
            State::Ended(ended) => Some(ended),
            _ => None,
        }
    }

    /// The number of the next try at the same thing: one that was not counted is made again.
    #[must_use]
    pub fn next_attempt(&self) -> u32 {
        self.attempt.saturating_add(u32::from(!self.failure().is_some_and(|failure| failure.spared)))
    }

    /// Why it failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self.ended().map(|ended| &ended.outcome) {
            Some(Outcome::Failed { failure, .. }) => Some(failure),
            _ => None,
        }
    }
}

impl Outcome {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Succeeded => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Canceled => "canceled",
            Self::Discarded => "discarded",
            Self::Superseded => "superseded",
            Self::Lost => "lost",
        }
    }

    /// Whether the run brought its generation into force.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Unchanged | Self::Succeeded)
    }
}
