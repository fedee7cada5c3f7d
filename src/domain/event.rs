//! Events: what happened, to what, by whom. They tell, and nothing is decided by them.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::name::Name;
use super::run::{Kind, Run};

/// One of them, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Where it stands in the order of all.
    pub position: i64,
    /// When.
    pub happened_at: Timestamp,
    /// `Normal` or `Warning`.
    pub severity: String,
    /// In one word.
    pub reason: String,
    /// To what.
    pub kind: String,
    /// Its namespace, if it lies in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Name>,
    /// Its name.
    pub name: String,
    /// The run that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Uuid>,
    /// Who did it; captd itself is `captd`.
    pub actor: String,
    /// A sentence.
    pub message: String,
}

/// One that is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told<'a> {
    /// In one word.
    pub reason: &'static str,
    /// To what.
    pub kind: &'a str,
    /// Its namespace, if it lies in one.
    pub namespace: Option<&'a Name>,
    /// Its name.
    pub name: &'a str,
    /// The run that it is about.
    pub run: Option<Uuid>,
    /// A sentence.
    pub message: String,
}

/// What somebody should look at.
const WARNINGS: [&str; 8] =
    ["RunFailed", "RunLost", "OutputRevealed", "StatePulled", "LockBroken", "ChecksFailed", "Abandoned", "MayBeLeft"];

impl<'a> Told<'a> {
    /// About something of a namespace.
    #[must_use]
    pub fn of(reason: &'static str, kind: &'a str, namespace: &'a Name, name: &'a str, message: String) -> Self {
        Self { reason, kind, namespace: Some(namespace), name, run: None, message }
    }

    /// About the whole installation.
    #[must_use]
    pub fn of_installation(reason: &'static str, message: &str) -> Self {
        Self { reason, kind: "Installation", namespace: None, name: "captd", run: None, message: message.to_owned() }
    }

    /// About a run that has come into being; looks at the cloud are not told.
    #[must_use]
    pub fn queued(run: &'a Run) -> Option<Self> {
        let message =
            format!("{} of generation {} is queued ({})", run.kind.as_str(), run.generation, run.trigger.as_str());
        (run.kind != Kind::Refresh).then(|| Self::of_run("RunQueued", run, message))
    }

    /// About a run that was in the state `before`. Steps that tell nobody anything are not told, nor are looks at the
    /// cloud that go well.
    #[must_use]
    pub fn moved(run: &'a Run, before: &str, was_asked_to_stop: bool) -> Option<Self> {
        let (kind, now) = (run.kind.as_str(), run.state_word());
        if before == now {
            let asked = run.wish.is_some() && !was_asked_to_stop;
            return asked.then(|| Self::of_run("StopRequested", run, format!("{kind} is asked to stop")));
        }
        let (reason, what) = match now {
            "preparing" => ("RunStarted", "begins"),
            "awaiting_approval" => ("AwaitingApproval", "waits for approval"),
            "planned" if before == "awaiting_approval" => ("RunApproved", "is approved"),
            "applying" => ("RunApplying", "is applied"),
            "succeeded" => ("RunSucceeded", "has succeeded"),
            "unchanged" => ("RunUnchanged", "has nothing to change"),
            "failed" => ("RunFailed", "has failed"),
            "canceled" => ("RunCanceled", "was canceled"),
            "discarded" => ("RunDiscarded", "was discarded"),
            "superseded" => ("RunSuperseded", "gave way to a newer spec"),
            "lost" => ("RunLost", "is lost: its processes are gone without a word"),
            _ => return None,
        };
        let is_told = run.kind != Kind::Refresh || WARNINGS.contains(&reason);
        let why = run.failure().map(|failure| format!(": {}", failure.message)).unwrap_or_default();
        let message = format!("{kind} of generation {} {what}{why}", run.generation);
        is_told.then(|| Self::of_run(reason, run, message))
    }

    fn of_run(reason: &'static str, run: &'a Run, message: String) -> Self {
        let (kind, namespace) = (run.owner.title(), Some(&run.namespace));
        Self { reason, kind, namespace, name: run.name.as_str(), run: Some(run.id), message }
    }

    /// Whether somebody should look.
    #[must_use]
    pub fn severity(&self) -> &'static str {
        if WARNINGS.contains(&self.reason) { "Warning" } else { "Normal" }
    }
}
