//! Label selectors: what they select, and what is none.

use std::collections::BTreeMap;

use captd::domain::selector::Selector;

/// A machine with these labels, and every selector that should (or should not) find it.
fn check(matches: bool, selectors: &[&str]) {
    let labels: BTreeMap<String, String> =
        [("team", "data"), ("tier", "web"), ("example.com/zone", "a"), ("empty", "")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
    for text in selectors {
        assert_eq!(Selector::parse(text).unwrap().matches(&labels), matches, "`{text}`");
    }
}

fn check_refused(selectors: &[(&str, &str)]) {
    for (text, named) in selectors {
        let error = Selector::parse(text).expect_err(text).to_string();
        assert!(error.starts_with(&format!("`{named}` is no requirement: ")), "`{text}`: {error}");
    }
}

#[test]
fn equality() {
    check(true, &["team=data", "team==data", " team = data ", "example.com/zone=a", "empty="]);
    check(false, &["team=ml", "team==ml", "owner=data", "team=", "example.com/zone=b", "owner="]);
    check(true, &["team!=ml", "owner!=eve"]);
    check(false, &["team!=data"]);
}

#[test]
fn sets() {
    check(
        true,
        &["team in (data)", "team in (ml, data)", "team in ( ml ,data )", "owner notin (eve)", "team notin (ml)"],
    );
    check(false, &["team in (ml)", "owner in (eve)", "team notin (data)", "team notin (ml, data)"]);
}

#[test]
fn existence() {
    check(true, &["team", "!owner", "example.com/zone", "empty"]);
    check(false, &["owner", "!team"]);
}

#[test]
fn every_requirement_must_be_met() {
    check(true, &["", "  ", "team=data,tier=web", "team in (data,ml),!owner,tier", "team=data, tier!=db"]);
    check(false, &["team=data,tier=db", "owner,team", "team in (data,ml),owner in (a,b)"]);
}

#[test]
fn nonsense_is_named() {
    check_refused(&[
        ("=data", "=data"),
        ("!", "!"),
        ("te am", "te am"),
        ("team=da ta", "team=da ta"),
        ("team=a=b", "team=a=b"),
        ("team in data", "team in data"),
        ("team in (data", "team in (data"),
        ("team in", "team in"),
        ("team>3", "team>3"),
        ("team=data,§", "§"),
        ("-team=data", "-team=data"),
        ("a/b/c", "a/b/c"),
        ("(team)", "(team)"),
    ]);
}

#[test]
fn values_in_parentheses_are_labels_too() {
    check_refused(&[
        ("team in ($$)", "team in ($$)"),
        ("team in (a))", "team in (a))"),
        ("team notin (a b)", "team notin (a b)"),
    ]);
}

#[test]
fn a_comma_with_nothing_beside_it_is_a_mistake() {
    for text in [",", "team=data,", "team=data,,tier=web"] {
        assert!(Selector::parse(text).is_err(), "`{text}`");
    }
}
