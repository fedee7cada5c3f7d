//! Planning: one plan as a rule; more where an earlier run has left the workspace in doubt, and
//! what it made must be found first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::step::{OnStop, Stepper};
use super::work::Work;
use super::{Halt, Job, folders, internal};
use crate::domain::adoption::{Adoption, Mending, may_change, mend};
use crate::domain::failure::{Class, Failure};
use crate::domain::plan::Plan;
use crate::domain::run::Kind;
use crate::render::{IMPORTS_FILE, TAGS_FILE, TagsOverride, imports};
use crate::supervisor;
use crate::terraform::argv::{Command, has_changes};
use crate::terraform::events;
use crate::terraform::plan::{self, Shown};

/// Places of what is planned after an approval begin here, behind all that was planned before it.
const STEPS_AFTER_APPROVAL: u8 = 60;

/// A plan, and where Terraform has saved it.
pub(super) struct Made {
    pub(super) shown: Shown,
    pub(super) file: PathBuf,
}

/// Which plan is made.
#[derive(Debug, Clone, Copy)]
enum Asked {
    /// That of a kind of run.
    Of(Kind),
    /// Of the destruction of what the state has, without asking for what it is now.
    DestroyOfState,
}

/// Plans, step after step; each has a folder of its own, in the order of their names.
pub(super) struct Planner<'a> {
    job: &'a Job,
    stepper: Stepper<'a>,
    steps: u8,
}

impl<'a> Planner<'a> {
    pub(super) fn new(job: &'a Job, work: Work) -> Self {
        Self { job, stepper: Stepper::new(job, OnStop::InterruptThenKill, work), steps: 0 }
    }

    /// Looks once more, after a person has thought about it, whose that is which a plan takes over.
    pub(super) async fn look_again(job: &'a Job, work: Work, adoption: &Adoption) -> Result<(), Halt> {
        let mut planner = Self { steps: STEPS_AFTER_APPROVAL, ..Self::new(job, work) };
        planner.write_imports(&BTreeMap::new())?;
        let made = planner.look(adoption).await?;
        planner.write_imports(&BTreeMap::new())?;
        adoption.check(&made.shown.found).map_err(Halt::Failed)
    }

    /// Makes the plan that is to be applied or shown.
    pub(super) async fn plan(&mut self) -> Result<Made, Halt> {
        let made = match (self.job.kind, &self.job.adoption) {
            (kind, Some(adoption)) if looks(kind, Some(adoption)) => {
                let made = self.look(adoption).await?;
                self.may_take_in(&made)?;
                made
            }
            (Kind::Destroy, Some(adoption)) => {
                let not_looked_for = self.take_in(adoption).await?;
                let mut made = self.destroy().await?;
                if !not_looked_for.is_empty() && !made.shown.plan.has_changes() {
                    return Err(Halt::Failed(Failure::not_looked_for(&not_looked_for)));
                }
                made.shown.plan.not_looked_for = not_looked_for;
                made
            }
            (Kind::Destroy, None) => self.destroy().await?,
            (kind, _) => self.once(kind).await?,
        };
        if self.job.kind != Kind::Apply {
            return Ok(made);
        }
        match mend(&made.shown.tainted, &self.job.manifest) {
            Mending::Nothing => Ok(made),
            Mending::Wait(failure) => Err(Halt::Failed(failure)),
            Mending::Untaint(addresses) => {
                for address in addresses {
                    self.step(&Command::Untaint { address }).await?;
                }
                let made = self.once(Kind::Apply).await?;
                self.may_take_in(&made)?;
                Ok(made)
            }
        }
    }

    /// Whether a plan takes in and changes no more than it may. It is asked of each that may be the one that is applied.
    fn may_take_in(&self, made: &Made) -> Result<(), Halt> {
        let Some(adoption) = &self.job.adoption else { return Ok(()) };
        adoption.check(&made.shown.found).map_err(Halt::Failed)?;
        adoption.check_import(&made.shown.plan).map_err(Halt::Failed)?;
        may_change(&made.shown.found, &made.shown.plan, &self.job.manifest).map_err(Halt::Failed)
    }

