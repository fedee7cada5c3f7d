//! `[providers.aws.<name>]`: accounts, and how to sign in to them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::fields::Fields;
use crate::domain::problem::{Problems, pointer_to};

/// `[providers]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Providers {
    /// `[providers.aws.<name>]` by name.
    pub aws: BTreeMap<String, AwsProvider>,
}

/// One `[providers.aws.<name>]`.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsProvider {
    /// Region of what declares none.
    pub region: Option<String>,
    /// 12 digits; the provider refuses to work on any other account.
    pub account_id: Option<String>,
    /// Namespaces that may use it; `*` is all.
    pub namespaces: Vec<String>,
    /// How to sign in.
    pub credentials: Credentials,
    /// A role to take on after signing in.
    pub assume_role_arn: Option<String>,
    /// One address for all services, for a fake or a private AWS.
    pub endpoint_url: Option<String>,
}

/// How to sign in to AWS: said explicitly, never guessed.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A profile of the shared configuration files.
    Profile(String),
    /// A key of its own.
    Key {
        /// Public part.
        access_key: String,
        /// Secret part.
        secret_key: String,
    },
    /// What the daemon's own environment or machine offers.
    Ambient,
}

impl std::fmt::Debug for Credentials {
    /// Never a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Profile(profile) => f.debug_tuple("Profile").field(profile).finish(),
            Self::Key { .. } => f.write_str("Key(…)"),
            Self::Ambient => f.write_str("Ambient"),
        }
    }
}

impl std::fmt::Debug for AwsProvider {
    /// Never its secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsProvider")
            .field("region", &self.region)
            .field("account_id", &self.account_id)
            .field("endpoint_url", &self.endpoint_url)
            .finish_non_exhaustive()
    }
}

impl AwsProvider {
    /// Whether the provider configuration lets `namespace` use it.
    #[must_use]
    pub fn admits(&self, namespace: &str) -> bool {
        self.namespaces.iter().any(|allowed| allowed == "*" || allowed == namespace)
    }
}

pub(super) fn parse(f: &mut Fields<'_, '_>) -> Option<Providers> {
    let at = f.pointer("aws");
    let mut problems = Problems::default();
    let mut aws = BTreeMap::new();
    for (name, value) in f.any_map("aws").unwrap_or_default() {
        if let Some(provider) = aws_provider(&value, &pointer_to(&at, &name), &mut problems) {
            aws.insert(name, provider);
        }
    }
    let complete = problems.is_empty();
    f.absorb(problems);
    complete.then_some(Providers { aws })
}

fn aws_provider(value: &Value, at: &str, problems: &mut Problems) -> Option<AwsProvider> {
    let mut f = Fields::open(value, at, problems)?;
    let region = f.text("region");
    let account_id = account_id(&mut f);
    let namespaces = f.texts("namespaces").unwrap_or_else(|| vec!["*".to_owned()]);
    let credentials = credentials(&mut f);
    let assume_role_arn = f.text("assume_role_arn");
    let endpoint_url = f.text("endpoint_url");
    if let Some(url) = &endpoint_url
        && !(url.starts_with("http://") || url.starts_with("https://"))
    {
        f.problem("endpoint_url", "invalid_value", format!("`{url}` is no URL that begins with http:// or https://"));
    }
    if endpoint_url.is_some() && account_id.is_some() {
        // "AWS account ID not allowed: ": the provider does not ask for its account then.
        f.problem(
            "account_id",
            "exactly_one_of",
            "does not go together with endpoint_url, which implies that no account is asked for",
        );
    }
    f.finish();
    Some(AwsProvider { region, account_id, namespaces, credentials: credentials?, assume_role_arn, endpoint_url })
}

/// 12 digits, in quotes or as a number: an environment variable cannot tell the two apart.
fn account_id(f: &mut Fields<'_, '_>) -> Option<String> {
    let value = f.value("account_id")?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(text);
    }
    f.problem("account_id", "invalid_value", format!("`{text}` is no AWS account: 12 digits, in quotes"));
    None
}

fn credentials(f: &mut Fields<'_, '_>) -> Option<Credentials> {
    let profile = f.text("profile");
    let access_key = f.text("access_key");
    let secret_key = f.text("secret_key");
    let ambient = f.boolean("ambient").unwrap_or_default();
    match (profile, access_key, secret_key, ambient) {
        (Some(profile), None, None, false) => Some(Credentials::Profile(profile)),
        (None, Some(access_key), Some(secret_key), false) => Some(Credentials::Key { access_key, secret_key }),
        (None, None, None, true) => Some(Credentials::Ambient),
        (None, None, None, false) => {
            f.problem(
                "profile",
                "required",
                "say how to sign in: profile = \"…\", or access_key and secret_key, or ambient = true",
            );
            None
        }
        _ => {
            f.problem(
                "profile",
                "exactly_one_of",
                "give exactly one of: profile; access_key with secret_key; ambient = true",
            );
            None
        }
    }
}
