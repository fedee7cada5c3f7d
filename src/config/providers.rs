//! `[providers.aws.<name>]`: accounts, and how to sign in to them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::engine;
use crate::domain::env_names::check_pattern;
use crate::domain::fields::Fields;
use crate::domain::problem::{Problems, pointer_to};

/// The region of what is rendered for no provider configuration, unless one is asked for.
const UNNAMED_REGION: &str = "us-east-1";

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
    /// Names of the environment that declarations with a template of captd's or CAPT's may set; a `*` at the end
    /// stands for any text.
    pub env_allow: Vec<String>,
    /// The proxy that runs go through, in the place of captd's own.
    pub proxy: Option<String>,
    /// Certificates, in PEM, of those whom runs trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Tags that others put on what captd makes: neither shown nor taken away.
    pub ignore_tags: IgnoreTags,
}

/// `ignore_tags`, as the AWS provider has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoreTags {
    /// Keys of tags.
    pub keys: Vec<String>,
    /// Beginnings of keys.
    pub key_prefixes: Vec<String>,
}

impl AwsProvider {
    /// One that says nothing, for looking at what a template becomes: it signs in nowhere.
    #[must_use]
    pub fn unnamed() -> Self {
        Self {
            region: Some(UNNAMED_REGION.to_owned()),
            account_id: None,
            namespaces: Vec::new(),
            credentials: Credentials::Ambient,
            assume_role_arn: None,
            endpoint_url: None,
            env_allow: Vec::new(),
            proxy: None,
            ca_file: None,
            ignore_tags: IgnoreTags::default(),
        }
    }
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

pub(super) fn parse(f: &mut Fields<'_, '_>, data_dir: &Path) -> Option<Providers> {
    let at = f.pointer("aws");
    let mut problems = Problems::default();
    let mut aws = BTreeMap::new();
    for (name, value) in f.any_map("aws").unwrap_or_default() {
        if let Some(provider) = aws_provider(&value, &pointer_to(&at, &name), data_dir, &mut problems) {
            aws.insert(name, provider);
        }
    }
    let complete = problems.is_empty();
    f.absorb(problems);
    complete.then_some(Providers { aws })
}

fn aws_provider(value: &Value, at: &str, data_dir: &Path, problems: &mut Problems) -> Option<AwsProvider> {
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
    let env_allow = env_allow(&mut f);
    let proxy = proxy(&mut f);
    let ca_file = ca_file(&mut f, data_dir);
    let ignore_tags = f.object("ignore_tags", ignore_tags).unwrap_or_default();
    f.finish();
    let credentials = credentials?;
    Some(AwsProvider {
        region,
        account_id,
        namespaces,
        credentials,
        assume_role_arn,
        endpoint_url,
        env_allow,
        proxy,
        ca_file,
        ignore_tags,
    })
}

/// What captd's own tags begin with.
const OWN_TAGS: &str = "captd:";

fn ignore_tags(f: &mut Fields<'_, '_>) -> Option<IgnoreTags> {
    let keys = f.texts("keys").unwrap_or_default();
    let key_prefixes = f.texts("key_prefixes").unwrap_or_default();
    for (field, texts) in [("keys", &keys), ("key_prefixes", &key_prefixes)] {
        if texts.iter().any(|text| text.is_empty() || text.len() > 128) {
            f.problem(field, "invalid_value", "holds no key of a tag: 1 to 128 bytes each");
        }
        if texts
            .iter()
            .any(|text| text.starts_with(OWN_TAGS) || (field == "key_prefixes" && OWN_TAGS.starts_with(text.as_str())))
        {
            f.problem(field, "invalid_value", format!("would hide captd's own tags, which begin with `{OWN_TAGS}`"));
        }
    }
    Some(IgnoreTags { keys, key_prefixes })
}

fn env_allow(f: &mut Fields<'_, '_>) -> Vec<String> {
    let patterns = f.texts("env_allow").unwrap_or_default();
    for why in patterns.iter().filter_map(|pattern| check_pattern(pattern).err()) {
        f.problem("env_allow", "invalid_value", why);
    }
    patterns
}

fn proxy(f: &mut Fields<'_, '_>) -> Option<String> {
    let proxy = f.text("proxy")?;
    let rest = ["http://", "https://", "socks5://"].iter().find_map(|scheme| proxy.strip_prefix(scheme));
    let rest = rest.unwrap_or_default();
    let host = rest.trim_end_matches('/').rsplit('@').next().unwrap_or_default();
    if host.is_empty() || host.contains(['/', '?', '#']) || proxy.contains(char::is_whitespace) {
        let detail = "is no address of a proxy, such as http://proxy.example.com:3128 (or https://, or socks5://)";
        f.problem("proxy", "invalid_value", detail);
    }
    Some(proxy)
}

/// It is opened to runs, so it is a file of certificates and lies apart from what they may not read.
fn ca_file(f: &mut Fields<'_, '_>, data_dir: &Path) -> Option<PathBuf> {
    let path = PathBuf::from(f.text("ca_file")?);
    let text = std::fs::read_to_string(&path);
    let problem = if !path.is_absolute() {
        Some("is no absolute path".to_owned())
    } else if engine::holds(data_dir, &path) {
        Some("lies in the data folder, which runs may not read; put it elsewhere".to_owned())
    } else {
        match text {
            Err(error) => Some(format!("cannot be read: {error}")),
            Ok(text) if !text.contains("-----BEGIN CERTIFICATE-----") => Some("holds no certificate in PEM".to_owned()),
            Ok(text) if text.contains("PRIVATE KEY-----") => {
                Some("holds a private key, and runs read it; keep the certificates alone in it".to_owned())
            }
            Ok(_) => None,
        }
    };
    if let Some(why) = problem {
        f.problem("ca_file", "invalid_value", format!("`{}` {why}", path.display()));
    }
    Some(path)
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
