//! What an interrupted run leaves for the next one.

use simbias_reliance::{Forgetful, Journal};
use simbias_run::{RelianceIdentity, RelianceState, RunDirectory, RunError};

use crate::shell::{Failure, Shell};

/// The state of this run, if it can be kept.
pub(super) struct Kept(Option<RelianceState>);

impl Kept {
    /// Opens the state beside `run`, and says what it holds.
    pub(super) fn open(
        run: &RunDirectory,
        is_named: bool,
        shell: &Shell,
        identity: impl FnOnce() -> RelianceIdentity,
    ) -> Result<Self, Failure> {
        let state = match RelianceState::beside(run, is_named, &identity()) {
            Ok(state) => state,
            Err(error @ RunError::StateInUse { .. }) => {
                shell.note(&format!(
                    "{error}, so this run keeps nothing for the case of an interrupt"
                ));
                return Ok(Self(None));
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(aside) = state.set_aside() {
            shell.note(&format!(
                "the state of an interrupted run in this place belongs to other inputs (model, data, blocks or options): it \
                 was set aside as {} and this run begins anew",
                aside.display()
            ));
        }
        if state.n_found() > 0 {
            shell.note(&format!(
                "an interrupted run of the same command is continued from {}",
                state.path().display()
            ));
        }
        Ok(Self(Some(state)))
    }

    /// Where finished work goes.
    pub(super) fn journal(&self) -> &dyn Journal {
        match &self.0 {
            Some(state) => state,
            None => &Forgetful,
        }
    }

    /// Says how to continue if `ended` is an interrupt, and why that is not possible where it is not.
    pub(super) fn tell<T>(&self, ended: Result<T, Failure>, shell: &Shell) -> Result<T, Failure> {
        if let (Some(state), Err(Failure::Interrupted)) = (&self.0, &ended) {
            match state.failure() {
                Some(problem) => shell.note(&format!(
                    "not everything could be kept in {}: {problem}",
                    state.path().display()
                )),
                None if state.has_records() => shell.note(&format!(
                    "what is done is kept in {}: the same command goes on from there",
                    state.path().display()
                )),
                None => {}
            }
        }
        ended
    }

    /// The run is complete.
    pub(super) fn remove(self) {
        if let Some(state) = self.0 {
            state.remove();
        }
    }
}
