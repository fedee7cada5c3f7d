//! Reads the arguments, and refuses what a command would not use.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, CommandFactory, FromArgMatches};

use super::Cli;

/// Flags of the connection that some commands have no use for: (command, flags, what to do).
const WITHOUT_USE: [(&str, &[&str], &str); 3] = [
    ("serve", &["addr", "token", "namespace"], "`serve` is the daemon itself; where it listens is said with --listen"),
    (
        "demo",
        &["addr", "token", "namespace"],
        "`demo` starts a daemon of its own; where it listens is said with --listen",
    ),
    ("config", &["addr", "token", "namespace"], "`config` asks no daemon"),
];

/// Reads the arguments.
///
/// # Errors
/// What clap answers, `--help` and `--version` included.
pub(super) fn parse(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut command = with_useful_help();
    let matches = command.try_get_matches_from_mut(arguments)?;
    refuse_without_use(&matches).map_err(|text| command.error(ErrorKind::ArgumentConflict, text))?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    // A demo is no guest in the data folder that the environment names for the real daemon.
    if let Some(("demo", below)) = matches.subcommand()
        && !given(&matches, "data_dir")
        && !given(below, "data_dir")
    {
        cli.connection.data_dir = None;
    }
    Ok(cli)
}

/// The command line, where no help offers what its command refuses: a hidden flag stands in the
/// place of the one that holds for all.
fn with_useful_help() -> clap::Command {
    WITHOUT_USE.iter().fold(Cli::command(), |command, (name, flags, _)| {
        let hidden = flags.iter().map(|flag| {
            let argument = Arg::new(*flag).long(*flag).hide(true).global(true);
            if *flag == "namespace" { argument.short('n') } else { argument }
        });
        command.mut_subcommand(name, |below| below.args(hidden))
    })
}

/// A flag that is given and not used is a mistake of somebody: `serve --addr` would listen
/// somewhere else than was meant.
fn refuse_without_use(matches: &ArgMatches) -> Result<(), String> {
    let Some((name, below)) = matches.subcommand() else { return Ok(()) };
    for (_, flags, remedy) in WITHOUT_USE.iter().filter(|(command, ..)| *command == name) {
        for flag in *flags {
            if given(matches, flag) || given(below, flag) {
                return Err(format!("`{name}` takes no --{flag}: {remedy}"));
            }
        }
    }
    Ok(())
}

fn given(matches: &ArgMatches, flag: &str) -> bool {
    matches.value_source(flag) == Some(ValueSource::CommandLine)
}
