//! Type constraints: read from an expression, written as Terraform writes them.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use hcl_edit::Ident;
use hcl_edit::expr::{Expression, FuncCall, Object, ObjectKey};
use serde_json::Value;

use crate::blocks::literal;

/// Constraints within one another; nobody writes more by hand.
const DEPTH_MAX: usize = 64;

/// A type constraint.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// Whatever the value is.
    Any,
    /// Text.
    String,
    /// A number of any size.
    Number,
    /// `true` or `false`.
    Bool,
    /// Values of one type in an order.
    List(Box<Type>),
    /// Values of one type, each once.
    Set(Box<Type>),
    /// Values of one type by name.
    Map(Box<Type>),
    /// Values each of its own type in an order.
    Tuple(Vec<Type>),
    /// Values each of its own type by name.
    Object(BTreeMap<String, Attribute>),
}

/// An attribute of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// What it takes.
    pub of: Type,
    /// Whether it may be left out.
    pub is_optional: bool,
    /// What it is then, if not null, before Terraform converts it.
    pub default: Option<Value>,
}

/// The expression is no type constraint; why, and of which part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAType(String);

fn not_a_type<T>(why: impl Into<String>) -> Result<T, NotAType> {
    Err(NotAType(why.into()))
}

impl Type {
    /// Reads the `type` of a variable.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(expression: &Expression) -> Result<Self, NotAType> {
        // As it was written before Terraform 0.12: in quotes, or without saying of what.
        let word = expression.as_str().or_else(|| expression.as_variable().map(Ident::as_str));
        match word {
            Some("list") => Ok(Self::List(Box::new(Self::Any))),
            Some("map") => Ok(Self::Map(Box::new(Self::Any))),
            Some(word) if expression.as_str().is_some() => primitive(word),
            _ => Self::within(expression, 0),
        }
    }

    fn within(expression: &Expression, depth: usize) -> Result<Self, NotAType> {
        if depth > DEPTH_MAX {
            return not_a_type(format!("more than {DEPTH_MAX} types within one another"));
        }
        match expression {
            Expression::Variable(word) => primitive(word.as_str()),
            Expression::Parenthesis(inner) => Self::within(inner.inner(), depth),
            Expression::FuncCall(call) => Self::constructed(call, depth),
            other => not_a_type(format!("`{}` is no type", other.to_string().trim())),
        }
    }

    fn constructed(call: &FuncCall, depth: usize) -> Result<Self, NotAType> {
        let name = call.name.name.as_str();
        let mut arguments = call.args.iter();
        let (Some(argument), None) = (arguments.next(), arguments.next()) else {
            return not_a_type(format!("`{name}` takes one argument"));
        };
        let of = || Self::within(argument, depth + 1).map(Box::new);
        match name {
            "list" => Ok(Self::List(of()?)),
            "set" => Ok(Self::Set(of()?)),
            "map" => Ok(Self::Map(of()?)),
            "tuple" => match argument.as_array() {
                Some(items) => {
                    items.iter().map(|item| Self::within(item, depth + 1)).collect::<Result<_, _>>().map(Self::Tuple)
                }
                None => not_a_type("`tuple` takes a list of types: `tuple([string, number])`"),
            },
            "object" => match argument.as_object() {
                Some(object) => attributes(object, depth + 1).map(Self::Object),
                None => not_a_type("`object` takes attributes and their types: `object({ name = string })`"),
            },
            "optional" => not_a_type("`optional` belongs to an attribute of an object"),
            other => not_a_type(format!("there is no type `{other}`")),
        }
    }
}

fn primitive(word: &str) -> Result<Type, NotAType> {
    match word {
        "string" => Ok(Type::String),
        "number" => Ok(Type::Number),
        "bool" => Ok(Type::Bool),
        "any" => Ok(Type::Any),
        "list" | "set" | "map" => not_a_type(format!("`{word}` must say of what: `{word}(string)`")),
        "object" | "tuple" => not_a_type(format!("`{word}` must say what is in it")),
        other => not_a_type(format!("there is no type `{other}`")),
    }
}

fn attributes(object: &Object, depth: usize) -> Result<BTreeMap<String, Attribute>, NotAType> {
    let mut attributes = BTreeMap::new();
    for (key, value) in object {
        let ObjectKey::Ident(name) = key else {
            return not_a_type("the name of an attribute is a word, without quotes or parentheses");
        };
        let name = name.as_str().to_owned();
        let attribute =
            attribute(value.expr(), depth).map_err(|NotAType(why)| NotAType(format!("attribute `{name}`: {why}")))?;
        if attributes.insert(name.clone(), attribute).is_some() {
            return not_a_type(format!("attribute `{name}` stands there twice"));
        }
    }
    Ok(attributes)
}

fn attribute(expression: &Expression, depth: usize) -> Result<Attribute, NotAType> {
    let optional = match expression {
        Expression::FuncCall(call) if call.name.name.as_str() == "optional" => &call.args,
        other => return Ok(Attribute { of: Type::within(other, depth)?, is_optional: false, default: None }),
    };
    let mut arguments = optional.iter();
    let Some(of) = arguments.next() else { return not_a_type("`optional` takes a type") };
    let default = match arguments.next().map(literal) {
        None => None,
        Some(Some(value)) => Some(value),
        Some(None) => return not_a_type("the default of `optional` is a value, and no expression"),
    };
    if arguments.next().is_some() {
        return not_a_type("`optional` takes a type and at most a default");
    }
    Ok(Attribute { of: Type::within(of, depth)?, is_optional: true, default })
}

impl Display for Type {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::String => f.write_str("string"),
            Self::Number => f.write_str("number"),
            Self::Bool => f.write_str("bool"),
            Self::List(of) => write!(f, "list({of})"),
            Self::Set(of) => write!(f, "set({of})"),
            Self::Map(of) => write!(f, "map({of})"),
            Self::Tuple(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(f, "tuple([{}])", items.join(", "))
            }
            Self::Object(attributes) => {
                let attributes: Vec<String> =
                    attributes.iter().map(|(name, attribute)| format!("{name} = {attribute}")).collect();
                write!(f, "object({{ {} }})", attributes.join(", "))
            }
        }
    }
}

impl Display for Attribute {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.is_optional, &self.default) {
            (false, _) => self.of.fmt(f),
            (true, None) => write!(f, "optional({})", self.of),
            (true, Some(default)) => write!(f, "optional({}, {default})", self.of),
        }
    }
}
