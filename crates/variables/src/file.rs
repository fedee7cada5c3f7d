//! Files of variables, as Terraform reads them: values by name, in HCL or JSON.

use hcl_edit::structure::{Body, Structure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::blocks::literal;

/// How a file of variables is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Format {
    /// As a `.tfvars` file.
    Hcl,
    /// As a `.tfvars.json` file.
    Json,
}

/// The values of a file. Of what is wrong no value is told: it may be a secret.
///
/// # Errors
/// The rest of a sentence about the file.
pub fn read_file(text: &str, format: Format) -> Result<Map<String, Value>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Format::Json => match serde_json::from_str(text) {
            Ok(Value::Object(values)) => Ok(values),
            Ok(_) => Err("is JSON, and no object of values by name".to_owned()),
            Err(error) => Err(format!("is no JSON at line {} column {}", error.line(), error.column())),
        },
        Format::Hcl => {
            let body: Body = text.parse().map_err(|error: hcl_edit::parser::Error| {
                format!("is no HCL at line {} column {}", error.location().line(), error.location().column())
            })?;
            body.into_iter().map(value_of).collect()
        }
    }
}

fn value_of(structure: Structure) -> Result<(String, Value), String> {
    match structure {
        Structure::Attribute(attribute) => {
            let name = attribute.key.as_str().to_owned();
            match literal(&attribute.value) {
                Some(value) => Ok((name, value)),
                None => Err(format!("gives `{name}` an expression, and must give it a value")),
            }
        }
        Structure::Block(block) => Err(format!("has a block `{}`, and must hold `name = value` alone", block.ident)),
    }
}
