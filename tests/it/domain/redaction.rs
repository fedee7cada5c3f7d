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

/// As Terraform, its functions, and what they call print a text; written down from Python's `json`, `base64` and `quote`.
#[test]
fn a_secret_is_found_in_the_forms_in_which_it_is_printed() {
    let secret = r#"pä$$ w0rd/"x"&<y>+?~${z}"#;
    let secrets = secrets(&[secret]);
    for (form, text) in [
        ("as it is", secret),
        ("JSON", r#"pä$$ w0rd/\"x\"&<y>+?~${z}"#),
        ("jsonencode", r#"pä$$ w0rd/\"x\"\u0026\u003cy\u003e+?~${z}"#),
        ("jsonencode in a log of JSON", r#"pä$$ w0rd/\\\"x\\\"\\u0026\\u003cy\\u003e+?~${z}"#),
        ("a plan", r#"pä$$ w0rd/\"x\"&<y>+?~$${z}"#),
        ("a plan in a log of JSON", r#"pä$$ w0rd/\\\"x\\\"\u0026\u003cy\u003e+?~$${z}"#),
        ("urlencode", "p%C3%A4%24%24+w0rd%2F%22x%22%26%3Cy%3E%2B%3F~%24%7Bz%7D"),
        ("a path", "p%C3%A4$$%20w0rd%2F%22x%22&%3Cy%3E+%3F~$%7Bz%7D"),
        ("a component", "p%C3%A4%24%24%20w0rd%2F%22x%22%26%3Cy%3E%2B%3F~%24%7Bz%7D"),
    ] {
        assert_eq!(secrets.redact(&format!("<{text}>")), "<(secret)>", "{form}");
    }
    // In base64 no more than the characters are left that it shares with what stands around it.
    for (text, left) in [
        ("cMOkJCQgdzByZC8ieCImPHk+Kz9+JHt6fQ==", "(secret)"),
        ("cMOkJCQgdzByZC8ieCImPHk-Kz9-JHt6fQ", "(secret)"),
        ("cMOkJCQgdzByZC8ieCImPHk+Kz9+JHt6fSEh", "(secret)SEh"),
        ("dTpww6QkJCB3MHJkLyJ4IiY8eT4rP34ke3p9ISE=", "dTp(secret)ISE="),
        ("eHDDpCQkIHcwcmQvIngiJjx5Pis/fiR7en0hIQ==", "eH(secret)0hIQ=="),
        ("eHDDpCQkIHcwcmQvIngiJjx5Pis_fiR7en0hIQ==", "eH(secret)0hIQ=="),
    ] {
        assert_eq!(secrets.redact(text), left, "{text}");
    }
}

#[test]
fn of_a_text_of_several_lines_each_is_one_and_so_is_the_whole() {
    let secrets = secrets(&["first line of it\nab\nthe last of its lines\n"]);
    assert_eq!(secrets.redact("first line of it\nab\nthe last of its lines"), "(secret)");
    assert_eq!(secrets.redact(r#""first line of it\nab\nthe last of its lines\n""#), r#""(secret)\n""#);
    assert_eq!(secrets.redact("  | the last of its lines"), "  | (secret)");
}

#[test]
fn what_is_added_for_one_is_not_known_to_others() {
    let known = secrets(&["known-to-everybody"]);
    let own = known.and(["known-to-one-run"]);
    let text = "known-to-everybody and known-to-one-run";
    assert_eq!(own.redact(text), "(secret) and (secret)");
    assert_eq!(known.redact(text), "(secret) and known-to-one-run");
    let mut more = known.clone();
    more.add("known-since-then");
    assert_eq!(
        (more.redact("known-since-then"), known.redact("known-since-then")),
        ("(secret)".into(), "known-since-then".into())
    );
}
