//! `captd rehearse <folder>` renders the files of an upload, with little to take: started by captd,
//! never by a person.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::output::note;
use crate::render;
use crate::service::{REHEARSED, RENDERED_NOW};
use crate::supervisor;

/// Renders. What is wrong with a file is not said here: only whether there is an end of it.
pub(super) fn run(arguments: &[OsString]) -> ExitCode {
    let [folder] = arguments else {
        note("error: `captd rehearse` takes the folder of an upload; the daemon starts it, no person needs to");
        return ExitCode::from(2);
    };
    match rehearse(Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn rehearse(folder: &Path) -> Result<()> {
    supervisor::limit_to_rehearsal().context("this process cannot be limited")?;
    let text = std::fs::read(folder.join(REHEARSED)).context("the upload cannot be read")?;
    let files: BTreeMap<String, String> = serde_json::from_slice(&text).context("the upload cannot be read")?;
    for (path, text) in files.iter().filter(|(path, _)| path.strip_suffix(".tera").is_some()) {
        std::fs::write(folder.join(RENDERED_NOW), path).context("what is rendered cannot be noted")?;
        render::rehearse(path, text);
    }
    Ok(())
}
