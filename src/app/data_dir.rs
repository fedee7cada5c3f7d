//! The data folder: held by one daemon at a time, readable by its user only.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::supervisor::write_whole;

/// Bytes of chance in a token.
const TOKEN_BYTES: usize = 32;

/// A folder that somebody has made, as for a restore, may be open to others. One that is shared by
/// intent, such as `/tmp`, is left as it is.
fn close_to_others(path: &Path) {
    const SHARED: u32 = 0o1000;
    let Ok(mode) = fs::metadata(path).map(|found| found.permissions().mode()) else { return };
    if mode & 0o777 & !0o700 == 0 || mode & SHARED != 0 {
        return;
    }
    match fs::set_permissions(path, fs::Permissions::from_mode(0o700)) {
        Ok(()) => {
            tracing::warn!(path = %path.display(), "the data folder was open to others, and is its user's only now");
        }
        Err(error) => tracing::warn!(path = %path.display(), %error, "the data folder is open to others"),
    }
}

/// A data folder that this process holds.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the folder if need be, and holds it.
    pub(super) fn take(path: &Path) -> Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("cannot make the data folder {}", path.display()))?;
        close_to_others(path);
        let lock_path = path.join("captd.lock");
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(&lock_path).with_context(|| {
            format!(
                "captd cannot write {}; make the data folder writable for its user, or choose another with --data-dir",
                lock_path.display()
            )
        })?;
        if lock.try_lock().is_err() {
            bail!(
                "another captd uses the data folder {}; end it first, or choose another with --data-dir",
                path.display()
            );
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The database's file; it is its user's only, even where the folder is not.
    pub(super) fn database(&self) -> Result<PathBuf> {
        let path = self.path.join("captd.db");
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open the database {}", path.display()))?;
        Ok(path)
    }

    /// The admin's token, made at the first start.
    pub(super) fn admin_token(&self) -> Result<String> {
        let path = self.path.join("admin.token");
        match fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
        let mut bytes = [0_u8; TOKEN_BYTES];
        getrandom::fill(&mut bytes).context("the system gives no random bytes")?;
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        // Whole or not there, and its user's only from the beginning.
        write_whole(&path, format!("{token}\n").as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(token)
    }
}
