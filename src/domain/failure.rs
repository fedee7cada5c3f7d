//! Failures: what kind it was, what to do, whether trying again can help.

use serde::{Deserialize, Serialize};

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
}

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
    /// Somebody else works on the same thing.
    Lock,
    /// An address could not be reached.
    Network,
    /// The provider's process died.
    ProviderLost,
    /// It took longer than it may.
    Timeout,
    /// A defect, or nothing that captd knows.
    Internal,
}

impl Class {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Authentication => "authentication",
            Self::Throttling => "throttling",
            Self::Quota => "quota",
            Self::Capacity => "capacity",
            Self::Lock => "lock",
            Self::Network => "network",
            Self::ProviderLost => "provider_lost",
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
            Self::Lock => "Another change of the same thing is under way; captd tries again by itself.",
            Self::Network => "Check that the address can be reached from this machine; captd tries again by itself.",
            Self::ProviderLost => {
                "The provider's process died; if it does so again, look at the log of the run and at the machine's memory; captd tries again by itself."
            }
            Self::Timeout => "Look at the log for what it waited for; captd tries again by itself.",
            Self::Internal => "Look at the log of the run; captd tries again by itself.",
        }
    }
}

impl Failure {
    /// A failure with the remedy of its class.
    #[must_use]
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), remedy: class.remedy().to_owned(), spared: false }
    }

    /// A failure with a remedy of its own.
    #[must_use]
    pub fn with_remedy(class: Class, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { class, message: message.into(), remedy: remedy.into(), spared: false }
    }

    /// Whether it says that what was to be created is there already.
    #[must_use]
    pub fn says_it_exists(&self) -> bool {
        exists(&self.message)
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

    /// Finds the class of what Terraform said.
    #[must_use]
    pub fn classified(message: impl Into<String>) -> Self {
        let message = message.into();
        if exists(&message) {
            let remedy = "Something of that name exists in the cloud and stands in no state of captd's: delete it there, or give the node group another name.";
            return Self::with_remedy(Class::Configuration, message, remedy);
        }
        if let Some((class, _, remedy)) = TELLING.iter().find(|(_, texts, _)| is_in(&message, texts)) {
            return Self::with_remedy(*class, message, *remedy);
        }
        Self::new(classify(&message), message)
    }

    /// A command that a signal ended which captd has not sent; `what` names the command, `said` is
    /// what it said before.
    #[must_use]
    pub fn ended_by_signal(what: &str, signal: i32, said: &str) -> Self {
        let message = format!("{what} was ended by signal {signal}: {said}");
        if signal == SIGKILL {
            Self::with_remedy(Class::Internal, message, MEMORY)
        } else {
            Self::new(Class::Internal, message)
        }
    }
}

/// The spellings of AWS: of EKS (`ResourceInUseException: NodeGroup already exists with name …`),
/// IAM (`EntityAlreadyExists`), EC2 (`InvalidGroup.Duplicate`), S3 (`BucketAlreadyOwnedByYou`), Auto
/// Scaling (`AlreadyExists`) and `CloudWatch` (`ResourceAlreadyExistsException`).
fn exists(message: &str) -> bool {
    ["already exists", "AlreadyExists", "AlreadyOwnedByYou", ".Duplicate", "DuplicateResource"]
        .iter()
        .any(|text| message.contains(text))
}

const SIGKILL: i32 = 9;

/// What to do about a process that was killed by nobody that captd knows.
const MEMORY: &str = "The kernel kills so when memory runs out: give the machine more of it, or lower engine.plans_at_once and engine.applies_at_once; captd tries again by itself.";

/// Texts that say more than their class does, with what to do about just that.
const TELLING: &[(Class, &[&str], &str)] = &[
    (
        Class::Internal,
        &["no space left on device", "disk quota exceeded"],
        "A disk of captd's machine is full: make room where the message says, or in captd's data folder; captd tries again by itself.",
    ),
    (
        Class::Internal,
        &["signal: killed", "exit status 137", "exit code 137", "cannot allocate memory", "out of memory"],
        MEMORY,
    ),
    (
        Class::Configuration,
        &["PodEvictionFailure"],
        "Pods could not be moved off the old nodes: look for PodDisruptionBudgets that allow no disruption, and for pods that tolerate every taint; `captd retry` goes on when they are mended.",
    ),
    (
        Class::Network,
        &["x509: ", ": tls: "],
        "The other side's certificate was not accepted: check this machine's clock and certificates (SSL_CERT_FILE), and a proxy on the way; captd tries again by itself.",
    ),
];

