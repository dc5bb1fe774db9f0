//! Going on with a job where it stopped, in another process or after it failed.

use std::sync::Arc;

use crate::base::{Cause, Code, Error, Result, Stage, text};
use crate::recovery::JobFolder;
use crate::run::Report;
use crate::run::execution::{Execution, Prepared, Run};
use crate::run::export::Export;
use crate::run::result_info::result_info;
use crate::run::stored_plan::StoredPlan;
use crate::sink::{AllLimits, OutputRoot, Target};

/// A job taken over from a process that is gone.
pub(in crate::run) struct Resumed {
    pub prepared: Prepared,
    pub folder: JobFolder,
    pub plan: StoredPlan,
    pub root: OutputRoot,
    pub targets: Vec<Arc<dyn Target>>,
}

/// What cannot begin leaves the job as it was: its state, and the error that it ended with.
pub(in crate::run) fn go_on(run: Run, resumed: Resumed) -> Result<Report> {
    // What it reads was decided when it began; whether it waits or fails is asked again.
    run.env.sampling_now(&resumed.prepared.query, true, run.ctx)?;
    let Resumed { prepared, folder, plan, root, targets } = resumed;
    // What the job left out when it began stays left out, and is named; what it took must be there, whatever `partial` says.
    let (files, lost) = run.readable(&prepared, None)?;
    if let Some(lost) = lost.first() {
        return Err(changed(&lost.file));
    }
    for (file, pinned) in files.iter().zip(&plan.files) {
        if !pinned.is_still(file) {
            return Err(changed(&pinned.source));
        }
    }
    if plan.sampling.as_ref().is_some_and(|sampling| !sampling.is_known()) {
        return Err(other_version(&plan));
    }
    let read = (files, plan.unreadable.clone());
    let execution = Execution::over(run, prepared, read, plan.sampling.clone(), Some(&AllLimits(&targets)), false)?;
    let statement = &execution.statement;
    let by_units = statement.is_positional() && run.env.engine.cuts_units();
    if statement.sql != plan.sql || !(plan.materialises || by_units) {
        return Err(other_version(&plan));
    }
    let foreign = folder.was_foreign();
    let info = result_info(&execution)?;
    let export = Export { execution: &execution, targets, root, info, resumed: true };
    folder.own()?;
    let outcome = export.attempts(folder, plan, foreign)?;
    drop(export);
    run.ctx.stage(Stage::Report, |_| Ok(execution.report(outcome)))
}

pub(in crate::run) fn changed(file: &str) -> Error {
    Error::new(
        Code::Conflict,
        text!(
            "O arquivo {file} não está mais como quando este trabalho começou, e continuá-lo não seria exato; descarte-o e repita",
            "File {file} is not what it was when this job began, and going on would not be exact; discard the job and run it again"
        ),
    )
    .file(file)
    .caused_by(Cause::SourceChanged)
    .stage("recovery")
}

fn other_version(plan: &StoredPlan) -> Error {
    let (datasus, engine) = (&plan.datasus, &plan.engine);
    Error::new(
        Code::Conflict,
        text!(
            "Esta versão lê a consulta deste trabalho de outro modo do que a que o começou (datasus {datasus}, {engine}); continue-o com aquela, ou descarte-o e repita",
            "This version reads the query of this job in another way than the one that began it (datasus {datasus}, {engine}); resume it with that one, or discard it and run it again"
        ),
    )
    .stage("recovery")
}
