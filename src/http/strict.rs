//! JSON and YAML into values, strictly: a key that stands twice is an error, not a guess.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::domain::number::check_number;
use crate::domain::yaml::why;

/// Levels of nesting that a document may have.
const DEPTH_MAX: usize = 64;
/// Documents that a body may have.
pub(super) const DOCUMENTS_MAX: usize = 1_000;

/// Above it, a number of YAML is not exact any more.
const FRACTIONS_MAX: f64 = 9_007_199_254_740_992.0;
/// As which key `serde_json` hands over a number with all of its digits.
const NUMBER: &str = "$serde_json::private::Number";

/// A value whose objects have each key once.
struct Strict(Value);

/// Reads one JSON value.
///
/// # Errors
/// A sentence that says where it is none.
pub(super) fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str::<Strict>(text).map(|strict| strict.0).map_err(|error| format!("this is no JSON: {error}"))
}

/// Reads a stream of YAML documents; empty ones are passed over.
///
/// # Errors
/// A sentence that says where it is none, or which limit it breaks.
pub(super) fn yaml(text: &str) -> Result<Vec<Value>, String> {
    let mut budget = serde_saphyr::Budget::default();
    budget.max_depth = DEPTH_MAX;
    budget.max_documents = DOCUMENTS_MAX;
    budget.max_aliases = 1_000;
    let mut options = serde_saphyr::Options::default();
    options.budget = Some(budget);
    options.strict_booleans = true;
    options.reject_unsupported_tags = true;
    options.alias_limits.max_total_replayed_events = 100_000;
    options.with_snippet = false;
    let documents = serde_saphyr::from_multiple_with_options::<Strict>(text, options)
        .map_err(|error| format!("this is not YAML that captd takes: {}", why(&error)))?;
    Ok(documents.into_iter().map(|strict| strict.0).filter(|value| !value.is_null()).collect())
}

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    /// A fraction of a YAML document, or a whole number that is too large for others.
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        if value.abs() >= FRACTIONS_MAX {
            return Err(E::custom(format!("the number {value} would lose digits in YAML; send this document as JSON")));
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if let (true, NUMBER, Value::String(digits)) = (object.is_empty(), key.as_str(), &value) {
                let number: Number = serde_json::from_str(digits).map_err(A::Error::custom)?;
                check_number(digits).map_err(A::Error::custom)?;
                return Ok(Value::Number(number));
            }
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` stands twice in one object")));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}
