//! The environment of Terraform's processes: everything that reaches them, and nothing else.

use std::path::Path;

use captd::config::AwsProvider;
use captd::config::providers::Credentials;
use captd::terraform::environment::{Environment, environment};

fn variables(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What captd always sets.
const OWN: [(&str, &str); 4] = [
    ("CHECKPOINT_DISABLE", "1"),
    ("TF_CLI_CONFIG_FILE", "/data/terraform.rc"),
    ("TF_INPUT", "0"),
    ("TF_IN_AUTOMATION", "1"),
];

fn provider(credentials: Credentials) -> AwsProvider {
    AwsProvider {
        region: Some("eu-central-1".to_owned()),
        account_id: None,
        namespaces: vec!["*".to_owned()],
        credentials,
        assume_role_arn: None,
        endpoint_url: None,
        env_allow: Vec::new(),
        proxy: None,
        ca_file: None,
        ignore_tags: captd::config::IgnoreTags::default(),
    }
}

/// Checks that of `inherited`, with what the configuration passes, exactly `expected` and captd's
/// own variables reach terraform.
fn check(inherited: &[(&str, &str)], pass: &[&str], credentials: Option<Credentials>, expected: &[(&str, &str)]) {
    let pass: Vec<String> = pass.iter().map(|name| (*name).to_owned()).collect();
    let provider = credentials.map(provider);
    let made = environment(&variables(inherited), &pass, Path::new("/data/terraform.rc"), provider.as_ref());
    let mut whole = variables(&OWN);
    whole.extend(variables(expected));
    assert_eq!(made, whole);
}

/// A daemon's environment with all that must not get through.
const HOSTILE: [(&str, &str); 14] = [
    ("TF_LOG", "TRACE"),
    ("TF_INPUT", "1"),
    ("TF_CLI_ARGS", "-lock=false"),
    ("TF_VAR_desired_size", "9"),
    ("TF_WORKSPACE", "other"),
    ("TF_DATA_DIR", "/elsewhere"),
    ("TF_CLI_CONFIG_FILE", "/elsewhere/terraform.rc"),
    ("TF_REATTACH_PROVIDERS", "{}"),
    ("AWS_PROFILE", "admin"),
    ("AWS_ACCESS_KEY_ID", "AKIADAEMON"),
    ("AWS_CA_BUNDLE", "/etc/ssl/cert.pem"),
    ("NOTIFY_SOCKET", "/run/systemd/notify"),
    ("WATCHDOG_USEC", "60000000"),
    ("CAPTD_TOKEN", "secret"),
];

#[test]
fn nothing_of_the_daemon_gets_through_but_what_every_process_needs() {
    let usual = [
        ("PATH", "/bin"),
        ("HOME", "/root"),
        ("LANG", "C.UTF-8"),
        ("TMPDIR", "/tmp"),
        ("HTTPS_PROXY", "http://proxy:1"),
        ("no_proxy", "localhost"),
        ("SSL_CERT_FILE", "/etc/ssl/cert.pem"),
    ];
    let inherited = [HOSTILE.as_slice(), usual.as_slice(), &[("LD_PRELOAD", "x"), ("PWD", "/")]].concat();
    check(&inherited, &[], None, &usual);
    check(&[], &[], None, &[]);
}

#[test]
fn what_the_configuration_passes_gets_through_but_never_a_ca_bundle() {
    check(&HOSTILE, &["TF_LOG", "AWS_PROFILE", "MISSING"], None, &[("TF_LOG", "TRACE"), ("AWS_PROFILE", "admin")]);
    check(&HOSTILE, &["AWS_CA_BUNDLE"], None, &[]);
    check(&HOSTILE, &["NOTIFY_SOCKET", "WATCHDOG_USEC"], None, &[]);
    check(
        &HOSTILE,
        &["AWS_CA_BUNDLE"],
        Some(Credentials::Ambient),
        &[("AWS_PROFILE", "admin"), ("AWS_ACCESS_KEY_ID", "AKIADAEMON")],
    );
}

#[test]
fn what_captd_sets_cannot_be_passed_over() {
    check(&HOSTILE, &["TF_INPUT", "TF_CLI_CONFIG_FILE"], None, &[]);
}

#[test]
fn a_key_is_all_that_the_provider_finds() {
    let credentials = Credentials::Key { access_key: "AKIAOWN".to_owned(), secret_key: "s3cret".to_owned() };
    let inherited = [HOSTILE.as_slice(), &[("AWS_SESSION_TOKEN", "t"), ("AWS_CONFIG_FILE", "/c")]].concat();
    let expected =
        [("AWS_ACCESS_KEY_ID", "AKIAOWN"), ("AWS_SECRET_ACCESS_KEY", "s3cret"), ("AWS_EC2_METADATA_DISABLED", "true")];
    check(&inherited, &[], Some(credentials), &expected);
}

#[test]
fn a_profile_is_looked_for_where_the_daemon_was_told() {
    let inherited = [HOSTILE.as_slice(), &[("AWS_CONFIG_FILE", "/c"), ("AWS_SHARED_CREDENTIALS_FILE", "/s")]].concat();
    let expected = [("AWS_PROFILE", "ops"), ("AWS_CONFIG_FILE", "/c"), ("AWS_SHARED_CREDENTIALS_FILE", "/s")];
    check(&inherited, &[], Some(Credentials::Profile("ops".to_owned())), &expected);
    check(&HOSTILE, &[], Some(Credentials::Profile("ops".to_owned())), &[("AWS_PROFILE", "ops")]);
}

#[test]
fn ambient_means_the_daemons_own_credentials_and_no_more() {
    let own = [
        ("AWS_ACCESS_KEY_ID", "AKIADAEMON"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_SESSION_TOKEN", "t"),
        ("AWS_PROFILE", "admin"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
        ("AWS_ROLE_ARN", "arn"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1"),
    ];
    let others = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", "http://evil"),
        ("AWS_CA_BUNDLE", "/c"),
        ("TF_LOG", "TRACE"),
    ];
    check(&[own.as_slice(), others.as_slice()].concat(), &[], Some(Credentials::Ambient), &own);
}