    /// The same plan without taking away the tags that others have put on what it changes. They are drift still, which
    /// is shown and not undone.
    pub(super) async fn leave_foreign_tags(&mut self, made: Made, tags: &TagsOverride) -> Result<Made, Halt> {
        let is_asked = matches!(self.job.kind, Kind::Apply | Kind::Plan) && !made.shown.foreign_tags.is_empty();
        let Some(text) = tags.with(&made.shown.foreign_tags).filter(|_| is_asked) else { return Ok(made) };
        let path = folders::given(&self.job.run_dir).join(TAGS_FILE);
        supervisor::write_whole(&path, text.as_bytes())
            .map_err(|error| internal("cannot write which tags are left alone", &error))?;
        let mut without = self.once(self.job.kind).await?;
        if looks(self.job.kind, self.job.adoption.as_ref()) {
            self.may_take_in(&without)?;
        }
        without.shown.plan.drift = made.shown.plan.drift;
        Ok(without)
    }

    /// A plan of the destruction. Where what is there cannot be asked for, since what it belongs to is gone already, it is
    /// the destruction of what the state has: of what is gone, a provider finds nothing to delete.
    async fn destroy(&mut self) -> Result<Made, Halt> {
        match self.once(Kind::Destroy).await {
            Err(Halt::Failed(failure)) if may_be_gone(&failure) => self.attempt(Asked::DestroyOfState).await?.1,
            made => made,
        }
    }

    /// A plan that would record what exists already, whosever it is.
    async fn look(&mut self, adoption: &Adoption) -> Result<Made, Halt> {
        let first = self.once(Kind::Apply).await?;
        let ids = adoption.candidates(&first.shown.plan);
        Ok(self.import(ids).await?.unwrap_or(first))
    }

    /// A plan that records those of `ids` that exist; none when nothing does.
    pub(super) async fn import(&mut self, mut ids: BTreeMap<String, String>) -> Result<Option<Made>, Halt> {
        while !ids.is_empty() {
            self.write_imports(&ids)?;
            let (folder, made) = self.attempt(Asked::Of(Kind::Apply)).await?;
            match made {
                Ok(made) => return Ok(Some(made)),
                Err(halt) => {
                    // What does not exist cannot be imported, and Terraform says which it is.
                    let missing = events::missing_imports(&self.stepper.stdout(&folder).await?);
                    let before = ids.len();
                    ids.retain(|address, _| !missing.contains(address));
                    if ids.len() == before {
                        return Err(halt);
                    }
                }
            }
        }
        Ok(None)
    }

    /// Records what exists already and is this machine's own, so that a destroy plan knows of it. Where that cannot be
    /// looked for, since what it belongs to is gone, addresses of what may exist: what the state has is destroyed first.
    async fn take_in(&mut self, adoption: &Adoption) -> Result<Vec<String>, Halt> {
        let looked = self.look(adoption).await;
        self.write_imports(&BTreeMap::new())?;
        let found = match looked {
            Ok(made) => adoption.own(made.shown.found),
            Err(Halt::Failed(failure)) if may_be_gone(&failure) => {
                let state = self.job.state.as_ref().filter(|state| state.has_resources);
                let state = state.ok_or_else(|| Halt::Failed(failure.left_to_a_person()))?;
                return Ok(adoption.unrecorded(&state.addresses));
            }
            Err(halt) => return Err(halt),
        };
        for found in found {
            self.step(&Command::Import { address: found.address, id: found.id }).await?;
        }
        Ok(Vec::new())
    }

    fn write_imports(&self, ids: &BTreeMap<String, String>) -> Result<(), Halt> {
        let path = folders::given(&self.job.run_dir).join(IMPORTS_FILE);
        supervisor::write_whole(&path, imports(ids).as_bytes())
            .map_err(|error| internal("cannot write what is looked for", &error))
    }

    pub(super) async fn once(&mut self, kind: Kind) -> Result<Made, Halt> {
        self.attempt(Asked::Of(kind)).await?.1
    }

