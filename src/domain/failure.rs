//! Failures: what kind it was, what to do, whether trying again can help.

use serde::{Deserialize, Serialize};

pub use super::class::Class;
pub use super::classify::Origin;
use super::classify::{classify, classify_own, exists, was_never_reached};

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind.
    pub class: Class,
    /// What happened, in Terraform's or the cloud's words.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// Whether it was the provider configuration's as a whole: then the try is not counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spared: bool,
    /// Addresses of what may have been made, stands in no state and cannot be looked for: then a person is waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsure: Vec<String>,
}

impl Failure {
    /// A failure with the remedy of its class.
    #[must_use]
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), remedy: class.remedy().to_owned(), spared: false, unsure: Vec::new() }
    }

    /// A failure with a remedy of its own.
    #[must_use]
    pub fn with_remedy(class: Class, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { class, message: message.into(), remedy: remedy.into(), spared: false, unsure: Vec::new() }
    }

    /// Whether it says that what was to be created is there already.
    #[must_use]
    pub fn says_it_exists(&self) -> bool {
        exists(&self.message)
    }

    /// Whether another try can make nothing twice: the service said no before it made anything, or was never reached.
    #[must_use]
    pub fn is_safe_to_repeat(&self) -> bool {
        match self.class {
            Class::Network => was_never_reached(&self.message),
            // The client has given up its tries: any of them may have made it.
            Class::Throttling => !self.message.contains("rate limit token"),
            // What had no room was made, and is known as such.
            Class::Capacity => true,
            class => class.is_refusal(),
        }
    }

    /// The same where `addresses` may have been made, stand in no state and cannot be looked for.
    #[must_use]
    pub fn unsure_of(self, addresses: Vec<String>) -> Self {
        if addresses.is_empty() {
            return self;
        }
        let named = addresses.join(", ");
        let remedy = format!(
            "Whether {named} was made is not known: it stands in no state, and the template has no `importIds` for it by which captd could look. So nothing is tried by itself. Look in the cloud: delete what is there, or take it over with `captd state`; then `captd retry` goes on."
        );
        Self { remedy, unsure: addresses, ..self }
    }

    /// A destroy that has not reached what may exist: it stands in no state, and could not be looked for.
    #[must_use]
    pub fn not_looked_for(addresses: &[String]) -> Self {
        let message = format!(
            "{} may exist: an apply did not end well, it stands in no state, and captd could not look for it, as is so where what it belongs to is gone. What the state had is destroyed",
            addresses.join(", ")
        );
        Self::with_remedy(Class::Provider, message, "").left_to_a_person()
    }

    /// The same, with what a person can do where that which may exist cannot be looked for.
    #[must_use]
    pub fn left_to_a_person(self) -> Self {
        let remedy = "What an apply of before has made and not recorded cannot be looked for as long as this fails. Mend that, and call `captd retry`; or look in the cloud, delete what is there, and let go of it with `captd delete --abandon`.";
        Self { remedy: remedy.to_owned(), ..self }
    }

    /// The same after the last of `attempts`: what a person must do now.
    #[must_use]
    pub fn given_up(self, attempts: u32) -> Self {
        let advice =
            self.remedy.replace("; captd tries again by itself", "").replace("captd tries again by itself.", "");
        // "Nothing: …" was right as long as captd went on.
        let advice = if advice.starts_with("Nothing:") { "" } else { &advice };
        let remedy = format!(
            "captd has tried {attempts} times, as often as reconcile.retries_max lets it, and tries no more; everything is kept, and `captd retry` goes on. {}",
            advice.trim()
        );
        Self { remedy: remedy.trim_end().to_owned(), ..self }
    }

    /// Finds the class of what a program said, of which nothing but the text is known.
    #[must_use]
    pub fn classified(message: impl Into<String>) -> Self {
        Self::diagnosed(message, &[])
    }

    /// Finds the class of what Terraform said; `origins` are where its error diagnostics point.
    #[must_use]
    pub fn diagnosed(message: impl Into<String>, origins: &[Origin]) -> Self {
        let message = message.into();
        match classify(&message, origins) {
            (class, Some(remedy)) => Self::with_remedy(class, message, remedy),
            (class, None) => Self::new(class, message),
        }
    }

    /// What captd could not do by itself: a full disk and a limit of its machine, or else a defect.
    #[must_use]
    pub fn own(message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(classify_own(&message), message)
    }

    /// A command that a signal ended which captd has not sent; `what` names the command, `said` is
    /// what it said before.
    #[must_use]
    pub fn ended_by_signal(what: &str, signal: i32, said: &str) -> Self {
        let message = format!("{what} was ended by signal {signal}: {said}");
        match signal {
            SIGKILL => Self::new(Class::Limit, message),
            _ => Self::new(Class::Provider, message),
        }
    }
}

const SIGKILL: i32 = 9;
