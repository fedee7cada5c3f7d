//! Log files of commands: read on from where one was, and redacted line by line.
//!
//! **Invariant:** a file that is redacted has as many lines as before: whoever has read some of them reads on behind them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use crate::domain::redaction::Secrets;

/// Bytes of the longest line that is redacted; nothing is left of a longer one.
const LINE_BYTES_MAX: u64 = 8 << 20;
/// What stands in place of such a line.
const TOO_LONG: &str = "(a line of more than 8 MiB was not kept)\n";

/// How far a file was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Which file that was: another takes its name when it is redacted.
    inode: u64,
    bytes: u64,
    lines: u64,
}

impl Position {
    /// Whether it is as far in its file as another, of whose file the one that took its name has as many lines.
    pub(super) fn is_at_least(&self, other: &Self) -> bool {
        self.lines >= other.lines
    }

    /// The position behind `read`.
    pub(super) fn behind(&self, read: &[u8]) -> Self {
        let lines = read.split(|byte| *byte == b'\n').count() as u64 - 1;
        Self { bytes: self.bytes + read.len() as u64, lines: self.lines + lines, ..*self }
    }
}

/// At most `bytes_max` of a file from `position` on, which is then of that file, and not beyond `until`; `None` when the
/// file is not there.
pub(super) fn read_from(
    path: &Path,
    position: &mut Position,
    until: Option<&Position>,
    bytes_max: u64,
) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open(path)? else { return Ok(None) };
    let inode = file.metadata()?.ino();
    let mut reader = BufReader::new(file);
    if position.inode == inode {
        reader.seek(SeekFrom::Start(position.bytes))?;
    } else {
        position.inode = inode;
        position.bytes = 0;
        for _ in 0..position.lines {
            position.bytes += reader.skip_until(b'\n')? as u64;
        }
    }
    let mut bytes = Vec::new();
    match until {
        Some(until) if until.inode != inode => {
            let mut rest = reader.take(bytes_max);
            for _ in position.lines..until.lines {
                rest.read_until(b'\n', &mut bytes)?;
            }
        }
        until => {
            let end = until.map_or(bytes_max, |until| until.bytes.saturating_sub(position.bytes).min(bytes_max));
            reader.take(end).read_to_end(&mut bytes)?;
        }
    }
    Ok(Some(bytes))
}

/// Puts a redacted file in the place of one that holds a secret.
pub(super) fn redact(path: &Path, secrets: &Secrets) -> io::Result<()> {
    let Some(file) = open(path)? else { return Ok(()) };
    let mut holds = false;
    each_line(file, |line| {
        holds |= redacted(line, secrets).is_some();
        Ok(())
    })?;
    let (true, Some(file), Some(folder)) = (holds, open(path)?, path.parent()) else { return Ok(()) };
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    let mut out = BufWriter::new(beside.as_file_mut());
    each_line(file, |line| match redacted(line, secrets) {
        Some(text) => out.write_all(text.as_bytes()),
        None => out.write_all(line),
    })?;
    out.flush()?;
    drop(out);
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The line without its secrets, where it has any.
fn redacted(line: &[u8], secrets: &Secrets) -> Option<String> {
    if line.len() as u64 >= LINE_BYTES_MAX && line.last() != Some(&b'\n') {
        return Some(TOO_LONG.to_owned());
    }
    let text = String::from_utf8_lossy(line);
    let redacted = secrets.redact(&text);
    (redacted != text).then_some(redacted)
}

/// A plain file, neither a link nor a pipe; `None` when it is not there.
pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    match File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) if file.metadata()?.is_file() => Ok(Some(file)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn each_line(file: File, mut work: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') && line.len() as u64 == LINE_BYTES_MAX {
            // The rest of it: the whole line is left out.
            reader.skip_until(b'\n')?;
        }
        work(&line)?;
    }
}
