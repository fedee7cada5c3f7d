//! A provider configuration that fails as a whole: its runs wait, one at a time looks whether it works
//! again, and then they come back gradually.
//!
//! A failure of authentication, network or throttling may be one machine's own (a cluster that its
//! role may not touch), one namespace's (a role that none of its machines may take) or one template's (an endpoint of
//! its own). So it takes several in a row, of more than one of each where there is more than one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::failure::{Class, Failure};
use super::retry::{Backoff, wait_seconds};
use super::time::plus_seconds;

/// Failures in a row after which runs wait.
pub const FAILURES_MAX: u32 = 3;
/// Runs at once after the first sign that it works again.
const ROOM_AT_FIRST: u32 = 2;

/// What is wrong with a provider configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Failures since it last worked.
    pub failures: u32,
    /// The workspace of the first of them.
    pub workspace: Uuid,
    /// Whether others failed too.
    pub several: bool,
    /// The namespace of the first of them.
    #[serde(default)]
    pub namespace: String,
    /// Whether others' runs failed too.
    #[serde(default)]
    pub several_namespaces: bool,
    /// The template of the first of them, if it was uploaded.
    #[serde(default)]
    pub template: Option<String>,
    /// Whether runs of another, or of one that comes with captd, failed too.
    #[serde(default)]
    pub several_templates: bool,
    /// Class of the newest.
    pub class: Class,
    /// What the newest said.
    pub message: String,
    /// How its runs wait, if they do.
    pub pause: Option<Pause>,
}

/// Runs wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Looks that have failed.
    pub looks: u32,
    /// From when on one run is let through to look.
    pub look_at: Timestamp,
    /// Runs at once, when it works again; `None` while it does not.
    pub room: Option<u32>,
}

/// The name of the provider configuration in a cluster's key; `None` without a cloud.
#[must_use]
pub fn provider_of(cluster: &str) -> Option<&str> {
    cluster.strip_prefix("aws/")?.split('/').next()
}

/// Whether a failure of this class may be the whole provider configuration's.
#[must_use]
pub fn may_be_of_the_whole(class: Class) -> bool {
    matches!(class, Class::Authentication | Class::Network | Class::Throttling)
}

/// How many use a provider configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Users {
    /// Machines and workspaces.
    pub workspaces: u64,
    /// Namespaces that have any of these.
    pub namespaces: u64,
    /// Uploaded templates that they are made by; those that come with captd are one more.
    pub templates: u64,
}

impl Trouble {
    /// Whether what failed has nothing in common but the provider configuration.
    fn is_of_all(&self, users: Users) -> bool {
        (self.several || users.workspaces <= 1)
            && (self.several_namespaces || users.namespaces <= 1)
            && (self.several_templates || users.templates <= 1)
    }
}

/// A run that failed.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// Why.
    pub failure: &'a Failure,
    /// Its workspace.
    pub workspace: Uuid,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its template, if that was uploaded.
    pub template: Option<&'a str>,
    /// How many use the provider configuration.
    pub users: Users,
    /// Waits between looks.
    pub backoff: Backoff,
    /// In `0.0..1.0`.
    pub fraction: f64,
    /// The time.
    pub now: Timestamp,
}

/// After a run that failed for a reason that may be of the whole.
#[must_use]
pub fn after_failure(before: Option<Trouble>, failed: Failed<'_>) -> Trouble {
    let Failed { failure, workspace, namespace, template, .. } = failed;
    let before = before.unwrap_or_else(|| Trouble {
        failures: 0,
        workspace,
        several: false,
        namespace: namespace.to_owned(),
        several_namespaces: false,
        template: template.map(str::to_owned),
        several_templates: false,
        class: failure.class,
        message: String::new(),
        pause: None,
    });
    let pause = before.pause;
    let mut trouble = Trouble {
        failures: before.failures.saturating_add(1),
        several: before.several || before.workspace != workspace,
        several_namespaces: before.several_namespaces || before.namespace != namespace,
        // What comes with captd speaks for itself.
        several_templates: before.several_templates || template.is_none() || before.template.as_deref() != template,
        class: failure.class,
        message: failure.message.clone(),
        pause: None,
        ..before
    };
    let look_after = |looks| plus_seconds(failed.now, wait_seconds(looks, failed.backoff, failed.fraction));
    trouble.pause = match pause {
        // Others that were at work already when the pause began, or the last look failed, tell nothing new.
        Some(pause) if pause.room_at(failed.now) == 0 => Some(pause),
        Some(pause) => {
            let looks = pause.looks.saturating_add(1);
            let since = pause.since.min(failed.now);
            Some(Pause { since, looks, look_at: look_after(looks.saturating_add(1)), room: None })
        }
        None if trouble.failures >= FAILURES_MAX && trouble.is_of_all(failed.users) => {
            Some(Pause { since: failed.now, looks: 0, look_at: look_after(1), room: None })
        }
        None => None,
    };
    trouble
}

/// After a run that shows that the provider configuration works. `room_max` is how many runs there
/// may be at once when all is well.
#[must_use]
pub fn after_success(before: Trouble, room_max: u32) -> Option<Trouble> {
    let pause = before.pause?;
    let room = pause.room.map_or(ROOM_AT_FIRST, |room| room.saturating_mul(2));
    (room < room_max).then_some(Trouble { pause: Some(Pause { room: Some(room), ..pause }), ..before })
}

impl Pause {
    /// Runs that may be at work at once now. A pause that began in what is the future now was
    /// followed by a clock that was put back: then it is time to look.
    fn room_at(self, now: Timestamp) -> u32 {
        self.room.unwrap_or(u32::from(now >= self.look_at || now < self.since))
    }
}

impl Trouble {
    /// Runs that may be at work at once now; `None` is without a limit.
    #[must_use]
    pub fn room(&self, now: Timestamp) -> Option<u32> {
        self.pause.map(|pause| pause.room_at(now))
    }

    /// Whether its runs wait, but for one that looks.
    #[must_use]
    pub fn stops(&self) -> bool {
        self.pause.is_some_and(|pause| pause.room.is_none())
    }

    /// One word and a sentence on how the runs of `provider` wait, if they do.
    #[must_use]
    pub fn in_words(&self, provider: &str) -> Option<(&'static str, String)> {
        let Pause { since, look_at, room, .. } = self.pause?;
        if let Some(room) = room {
            let sentence =
                format!("the provider configuration `{provider}` works again; for now it takes {room} runs at once");
            return Some(("Recovering", sentence));
        }
        let reason = match self.class {
            Class::Authentication => "AuthenticationFails",
            Class::Throttling => "Throttled",
            _ => "NotReachable",
        };
        let sentence = format!(
            "the provider configuration `{provider}` fails as a whole since {since}: its runs wait, one at a time is let through to look, the next from {look_at} on; no try is counted meanwhile, and `captd retry` looks at once. The newest failure ({}): {}",
            self.class.as_str(),
            self.message
        );
        Some((reason, sentence))
    }

    /// The same, with a look that is due now, since a person asks for it.
    #[must_use]
    pub fn look_now(mut self, now: Timestamp) -> Self {
        if let Some(pause) = &mut self.pause {
            pause.look_at = pause.look_at.min(now);
        }
        self
    }
}
