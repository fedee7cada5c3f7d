//! `captd drain`: lets what is at work come to its end, and begins nothing.

use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;
use uuid::Uuid;

use super::output::say;
use super::progress::{LOOK, Patience};
use super::session::Session;
use super::wire::Run;
use super::{Exit, times};

/// `captd drain`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
No run gets a place: what is queued stays queued, what is planned is not applied. What is at work goes on, and this waits
for it; to stop waiting (Ctrl-C, --timeout) does not end the drain. A drain outlives a restart of the daemon, and ends when
the machine is started again, or with --release.")]
pub(super) struct Args {
    /// End the drain: runs begin again
    #[arg(long, conflicts_with = "timeout")]
    release: bool,
    /// How long to wait for what is at work
    #[arg(long, value_name = "TIME", value_parser = times::parse_duration)]
    timeout: Option<Duration>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Draining {
    why: Option<String>,
    at_work: Vec<Run>,
}

/// Begins a drain and waits until nothing is at work, or ends it.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    const PATH: [&str; 2] = ["v1", "drain"];
    if args.release {
        session.client.delete(&PATH, &[]).await?;
        say("the drain is over: runs begin again")?;
        return Ok(Exit::Done);
    }
    let deadline = args.timeout.map(|timeout| session.deadline(timeout));
    let mut now: Draining = session.client.post(&PATH, None).await?;
    say(format_args!("{}: nothing begins until the next boot, or `captd drain --release`", now.why()))?;
    let mut patience = Patience::default();
    let mut shown: Vec<(Uuid, String)> = Vec::new();
    loop {
        let at_work: Vec<(Uuid, String)> = now.at_work.iter().map(|run| (run.id, run.state.clone())).collect();
        if at_work != shown {
            now.show(session)?;
            shown = at_work;
        }
        if shown.is_empty() {
            say("nothing is at work")?;
            return Ok(Exit::Done);
        }
        if deadline.is_some_and(|deadline| session.now() >= deadline) {
            return Ok(Exit::TimedOut);
        }
        tokio::time::sleep(LOOK).await;
        // The daemon may be restarted meanwhile: the drain is still there.
        match session.client.get(&PATH, &[]).await {
            Ok(answer) => {
                patience.is_rewarded();
                now = answer;
            }
            Err(error) => patience.bear(error, session.now())?,
        }
        if now.why.is_none() {
            say("somebody has ended the drain")?;
            return Ok(Exit::Failed);
        }
    }
}

impl Draining {
    fn why(&self) -> &str {
        self.why.as_deref().unwrap_or("draining")
    }

    fn show(&self, session: &Session) -> Result<()> {
        for run in &self.at_work {
            let begun = run.started_at.unwrap_or(run.created_at);
            say(format_args!(
                "at work: {} run {} of {} is {}, begun {} ago",
                run.kind.as_str(),
                run.id,
                run.key().path(),
                run.state,
                times::age(begun, session.now())
            ))?;
        }
        Ok(())
    }
}
