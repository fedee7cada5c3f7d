//! The `variable` and `output` blocks of a file.

use std::collections::BTreeMap;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, ObjectKey, UnaryOperator};
use hcl_edit::structure::{Block, Body};
use serde_json::{Map, Number, Value};

use crate::types::Type;

/// What the blocks of a file declare.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Declared {
    /// What it takes.
    pub variables: BTreeMap<String, Variable>,
    /// What it gives.
    pub outputs: BTreeMap<String, Output>,
    /// What is wrong with them.
    pub problems: Vec<Problem>,
}

/// One `variable` block.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// What it takes.
    pub of: Type,
    /// What it is when nobody says so, before Terraform converts it; without one, somebody must.
    pub default: Option<Value>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether null is a value of it, and not the same as nothing said.
    pub is_nullable: bool,
    /// Whether its value must not be shown.
    pub is_sensitive: bool,
    /// What Terraform looks at besides the type.
    pub validations: Vec<Validation>,
    /// Line of its block.
    pub line: usize,
}

impl Variable {
    /// Whether somebody must say what it is.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.default.is_none()
    }
}

/// One `validation` block: Terraform evaluates it, here it is only shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// The condition, as written.
    pub condition: String,
    /// What is said where it does not hold.
    pub error_message: String,
}

/// One `output` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// What it is.
    pub description: Option<String>,
    /// Whether its value must not be shown.
    pub is_sensitive: bool,
    /// Line of its block.
    pub line: usize,
}

/// A block that declares nothing, or something wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file.
    pub line: usize,
    /// What is wrong and what to do.
    pub detail: String,
}

/// Reads the blocks of a file whose text is `text`.
#[must_use]
pub fn declared(text: &str, body: &Body) -> Declared {
    let mut declared = Declared::default();
    for block in body.blocks() {
        let line = block.span().map_or(1, |span| line_of(text, span.start));
        let problem = |detail: String| Problem { line, detail };
        match (block.ident.as_str(), block.labels.as_slice()) {
            ("variable", [name]) => {
                let name = name.as_str().to_owned();
                match variable(block, line) {
                    Ok(variable) => {
                        if let Some(before) = declared.variables.insert(name.clone(), variable) {
                            let detail = format!("variable `{name}` is declared on line {} already", before.line);
                            declared.problems.push(problem(detail));
                        }
                    }
                    Err(details) => {
                        let details = details.into_iter().map(|detail| problem(format!("variable `{name}`: {detail}")));
                        declared.problems.extend(details);
                    }
                }
            }
            ("output", [name]) => {
                let name = name.as_str().to_owned();
                let output = Output {
                    description: text_of(block, "description"),
                    is_sensitive: flag(block, "sensitive").unwrap_or(false),
                    line,
                };
                if let Some(before) = declared.outputs.insert(name.clone(), output) {
                    let detail = format!("output `{name}` is declared on line {} already", before.line);
                    declared.problems.push(problem(detail));
                }
            }
            (kind @ ("variable" | "output"), labels) => {
                declared.problems.push(problem(format!("{kind} has {} names, and takes one", labels.len())));
            }
            _ => {}
        }
    }
    declared
}

fn variable(block: &Block, line: usize) -> Result<Variable, Vec<String>> {
    let mut problems = Vec::new();
    let of = match value_of(block, "type").map(Type::parse) {
        None => Type::Any,
        Some(Ok(of)) => of,
        Some(Err(why)) => {
            problems.push(format!("its type: {why}"));
            Type::Any
        }
    };
    let default = match value_of(block, "default").map(literal) {
        None => None,
        Some(Some(value)) => Some(value),
        Some(None) => {
            problems.push("its default is an expression, and must be a value".to_owned());
            None
        }
    };
    let is_nullable = flag(block, "nullable").unwrap_or(true);
    if !is_nullable && default == Some(Value::Null) {
        problems.push("its default is null, and it may not be null".to_owned());
    }
    let validations = block.body.get_blocks("validation").map(|validation| Validation {
        condition: value_of(validation, "condition").map(|it| it.to_string().trim().to_owned()).unwrap_or_default(),
        error_message: text_of(validation, "error_message").unwrap_or_default(),
    });
    let variable = Variable {
        of,
        default,
        description: text_of(block, "description"),
        is_nullable,
        is_sensitive: flag(block, "sensitive").unwrap_or(false),
        validations: validations.collect(),
        line,
    };
    if problems.is_empty() { Ok(variable) } else { Err(problems) }
}

fn value_of<'b>(block: &'b Block, name: &str) -> Option<&'b Expression> {
    block.body.get_attribute(name).map(|attribute| &attribute.value)
}

fn text_of(block: &Block, name: &str) -> Option<String> {
    match literal(value_of(block, name)?) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn flag(block: &Block, name: &str) -> Option<bool> {
    value_of(block, name)?.as_bool()
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// The value of an expression that needs no evaluating. `None` for others.
pub(crate) fn literal(expression: &Expression) -> Option<Value> {
    match expression {
        Expression::Null(_) => Some(Value::Null),
        Expression::Bool(value) => Some(Value::Bool(*value.value())),
        Expression::Number(number) => number_of(number.value()),
        Expression::String(text) => Some(Value::String(text.as_str().to_owned())),
        Expression::HeredocTemplate(heredoc) => {
            let text = heredoc.template.iter().map(|element| Some(element.as_literal()?.as_str()));
            text.collect::<Option<String>>().map(Value::String)
        }
        Expression::Parenthesis(inner) => literal(inner.inner()),
        Expression::UnaryOp(operation) if *operation.operator.value() == UnaryOperator::Neg => {
            let number = literal(&operation.expr)?;
            serde_json::from_str(&format!("-{}", number.as_number()?)).ok()
        }
        Expression::Array(items) => items.iter().map(literal).collect::<Option<_>>().map(Value::Array),
        Expression::Object(object) => {
            let entries = object.iter().map(|(key, value)| {
                let key = match key {
                    ObjectKey::Ident(name) => name.as_str().to_owned(),
                    ObjectKey::Expression(key) => literal(key)?.as_str()?.to_owned(),
                };
                Some((key, literal(value.expr())?))
            });
            entries.collect::<Option<Map<_, _>>>().map(Value::Object)
        }
        _ => None,
    }
}

fn number_of(number: &hcl_edit::Number) -> Option<Value> {
    let number = match (number.as_i64(), number.as_u64()) {
        (Some(number), _) => Number::from(number),
        (None, Some(number)) => Number::from(number),
        (None, None) => Number::from_f64(number.as_f64()?)?,
    };
    Some(Value::Number(number))
}
