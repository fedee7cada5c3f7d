//! Kinds of failure, and what to do about each.

use serde::{Deserialize, Serialize};

/// Kinds of failure. The kind decides between trying again and waiting for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The declaration, the template or the configuration is wrong.
    Configuration,
    /// No credentials, or not enough rights.
    Authentication,
    /// The cloud asks to slow down.
    Throttling,
    /// An account limit is reached.
    Quota,
    /// The cloud has no such machines or addresses left at the moment.
    Capacity,
    /// Something else is still in the way: it uses what is to go or to change.
    Dependency,
    /// Somebody holds a lock: on the state, or on what is to be changed.
    Lock,
    /// An address could not be reached.
    Network,
    /// A provider, the service behind it or Terraform itself failed, and captd does not know the words.
    Provider,
    /// The provider's process died.
    ProviderLost,
    /// A limit of memory, processes, file size or open files was reached on captd's machine.
    Limit,
    /// A disk of captd's machine is full.
    Disk,
    /// It took longer than it may.
    Timeout,
    /// A defect of captd, and nothing else.
    Internal,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 14] = [
        Self::Configuration,
        Self::Authentication,
        Self::Throttling,
        Self::Quota,
        Self::Capacity,
        Self::Dependency,
        Self::Lock,
        Self::Network,
        Self::Provider,
        Self::ProviderLost,
        Self::Limit,
        Self::Disk,
        Self::Timeout,
        Self::Internal,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Authentication => "authentication",
            Self::Throttling => "throttling",
            Self::Quota => "quota",
            Self::Capacity => "capacity",
            Self::Dependency => "dependency",
            Self::Lock => "lock",
            Self::Network => "network",
            Self::Provider => "provider",
            Self::ProviderLost => "provider_lost",
            Self::Limit => "limit",
            Self::Disk => "disk",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }

    /// Whether a further try, with nothing changed, can succeed. Rights and quotas may be granted
    /// meanwhile without captd hearing of it; a wrong declaration stays wrong.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        !matches!(self, Self::Configuration)
    }

    /// Whether it means that a service said no before it made anything.
    #[must_use]
    pub fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::Configuration | Self::Authentication | Self::Throttling | Self::Quota | Self::Dependency | Self::Lock
        )
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Configuration => {
                "Correct the declaration, the template or the configuration; nothing is tried again until one of them changes or `captd retry` is called."
            }
            Self::Authentication => {
                "Check the credentials of the provider configuration and the rights of their role; captd tries again by itself."
            }
            Self::Throttling => "Nothing: the cloud asked to slow down, and captd tries again by itself.",
            Self::Quota => "Ask AWS to raise the quota, or free some of it; captd tries again by itself.",
            Self::Capacity => "Allow further instance types, zones or subnets, or wait; captd tries again by itself.",
            Self::Dependency => {
                "Something else still uses it, as the message says: remove or detach that, if it does not go by itself; captd tries again by itself."
            }
            Self::Lock => "Another change of the same thing is under way; captd tries again by itself.",
            Self::Network => "Check that the address can be reached from this machine; captd tries again by itself.",
            Self::Provider => {
                "A provider, the service behind it or Terraform itself failed with an error that captd does not know: look at the log of the run; captd tries again by itself."
            }
            Self::ProviderLost => {
                "The provider's process died; if it does so again, look at the log of the run and at the machine's memory; captd tries again by itself."
            }
            Self::Limit => MEMORY,
            Self::Disk => {
                "A disk of captd's machine is full: make room where the message says, or in captd's data folder; captd tries again by itself."
            }
            Self::Timeout => "Look at the log for what it waited for; captd tries again by itself.",
            Self::Internal => {
                "This is a defect of captd: look at the log of the daemon and report it; captd tries again by itself."
            }
        }
    }
}

/// What to do about a process that was killed by nobody that captd knows.
const MEMORY: &str = "The kernel kills so when memory runs out: give the machine more of it, or lower engine.plans_at_once and engine.applies_at_once; captd tries again by itself.";