/// Texts by which a failure is known, most telling first. Each was seen in an answer of AWS, of
/// the provider or of Terraform.
const KNOWN: &[(Class, &[&str])] = &[
    (
        Class::ProviderLost,
        &[
            "Plugin did not respond",
            "plugin crashed",
            "plugin process exited",
            "plugin exited before",
            "waiting for plugin to start",
            "Unrecognized remote plugin message",
            "(*GRPCProvider)",
            "connection is shut down",
            "panic: ",
        ],
    ),
    (
        Class::Throttling,
        &[
            "Throttling",
            "ThrottledException",
            "TooManyRequests",
            "Request limit exceeded",
            "RequestLimitExceeded",
            "Rate exceeded",
            "RateLimitExceeded",
            "RequestThrottled",
            "failed to get rate limit token",
            "SlowDown",
            "StatusCode: 429",
        ],
    ),
    (
        Class::Capacity,
        &[
            "InsufficientInstanceCapacity",
            "InsufficientFreeAddresses",
            "InsufficientCapacity",
            "InsufficientHostCapacity",
            "ReservationCapacityExceeded",
            "UnfulfillableCapacity",
            "no Spot capacity",
        ],
    ),
    (
        Class::Quota,
        &[
            "ResourceLimitExceeded",
            "LimitExceeded",
            "InstanceLimitExceeded",
            "ServiceQuotaExceeded",
            "QuotaExceeded",
            "MaxSpotInstanceCountExceeded",
        ],
    ),
    (
        Class::Authentication,
        &[
            "AccessDenied",
            "UnauthorizedOperation",
            "UnrecognizedClient",
            "InvalidClientTokenId",
            "ExpiredToken",
            "RequestExpired",
            "token has expired",
            "token is expired",
            "session has expired",
            "Signature expired",
            "InvalidSignatureException",
            "RequestTimeTooSkewed",
            "InvalidIdentityToken",
            "Cannot assume IAM Role",
            "failed to get shared config profile",
            "OptInRequired",
            "SignatureDoesNotMatch",
            "No valid credential sources",
            "failed to refresh cached credentials",
            "AuthFailure",
            "AuthorizationError",
            "StatusCode: 401",
            "StatusCode: 403",
        ],
    ),
    (
        Class::Lock,
        &[
            "Error acquiring the state lock",
            "ResourceInUseException",
            "OperationInProgress",
            "ConcurrentModification",
            "DependencyViolation",
            "DeleteConflict",
            "AutoScalingGroupInstanceRefreshActive",
            "state lock",
        ],
    ),
    (
        Class::Network,
        &[
            "connection refused",
            "connection reset",
            "no such host",
            "Temporary failure in name resolution",
            "server misbehaving",
            "no route to host",
            "ClusterUnreachable",
            "i/o timeout",
            "TLS handshake",
            "request send failed",
            "could not connect to",
            "network is unreachable",
            ": EOF",
        ],
    ),
    (Class::Timeout, &["timeout while waiting", "context deadline exceeded"]),
    (
        Class::Internal,
        &["InternalServerError", "InternalFailure", "ServerException", "ServiceUnavailable", "StatusCode: 5"],
    ),
    (
        Class::Configuration,
        &[
            "InvalidParameter",
            "InvalidRequest",
            "ValidationException",
            "ValidationError",
            "Unsupported argument",
            "Unsupported block type",
            "Missing required argument",
            "Invalid value for",
            "Invalid function argument",
            "Reference to undeclared",
            "Invalid reference",
            "Invalid expression",
            "Invalid provider",
            "Invalid version constraint",
            "No value for required variable",
            "Module not installed",
            "Module not found",
            "Failed to query available provider packages",
            "Unsupported Terraform Core version",
            "Resource precondition failed",
            "Ec2InstanceTypeDoesNotExist",
            "NodeCreationFailure",
            "NodeTerminationFailure",
            "KubernetesLabelInvalid",
            "AutoScalingGroupInvalidConfiguration",
            "AutoScalingGroupNotFound",
            "Ec2LaunchTemplate",
            "Ec2SecurityGroup",
            "Ec2Subnet",
            "AmiIdNotFound",
            "IamInstanceProfileNotFound",
            "IamNodeRoleNotFound",
            "ResourceNotFoundException",
            "AlreadyExists",
            "Inconsistent dependency lock file",
            "Incompatible API version with plugin",
            "Syntax error",
            "Argument or block definition required",
            "Argument definition required",
        ],
    ),
    // Whatever else kept instances from starting.
    (Class::Capacity, &["AsgInstanceLaunchFailures"]),
];

fn classify(message: &str) -> Class {
    let known = KNOWN.iter().find(|(_, texts)| is_in(message, texts));
    let unknown = || if points_at_template(message) { Class::Configuration } else { Class::Internal };
    known.map_or_else(unknown, |(class, _)| *class)
}

fn is_in(message: &str, texts: &[&str]) -> bool {
    texts.iter().any(|text| message.contains(text))
}

/// Whether a place such as `(main.tf line 3)` is named, and no resource: then Terraform could not
/// read or evaluate the template, and nobody else was asked.
fn points_at_template(message: &str) -> bool {
    message.split('(').skip(1).filter_map(|rest| rest.split_once(')')).any(|(place, _)| {
        place.split_once(".tf line ").is_some_and(|(file, line)| {
            !file.contains(", ") && !line.is_empty() && line.bytes().all(|digit| digit.is_ascii_digit())
        })
    })
}
