//! The command line: one file per command, and the pieces that they share.
//!
//! **Invariant:** the client commands know no database and no service: they speak HTTP alone, but
//! for `backup`, `doctor`, and `state` where no daemon works.
//! **Invariant:** whatever happens, the exit code is one of [`EXIT_CODES`]; nothing panics because
//! a pipe was closed.

mod apply;
mod approve;
mod at_rest;
mod backup;
mod cancel;
mod client;
mod columns;
mod config_check;
mod connection;
mod convert;
mod declarations;
mod delete;
mod demo;
mod describe;
mod discard;
mod doctor;
mod drain;
mod eject;
mod events;
mod gateway;
mod get;
mod graph;
mod hold;
mod iam_policy;
mod import;
mod init;
mod judge;
mod kubernetes_state;
mod leftovers;
mod logs;
mod output;
mod outputs;
mod parse;
mod pause;
mod plan;
mod plan_text;
mod problem;
mod progress;
mod rehearse;
mod resume;
mod retry;
mod rotate_key;
mod scale;
mod secret;
mod serve;
mod session;
mod state;
mod state_source;
mod supervise;
mod target;
mod template;
mod terminal;
mod times;
mod unit;
mod verdict;
mod version;
mod wire;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use connection::Connection;
use output::note;
use session::Session;

/// What the exit codes mean; `--help` ends with it.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  error; also an error of usage with `plan --detailed-exitcode`
  2  error of usage; with `plan --detailed-exitcode`: the plan has changes
  3  a plan waits for approval (with --wait)
  4  the time of --timeout is over (with --wait)";

/// A daemon that drives Terraform for EKS node groups, and its client.
#[derive(Debug, Parser)]
#[command(name = "captd", version, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon in the foreground, until SIGTERM or Ctrl-C
    Serve(serve::Args),
    /// See it work: a daemon, a node group and a scaling, with no cloud account
    Demo(demo::Args),
    /// Print what captd must be allowed to do in AWS
    IamPolicy(iam_policy::Args),
    /// Write an example to begin with
    Init(init::Args),
    /// Check the daemon's configuration
    #[command(subcommand)]
    Config(config_check::Command),
    /// Print a systemd unit for the daemon
    Unit(unit::Args),
    /// Say what is wrong with this installation, and what to do
    Doctor(doctor::Args),
    /// Create or change what files declare
    Apply(apply::Args),
    /// Take over node groups that exist
    Import(import::Args),
    /// Print CAPT's manifests in captd's own form
    Convert(convert::Args),
    /// List machines, workspaces, namespaces, templates or runs
    Get(get::Args),
    /// Show one machine, workspace or run in detail
    Describe(describe::Args),
    /// Show what happened, and who did it
    Events(events::Args),
    /// Delete machines and workspaces: what they have in the cloud first
    Delete(delete::Args),
    /// Hand a machine or workspace over to plain Terraform, and manage it no longer
    Eject(eject::Args),
    /// Show who needs whom
    Graph(graph::Args),
    /// Set a machine's numbers of nodes
    Scale(scale::Args),
    /// Show what a run would change; changes nothing
    Plan(plan::Args),
    /// Approve the plan of a run that waits for it
    Approve(approve::Args),
    /// Refuse the plan of a run that waits for approval
    Discard(discard::Args),
    /// Stop a run
    Cancel(cancel::Args),
    /// Try again to bring a spec into force, or to delete what it made; for one or for many
    Retry(retry::Args),
    /// Let no run of a machine or workspace begin by itself
    Pause(pause::Args),
    /// End a pause
    Resume(resume::Args),
    /// Let runs plan, and apply nothing
    Hold,
    /// End a hold, or start a restored copy
    Release,
    /// Let runs at work end before a reboot, and begin none
    Drain(drain::Args),
    /// Copy the database while the daemon works
    Backup(backup::Args),
    /// Look at Terraform's state of a machine or workspace, and mend it
    #[command(subcommand)]
    State(state::Command),
    /// Look at the warm provider processes
    #[command(subcommand)]
    Gateway(gateway::Command),
    /// Write secrets for variables
    #[command(subcommand)]
    Secret(secret::Command),
    /// Upload templates, and look at their revisions and rollouts
    #[command(subcommand)]
    Template(template::Command),
    /// Print the outputs of a machine or workspace
    Output(outputs::Args),
    /// Show what Terraform said in a run
    Logs(logs::Args),
    /// Show the version
    Version(version::Args),
}

/// How a command ended, when it was no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Done,
    /// What is wrong was said already.
    Failed,
    /// A plan has changes.
    Differs,
    AwaitsApproval,
    TimedOut,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Differs => 2,
            Self::AwaitsApproval => 3,
            Self::TimedOut => 4,
        }
    }

    /// Of two ends, the one that a caller must hear of.
    fn worse(self, other: Self) -> Self {
        let weight = |exit| match exit {
            Self::Done => 0,
            Self::Differs => 1,
            Self::AwaitsApproval => 2,
            Self::TimedOut => 3,
            Self::Failed => 4,
        };
        if weight(other) > weight(self) { other } else { self }
    }
}

