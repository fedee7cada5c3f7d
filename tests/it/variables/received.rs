//! For any type and any value: what captd takes is what the real Terraform receives, and what is of
//! a type is taken. `PROPTEST_CASES` says how many Terraform runs there are, of 150 values each.

use std::collections::BTreeMap;

use captd_variables::{Attribute, Type, misfits};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use crate::support::{requires, terraform_says as terraform};

/// Variables of one Terraform run.
const AT_ONCE: usize = 150;
/// Terraform runs, unless somebody wishes for more.
const RUNS: u32 = 4;

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,4}"
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        // Letters, marks above them and pictures that are older than Terraform's tables of Unicode.
        "[ -~\\u{a0}-\\u{24f}\\u{300}-\\u{36f}\\u{391}-\\u{3c9}\\u{1100}-\\u{11ff}\\u{3041}-\\u{30ff}\\u{4e00}-\\u{4eff}\\u{1f300}-\\u{1f5ff}]{0,10}",
        vec(any::<u8>().prop_map(char::from), 0..6).prop_map(|chars| chars.into_iter().collect()),
        "[ -~]{0,12}",
        // What means something to Terraform's language, and letters that are written in two ways.
        vec(
            prop::sample::select(vec!["${", "%{", "$$", "}", "\"", "\\", "\n", "e\u{301}", "é", "\u{feff}", "x"]),
            0..6
        )
        .prop_map(|parts| parts.concat()),
        prop::sample::select(vec!["true", "0", "1", "1.0", "null", ""]).prop_map(str::to_owned),
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-5_i64..5).prop_map(Value::from),
        "-?[1-9][0-9]{0,40}([.][0-9]{1,20})?(e-?[1-9][0-9]?)?".prop_map(|text| serde_json::from_str(&text).unwrap()),
    ]
}

fn types() -> impl Strategy<Value = Type> {
    let leaf = prop::sample::select(vec![Type::String, Type::Number, Type::Bool, Type::Any]);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let attribute = inner.clone().prop_flat_map(|of| {
            let default = prop_oneof![Just(None), value_of(&of).prop_map(Some)];
            (Just(of), any::<bool>(), default).prop_map(|(of, is_optional, default)| {
                let default = default.filter(|value| {
                    is_optional && !value.is_null() && is_plain(value) && misfits(value, &of).is_empty()
                });
                Attribute { of, is_optional, default }
            })
        });
        prop_oneof![
            inner.clone().prop_map(|of| Type::List(Box::new(of))),
            inner.clone().prop_map(|of| Type::Set(Box::new(of))),
            inner.clone().prop_map(|of| Type::Map(Box::new(of))),
            vec(inner, 0..4).prop_map(Type::Tuple),
            btree_map(name(), attribute, 0..4).prop_map(Type::Object),
        ]
    })
}

/// Whether a value can be written as a default by this test: JSON whose strings mean themselves.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        Value::Number(number) => number.as_i64().is_some(),
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(entries) => {
            entries.values().all(is_plain)
                && entries.keys().all(|key| key.bytes().all(|b| b.is_ascii_alphanumeric()) && !key.is_empty())
        }
        _ => true,
    }
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number(), text().prop_map(Value::from)];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Value::Array), vec((text(), inner), 0..4).prop_map(object),]
    })
}

/// An object without two names that are one to Terraform.
fn object(entries: Vec<(String, Value)>) -> Value {
    let by_name: BTreeMap<String, (String, Value)> = entries.into_iter().map(|entry| (nfc(&entry.0), entry)).collect();
    Value::Object(by_name.into_values().collect())
}

