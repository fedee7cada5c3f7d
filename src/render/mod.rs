//! Rendering: a template revision and values become the files of a workspace.
//!
//! **Invariant:** no string that a user can type changes the meaning of the HCL. Values go into
//! `terraform.tfvars.json`; what a template writes into HCL itself is escaped to a literal.

mod archive;
mod engine;
mod hcl;
mod library;
mod lost;
mod materialise;
mod mirror;
mod modules;
mod tags;
mod upload;
mod values;

pub use archive::unpack;
pub use engine::{IMPORTS_FILE, Rendered, import_ids, imports, rehearse, render, sample};
pub use hcl::quote;
pub use library::{Library, LibraryError};
pub use lost::lost_files;
pub use materialise::{INITIALISED, materialise, write_new};
pub use tags::{TAGS_FILE, TagsOverride};
pub use upload::{not_allowed, pointer_of};
pub use values::{as_declared, field_of, values};

/// The file through which values reach Terraform.
pub const VALUES_FILE: &str = "terraform.tfvars.json";

/// The template cannot be rendered: a defect of the template or a value that it does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template {template}, {file}: {reason}")]
pub struct Error {
    /// Name of the template.
    pub template: String,
    /// The file in it.
    pub file: String,
    /// What is wrong.
    pub reason: String,
}
