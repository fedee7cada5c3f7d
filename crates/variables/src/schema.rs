//! A type as a JSON Schema, for those who fill in forms.

use serde_json::{Map, Value, json};

use crate::types::Type;

/// The JSON Schema (2020-12) of the values that fit `of`.
#[must_use]
pub fn schema(of: &Type) -> Value {
    match of {
        Type::Any => json!({}),
        Type::String => nullable("string"),
        Type::Number => nullable("number"),
        Type::Bool => nullable("boolean"),
        Type::List(of) | Type::Set(of) => with(nullable("array"), json!({"items": schema(of)})),
        Type::Map(of) => with(nullable("object"), json!({"additionalProperties": schema(of)})),
        Type::Tuple(items) => {
            let count = items.len();
            let items: Vec<Value> = items.iter().map(schema).collect();
            let rest = json!({"prefixItems": items, "items": false, "minItems": count, "maxItems": count});
            with(nullable("array"), rest)
        }
        Type::Object(attributes) => {
            let required: Vec<&String> =
                attributes.iter().filter(|(_, attribute)| !attribute.is_optional).map(|(name, _)| name).collect();
            let properties: Map<String, Value> = attributes
                .iter()
                .map(|(name, attribute)| {
                    let default = attribute.default.as_ref().map(|default| json!({"default": default}));
                    (name.clone(), with(schema(&attribute.of), default.unwrap_or_else(|| json!({}))))
                })
                .collect();
            let rest = json!({"properties": properties, "required": required, "additionalProperties": false});
            with(nullable("object"), rest)
        }
    }
}

fn nullable(kind: &str) -> Value {
    json!({"type": [kind, "null"]})
}

fn with(mut schema: Value, more: Value) -> Value {
    if let (Value::Object(schema), Value::Object(more)) = (&mut schema, more) {
        schema.extend(more);
    }
    schema
}