    /// A plan that may fail; with the folder of its command.
    async fn attempt(&mut self, asked: Asked) -> Result<(PathBuf, Result<Made, Halt>), Halt> {
        let place = self.next()?;
        let file = folders::saved_plan(&self.job.run_dir, &place);
        let (kind, command) = match asked {
            Asked::Of(kind) => (kind, Command::Plan { kind, out: file.clone() }),
            Asked::DestroyOfState => (Kind::Destroy, Command::PlanDestroyOfState { out: file.clone() }),
        };
        let folder = folders::step_dir(&self.job.run_dir, &place, command.name());
        // The exit code is read before the plan, which may be that of an earlier command where this one failed.
        let exit = match self.stepper.run_to_exit(&place, &command).await {
            Ok((_, exit)) => has_changes(&supervisor::arguments(&folder), exit.code),
            Err(halt) => {
                return match halt {
                    // Nothing was changed, so it may be asked again.
                    Halt::Failed(_) if self.stepper.goes_the_plain_way(&folder) => Box::pin(self.attempt(asked)).await,
                    Halt::Failed(_) if self.stepper.takes_whole_schema(&folder).await => {
                        Box::pin(self.attempt(asked)).await
                    }
                    Halt::Failed(_) => Ok((folder, Err(halt))),
                    Halt::Stopped | Halt::Lost => Err(halt),
                };
            }
        };
        if let Some(shown) = self.nothing(kind, exit, &folder).await? {
            return Ok((folder, Ok(Made { shown, file })));
        }
        let shown = self.step(&Command::Show { plan: file.clone() }).await?;
        let text = self.stepper.stdout(&shown).await?;
        let mut shown =
            plan::parse(&text).map_err(|error| Halt::Failed(Failure::new(Class::Internal, error.to_string())))?;
        shown.plan.applyable = Some(judge(kind, exit, &shown.plan));
        Ok((folder, Ok(Made { shown, file })))
    }

    /// What a plan shows that has nothing to apply by its exit code, and nothing to be shown by its log: that is known
    /// without another command. The outputs are then those of the state.
    async fn nothing(&self, kind: Kind, exit: Option<bool>, folder: &Path) -> Result<Option<Shown>, Halt> {
        let (Kind::Apply | Kind::Plan, Some(false), Some(state)) = (kind, exit, &self.job.state) else {
            return Ok(None);
        };
        let log = self.stepper.stdout(folder).await?;
        Ok(events::shows_nothing(&log).then(|| Shown::nothing(state.outputs.clone())))
    }

    async fn step(&mut self, command: &Command) -> Result<PathBuf, Halt> {
        let place = self.next()?;
        self.stepper.run(&place, command).await
    }

    /// `2`, `3`, then what lies between 3 and the 4 of the apply: `3.01` and on.
    fn next(&mut self) -> Result<String, Halt> {
        self.steps += 1;
        match self.steps {
            1 | 2 => Ok((self.steps + 1).to_string()),
            3..=99 => Ok(format!("3.{:02}", self.steps - 2)),
            _ => Err(internal("cannot plan", &"it takes more than 99 commands")),
        }
    }
}

/// Whether a plan that failed like this may have asked for what is gone.
fn may_be_gone(failure: &Failure) -> bool {
    matches!(failure.class, Class::Configuration | Class::Provider)
}

/// Whether a run of `kind` looks for what exists already before it plans.
fn looks(kind: Kind, adoption: Option<&Adoption>) -> bool {
    adoption.is_some_and(|it| kind == Kind::Apply || (kind == Kind::Plan && it.import.is_some()))
}

/// Whether a plan is to be applied, an observation's never. Where the two words of Terraform's differ, the log says so.
fn judge(kind: Kind, exit: Option<bool>, plan: &Plan) -> bool {
    if kind == Kind::Refresh {
        return false;
    }
    if exit.zip(plan.applyable).is_some_and(|(exit, said)| exit != said) {
        tracing::warn!(?exit, applyable = plan.applyable, plan = %plan.summary,
            "terraform's exit code and its plan differ on whether there is something to apply: it is applied");
    }
    plan::is_applied(exit, plan)
}