/// A value of a type.
fn value_of(of: &Type) -> BoxedStrategy<Value> {
    let value: BoxedStrategy<Value> = match of {
        Type::Any => anything().boxed(),
        Type::String => text().prop_map(Value::from).boxed(),
        Type::Number => number().boxed(),
        Type::Bool => any::<bool>().prop_map(Value::from).boxed(),
        Type::List(of) | Type::Set(of) => vec(value_of(of), 0..4).prop_map(Value::Array).boxed(),
        Type::Map(of) => vec((text(), value_of(of)), 0..4).prop_map(object).boxed(),
        Type::Tuple(types) => types.iter().map(value_of).collect::<Vec<_>>().prop_map(Value::Array).boxed(),
        Type::Object(attributes) => {
            let attributes: Vec<_> = attributes
                .iter()
                .map(|(name, attribute)| {
                    let name = name.clone();
                    let leave_out = if attribute.is_optional { any::<bool>().boxed() } else { Just(false).boxed() };
                    (value_of(&attribute.of), leave_out)
                        .prop_map(move |(value, out)| (!out).then(|| (name.clone(), value)))
                })
                .collect();
            attributes.prop_map(|entries| Value::Object(entries.into_iter().flatten().collect())).boxed()
        }
    };
    prop_oneof![9 => value, 1 => Just(Value::Null)].boxed()
}

/// A type, a value, and whether it was made for the type.
fn case() -> impl Strategy<Value = (Type, Value, bool)> {
    types().prop_flat_map(|of| {
        let other = types().prop_flat_map(|other| value_of(&other));
        let value = prop_oneof![
            3 => value_of(&of).prop_map(|value| (value, true)),
            1 => anything().prop_map(|value| (value, false)),
            1 => other.prop_map(|value| (value, false)),
        ];
        (Just(of), value).prop_map(|(of, (value, is_of_it))| (of, value, is_of_it))
    })
}

/// Whether the type leaves nothing open.
fn is_closed(of: &Type) -> bool {
    match of {
        Type::Any => false,
        Type::String | Type::Number | Type::Bool => true,
        Type::List(of) | Type::Set(of) | Type::Map(of) => is_closed(of),
        Type::Tuple(items) => items.iter().all(is_closed),
        Type::Object(attributes) => attributes.values().all(|attribute| is_closed(&attribute.of)),
    }
}

/// What Terraform is to receive: the same, with what was left out as its type says.
fn expected(value: &Value, of: &Type) -> Value {
    match (of, value) {
        (Type::List(of) | Type::Set(of), Value::Array(items)) => {
            let items: Vec<Value> = items.iter().map(|item| expected(item, of)).collect();
            Value::Array(items)
        }
        (Type::Map(of), Value::Object(entries)) => {
            Value::Object(entries.iter().map(|(name, value)| (nfc(name), expected(value, of))).collect())
        }
        (Type::Tuple(types), Value::Array(items)) => {
            Value::Array(items.iter().zip(types).map(|(item, of)| expected(item, of)).collect())
        }
        (Type::Object(attributes), Value::Object(entries)) => {
            let filled = attributes.iter().map(|(name, attribute)| {
                let given = entries.get(name);
                // A null says as little as nothing, where there is a default.
                let value = match &attribute.default {
                    Some(default) if given.is_none_or(Value::is_null) => default,
                    _ => given.unwrap_or(&Value::Null),
                };
                (name.clone(), expected(value, &attribute.of))
            });
            Value::Object(filled.collect())
        }
        (_, Value::Array(items)) => Value::Array(items.iter().map(|item| expected(item, of)).collect()),
        (_, Value::Object(entries)) => {
            Value::Object(entries.iter().map(|(name, value)| (nfc(name), expected(value, of))).collect())
        }
        (_, Value::String(text)) => Value::String(nfc(text)),
        (_, value) => value.clone(),
    }
}

fn nfc(text: &str) -> String {
    text.nfc().collect()
}

