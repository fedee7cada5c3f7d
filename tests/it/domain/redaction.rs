//! Texts without secrets.

use captd::domain::redaction::{Secrets, names_a_secret};

fn secrets(values: &[&str]) -> Secrets {
    let mut secrets = Secrets::default();
    for value in values {
        secrets.add(value);
    }
    secrets
}

#[test]
fn a_secret_is_replaced_wherever_it_stands() {
    let secrets = secrets(&["wJalrXUtnFEMI/K7MDENG", "AKIAIOSFODNN7"]);
    assert_eq!(
        secrets.redact("key AKIAIOSFODNN7 (wJalrXUtnFEMI/K7MDENG), again AKIAIOSFODNN7AKIAIOSFODNN7"),
        "key (secret) ((secret)), again (secret)(secret)"
    );
    assert_eq!(secrets.redact("AKIAIOSFODNN is none"), "AKIAIOSFODNN is none");
    assert_eq!(Secrets::default().redact("anything"), "anything");
}

#[test]
fn of_one_that_holds_another_nothing_is_left() {
    assert_eq!(secrets(&["password", "password-and-more"]).redact("password-and-more password"), "(secret) (secret)");
}

#[test]
fn a_secret_is_found_as_json_has_it_and_line_by_line() {
    let secrets = secrets(&["a\"b\\c<d>&e-1234", "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n"]);
    assert_eq!(secrets.redact(r#"{"m":"a\"b\\c\u003cd\u003e\u0026e-1234"}"#), r#"{"m":"(secret)"}"#);
    assert_eq!(secrets.redact("x a\"b\\c<d>&e-1234"), "x (secret)");
    assert_eq!(secrets.redact("  MIIEvQIBADANBg"), "  (secret)");
}

#[test]
fn what_is_short_is_no_secret_since_it_would_be_found_everywhere() {
    assert_eq!(secrets(&["test", "default", ""]).redact("a test of the default"), "a test of the default");
}

#[test]
fn variables_that_hold_secrets() {
    for name in [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SESSION_TOKEN",
        "TF_HTTP_PASSWORD",
        "tf_var_db_password",
        "DATADOG_API_KEY",
        "SSH_PRIVATE_KEY",
        "GITHUB_TOKEN",
        "SIGNING_KEY",
    ] {
        assert!(names_a_secret(name), "{name}");
    }
    for name in
        ["PATH", "HOME", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "TF_HTTP_ADDRESS", "KEYBOARD", "AWS_ROLE_ARN"]
    {
        assert!(!names_a_secret(name), "{name}");
    }
}

#[test]
fn the_password_in_an_address_is_a_secret_and_the_address_is_none() {
    let mut secrets = Secrets::default();
    secrets.add_variable("HTTPS_PROXY", "http://somebody:hunter2hunter2@proxy.example:3128/");
    secrets.add_variable("HTTP_PROXY", "http://proxy.example:3128/");
    assert_eq!(
        secrets.redact("http://somebody:hunter2hunter2@proxy.example:3128/"),
        "http://somebody:(secret)@proxy.example:3128/"
    );
}

#[test]
fn a_debug_text_tells_none() {
    assert!(!format!("{:?}", secrets(&["wJalrXUtnFEMI"])).contains("wJalr"));
}
