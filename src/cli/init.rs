//! `captd init`: writes an example to begin with.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::Exit;
use super::output::say;

/// What can be begun with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Example {
    /// A network, a control plane, a Fargate profile and node groups, without any cloud
    DemoStack,
}

impl Example {
    fn file(self) -> (&'static str, &'static str) {
        match self {
            Self::DemoStack => ("demo-stack.yaml", include_str!("init/demo-stack.yaml")),
        }
    }
}

/// `captd init`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to begin with
    #[arg(value_enum)]
    example: Example,
    /// The file to write; - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes the file, unless it is there.
pub(super) fn run(args: &Args) -> Result<Exit> {
    let (name, text) = args.example.file();
    let path = args.output.clone().unwrap_or_else(|| PathBuf::from(name));
    if path.as_os_str() == "-" {
        say(text.trim_end())?;
        return Ok(Exit::Done);
    }
    let shown = path.display();
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let mut file = match file {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("{shown} is there already, and stays as it is; name another file with -o")
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write {shown}")),
    };
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {shown}"))?;
    say(format_args!("wrote {shown}; captd apply -f {shown} --wait makes it"))?;
    Ok(Exit::Done)
}
