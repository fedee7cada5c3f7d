//! How runs move on: reports of their workers, plans, ends. What follows an end is decided
//! and queued in the same transaction.

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::error::as_far_as_readable;
use super::observing::seen_in_plan;
use super::states::of_key;
use super::{DAEMON, Prepared, Result, Service};
use crate::domain::adoption::leaves_doubt;
use crate::domain::failure::{Class, Failure};
use crate::domain::gate::{gate, hold_unfound};
use crate::domain::import::takeover;
use crate::domain::observation::Seen;
use crate::domain::plan::Plan;
use crate::domain::retry::{self, Next};
use crate::domain::run::{Kind, Outcome, Run, State, Step, Wish};
use crate::domain::state::{Holder, digest};
use crate::domain::time::plus_seconds;
use crate::store::{Change, SavedPlan};

impl Service {
    /// Keeps that a run has come to planning.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn planning(&self, run: Uuid) -> Result<()> {
        let mut change = self.write(DAEMON).await?;
        if let Some(run) = change.run(run).await?
            && let Ok(run) = run.begin_planning()
        {
            change.save_run(&run).await?;
            change.commit().await?;
        }
        Ok(())
    }

    /// Keeps that a command of a run has begun or ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step(&self, run: Uuid, step: Step) -> Result<()> {
        self.reached(&step);
        let mut change = self.write(DAEMON).await?;
        if let Some(mut run) = change.run(run).await? {
            let mut exceeded = None;
            match run.steps.iter_mut().find(|known| known.place == step.place && known.name == step.name) {
                // Found again by a later daemon: it began when it began.
                Some(known) => {
                    let is_news = step.exceeded.is_some() && known.exceeded.is_none();
                    *known = Step { started_at: known.started_at, ..step };
                    exceeded = known.exceeded.clone().filter(|_| is_news);
                }
                None => run.steps.push(step),
            }
            if let Some(what) = exceeded {
                let message = format!("a command of run {} takes more than it may: {what}", run.id);
                change.tell(of_key("LimitExceeded", &run.key(), &message)).await?;
            }
            change.save_run(&run).await?;
            change.commit().await?;
        }
        Ok(())
    }

    /// Keeps a run's plan, and lets it on, hold it or end it as the gate says.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn plan_made(
        &self,
        run: Uuid,
        prepared: &Prepared,
        plan: &Plan,
        outputs: Map<String, Value>,
        saved: Vec<u8>,
    ) -> Result<()> {
        let mut change = self.write(DAEMON).await?;
        let Some(run) = change.run(run).await? else { return Ok(()) };
        let takeover = takeover(plan, prepared.adoption.as_ref());
        let policy = change.namespace(&run.namespace).await?.map(|tenant| tenant.spec.policy).unwrap_or_default();
        let manifest = self.protecting(&mut change, &run, prepared).await?;
        let gate = gate(run.kind, plan, (prepared.approval, policy), &manifest, takeover);
        let has_resources = prepared.state.as_ref().is_some_and(|state| state.has_resources);
        let gate = hold_unfound(gate, run.kind, policy, has_resources);
        change.keep_plan(run.id, plan, &prepared.revision).await?;
        // A newer spec, or a person, came while it planned.
        if let Some(wish) = run.wish {
            return self.ended(change, run, outcome_of(wish)).await;
        }
        if let Some(seen) = seen_in_plan(&run, &gate, plan, prepared, outputs) {
            self.observe(&mut change, &run, seen).await?;
        }
        let moved = run.plan_made(gate, plan.summary, self.clock.now())?;
        if let Some(ended) = moved.ended() {
            let outcome = ended.outcome.clone();
            return self.ended(change, moved, outcome).await;
        }
        self.provider_planned(&mut change, &moved).await?;
        let serial = change.newest_state(moved.workspace).await?.map(|state| state.serial);
        let saved = SavedPlan { digest: digest(&saved), content: saved, serial };
        change.keep_saved_plan(moved.id, &saved, &self.keys.now()).await?;
        change.save_run(&moved).await?;
        change.commit().await?;
        self.wakes.all();
        Ok(())
    }

    /// The plan that a run is to apply: exactly what was saved, for the state that is kept now.
    ///
    /// # Errors
    /// The outer one when the database fails, the inner one when the plan cannot be applied.
    pub async fn saved_plan(&self, run: &Run) -> Result<std::result::Result<Vec<u8>, Failure>> {
        let mut snapshot = self.store.read().await?;
        let Some(saved) = snapshot.saved_plan(run.id, &self.keys.now()).await? else {
            return Ok(Err(Failure::new(Class::Internal, "the plan that was saved is no longer kept")));
        };
        let serial = snapshot.newest_state(run.workspace).await?.map(|state| state.serial);
        if saved.serial != serial {
            let message = "the state has changed since the plan was made, and a plan is applied to its own state only";
            return Ok(Err(Failure::with_remedy(Class::Lock, message, "Nothing: captd plans again by itself.")));
        }
        if digest(&saved.content) != saved.digest {
            return Ok(Err(Failure::new(Class::Internal, "the plan that is kept is not the one that was saved")));
        }
        Ok(Ok(saved.content))
    }

    /// Keeps that a run has applied its plan; `outputs` is `None` when Terraform could not be asked for
    /// them: then they are those of the state that it has left.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn applied(&self, run: Uuid, outputs: Option<Map<String, Value>>) -> Result<()> {
        let mut change = self.write(DAEMON).await?;
        let Some(run) = change.run(run).await? else { return Ok(()) };
        let state = self.state_written_by(&mut change, &run).await;
        let state = as_far_as_readable(state, "the state that an apply has left")?.flatten();
        let failed_checks = state.as_ref().map(|state| state.failed_checks.clone()).unwrap_or_default();
        if let Some(outputs) = outputs.or(state.map(|state| state.outputs)) {
            let seen = Seen { outputs, failed_checks, in_force: true, applied: true, ..Seen::default() };
            self.observe(&mut change, &run, seen).await?;
        }
        // A destroy that could not look for all that may exist has not ended well, though it went well.
        let plan = if run.kind == Kind::Destroy { change.plan(run.id).await } else { Ok(None) };
        let plan = as_far_as_readable(plan, "the plan of a destroy")?.flatten().unwrap_or_default();
        if !plan.not_looked_for.is_empty() {
            let (failure, retry_at) = self.after_failure(&run, Failure::not_looked_for(&plan.not_looked_for));
            return self.ended(change, run, Outcome::Failed { failure, retry_at }).await;
        }
        self.ended(change, run, Outcome::Succeeded).await
    }

    /// Keeps that a run has failed, and when it is tried again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn failed(&self, run: Uuid, failure: Failure) -> Result<()> {
        let unsure = self.unsure_after(run, &failure).await?;
        let failure = failure.unsure_of(unsure);
        let mut change = self.write(DAEMON).await?;
        let Some(run) = change.run(run).await? else { return Ok(()) };
        if run.wish == Some(Wish::Cancel) {
            // Whoever has asked it to stop asks for no further try, and an end of which a later daemon hears may be that.
            tracing::warn!(run = %run.id, owner = %run.key(), class = failure.class.as_str(), "a run that was to stop failed");
            return self.ended(change, run, Outcome::Canceled).await;
        }
        let secrets = self.secrets_of(run.id);
        let (message, remedy) = (secrets.redact(&failure.message), secrets.redact(&failure.remedy));
        let failure = Failure { message, remedy, ..failure };
        if let Some(failure) = self.look_for_it(&mut change, &run, &failure).await? {
            let retry_at = Some(self.clock.now());
            return self.ended(change, run, Outcome::Failed { failure, retry_at }).await;
        }
        if run.kind == Kind::Refresh {
            self.miss(&mut change, &run).await?;
        }
        let locked = change.state_lock(run.workspace).await?.and_then(|lock| lock.by_hand());
        if let Some(why) = locked.filter(|_| failure.class == Class::Lock && run.kind.changes_things()) {
            // No try: it waits, and goes on when the lock is let go.
            let failure = Failure { remedy: format!("Nothing: {why}."), spared: true, ..failure };
            let retry_at = Some(self.clock.now());
            return self.ended(change, run, Outcome::Failed { failure, retry_at }).await;
        }
        let spared = self.provider_failed(&mut change, &run, &failure).await?;
        let (failure, retry_at) = self.after_failure(&run, Failure { spared, ..failure });
        tracing::warn!(run = %run.id, owner = %run.key(), class = failure.class.as_str(), message = failure.message, "run failed");
        self.ended(change, run, Outcome::Failed { failure, retry_at }).await
    }

    /// What exists already may be this machine's own, left by a run of whose end nothing is known.
    /// The next run looks, once; what it does not find to be its own is another's.
    async fn look_for_it(&self, change: &mut Change, run: &Run, failure: &Failure) -> Result<Option<Failure>> {
        let looked = change.workspace(run.workspace).await?.is_none_or(|workspace| workspace.in_doubt.is_some());
        let has_tried = run.kind == Kind::Apply && matches!(run.state, State::Applying(_));
        // Of what cannot be looked for, the next run would make a second one.
        if looked || !has_tried || !failure.says_it_exists() || !failure.unsure.is_empty() {
            return Ok(None);
        }
        let remedy = "Nothing: captd looks at once whether it is this machine's own, and takes it in if so.";
        Ok(Some(Failure::with_remedy(failure.class, failure.message.clone(), remedy)))
    }

    /// Keeps that a run has stopped as it was asked to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stopped(&self, run: Uuid) -> Result<()> {
        let mut change = self.write(DAEMON).await?;
        let Some(run) = change.run(run).await? else { return Ok(()) };
        let outcome = outcome_of(run.wish.unwrap_or(Wish::Cancel));
        self.ended(change, run, outcome).await
    }

    /// Keeps that a run's processes are gone without a word. What they may have made and cannot be looked for makes it a
    /// failure: a rescue would make that twice.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lost(&self, run: Uuid) -> Result<()> {
        let failure = Failure::new(Class::Limit, "its processes are gone without a word");
        if !self.unsure_after(run, &failure).await?.is_empty() {
            return self.failed(run, failure).await;
        }
        let mut change = self.write(DAEMON).await?;
        let Some(run) = change.run(run).await? else { return Ok(()) };
        tracing::error!(run = %run.id, owner = %run.key(), "run lost: supervisor and terraform are gone without a word");
        // Whoever has asked it to stop asks for no rescue.
        let outcome = if run.wish == Some(Wish::Cancel) { Outcome::Canceled } else { Outcome::Lost };
        self.ended(change, run, outcome).await
    }

    pub(super) async fn ended(&self, mut change: Change, run: Run, outcome: Outcome) -> Result<()> {
        if leaves_doubt(&run, &outcome) {
            change.doubt(run.workspace, run.generation).await?;
        } else if run.kind == Kind::Apply && outcome.is_good() {
            change.end_doubt(run.workspace).await?;
        }
        if run.kind == Kind::Apply && matches!(run.state, State::Applying(_)) && !outcome.is_good() {
            // What it did before it ended is in the state.
            let followed = self.follow_state(&mut change, run.workspace).await;
            as_far_as_readable(followed, "the state that an apply has left")?;
        }
        let run = run.end(outcome, self.clock.now());
        change.save_run(&run).await?;
        tracing::info!(run = %run.id, owner = %run.key(), kind = run.kind.as_str(), state = run.state_word(), "run ended");
        if run.ended().is_some_and(|ended| ended.outcome.is_good()) {
            self.provider_works(&mut change, &run).await?;
            if run.kind == Kind::Apply {
                self.keep_secrets_in_force(&mut change, &run).await?;
                let written = self.write_connection_secret(&mut change, run.workspace, &run.key()).await;
                as_far_as_readable(written, "the state of which a secret is written")?;
            }
        }
        self.let_go(&mut change, &run).await?;
        self.follow_up(&mut change, &run).await?;
        change.commit().await?;
        self.followed.forget(run.id);
        self.wakes.all();
        Ok(())
    }

    /// Removes what a run has kept for itself, once its end was looked at.
    pub(super) async fn let_go(&self, change: &mut Change, run: &Run) -> Result<()> {
        self.to_be_redacted(run);
        change.remove_saved_plan(run.id).await?;
        if change.state_lock(run.workspace).await?.is_some_and(|lock| lock.holder == Holder::Run(run.id)) {
            change.remove_state_lock(run.workspace).await?;
        }
        Ok(())
    }

    /// When the next try is due, or what the failure says when there is none.
    fn after_failure(&self, run: &Run, failure: Failure) -> (Failure, Option<Timestamp>) {
        if !run.kind.changes_things() {
            return (failure, None);
        }
        // A try that is not counted is not the last one either.
        let attempt =
            if failure.spared { run.attempt.min(self.config.reconcile.backoff.retries_max) } else { run.attempt };
        match retry::next(&failure, attempt, self.config.reconcile.backoff, self.clock.fraction()) {
            Next::Try(seconds) => (failure, Some(plus_seconds(self.clock.now(), seconds))),
            Next::Wait => (failure, None),
            Next::GiveUp => (failure.given_up(run.attempt), None),
        }
    }
}

fn outcome_of(wish: Wish) -> Outcome {
    match wish {
        Wish::Supersede => Outcome::Superseded,
        Wish::Cancel => Outcome::Canceled,
    }
}
