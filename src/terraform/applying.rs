//! What an apply has said so far of what it does: taken in line by line, however much else its log holds.
//!
//! **Invariant:** what is kept follows from what terraform does; what a template makes it print keeps nothing.

use std::collections::BTreeMap;

use super::events::{diagnostic_body, parse};

/// Bytes of errors that are kept.
const ERROR_BYTES_MAX: usize = 4 << 20;

/// What an apply has begun, what it has ended, and what went wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applying {
    /// Addresses, and what is done to them, in the order of their beginning.
    under_way: Vec<(String, String)>,
    /// What it has begun to create: the kind of its provider by address.
    creations: BTreeMap<String, String>,
    errors: Vec<(String, String)>,
    error_bytes: usize,
    /// Whether something went wrong that is not kept.
    forgets: bool,
}

impl Applying {
    /// Takes in a line of the log.
    pub fn take(&mut self, line: &str) {
        // Most lines are none of these, and a log may have millions.
        if !line.contains("\"apply_") && !line.contains("\"error\"") {
            return;
        }
        let Some(event) = parse(line) else { return };
        let kind = event["type"].as_str().unwrap_or_default();
        if kind == "diagnostic" && event["diagnostic"]["severity"] == "error" {
            self.went_wrong(event["diagnostic"]["address"].as_str().unwrap_or_default(), &event["diagnostic"]);
        }
        let Some(address) = event["hook"]["resource"]["addr"].as_str() else { return };
        match kind {
            "apply_start" => {
                let action = event["hook"]["action"].as_str().unwrap_or("change");
                if matches!(action, "create" | "replace") {
                    let provider = event["hook"]["resource"]["implied_provider"].as_str().unwrap_or_default();
                    self.creations.insert(address.to_owned(), provider.to_owned());
                }
                self.under_way.push((address.to_owned(), action.to_owned()));
            }
            "apply_complete" | "apply_errored" => {
                self.under_way.retain(|(other, _)| other != address);
            }
            _ => {}
        }
    }

    fn went_wrong(&mut self, address: &str, diagnostic: &serde_json::Value) {
        let text = diagnostic_body(diagnostic);
        self.error_bytes += text.len();
        if self.error_bytes > ERROR_BYTES_MAX {
            self.forgets = true;
        } else {
            self.errors.push((address.to_owned(), text));
        }
    }

    /// What it has begun and not ended: addresses, and what is done to them.
    #[must_use]
    pub fn under_way(&self) -> &[(String, String)] {
        &self.under_way
    }

    /// What it has begun to create: the kind of its provider by address. What it has ended, too, since that stands in a
    /// state a while later only.
    #[must_use]
    pub fn creations(&self) -> &BTreeMap<String, String> {
        &self.creations
    }

    /// What its errors say of one address.
    #[must_use]
    pub fn errors_of(&self, address: &str) -> Vec<&str> {
        self.errors.iter().filter(|(of, _)| of == address).map(|(_, text)| text.as_str()).collect()
    }

    /// Whether it has said more of what went wrong than is kept.
    #[must_use]
    pub fn forgets(&self) -> bool {
        self.forgets
    }
}