/// A text that two values have when they are the same: sets by membership, numbers by value.
fn canonical(value: &Value, of: &Type) -> String {
    match (of, value) {
        (_, Value::Number(number)) => decimal(&number.to_string()),
        (Type::Set(of), Value::Array(items)) => {
            let mut members: Vec<String> = items.iter().map(|item| canonical(item, of)).collect();
            members.sort();
            members.dedup();
            format!("{{{}}}", members.join(","))
        }
        (Type::List(of), Value::Array(items)) => list(items.iter().map(|item| canonical(item, of))),
        (Type::Tuple(types), Value::Array(items)) => {
            list(items.iter().zip(types).map(|(item, of)| canonical(item, of)))
        }
        (_, Value::Array(items)) => list(items.iter().map(|item| canonical(item, of))),
        (Type::Map(of), Value::Object(entries)) => named(entries, |_| of.as_ref().clone()),
        (Type::Object(attributes), Value::Object(entries)) => named(entries, |name| attributes[name].of.clone()),
        (_, Value::Object(entries)) => named(entries, |_| of.clone()),
        (_, value) => value.to_string(),
    }
}

/// A number as its digits and the power of ten of the last one.
fn decimal(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let sign = if whole.starts_with('-') { "-" } else { "" };
    let digits = format!("{}{fraction}", whole.trim_start_matches(['-', '+']));
    let digits = digits.trim_start_matches('0');
    let short = digits.trim_end_matches('0');
    if short.is_empty() {
        return "0".to_owned();
    }
    let exponent: i64 = exponent.parse().unwrap();
    let power = exponent - i64::try_from(fraction.len()).unwrap() + i64::try_from(digits.len() - short.len()).unwrap();
    format!("{sign}{short}e{power}")
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn named(entries: &Map<String, Value>, of: impl Fn(&str) -> Type) -> String {
    let sorted: BTreeMap<&String, &Value> = entries.iter().collect();
    list(sorted.into_iter().map(|(name, value)| format!("{name:?}:{}", canonical(value, &of(name)))))
}

/// What Terraform makes of values, by the place of each.
fn received(cases: &[(&Type, &Value)]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    // In an object of its own: an output that is null has no value.
    let blocks = cases.iter().enumerate().map(|(n, (of, _))| {
        format!("variable \"v{n}\" {{ type = {of} }}\noutput \"v{n}\" {{ value = {{ it = var.v{n} }} }}\n")
    });
    std::fs::write(folder.path().join("main.tf"), blocks.collect::<String>()).unwrap();
    let values: Map<String, Value> =
        cases.iter().enumerate().map(|(n, (_, value))| (format!("v{n}"), (*value).clone())).collect();
    std::fs::write(folder.path().join("terraform.tfvars.json"), Value::Object(values).to_string()).unwrap();
    terraform(folder.path(), &["apply", "-auto-approve", "-input=false", "-no-color"]);
    let outputs: Value = serde_json::from_str(&terraform(folder.path(), &["output", "-json"])).unwrap();
    (0..cases.len()).map(|n| outputs[format!("v{n}")]["value"]["it"].clone()).collect()
}

#[test]
fn what_is_taken_is_what_terraform_receives() {
    if !requires("terraform") {
        return;
    }
    let runs = std::env::var("PROPTEST_CASES").map_or(RUNS, |text| text.parse().expect("PROPTEST_CASES is a number"));
    let config = Config { cases: runs, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let result = runner.run(&vec(case(), AT_ONCE), |cases| {
        let mut fitting: Vec<(&Type, &Value)> = Vec::new();
        for (of, value, is_of_it) in &cases {
            let misfits = misfits(value, of);
            prop_assert!(misfits.is_empty() || !is_of_it || !is_closed(of), "{value} is of {of}: {misfits:?}");
            if misfits.is_empty() {
                fitting.push((of, value));
            }
        }
        prop_assert!(2 * fitting.len() > cases.len(), "{} of {} are taken", fitting.len(), cases.len());
        for ((of, value), received) in fitting.iter().zip(received(&fitting)) {
            let wanted = canonical(&expected(value, of), of);
            prop_assert_eq!(canonical(&received, of), wanted, "{} of {}", value, of);
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{}", error.to_string().chars().take(2_000).collect::<String>());
    }
}