/// The arguments do not go together in a way that clap does not see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

impl Usage {
    fn error(text: impl Into<String>) -> anyhow::Error {
        Self(text.into()).into()
    }
}

/// Runs the program; `arguments` begin with its name.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    // Many of these live at once, each as long as its terraform: nothing else is set up for them.
    if arguments.get(1).is_some_and(|word| word == "supervise") {
        return supervise::run(&arguments[2..]);
    }
    if arguments.get(1).is_some_and(|word| word == "exec") {
        return supervise::exec(&arguments[2..]);
    }
    if arguments.get(1).is_some_and(|word| word == "rehearse") {
        return rehearse::run(&arguments[2..]);
    }
    if arguments.get(1).is_some_and(|word| word == "leftovers") {
        return leftovers::run(&arguments[2..]);
    }
    let detailed = arguments.iter().any(|argument| argument == "--detailed-exitcode");
    let usage_code = if detailed { 1 } else { 2 };
    let cli = match parse::parse(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // To a closed pipe there is nobody to say it to.
            error.print().ok();
            return ExitCode::from(if error.use_stderr() { usage_code } else { 0 });
        }
    };
    match start(cli) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) if error.is::<output::Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            note(format_args!("error: {error:#}"));
            ExitCode::from(if error.is::<Usage>() { usage_code } else { 1 })
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<Exit> {
    let Cli { connection, command } = cli;
    let mut runtime = match &command {
        Command::Serve(_) | Command::Demo(_) | Command::Gateway(gateway::Command::Serve { .. }) => {
            tokio::runtime::Builder::new_multi_thread()
        }
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build()?;
    let exit = runtime.block_on(dispatch(&connection, command));
    // What still waits, such as a look-up of a name, is of no use any more.
    runtime.shutdown_background();
    exit
}

async fn dispatch(connection: &Connection, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Serve(args) => return serve::run(args, connection).await,
        Command::Demo(args) => return demo::run(args, connection).await,
        Command::Config(command) => return config_check::run(&command, connection),
        Command::Gateway(gateway::Command::Serve { folder }) => return gateway::run(&folder).await,
        Command::IamPolicy(args) => return iam_policy::run(&args),
        Command::Init(args) => return init::run(&args),
        Command::Unit(args) => return unit::run(&args, connection),
        Command::Backup(args) => return backup::run(&args, connection).await,
        Command::State(command) => return state::run(connection, command).await,
        Command::Doctor(args) => return doctor::run(&args, connection).await,
        Command::Version(args) if !args.server => return version::client(),
        _ => {}
    }
    let session = Session::open(connection).await?;
    match command {
        Command::Apply(args) => apply::run(&session, args).await,
        Command::Import(args) => import::run(&session, args).await,
        Command::Events(args) => events::run(&session, &args).await,
        Command::Convert(args) => convert::run(&session, &args).await,
        Command::Get(args) => get::run(&session, args).await,
        Command::Describe(args) => describe::run(&session, &args).await,
        Command::Delete(args) => delete::run(&session, &args).await,
        Command::Eject(args) => eject::run(&session, &args).await,
        Command::Graph(args) => graph::run(&session, &args).await,
        Command::Scale(args) => scale::run(&session, &args).await,
        Command::Plan(args) => plan::run(&session, &args).await,
        Command::Approve(args) => approve::run(&session, &args).await,
        Command::Discard(args) => discard::run(&session, &args).await,
        Command::Cancel(args) => cancel::run(&session, &args).await,
        Command::Retry(args) => retry::run(&session, &args).await,
        Command::Pause(args) => pause::run(&session, &args).await,
        Command::Resume(args) => resume::run(&session, &args).await,
        Command::Hold => hold::hold(&session).await,
        Command::Release => hold::release(&session).await,
        Command::Drain(args) => drain::run(&session, &args).await,
        Command::Gateway(gateway::Command::Status { json }) => gateway::status(&session, json).await,
        Command::Secret(command) => secret::run(&session, command).await,
        Command::Template(command) => template::run(&session, command).await,
        Command::Output(args) => outputs::run(&session, &args).await,
        Command::Logs(args) => logs::run(&session, &args).await,
        Command::Version(_) => version::server(&session).await,
        Command::Serve(_)
        | Command::Demo(_)
        | Command::IamPolicy(_)
        | Command::Init(_)
        | Command::Config(_)
        | Command::Gateway(gateway::Command::Serve { .. })
        | Command::Doctor(_)
        | Command::State(_)
        | Command::Unit(_)
        | Command::Backup(_) => Ok(Exit::Done),
    }
}
