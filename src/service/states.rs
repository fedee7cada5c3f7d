//! Terraform's state: the backend that runs speak to, and what a person may do with it.

use serde_json::Value;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{Actor, DAEMON, Error, Result, Service};
use crate::domain::event::Told;
use crate::domain::resource::Key;
use crate::domain::run::Run;
use crate::domain::state::{Contents, Head, Holder, Lock, Verdict, Version, contents, digest, judge, placed};
use crate::store::seal::SealError;
use crate::store::{Change, NewState, Snapshot};

/// Whether a lock was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locked {
    /// It was.
    Taken,
    /// Somebody has it: Terraform's own description of that lock, with captd's words on the holder.
    HeldBy(Value),
}

impl Service {
    /// The password with which a run speaks to its state; its user name is `run/<id>`.
    pub(super) fn run_password(&self, run: Uuid) -> Result<String> {
        self.keys.now().derive(&credentials_of(run)).map_err(no_key)
    }

    /// The passwords that a run may have: that of the current key, and of the ones before it.
    pub(super) fn run_passwords(&self, run: Uuid) -> Result<Vec<String>> {
        self.keys.now().derive_all(&credentials_of(run)).map_err(no_key)
    }

    /// Who speaks, if it is a run that is open and whose workspace this is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn run_that_speaks(&self, user: &str, password: &str, workspace: Uuid) -> Result<Option<Holder>> {
        let Holder::Run(id) = Holder::parse(user) else { return Ok(None) };
        let expected = self.run_passwords(id)?;
        if !expected.iter().any(|expected| bool::from(expected.as_bytes().ct_eq(password.as_bytes()))) {
            return Ok(None);
        }
        let run = self.store.read().await?.run(id).await?;
        let speaks = run.is_some_and(|run| run.is_open() && run.workspace == workspace);
        Ok(speaks.then_some(Holder::Run(id)))
    }

    /// Whether the workspace exists: for one that does not, no answer may read as "no state".
    ///
    /// # Errors
    /// When it does not.
    pub async fn require_workspace(&self, workspace: Uuid) -> Result<()> {
        let found = self.store.read().await?.workspace(workspace).await?;
        found.map(drop).ok_or_else(|| Error::NotFound { what: "workspace", name: workspace.to_string() })
    }

    /// The newest state of a workspace.
    ///
    /// # Errors
    /// When the database cannot be read, or the state cannot be opened.
    pub async fn state(&self, workspace: Uuid) -> Result<Option<Vec<u8>>> {
        let mut snapshot = self.store.read().await?;
        let Some(newest) = snapshot.newest_state(workspace).await? else { return Ok(None) };
        let content = snapshot.state_content(workspace, newest.version, &self.keys.now()).await?;
        content.map(Some).ok_or_else(|| Error::NotFound { what: "state of workspace", name: workspace.to_string() })
    }

    /// The same for whoever has signed in: that a person has read it is an event.
    ///
    /// # Errors
    /// As for [`Service::state`].
    pub async fn state_for(&self, workspace: Uuid, holder: &Holder) -> Result<Option<Vec<u8>>> {
        let state = self.state(workspace).await?;
        if let (Some(_), Holder::Person(name)) = (&state, holder) {
            let mut change = self.write(name).await?;
            if let Some(known) = change.workspace(workspace).await? {
                change.tell(of_key("StatePulled", &known.key(), "the state was read, secrets included")).await?;
                change.commit().await?;
            }
        }
        Ok(state)
    }

    /// Takes a state that whoever holds the lock hands in.
    ///
    /// # Errors
    /// Without the lock, or when the state would fork the history. What is kept stays as it is.
    pub async fn put_state(
        &self,
        workspace: Uuid,
        holder: &Holder,
        lock_id: Option<&str>,
        state: &[u8],
    ) -> Result<Verdict> {
        let head = Head::parse(state).map_err(|error| Error::one("", "not_a_state", error.to_string()))?;
        let mut change = self.write(DAEMON).await?;
        let lock = change.state_lock(workspace).await?.filter(|lock| !lock.released);
        let fits = lock.as_ref().is_some_and(|lock| Some(lock.id.as_str()) == lock_id && lock.holder == *holder);
        if !fits {
            let now = lock.map_or_else(
                || "nobody holds it".to_owned(),
                |lock| format!("{} holds it with another id", lock.holder),
            );
            return Err(Error::conflict("lock_not_held", format!("a state is written with its lock only, and {now}")));
        }
        if matches!(holder, Holder::Person(_)) && change.newest_state(workspace).await?.is_none() {
            self.refuse_anothers(&mut change, workspace, &head.lineage, None).await?;
        }
        let verdict = self.keep(&mut change, workspace, &head, state, &holder.to_string()).await?;
        if matches!(holder, Holder::Person(_)) {
            self.follow_state(&mut change, workspace).await?;
        }
        change.commit().await?;
        Ok(verdict)
    }

    /// Judges a state and keeps it.
    pub(super) async fn keep(
        &self,
        change: &mut Change,
        workspace: Uuid,
        head: &Head,
        state: &[u8],
        author: &str,
    ) -> Result<Verdict> {
        let digest = digest(state);
        let newest = change.newest_state(workspace).await?;
        let verdict = judge(newest.as_ref(), head, &digest)
            .map_err(|error| Error::conflict("state_refused", error.to_string()))?;
        if verdict == Verdict::Keep {
            let new = NewState { workspace, head, digest: &digest, content: state, author };
            change.keep_state(new, &self.keys.now(), self.clock.now()).await?;
        }
        Ok(verdict)
    }

    /// Takes the lock on a workspace's state.
    ///
    /// # Errors
    /// When the lock's description is none.
    pub async fn lock_state(&self, workspace: Uuid, holder: &Holder, info: Value) -> Result<Locked> {
        let Some(id) = info["ID"].as_str().filter(|id| !id.is_empty()).map(str::to_owned) else {
            return Err(Error::one("/ID", "required", "a lock has an ID"));
        };
        let mut change = self.write(DAEMON).await?;
        if let Some(lock) = change.state_lock(workspace).await?
            && !lock.yields_to(holder)
        {
            return Ok(Locked::HeldBy(self.described(&mut change, lock).await?));
        }
        let lock = Lock { id, info, holder: holder.clone(), locked_at: self.clock.now(), released: false };
        change.put_state_lock(workspace, &lock).await?;
        change.commit().await?;
        Ok(Locked::Taken)
    }

    /// Lets go of the lock. A run's lock stays with the run until its end was looked at.
    ///
    /// # Errors
    /// When somebody else holds it.
    pub async fn unlock_state(&self, workspace: Uuid, holder: &Holder, id: Option<&str>) -> Result<()> {
        let mut change = self.write(DAEMON).await?;
        let Some(lock) = change.state_lock(workspace).await? else { return Ok(()) };
        if lock.holder != *holder || id.is_some_and(|id| id != lock.id) {
            return Err(Error::conflict(
                "lock_not_held",
                format!("{} holds the lock, since {}", lock.holder, lock.locked_at),
            ));
        }
        match holder {
            Holder::Run(_) => change.put_state_lock(workspace, &Lock { released: true, ..lock }).await?,
            Holder::Person(_) => change.remove_state_lock(workspace).await?,
        }
        change.commit().await?;
        if matches!(holder, Holder::Person(_)) {
            // What waited for it goes on.
            self.wakes.all();
        }
        Ok(())
    }

    /// Terraform's description of a lock, with who that is. Of all of it Terraform shows nothing but
    /// the `ID` to whoever is refused, so the words stand there too.
    async fn described(&self, snapshot: &mut Snapshot, lock: Lock) -> Result<Value> {
        let mut info = lock.info;
        let (who, safe) = match &lock.holder {
            Holder::Run(id) => {
                let run = snapshot.run(*id).await?;
                let who = run.map_or_else(|| format!("run {id} holds it"), |run| self.described_holder(&run));
                (who, "a run's lock goes with its end")
            }
            Holder::Person(name) => (
                format!("{name} holds it; whether that process lives, captd cannot see"),
                "`captd state unlock` ends it, which is safe once that process is gone",
            ),
        };
        info["ID"] = Value::from(format!("{} ({who}, since {}; {safe})", lock.id, lock.locked_at));
        info["Who"] = Value::from(who);
        Ok(info)
    }

    /// The versions of the state of a machine or workspace, newest first.
    ///
    /// # Errors
    /// When it does not exist.
    pub async fn state_versions(&self, key: &Key) -> Result<Vec<Version>> {
        let mut snapshot = self.store.read().await?;
        let resource = self.existing(&mut snapshot, key).await?;
        Ok(snapshot.state_versions(resource.workspace).await?)
    }

    /// The state of a machine or workspace, the newest or a certain version.
    ///
    /// # Errors
    /// When it has none, or not that one.
    pub async fn state_of(&self, key: &Key, version: Option<u64>) -> Result<Vec<u8>> {
        let mut snapshot = self.store.read().await?;
        let resource = self.existing(&mut snapshot, key).await?;
        let missing = || no_state(key);
        let version = match version {
            Some(version) => version,
            None => snapshot.newest_state(resource.workspace).await?.ok_or_else(missing)?.version,
        };
        snapshot.state_content(resource.workspace, version, &self.keys.now()).await?.ok_or_else(missing)
    }

    /// What is in the state that a run has left, if the newest is its own.
    pub(super) async fn state_written_by(&self, snapshot: &mut Snapshot, run: &Run) -> Result<Option<Contents>> {
        let newest = snapshot.newest_state(run.workspace).await?;
        let Some(own) = newest.filter(|newest| newest.author == Holder::Run(run.id).to_string()) else {
            return Ok(None);
        };
        let content = snapshot.state_content(run.workspace, own.version, &self.keys.now()).await?;
        Ok(content.map(|content| contents(&content)))
    }

    /// A version of a state, secrets included, for a person: that it was read is an event.
    ///
    /// # Errors
    /// When there is none.
    pub async fn pull_state(&self, key: &Key, version: Option<u64>, actor: &Actor) -> Result<Vec<u8>> {
        let state = self.state_of(key, version).await?;
        let mut change = self.write(&actor.0).await?;
        change.tell(of_key("StatePulled", key, "the state was read, secrets included")).await?;
        change.commit().await?;
        Ok(state)
    }

    /// One output of the newest state. A sensitive one is told only to who asks for it by `reveal`,
    /// and that it was is told in the log.
    ///
    /// # Errors
    /// When there is no state or no such output, or it is sensitive.
    pub async fn output_of(&self, key: &Key, output: &str, reveal: bool, actor: &Actor) -> Result<Value> {
        let state = self.state_of(key, None).await?;
        let state: Value = serde_json::from_slice(&state)
            .map_err(|error| Error::conflict("not_a_state", format!("the state of {key} cannot be read: {error}")))?;
        let Some(found) = state["outputs"].get(output) else {
            let known: Vec<&String> =
                state["outputs"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
            let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
            let name = format!("{output} of {key}; it has {}", known.join(", "));
            return Err(Error::NotFound { what: "output", name });
        };
        if found["sensitive"] == true {
            if !reveal {
                let detail = format!("the output `{output}` of {key} is sensitive; ask with reveal=true (`--reveal`)");
                return Err(Error::conflict("sensitive", detail));
            }
            tracing::warn!(owner = %key, output, by = actor.0, "a sensitive output was revealed");
            let mut change = self.write(&actor.0).await?;
            change.tell(of_key("OutputRevealed", key, &format!("the sensitive output `{output}` was read"))).await?;
            change.commit().await?;
        }
        Ok(found["value"].clone())
    }

    /// Takes a state from a person: the next of its history, or one that comes after what is kept
    /// (`forward`) whatever it says of itself. Ends the doubt about the workspace's state.
    ///
    /// # Errors
    /// When a run is open, somebody holds the lock, or the state is refused.
    pub async fn push_state(&self, key: &Key, state: &[u8], forward: bool, actor: &Actor) -> Result<Version> {
        let given = Head::parse(state).map_err(|error| Error::one("", "not_a_state", error.to_string()))?;
        let mut change = self.write(&actor.0).await?;
        let workspace = self.workspace_at_rest(&mut change, key).await?;
        self.refuse_anothers(&mut change, workspace, &given.lineage, Some((actor, key))).await?;
        let kept = change.newest_state(workspace).await?;
        let head = match kept.filter(|_| forward) {
            Some(kept) => Head { lineage: kept.lineage, serial: kept.serial + 1 },
            None => given,
        };
        let bytes = placed(state, &head).map_err(|error| Error::one("", "not_a_state", error.to_string()))?;
        let content = if forward { &bytes } else { state };
        self.keep(&mut change, workspace, &head, content, &actor.0).await?;
        change.set_diverged(workspace, None).await?;
        self.follow_state(&mut change, workspace).await?;
        change.tell(of_key("StatePushed", key, "a person has handed in a state")).await?;
        let newest = change.newest_state(workspace).await?;
        change.commit().await?;
        self.wakes.all();
        newest.ok_or_else(|| no_state(key))
    }

    /// A history has one workspace: two that went on from the same state would both manage what is in it.
    async fn refuse_anothers(
        &self,
        change: &mut Change,
        workspace: Uuid,
        lineage: &str,
        asked: Option<(&Actor, &Key)>,
    ) -> Result<()> {
        let Some(other) = change.workspace_of_lineage(lineage, workspace).await? else { return Ok(()) };
        // Without a name, it is whoever has the admin's token.
        let other = asked.map_or_else(|| other.to_string(), |(actor, key)| actor.told([&other], &key.namespace));
        let detail = format!(
            "its lineage {lineage} is that of {other}, and two would manage the same resources; eject or delete that one first"
        );
        Err(Error::conflict("anothers_state", detail))
    }

    /// Copies an old version forward: it becomes the newest, and nothing of the history is lost.
    ///
    /// # Errors
    /// When a run is open, somebody holds the lock, or there is no such version.
    pub async fn roll_state_back(&self, key: &Key, version: u64, actor: &Actor) -> Result<Version> {
        let content = self.state_of(key, Some(version)).await?;
        self.push_state(key, &content, true, actor).await
    }

    /// Says that the state that is kept is the true one, when another one was left.
    ///
    /// # Errors
    /// When there is no doubt, or a run is open.
    pub async fn trust_kept_state(&self, key: &Key, actor: &Actor) -> Result<()> {
        let mut change = self.write(&actor.0).await?;
        let uid = self.workspace_at_rest(&mut change, key).await?;
        let diverged = change.workspace(uid).await?.and_then(|workspace| workspace.diverged);
        if diverged.is_none() {
            return Err(Error::conflict("not_diverged", format!("the state of {key} is in no doubt")));
        }
        change.set_diverged(uid, None).await?;
        change.tell(of_key("StateTrusted", key, "the state that is kept is the true one")).await?;
        change.commit().await?;
        self.wakes.all();
        Ok(())
    }

    /// The workspace of a machine, or one on its own, on which nobody works.
    pub(super) async fn workspace_at_rest(&self, change: &mut Change, key: &Key) -> Result<Uuid> {
        let workspace = self.existing(change, key).await?.workspace;
        if let Some(open) = change.open_run(workspace).await? {
            return Err(Error::conflict(
                "run_open",
                format!("{}; its state is not changed by hand meanwhile", describe_run(&open)),
            ));
        }
        if let Some(lock) = change.state_lock(workspace).await? {
            return Err(Error::conflict("locked", format!("{} holds the lock, since {}", lock.holder, lock.locked_at)));
        }
        Ok(workspace)
    }
}

/// An event about a machine or workspace.
pub(super) fn of_key<'a>(reason: &'static str, key: &'a Key, message: &str) -> Told<'a> {
    Told::of(reason, key.kind.title(), &key.namespace, key.name.as_str(), message.to_owned())
}

fn no_state(key: &Key) -> Error {
    Error::NotFound { what: "state of", name: key.to_string() }
}

fn credentials_of(run: Uuid) -> String {
    format!("captd/run-credentials/1/{run}")
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands over the error itself")]
fn no_key(error: SealError) -> Error {
    Error::conflict("no_key", error.to_string())
}

pub(super) fn describe_run(run: &Run) -> String {
    format!("{} run {} of {} is {}", run.kind.as_str(), run.id, run.key(), run.state_word())
}
