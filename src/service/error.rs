//! Why a use case did not do what was asked: one text for outside, the whole for the log.

use rustix::io::Errno;

use crate::domain::problem::Problems;
use crate::store;

/// Result of a use case.
pub type Result<T> = std::result::Result<T, Error>;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for is no longer kept.
    #[error("{0}")]
    Gone(String),
    /// What was named does not exist.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The input is wrong.
    #[error("{0}")]
    Invalid(Problems),
    /// It does not go together with what is there.
    #[error("{detail}")]
    Conflict {
        /// Stable word.
        code: &'static str,
        /// What is in the way, and what to do.
        detail: String,
    },
    /// What was to be changed has changed meanwhile.
    #[error("{0}")]
    Precondition(String),
    /// Who asks may not decide that.
    #[error("{0}")]
    Forbidden(String),
    /// A limit of the namespace is reached.
    #[error("{0}")]
    LimitReached(String),
    /// The queue is full.
    #[error("the queue holds {0} open runs, as many as engine.queue_length_max allows; try again when some have ended")]
    QueueFull(u64),
    /// Terraform could not be asked about an upload.
    #[error(
        "the template could not be checked with terraform validate, and nothing was stored: {0}; `captd doctor` says whether terraform can work here. Mend that, and upload it again"
    )]
    NotChecked(String),
    /// The cloud could not be looked at.
    #[error("the cloud could not be looked at: {0}")]
    NotLooked(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The key file cannot be written.
    #[error("{0}; the key file holds every key that is needed, as before")]
    KeyFile(String),
    /// A state that was left cannot be taken in, or not yet.
    #[error("{doing}: {cause}")]
    State {
        /// The operation and the file.
        doing: String,
        /// Why.
        cause: std::io::Error,
    },
    /// A file failed.
    #[error("{doing}: {cause}")]
    File {
        /// The operation and the file.
        doing: String,
        /// Why.
        cause: std::io::Error,
    },
}

impl Error {
    /// Whether the same may work a while later: the database or the system refused it for now, as a full disk does.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => error.may_pass(),
            // Only what can never be read is no record of what was made.
            Self::State { cause, .. } => {
                !matches!(cause.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::FileTooLarge)
            }
            Self::File { cause, .. } => {
                let passing =
                    [Errno::MFILE, Errno::NFILE, Errno::NOSPC, Errno::DQUOT, Errno::IO, Errno::NOMEM, Errno::AGAIN];
                passing.iter().any(|errno| cause.raw_os_error() == Some(errno.raw_os_error()))
            }
            _ => false,
        }
    }

    pub(super) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict { code, detail: detail.into() }
    }

    pub(super) fn no_resource(key: &crate::domain::resource::Key) -> Self {
        Self::NotFound { what: key.kind.noun(), name: format!("{}/{}", key.namespace, key.name) }
    }

    pub(super) fn no_run(id: uuid::Uuid) -> Self {
        Self::NotFound { what: "run", name: id.to_string() }
    }

    pub(super) fn one(pointer: &str, code: &'static str, detail: impl Into<String>) -> Self {
        let mut problems = Problems::default();
        problems.add(pointer, code, detail);
        Self::Invalid(problems)
    }
}

/// What was found; nothing, where it cannot be read and no waiting mends that, which is logged. What may pass goes up.
pub(super) fn as_far_as_readable<T, E: Into<Error>>(found: std::result::Result<T, E>, what: &str) -> Result<Option<T>> {
    match found.map_err(Into::into) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.may_pass() => Err(error),
        Err(error) => {
            tracing::warn!(%error, what, "what cannot be read is gone on without");
            Ok(None)
        }
    }
}

impl From<crate::domain::transition::Refused> for Error {
    fn from(refused: crate::domain::transition::Refused) -> Self {
        Self::conflict("wrong_state", refused.to_string())
    }
}
