//! How a run moves from state to state. A transition takes the run and gives back the next one,
//! or refuses.

use jiff::Timestamp;

use super::gate::Gate;
use super::plan::Summary;
use super::run::{Begun, Consent, Ended, Kind, Outcome, Planned, Run, State, Stop, Wish};

/// The run is in a state from which this cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {state} cannot be {verb}")]
pub struct Refused {
    /// The state's word.
    pub state: &'static str,
    /// What was asked, as a participle.
    pub verb: &'static str,
}

/// A transition's result.
pub type Moved = Result<Run, Refused>;

impl Run {
    /// queued → preparing, by the queue.
    ///
    /// # Errors
    /// From any other state.
    pub fn claim(self, now: Timestamp) -> Moved {
        match self.state {
            State::Queued => Ok(Self { state: State::Preparing(Begun { at: now }), ..self }),
            _ => self.refuse("claimed"),
        }
    }

    /// preparing → planning, by the run's worker.
    ///
    /// # Errors
    /// From any other state.
    pub fn begin_planning(self) -> Moved {
        match self.state {
            State::Preparing(begun) => Ok(Self { state: State::Planning(begun), ..self }),
            _ => self.refuse("planned"),
        }
    }

    /// preparing or planning → what the gate says, by the run's worker.
    ///
    /// # Errors
    /// From any other state.
    pub fn plan_made(self, gate: Gate, summary: Summary, now: Timestamp) -> Moved {
        let (State::Preparing(begun) | State::Planning(begun)) = &self.state else {
            return self.refuse("planned");
        };
        let planned = Planned { begun_at: begun.at, summary, approval: None };
        let over = |outcome| {
            State::Ended(Ended {
                begun_at: Some(planned.begun_at),
                summary: Some(summary),
                approval: None,
                at: now,
                outcome,
            })
        };
        let state = match gate {
            Gate::Nothing => over(Outcome::Unchanged),
            Gate::Shown => over(Outcome::Succeeded),
            Gate::Open => State::Planned(planned),
            Gate::Closed(because) => State::AwaitingApproval(planned, because),
        };
        Ok(Self { state, ..self })
    }

    /// `awaiting_approval` → planned, by a person.
    ///
    /// # Errors
    /// From any other state.
    pub fn approve(self, by: &str, now: Timestamp) -> Moved {
        match self.state {
            State::AwaitingApproval(planned, _) => {
                let approval = Some(Consent { by: by.to_owned(), at: now });
                Ok(Self { state: State::Planned(Planned { approval, ..planned }), ..self })
            }
            _ => self.refuse("approved"),
        }
    }

    /// `awaiting_approval` → discarded, by a person.
    ///
    /// # Errors
    /// From any other state.
    pub fn discard(self, now: Timestamp) -> Moved {
        match self.state {
            State::AwaitingApproval(..) => Ok(self.end(Outcome::Discarded, now)),
            _ => self.refuse("discarded"),
        }
    }

    /// planned → applying, by the queue.
    ///
    /// # Errors
    /// From any other state.
    pub fn begin_applying(self) -> Moved {
        match self.state {
            State::Planned(planned) if self.kind.changes_things() => {
                Ok(Self { state: State::Applying(planned), ..self })
            }
            _ => self.refuse("applied"),
        }
    }

    /// any open state → superseded or canceled, where no process is at work; otherwise the wish
    /// is written down, and the run's owner follows it. A run that applies is not superseded.
    ///
    /// # Errors
    /// When the run is over; or when it applies and is to be superseded.
    pub fn give_way(self, wish: Wish, now: Timestamp) -> Moved {
        let (outcome, verb) = match wish {
            Wish::Supersede => (Outcome::Superseded, "superseded"),
            Wish::Cancel => (Outcome::Canceled, "canceled"),
        };
        match (&self.state, wish) {
            (State::Queued | State::Planned(_) | State::AwaitingApproval(..), _) => Ok(self.end(outcome, now)),
            (State::Preparing(_) | State::Planning(_), _) | (State::Applying(_), Wish::Cancel) => {
                Ok(Self { wish: Some(wish), ..self })
            }
            (State::Applying(_), Wish::Supersede) | (State::Ended(_), _) => self.refuse(verb),
        }
    }

    /// any open state → canceled, as [`Run::give_way`], by a person. `force` is a second request,
    /// for a run that applies and was asked before: it ends at once, whatever is under way.
    ///
    /// # Errors
    /// When the run is over; or when it is forced before it was asked.
    pub fn cancel(self, by: &str, force: bool, now: Timestamp) -> Moved {
        let applies = matches!(self.state, State::Applying(_));
        if force && applies && self.stop.is_none() {
            return self
                .refuse("forced to stop before it was asked to: cancel it without force first, and give it time");
        }
        if self.stop.as_ref().is_some_and(|stop| stop.force || !force) && self.is_open() {
            return Ok(self);
        }
        let stop = Some(Stop { by: by.to_owned(), at: now, force: force && applies });
        Self { stop, ..self }.give_way(Wish::Cancel, now)
    }

    /// any open state → an end, by the run's owner. Ending twice keeps the first end.
    #[must_use]
    pub fn end(self, outcome: Outcome, now: Timestamp) -> Self {
        if !self.is_open() {
            return self;
        }
        let ended = Ended {
            begun_at: self.begun_at(),
            summary: self.summary(),
            approval: self.approval().cloned(),
            at: now,
            outcome,
        };
        Self { state: State::Ended(ended), ..self }
    }

    /// Whether its end means that its workspace no longer exists.
    #[must_use]
    pub fn has_destroyed(&self) -> bool {
        self.kind == Kind::Destroy && self.ended().is_some_and(|ended| ended.outcome.is_good())
    }

    fn refuse(self, verb: &'static str) -> Moved {
        Err(Refused { state: self.state_word(), verb })
    }
}
