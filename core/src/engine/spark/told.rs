//! What a server tells of a statement's work while it is at it. It promises no last word, so what came counts only where it is seen to be
//! one.

use super::proto::execute_plan_response::ExecutionProgress;

#[derive(Default)]
pub(super) struct Told {
    /// The word that came last, each of which has all that the ones before it had.
    last: ExecutionProgress,
    /// Something else of the statement came behind it, so work may have, too.
    is_behind: bool,
    /// What a server did before it went, which nobody tells any more.
    is_lost: bool,
}

/// Of all stages of a statement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Whole {
    pub stages: u64,
    pub tasks: u64,
    pub bytes: u64,
}

impl Told {
    pub fn progress(&mut self, progress: &ExecutionProgress) {
        self.last.clone_from(progress);
        self.is_behind = false;
    }

    /// Of the statement came something else.
    pub fn goes_on(&mut self) {
        self.is_behind = true;
    }

    /// Another server does all of it once more.
    pub fn anew(&mut self) {
        *self = Told { is_lost: true, ..Told::default() };
    }

    /// All that a statement took which has ended. None where it cannot be seen to be all: no task may be at work, and none missing of the
    /// last stage, which makes the answer. Stages without a task done are those whose results were there already.
    pub fn whole(&self) -> Option<Whole> {
        let ended = self.last.stages.iter().max_by_key(|stage| stage.stage_id)?.num_completed_tasks > 0;
        let ran = || self.last.stages.iter().filter(|stage| stage.num_completed_tasks > 0);
        if !ended
            || self.is_behind
            || self.is_lost
            || self.last.num_inflight_tasks != 0
            || ran().any(|stage| stage.num_completed_tasks < stage.num_tasks)
        {
            return None;
        }
        let sum = |of: fn(&Stage) -> i64| ran().map(of).sum::<i64>().try_into().ok();
        Some(Whole {
            stages: ran().count() as u64,
            tasks: sum(|stage| stage.num_completed_tasks)?,
            bytes: sum(|stage| stage.input_bytes_read)?,
        })
    }
}

type Stage = super::proto::execute_plan_response::execution_progress::StageInfo;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(stages: &[(i64, i64, i64)], at_work: i64) -> ExecutionProgress {
        let stages = stages.iter().enumerate().map(|(id, &(num_tasks, num_completed_tasks, input_bytes_read))| Stage {
            stage_id: id as i64,
            num_tasks,
            num_completed_tasks,
            input_bytes_read,
        });
        ExecutionProgress { stages: stages.collect(), num_inflight_tasks: at_work }
    }

    #[test]
    fn the_last_word_of_a_statement_is_all_that_it_took_without_what_was_there_already() {
        let mut of = Told::default();
        of.progress(&told(&[(3, 2, 20)], 1));
        of.goes_on();
        of.progress(&told(&[(3, 3, 30), (3, 0, 0), (2, 2, 5)], 0));
        assert_eq!(of.whole(), Some(Whole { stages: 2, tasks: 5, bytes: 35 }));
        // A task that was repeated is one that ran.
        of.progress(&told(&[(3, 4, 40)], 0));
        assert_eq!(of.whole(), Some(Whole { stages: 1, tasks: 4, bytes: 40 }));
    }

    #[test]
    fn what_may_not_be_all_counts_for_nothing() {
        assert_eq!(Told::default().whole(), None);
        for (stages, at_work) in
            [(&[(3, 2, 20)][..], 1), (&[(3, 2, 20)], 0), (&[(3, 3, 30)], 1), (&[(3, 3, 30), (2, 0, 0)], 0), (&[], 0)]
        {
            let mut of = Told::default();
            of.progress(&told(stages, at_work));
            assert_eq!(of.whole(), None, "{stages:?}");
        }
        let whole = told(&[(3, 3, 30)], 0);
        let mut of = Told::default();
        of.progress(&whole);
        of.goes_on();
        assert_eq!(of.whole(), None, "it went on behind it");
        of.anew();
        of.progress(&whole);
        assert_eq!(of.whole(), None, "of another server's work");
    }
}
