//! `--wait`: follows machines and workspaces until what was asked for is true, one line for each thing that
//! happens.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use uuid::Uuid;

use super::client::Error;
use super::judge::{Until, Verdict, judge};
use super::output::{note, say};
use super::session::Session;
use super::wire::{Resource, Run};
use super::{Exit, times};
use crate::domain::resource::Key;

/// How often is looked.
pub(super) const LOOK: Duration = Duration::from_millis(200);

/// How long a daemon that does not answer may take to come back: it may be restarted at any time.
const ABSENCE_SECONDS_MAX: i64 = 30;

/// Flags of the commands that can wait.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Wait {
    /// Wait until it is done, and show what happens
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(long, requires = "wait", default_value = "30m", value_name = "TIME", value_parser = times::parse_duration)]
    timeout: Duration,
}

impl Wait {
    /// Whether it waits at all.
    pub(super) fn is_wanted(&self) -> bool {
        self.wait
    }

    /// Waits for machines and workspaces, if that is wanted.
    pub(super) async fn follow(&self, session: &Session, keys: &[Key], until: Until) -> Result<Exit> {
        if !self.wait || keys.is_empty() {
            return Ok(Exit::Done);
        }
        let begun = session.now();
        let deadline = session.deadline(self.timeout);
        let mut followed: Vec<Followed> = keys.iter().map(Followed::new).collect();
        let show_names = followed.len() > 1;
        let mut patience = Patience::default();
        loop {
            for one in followed.iter_mut().filter(|one| one.end.is_none()) {
                match one.look(session, until, deadline).await {
                    Ok(lines) => {
                        patience.is_rewarded();
                        one.print(session, begun, show_names, &lines)?;
                    }
                    Err(error) => patience.bear(error, session.now())?,
                }
            }
            if followed.iter().all(|one| one.end.is_some()) {
                break;
            }
            if session.now() >= deadline {
                for one in followed.iter().filter(|one| one.end.is_none()) {
                    note(format_args!("error: {} is not there in time; {}", one.of.path(), one.line));
                }
                return Ok(followed.iter().filter_map(|one| one.end).fold(Exit::TimedOut, Exit::worse));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(followed.iter().filter_map(|one| one.end).fold(Exit::Done, Exit::worse))
    }
}

/// A machine or workspace that is waited for.
#[derive(Debug)]
struct Followed {
    of: Key,
    uid: Option<Uuid>,
    run: Option<Run>,
    /// What was said last, by its key and in words.
    key: String,
    line: String,
    end: Option<Exit>,
}

impl Followed {
    fn new(of: &Key) -> Self {
        let of = of.clone();
        Self { of, uid: None, run: None, key: String::new(), line: String::new(), end: None }
    }

    /// Looks once. Gives back what is new, and notes an end.
    async fn look(&mut self, session: &Session, until: Until, deadline: Timestamp) -> Result<Vec<String>, Error> {
        let resource = match session.resource(&self.of).await {
            Ok(resource) if *self.uid.get_or_insert(resource.metadata.uid) == resource.metadata.uid => resource,
            Err(error) if !error.is_not_found() => return Err(error),
            // It does not exist, or another one has its name by now.
            _ => {
                self.end = Some(if until == Until::Gone { Exit::Done } else { Exit::Failed });
                return Ok(vec!["deleted".to_owned()]);
            }
        };
        self.read_run(session, &resource).await?;
        match judge(&resource, self.run.as_ref(), until, deadline, session.now()) {
            Verdict::GoesOn { key, .. } if key == self.key => Ok(Vec::new()),
            Verdict::GoesOn { key, line } => {
                self.key = key;
                self.line.clone_from(&line);
                Ok(vec![line])
            }
            Verdict::Ends(exit, lines) => {
                self.end = Some(exit);
                Ok(lines)
            }
        }
    }

    /// Reads the newest run when it has changed.
    async fn read_run(&mut self, session: &Session, resource: &Resource) -> Result<(), Error> {
        let Some(latest) = &resource.status.latest_run else {
            self.run = None;
            return Ok(());
        };
        let known = self.run.as_ref().is_some_and(|run| run.id == latest.id && run.state == latest.state);
        if !known {
            self.run = Some(session.run(latest.id).await?);
        }
        Ok(())
    }

    fn print(&self, session: &Session, begun: Timestamp, show_name: bool, lines: &[String]) -> Result<()> {
        let elapsed = times::elapsed(begun, session.now());
        let name = if show_name { format!("{}: ", self.of.handle()) } else { String::new() };
        for (index, line) in lines.iter().flat_map(|text| text.lines()).enumerate() {
            // Lines of the same event stand below each other.
            let time = if index == 0 { elapsed.as_str() } else { "" };
            let text = format!("{time:>6}  {name}{line}");
            if self.end == Some(Exit::Failed) {
                note(text);
            } else {
                say(text)?;
            }
        }
        Ok(())
    }
}

/// Bears with a daemon that does not answer for a while.
#[derive(Debug, Default)]
pub(super) struct Patience {
    since: Option<Timestamp>,
}

impl Patience {
    /// It has answered.
    pub(super) fn is_rewarded(&mut self) {
        self.since = None;
    }

    /// It has not.
    ///
    /// # Errors
    /// The error itself, when it does not pass, or lasts for too long.
    pub(super) fn bear(&mut self, error: Error, now: Timestamp) -> Result<()> {
        if !error.is_passing() {
            return Err(error.into());
        }
        match self.since {
            None => {
                self.since = Some(now);
                note(format_args!("captd does not answer; waiting for it to come back ({error})"));
                Ok(())
            }
            Some(since) if now.duration_since(since).as_secs() < ABSENCE_SECONDS_MAX => Ok(()),
            Some(_) => Err(error.into()),
        }
    }
}
