//! Processes that outlive whoever started them: told apart from all others, confined by the
//! kernel, ended with all that they began; and the files by which they are found again.
//!
//! **Invariant:** knows nothing of Terraform or of captd.

mod beneath;
mod confined;
mod identity;
mod limits;
mod tree;
mod whole;

pub use beneath::{Beneath, Stuck};
pub use confined::{Confinement, Version, confine_self, find_program, landlock, missing_in, start};
pub use identity::{Process, boot_id, end_session, end_working_in, session};
pub use limits::{Limits, bytes_in};
pub use tree::{descendants, end_descendants, reap};
pub use whole::{proof, proven, read_json, sync_below, write_json, write_whole};

/// A file or a process cannot be handled.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {path}: {cause}")]
pub struct Error {
    doing: &'static str,
    path: String,
    cause: std::io::Error,
}

impl Error {
    /// What the system has said.
    #[must_use]
    pub fn into_cause(self) -> std::io::Error {
        self.cause
    }
}

/// Result of what is done here.
pub type Result<T> = std::result::Result<T, Error>;

/// Names the operation and the file in an I/O error.
pub fn failed(doing: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.display().to_string();
    move |cause| Error { doing, path, cause }
}
