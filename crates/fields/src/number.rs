//! Numbers with all of their digits: how long and how great one may be.

use serde_json::Value;

/// Characters of a number; Terraform computes with 154 digits.
const LENGTH_MAX: usize = 1_000;
/// The power of ten of a number, either way. Whoever writes one out in digits needs as much memory.
const EXPONENT_MAX: u32 = 1_000;

/// Checks a number as it is written in JSON.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_number(text: &str) -> Result<(), String> {
    if text.len() > LENGTH_MAX {
        return Err(format!("a number has at most {LENGTH_MAX} digits"));
    }
    let exponent = text.split_once(['e', 'E']).map(|(_, exponent)| exponent.trim_start_matches(['+', '-']));
    let fits = exponent.is_none_or(|exponent| exponent.parse::<u32>().is_ok_and(|exponent| exponent <= EXPONENT_MAX));
    if fits { Ok(()) } else { Err(format!("a number has at most {EXPONENT_MAX} as its power of ten, not `{text}`")) }
}

/// Checks every number within a value.
///
/// # Errors
/// A sentence that says what is wrong with the first that does not fit.
pub fn check_numbers(value: &Value) -> Result<(), String> {
    match value {
        Value::Number(number) => check_number(&number.to_string()),
        Value::Array(items) => items.iter().try_for_each(check_numbers),
        Value::Object(fields) => fields.values().try_for_each(check_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}
