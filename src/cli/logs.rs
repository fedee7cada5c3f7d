//! `captd logs`: what Terraform said, whole or as it comes.

use std::time::Duration;

use anyhow::Result;

use super::Exit;
use super::client::Error;
use super::output::Stream;
use super::progress::Patience;
use super::session::Session;
use super::target::RunOrOwner;

/// How long is waited before a log that broke off is followed again.
const AGAIN: Duration = Duration::from_millis(300);

/// `captd logs`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of a run; name of a machine, or workspace/NAME: its newest run
    #[arg(required = true, value_name = "RUN|NAME")]
    words: Vec<String>,
    /// Go on until the run is over
    #[arg(short, long)]
    follow: bool,
}

/// Shows the log. A run outlives its daemon: when that is restarted, its log is followed on.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let id = RunOrOwner::parse(&args.words, &session.namespace)?.run(session).await?;
    let path = ["v1", "runs", &id.to_string(), "log"];
    let mut shown = Shown::default();
    if !args.follow {
        show(session, &path, false, &mut shown).await?;
        return Ok(Exit::Done);
    }
    let mut patience = Patience::default();
    loop {
        let over = match show(session, &path, true, &mut shown).await {
            Ok(()) => session.run(id).await.map(|run| run.is_over()),
            Err(error) => Err(error.downcast::<Error>()?),
        };
        match over {
            Ok(true) => break,
            Ok(false) => patience.is_rewarded(),
            Err(error) => patience.bear(error, session.now())?,
        }
        tokio::time::sleep(AGAIN).await;
    }
    // What was said between the end of the last answer and the end of the run.
    show(session, &path, false, &mut shown).await?;
    Ok(Exit::Done)
}

/// What was printed of a log.
#[derive(Debug, Default)]
struct Shown {
    bytes: usize,
    stream: Stream,
}

/// Prints a log from where `shown` ends, and counts.
async fn show(session: &Session, path: &[&str], follow: bool, shown: &mut Shown) -> Result<()> {
    let query = if follow { vec![("follow", "true".to_owned())] } else { Vec::new() };
    let mut log = session.client.stream(path, &query).await?;
    let mut passed = 0;
    while let Some(piece) = log.next().await? {
        let known = shown.bytes.saturating_sub(passed).min(piece.len());
        passed += piece.len();
        shown.stream.write(&piece[known..])?;
        shown.bytes = passed.max(shown.bytes);
    }
    Ok(())
}
