//! `captd plan`: what a run would change, or what a run that exists did.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use uuid::Uuid;

use super::client::Error;
use super::judge::approval_lines;
use super::output::{note, say};
use super::progress::Patience;
use super::session::Session;
use super::target::{RunOrOwner, path_of};
use super::wire::{Run, Started};
use super::{Exit, plan_text, times};
use crate::domain::plan::Plan;
use crate::domain::resource::Key;

/// How often a run that plans is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How long is waited for another look to end.
const OTHER_LOOK_SECONDS_MAX: u64 = 60;

/// How often is asked whether it has.
const OTHER_LOOK: Duration = Duration::from_millis(200);

/// `captd plan`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of a machine, or workspace/NAME: what would be changed now, or by the run that is open. Id of a run: its plan
    #[arg(required = true, value_name = "NAME|RUN")]
    words: Vec<String>,
    /// Exit with 0 when there is nothing to change, 2 when there is, 1 on an error
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Plans, and shows it.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let run = match RunOrOwner::parse(&args.words, &session.namespace)? {
        RunOrOwner::Run(id) => session.run(id).await?,
        RunOrOwner::Owner(key) => {
            let id = match ask(session, &key, "plan").await {
                Ok(started) => started.run.context("the daemon has started no run, and does not say why")?.id,
                Err(error) => open_run(session, &key, error).await?,
            };
            wait_for_plan(session, id).await?
        }
    };
    let plan = read_plan(session, &run).await?;
    say(format_args!(
        "{}, generation {}, {} run {} ({})\n",
        run.key().path(),
        run.generation,
        run.kind.as_str(),
        run.id,
        run.state
    ))?;
    say(plan_text::render(&plan))?;
    if run.state == "awaiting_approval" {
        say("")?;
        for line in approval_lines(&run) {
            say(line)?;
        }
    }
    Ok(if args.detailed_exitcode && plan.has_changes() { Exit::Differs } else { Exit::Done })
}

/// Where another run is open, its plan is what one wants to see: its id.
async fn open_run(session: &Session, key: &Key, error: anyhow::Error) -> Result<Uuid> {
    let problem = error.downcast_ref::<Error>().and_then(Error::problem);
    if !problem.is_some_and(|problem| problem.is(409, "run_open")) {
        return Err(error);
    }
    let Some(open) = session.resource(key).await?.status.latest_run else { return Err(error) };
    note(format_args!("the {} run {} is {}; this is its plan", open.kind.as_str(), open.id, open.state));
    Ok(open.id)
}

/// Asks for a run. While another look is under way, which ends soon by itself, waits and asks again.
pub(super) async fn ask(session: &Session, key: &Key, verb: &str) -> Result<Started> {
    let path = path_of(key, &[verb]);
    let deadline = session.deadline(Duration::from_secs(OTHER_LOOK_SECONDS_MAX));
    let mut is_said = false;
    loop {
        match session.client.post(&path, None).await {
            Err(Error::Refused(problem)) if problem.is(409, "look_open") && session.now() < deadline => {
                if !std::mem::replace(&mut is_said, true) {
                    note(format_args!("another look at the {} is under way; waiting for its end", key.kind.noun()));
                }
                tokio::time::sleep(OTHER_LOOK).await;
            }
            answer => return Ok(answer?),
        }
    }
}

/// Follows a run until it has a plan, or to its end; what happens goes to standard error, which leaves standard output
/// to the plan.
async fn wait_for_plan(session: &Session, id: Uuid) -> Result<Run> {
    let begun = session.now();
    let mut state = String::new();
    let mut patience = Patience::default();
    loop {
        match session.run(id).await {
            Ok(run) if run.is_over() || run.has_plan() => return Ok(run),
            Ok(run) => {
                patience.is_rewarded();
                if run.state != state {
                    note(format_args!("{}  {}", times::elapsed(begun, session.now()), run.state));
                    state = run.state;
                }
            }
            Err(error) => patience.bear(error, session.now())?,
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn read_plan(session: &Session, run: &Run) -> Result<Plan> {
    match session.client.get(&["v1", "runs", &run.id.to_string(), "plan"], &[]).await {
        Ok(plan) => Ok(plan),
        Err(error) if !error.is_not_found() => Err(error.into()),
        Err(_) if run.state == "unchanged" => Ok(Plan::default()),
        Err(_) => match &run.failure {
            Some(failure) => bail!(
                "run {} has no plan; it failed ({}): {}\n  {}\n  its log: captd logs {}",
                run.id,
                failure.class,
                failure.message,
                failure.remedy,
                run.id
            ),
            None => bail!("run {} has no plan; it is {}", run.id, run.state),
        },
    }
}
