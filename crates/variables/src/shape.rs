//! The type that a value has by itself where a constraint says `any`: Terraform looks for one type
//! that all elements of a collection can be converted to, and converts them, or finds none. Values
//! that it would have to convert have no common shape here.

use std::collections::BTreeMap;

use crate::types::Type;

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Nothing says which, of a null or of what an empty collection holds.
    Open,
    String,
    Number,
    Bool,
    /// Of a list, a set or a map: what all of its elements are.
    Collection(Box<Shape>),
    /// Of a tuple, or of a list where anything may be.
    Sequence(Vec<Shape>),
    /// Of an object, or of a map where anything may be.
    Named(BTreeMap<String, Shape>),
}

impl Shape {
    /// What a constraint says by itself.
    pub(crate) fn of(of: &Type) -> Self {
        match of {
            Type::Any => Self::Open,
            Type::String => Self::String,
            Type::Number => Self::Number,
            Type::Bool => Self::Bool,
            Type::List(of) | Type::Set(of) | Type::Map(of) => Self::Collection(Box::new(Self::of(of))),
            Type::Tuple(items) => Self::Sequence(items.iter().map(Self::of).collect()),
            Type::Object(attributes) => Self::Named(
                attributes.iter().map(|(name, attribute)| (name.clone(), Self::of(&attribute.of))).collect(),
            ),
        }
    }

    /// The one shape of all elements of a collection; `otherwise`, where there are none. `None` when
    /// they have none in common.
    pub(crate) fn common(shapes: &[Self], otherwise: Self) -> Option<Self> {
        let Some(first) = shapes.iter().find(|shape| **shape != Self::Open).or(shapes.first()) else {
            return Some(otherwise);
        };
        // Beside a null, Terraform finds a type for what is simple only.
        let is_simple = matches!(first, Self::Open | Self::String | Self::Number | Self::Bool);
        let fits = |shape: &Self| shape == first || (is_simple && *shape == Self::Open);
        shapes.iter().all(fits).then(|| first.clone())
    }
}
