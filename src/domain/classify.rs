//! The class of a failure: by where Terraform places it, and by the texts of AWS, of providers and of Terraform.
//!
//! **Invariant:** `internal` is never the class of what another program said.

use super::class::Class;

/// The spellings of AWS: of EKS (`ResourceInUseException: NodeGroup already exists with name …`),
/// IAM (`EntityAlreadyExists`), EC2 (`InvalidGroup.Duplicate`), S3 (`BucketAlreadyOwnedByYou`), Auto
/// Scaling (`AlreadyExists`) and `CloudWatch` (`ResourceAlreadyExistsException`).
pub(super) fn exists(message: &str) -> bool {
    ["already exists", "AlreadyExists", "AlreadyOwnedByYou", ".Duplicate", "DuplicateResource"]
        .iter()
        .any(|text| message.contains(text))
}

/// Texts that say more than their class does, with what to do about just that.
const TELLING: &[(Class, &[&str], &str)] = &[
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
    (Class::Disk, DISK),
    (Class::Limit, LIMIT),
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
            "OperationInProgress",
            "ConcurrentModification",
            "currently not in Active",
            "AutoScalingGroupInstanceRefreshActive",
            "state lock",
        ],
    ),
    (
        Class::Dependency,
        &[
            "DependencyViolation",
            "DeleteConflict",
            "ResourceInUse",
            "ScalingActivityInProgress",
            "has attachments",
            "has dependencies and cannot be deleted",
            "has a dependent object",
            "InvalidIPAddress.InUse",
            "InvalidNetworkInterface.InUse",
            "VolumeInUse",
            "InvalidGroup.InUse",
            "BucketNotEmpty",
            "RepositoryNotEmpty",
            "HostedZoneNotEmpty",
            "is currently in use",
            "must be detached",
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
        Class::Provider,
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

/// Texts of a full disk: of the kernel, of Go and of SQLite.
const DISK: &[&str] = &[
    "no space left on device",
    "No space left on device",
    "disk quota exceeded",
    "Disk quota exceeded",
    "Quota exceeded (os error",
    "database or disk is full",
];

/// Texts of a limit of captd's machine, or of the memory of it.
const LIMIT: &[&str] = &[
    "signal: killed",
    "exit status 137",
    "exit code 137",
    "cannot allocate memory",
    "Cannot allocate memory",
    "out of memory",
    "too many open files",
    "Too many open files",
    "file too large",
    "File too large",
    "signal: file size limit exceeded",
    "pthread_create failed",
    "failed to create new OS thread",
];

/// Where the error diagnostics of a command point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// At a place in the template: Terraform could not read or evaluate it, and nobody else was asked.
    Template,
    /// At a setting in the template, which a provider refuses.
    Setting,
    /// At a resource as a whole, or at nothing.
    Elsewhere,
}

/// The class of `message`, with a remedy that says more than the class's own, if there is one. `origins` are those of
/// its diagnostics; empty, where the command has none and only its text is known.
#[must_use]
pub(super) fn classify(message: &str, origins: &[Origin]) -> (Class, Option<&'static str>) {
    let is_in = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    let is_of_template = !origins.is_empty() && origins.iter().all(|origin| *origin == Origin::Template);
    // Whatever words the author of the template has chosen for it.
    if is_of_template && !KNOWN.iter().any(|(class, texts)| *class == Class::ProviderLost && is_in(texts)) {
        return (Class::Configuration, None);
    }
    if exists(message) {
        return (Class::Configuration, Some(EXISTS));
    }
    if let Some((class, _, remedy)) = TELLING.iter().find(|(_, texts, _)| is_in(texts)) {
        return (*class, Some(remedy));
    }
    if let Some((class, _)) = KNOWN.iter().find(|(_, texts)| is_in(texts)) {
        return (*class, None);
    }
    let is_placed =
        if origins.is_empty() { points_at_template(message) } else { !origins.contains(&Origin::Elsewhere) };
    (if is_placed { Class::Configuration } else { Class::Provider }, None)
}

/// The class of what captd itself could not do: the machine's, where it says so, and else a defect.
#[must_use]
pub(super) fn classify_own(message: &str) -> Class {
    let is_in = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    if is_in(DISK) {
        Class::Disk
    } else if is_in(LIMIT) {
        Class::Limit
    } else {
        Class::Internal
    }
}

/// Whether what failed on the network failed before anything was asked for.
pub(super) fn was_never_reached(message: &str) -> bool {
    let texts = [
        "connection refused",
        "no such host",
        "Temporary failure in name resolution",
        "server misbehaving",
        "no route to host",
        "network is unreachable",
        "could not connect to",
        "TLS handshake",
        "tls: ",
        "x509: ",
        "dial tcp",
        "ClusterUnreachable",
    ];
    texts.iter().any(|text| message.contains(text))
}

const EXISTS: &str = "Something of that name exists in the cloud and stands in no state of captd's: delete it there, or give the node group another name.";

/// Whether a place in the template is named, and no resource: then Terraform could not read or evaluate it, and nobody
/// else was asked. The place is `(main.tf line 3)`, or a line of its own, `on main.tf line 3, in …`.
fn points_at_template(message: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let in_brackets = message.split('(').skip(1).filter_map(|rest| rest.split_once(')')).any(|(place, _)| {
        place.split_once(".tf line ").is_some_and(|(file, line)| !file.contains(", ") && is_number(line))
    });
    let mut lines = message.lines().map(str::trim);
    let on_a_line = lines
        .clone()
        .filter_map(|line| line.strip_prefix("on ")?.split_once(".tf line "))
        .any(|(_, rest)| is_number(rest.split([',', ':']).next().unwrap_or_default()));
    in_brackets || (on_a_line && !lines.any(|line| line.starts_with("with ")))
}
