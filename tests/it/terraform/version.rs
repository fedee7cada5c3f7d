//! Which Terraform captd drives, and what it says of the others.

use captd::terraform::version::check;
use serde_json::json;

fn answer(version: &str) -> String {
    json!({"terraform_version": version, "platform": "linux_amd64", "provider_selections": {}}).to_string()
}

#[test]
fn from_the_oldest_on() {
    for version in ["1.6.0", "1.6", "1.11.4", "1.10.0", "2.0.0-beta1", "1.6.0-rc1"] {
        assert_eq!(check(&answer(version)), Ok(version.to_owned()));
    }
    for version in ["1.5.7", "1.5.99", "1.0.11", "0.15.5", "0.9.0"] {
        assert_eq!(check(&answer(version)), Err(format!("it is version {version}, and captd needs 1.6 or newer")));
    }
}

#[test]
fn what_is_no_answer() {
    for version in ["", "latest", "1", "v1.11.4", "1.x"] {
        assert_eq!(check(&answer(version)), Err(format!("`{version}` is no version")));
    }
    assert_eq!(check("Terraform v1.11.4"), Err("`version -json` answered no JSON: Terraform v1.11.4".to_owned()));
    assert_eq!(check(""), Err("`version -json` answered no JSON: ".to_owned()));
    for nonsense in ["{}", "[]", "null", "{\"terraform_version\": 1.11}"] {
        assert_eq!(check(nonsense), Err("`version -json` names no terraform_version".to_owned()), "{nonsense}");
    }
    let long = check(&"x".repeat(10_000)).unwrap_err();
    assert_eq!(long.len(), "`version -json` answered no JSON: ".len() + 200);
}
