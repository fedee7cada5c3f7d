//! Reading a JSON object field by field: types are checked, unknown fields are found, and every
//! problem is gathered with its pointer.
//!
//! serde stops at the first thing that does not fit; whoever writes a declaration by hand wants
//! to hear of all of them at once.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::problem::{Problems, pointer_to};

/// An object that is being read.
#[derive(Debug)]
pub struct Fields<'v, 'p> {
    object: &'v Map<String, Value>,
    at: String,
    known: Vec<&'static str>,
    problems: &'p mut Problems,
}

impl<'v, 'p> Fields<'v, 'p> {
    /// Opens `value`, found at pointer `at`. Anything but an object is a problem, and `None`.
    pub fn open(value: &'v Value, at: &str, problems: &'p mut Problems) -> Option<Self> {
        if let Value::Object(object) = value {
            Some(Self { object, at: at.to_owned(), known: Vec::new(), problems })
        } else {
            problems.add(at, "wrong_type", format!("must be an object, not {}", kind_of(value)));
            None
        }
    }

    /// Pointer to the object itself.
    #[must_use]
    pub fn place(&self) -> String {
        self.at.clone()
    }

    /// All fields as they came.
    #[must_use]
    pub fn raw(&self) -> &'v Map<String, Value> {
        self.object
    }

    /// Whether the field `name` is there, read or not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(|value| !value.is_null())
    }

    /// Pointer to the field `name`.
    #[must_use]
    pub fn pointer(&self, name: &str) -> String {
        pointer_to(&self.at, name)
    }

    /// Adds a problem about the field `name`.
    pub fn problem(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        let pointer = self.pointer(name);
        self.problems.add(pointer, code, detail);
    }

    /// Takes in problems that were gathered elsewhere, their pointers already whole.
    pub fn absorb(&mut self, problems: Problems) {
        self.problems.extend_under("", problems);
    }

    /// The raw value of a field; null counts as absent.
    pub fn value(&mut self, name: &'static str) -> Option<&'v Value> {
        self.known.push(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Reports `name` as missing when `found` is `None` and the field is really absent. A field
    /// that is there with a wrong type has been reported already.
    pub fn required<T>(&mut self, name: &'static str, found: Option<T>) -> Option<T> {
        if found.is_none() && self.object.get(name).is_none_or(Value::is_null) {
            self.problem(name, "required", format!("`{name}` is required"));
        }
        found
    }

    /// A string.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let value = self.value(name)?;
        self.expect(name, value, value.as_str().map(str::to_owned), "a string")
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, name: &'static str) -> Option<bool> {
        let value = self.value(name)?;
        self.expect(name, value, value.as_bool(), "true or false")
    }

    /// A whole number.
    pub fn integer(&mut self, name: &'static str) -> Option<i64> {
        let value = self.value(name)?;
        self.expect(name, value, value.as_i64(), "a whole number")
    }

    /// A whole number from `low` to `high`, both included.
    pub fn integer_in(&mut self, name: &'static str, low: i64, high: i64) -> Option<i64> {
        let number = self.integer(name)?;
        if (low..=high).contains(&number) {
            return Some(number);
        }
        let detail = if high == i64::MAX {
            format!("must be {low} or more, not {number}")
        } else {
            format!("must be from {low} to {high}, not {number}")
        };
        self.problem(name, "out_of_range", detail);
        None
    }

    /// A list of strings.
    pub fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        self.list(name, |value, at, problems| {
            if value.as_str().is_none() {
                problems.add(at, "wrong_type", format!("must be a string, not {}", kind_of(value)));
            }
            value.as_str().map(str::to_owned)
        })
    }

    /// A list, each entry read by `read` with its own pointer.
    pub fn list<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(&'v Value, &str, &mut Problems) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value = self.value(name)?;
        let items = self.expect(name, value, value.as_array(), "a list")?;
        let at = self.pointer(name);
        let mut out = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            out.extend(read(item, &pointer_to(&at, &index.to_string()), self.problems));
        }
        Some(out)
    }

    /// An object of strings.
    pub fn text_map(&mut self, name: &'static str) -> Option<BTreeMap<String, String>> {
        let value = self.value(name)?;
        let object = self.expect(name, value, value.as_object(), "an object of strings")?;
        let at = self.pointer(name);
        let mut out = BTreeMap::new();
        for (key, value) in object {
            if let Some(text) = value.as_str() {
                out.insert(key.clone(), text.to_owned());
            } else {
                let hint = if value.is_object() || value.is_array() { "" } else { "; put it in quotes" };
                self.problems.add(
                    pointer_to(&at, key),
                    "wrong_type",
                    format!("must be a string, not {}{hint}", kind_of(value)),
                );
            }
        }
        Some(out)
    }

    /// An object of anything.
    pub fn any_map(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        let value = self.value(name)?;
        self.expect(name, value, value.as_object().cloned(), "an object")
    }

    /// A nested object, read by `read`.
    pub fn object<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Fields<'v, '_>) -> Option<T>) -> Option<T> {
        let value = self.value(name)?;
        let at = self.pointer(name);
        let mut inner = Fields::open(value, &at, self.problems)?;
        let out = read(&mut inner);
        inner.finish();
        out
    }

    /// Reports every field that nobody asked for.
    pub fn finish(&mut self) {
        for name in self.object.keys() {
            if !self.known.contains(&name.as_str()) {
                if self.problems.is_full() {
                    self.problems.add("", "unknown_field", "");
                    continue;
                }
                let mut known = self.known.clone();
                known.sort_unstable();
                known.dedup();
                let meant = known
                    .iter()
                    .find(|k| k.eq_ignore_ascii_case(name) || one_edit_apart(k, name))
                    .map_or_else(|| format!("known here: {}", known.join(", ")), |k| format!("did you mean `{k}`?"));
                let pointer = self.pointer(name);
                self.problems.add(pointer, "unknown_field", format!("unknown field `{name}`; {meant}"));
            }
        }
    }

    fn expect<T>(&mut self, name: &str, value: &Value, found: Option<T>, wanted: &str) -> Option<T> {
        if found.is_none() {
            self.problem(name, "wrong_type", format!("must be {wanted}, not {}", kind_of(value)));
        }
        found
    }
}

/// What a JSON value is, for a sentence.
#[must_use]
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(n) if n.is_f64() => "a fractional number",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Whether one insertion, removal or change of a letter turns `a` into `b`.
fn one_edit_apart(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(long.iter()).take_while(|(x, y)| x == y).count();
    let rest = usize::from(short.len() == long.len());
    short.get(same + rest..).unwrap_or_default() == long.get(same + 1..).unwrap_or_default()
}
