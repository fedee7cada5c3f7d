//! What a template declares that it takes and gives: the `variable` and `output` blocks of
//! Terraform's language, their types, and whether a value fits one. All pure.
//!
//! **Invariant:** a value that fits is what Terraform receives: nothing is converted, nothing is
//! dropped. Strings count after Unicode NFC, sets by their members, numbers by their value.

mod blocks;
mod file;
mod fit;
mod schema;
mod shape;
mod types;

pub use blocks::{Declared, Output, Problem, Validation, Variable, declared};
pub use file::{Format, read_file};
pub use fit::{Misfit, misfits};
pub use schema::schema;
pub use types::{Attribute, NotAType, Type};
