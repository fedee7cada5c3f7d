//! The environment of Terraform's processes: made here, not inherited.
//!
//! **Invariant:** no `TF_*` or `AWS_*` variable of the daemon reaches terraform unless the
//! configuration says so; `AWS_CA_BUNDLE` never does, since the AWS provider refuses to start
//! with it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::providers::{AwsProvider, Credentials};

/// Variables by name.
pub type Environment = BTreeMap<String, String>;

/// What every process on a system needs to find programs, homes, certificates and the network.
const PASSED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// What reaches terraform by no setting: the AWS provider refuses to start with the first, and the
/// others are between captd and systemd.
const NEVER: &[&str] = &["AWS_CA_BUNDLE", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"];

/// Where the AWS SDK looks for ambient credentials.
const AMBIENT: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
];

/// How a run reaches its state: all about the `http` backend is in variables, so that no address
/// and no password lands in a file. With these retries terraform bridges a daemon that is away for
/// about six minutes.
#[must_use]
pub fn http_backend(address: &str, user: &str, password: &str) -> Environment {
    let variables = [
        ("TF_HTTP_ADDRESS", address),
        ("TF_HTTP_LOCK_ADDRESS", address),
        ("TF_HTTP_UNLOCK_ADDRESS", address),
        ("TF_HTTP_USERNAME", user),
        ("TF_HTTP_PASSWORD", password),
        ("TF_HTTP_RETRY_MAX", "75"),
        ("TF_HTTP_RETRY_WAIT_MIN", "1"),
        ("TF_HTTP_RETRY_WAIT_MAX", "5"),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Makes the environment of terraform from the daemon's own (`inherited`), the names that the
/// configuration passes besides (`pass`), captd's Terraform CLI configuration, and the provider
/// configuration of the run.
#[must_use]
pub fn environment(
    inherited: &Environment,
    pass: &[String],
    cli_config: &Path,
    provider: Option<&AwsProvider>,
) -> Environment {
    let mut out = Environment::new();
    let mut inherit = |name: &str| {
        if let Some(value) = inherited.get(name).filter(|_| !NEVER.contains(&name)) {
            out.insert(name.to_owned(), value.clone());
        }
    };
    for name in PASSED.iter().copied().chain(pass.iter().map(String::as_str)) {
        inherit(name);
    }
    if provider.is_some_and(|provider| provider.credentials == Credentials::Ambient) {
        for name in AMBIENT {
            inherit(name);
        }
    }
    let mut set = |name: &str, value: &str| out.insert(name.to_owned(), value.to_owned());
    set("TF_CLI_CONFIG_FILE", &cli_config.display().to_string());
    set("TF_IN_AUTOMATION", "1");
    set("TF_INPUT", "0");
    set("CHECKPOINT_DISABLE", "1");
    if let Some(proxy) = provider.and_then(|provider| provider.proxy.as_deref()) {
        set("HTTP_PROXY", proxy);
        set("HTTPS_PROXY", proxy);
    }
    if let Some(file) = provider.and_then(|provider| provider.ca_file.as_deref()) {
        // AWS_CA_BUNDLE is not taken by the provider's client; this is read by all that Go has made.
        set("SSL_CERT_FILE", &file.display().to_string());
    }
    match provider.map(|provider| &provider.credentials) {
        Some(Credentials::Profile(profile)) => {
            set("AWS_PROFILE", profile);
            // Where the profile is looked for, if the daemon was told.
            for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
                if let Some(path) = inherited.get(name) {
                    set(name, path);
                }
            }
        }
        Some(Credentials::Key { access_key, secret_key }) => {
            set("AWS_ACCESS_KEY_ID", access_key);
            set("AWS_SECRET_ACCESS_KEY", secret_key);
            // Nothing else may be found before these.
            set("AWS_EC2_METADATA_DISABLED", "true");
        }
        Some(Credentials::Ambient) | None => {}
    }
    if provider.is_some_and(|provider| provider.proxy.is_some()) {
        // Whatever reads these first would go another way.
        out.remove("http_proxy");
        out.remove("https_proxy");
    }
    out
}
