//! Whether a value fits a type, and where it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use crate::shape::Shape;
use crate::types::{Attribute, Type};

/// Values within one another.
const DEPTH_MAX: usize = 100;

/// What is wrong with a part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Where, as a JSON pointer from the value on; empty for all of it.
    pub pointer: String,
    /// What is wrong and what to do, as the rest of a sentence about that place.
    pub detail: String,
}

impl Display for Misfit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "at {} ", self.pointer)?;
        }
        f.write_str(&self.detail)
    }
}

/// All that keeps `value` from being received by Terraform as it is, where a variable is of type
/// `of`. A null fits everywhere; whether a variable may be null is another question.
#[must_use]
pub fn misfits(value: &Value, of: &Type) -> Vec<Misfit> {
    let mut fitting = Fitting::default();
    fitting.fit(value, of);
    fitting.misfits
}

#[derive(Default)]
struct Fitting {
    misfits: Vec<Misfit>,
    /// The way to where it is.
    place: Vec<String>,
}

impl Fitting {
    fn misfit(&mut self, detail: String) {
        let pointer = self.place.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")));
        self.misfits.push(Misfit { pointer: pointer.collect(), detail });
    }

    fn at(&mut self, part: &dyn ToString, value: &Value, of: &Type) -> Shape {
        self.place.push(part.to_string());
        let shape = if self.place.len() > DEPTH_MAX {
            self.misfit(format!("lies {DEPTH_MAX} values deep; that is too much"));
            Shape::of(of)
        } else {
            self.fit(value, of)
        };
        self.place.pop();
        shape
    }

    /// Looks at one value, and gives its type.
    fn fit(&mut self, value: &Value, of: &Type) -> Shape {
        match (of, value) {
            (_, Value::Null) => Shape::of(of),
            (Type::String | Type::Any, Value::String(_)) => Shape::String,
            (Type::Number | Type::Any, Value::Number(_)) => Shape::Number,
            (Type::Bool | Type::Any, Value::Bool(_)) => Shape::Bool,
            (Type::List(of) | Type::Set(of), Value::Array(items)) => {
                let shapes: Vec<Shape> = items.iter().enumerate().map(|(n, item)| self.at(&n, item, of)).collect();
                self.collection(&shapes, of)
            }
            (Type::Tuple(types), Value::Array(items)) => self.tuple(items, types),
            (Type::Any, Value::Array(items)) => {
                Shape::Sequence(items.iter().enumerate().map(|(n, item)| self.at(&n, item, of)).collect())
            }
            (Type::Map(of), Value::Object(entries)) => {
                self.names(entries);
                let shapes: Vec<Shape> = entries.iter().map(|(name, value)| self.at(name, value, of)).collect();
                self.collection(&shapes, of)
            }
            (Type::Object(attributes), Value::Object(entries)) => self.object(entries, attributes),
            (Type::Any, Value::Object(entries)) => {
                self.names(entries);
                Shape::Named(entries.iter().map(|(name, value)| (name.clone(), self.at(name, value, of))).collect())
            }
            (of, value) => {
                let quotes = match (of, value) {
                    (Type::String, Value::Number(number)) => {
                        format!("; put it in quotes: unquoted, YAML and JSON read the number {number}")
                    }
                    _ => String::new(),
                };
                self.misfit(format!("is {}, and {} is wanted{quotes}", kind(value), wanted(of)));
                Shape::of(of)
            }
        }
    }

    /// A collection whose elements have these shapes, and are to be of one type.
    fn collection(&mut self, shapes: &[Shape], of: &Type) -> Shape {
        let common = Shape::common(shapes, Shape::of(of)).unwrap_or_else(|| {
            let detail = "holds values of different types, which Terraform would convert; give them one type";
            self.misfit(detail.to_owned());
            Shape::of(of)
        });
        Shape::Collection(Box::new(common))
    }

    fn tuple(&mut self, items: &[Value], types: &[Type]) -> Shape {
        if items.len() != types.len() {
            self.misfit(format!("has {} values, and {} are wanted", items.len(), types.len()));
            return Shape::Sequence(types.iter().map(Shape::of).collect());
        }
        let items = items.iter().zip(types).enumerate();
        Shape::Sequence(items.map(|(n, (item, of))| self.at(&n, item, of)).collect())
    }

    fn object(&mut self, entries: &Map<String, Value>, attributes: &BTreeMap<String, Attribute>) -> Shape {
        for name in entries.keys().filter(|name| !attributes.contains_key(*name)) {
            let names: Vec<&str> = attributes.keys().map(String::as_str).collect();
            self.place.push(name.clone());
            self.misfit(format!("is no attribute of this object; it has: {}", names.join(", ")));
            self.place.pop();
        }
        let mut shapes = BTreeMap::new();
        for (name, attribute) in attributes {
            let shape = match entries.get(name) {
                Some(value) => self.at(name, value, &attribute.of),
                None if attribute.is_optional => match &attribute.default {
                    // Terraform's own business, and converted where it must be.
                    Some(default) => Self::default().fit(default, &attribute.of),
                    None => Shape::of(&attribute.of),
                },
                None => {
                    self.misfit(format!("lacks the attribute `{name}`"));
                    Shape::of(&attribute.of)
                }
            };
            shapes.insert(name.clone(), shape);
        }
        Shape::Named(shapes)
    }

    /// Two names that are one to Terraform, which writes them in Unicode NFC.
    fn names(&mut self, entries: &Map<String, Value>) {
        let mut seen = BTreeSet::new();
        let twice: Vec<String> =
            entries.keys().filter(|name| !seen.insert(name.nfc().collect::<String>())).cloned().collect();
        for name in twice {
            self.misfit(format!("has the name `{name}` twice, written in two ways that mean the same to Terraform"));
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn wanted(of: &Type) -> String {
    match of {
        Type::String => "a string".to_owned(),
        Type::Number => "a number".to_owned(),
        Type::Bool => "a bool".to_owned(),
        Type::List(_) | Type::Set(_) | Type::Tuple(_) => format!("a list ({of})"),
        Type::Map(_) | Type::Object(_) => format!("an object ({of})"),
        Type::Any => "a value".to_owned(),
    }
}
