//! Holds the process in one of the governor's modes while a case runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use datasus::faces::held_by_process;
use datasus::governor::{Governor, Mode};

use crate::arguments::Arguments;

/// Between two adjustments of the budget.
const EVERY: Duration = Duration::from_millis(5);

/// Held by the process meanwhile. What a case takes or gives back between two adjustments is little of it: of a small process the
/// first chunk is a tenth, and one look at the memory just then would put it into an emergency.
const BALLAST: usize = 512 << 20;

/// In the mode until it is dropped.
pub struct InMode {
    done: Arc<AtomicBool>,
    keeper: Option<JoinHandle<()>>,
    _ballast: Vec<u8>,
}

impl InMode {
    /// `mode=conservative` and `mode=emergency`: the budget of the process follows what it holds, so that it is 78 or 95 % of
    /// it; `mode=maintenance`: by hand; left out: as it is.
    pub fn asked(arguments: &Arguments) -> Result<Self, String> {
        let done = Arc::new(AtomicBool::new(false));
        let asked = arguments.text("mode").unwrap_or("normal");
        let (mode, percent) = match asked {
            "normal" => return Ok(InMode { done, keeper: None, _ballast: Vec::new() }),
            "maintenance" => {
                datasus::scheduler::Scheduler::of_process().set_maintenance(true).map_err(|e| e.to_string())?;
                Governor::of_process().set_maintenance(true);
                return Ok(InMode { done, keeper: None, _ballast: Vec::new() });
            }
            "conservative" => (Mode::Conservative, 78),
            "emergency" => (Mode::Emergency, 95),
            other => return Err(format!("expected a mode, received {other:?}")),
        };
        // Written, so that it is resident.
        let ballast = vec![1; BALLAST];
        let governor = Governor::of_process();
        let follow = move || governor.set_budget(Some(held_by_process() * 100 / percent));
        follow();
        let until = done.clone();
        let keeper = std::thread::spawn(move || {
            while !until.load(Relaxed) {
                follow();
                std::thread::sleep(EVERY);
            }
        });
        let in_mode = InMode { done, keeper: Some(keeper), _ballast: ballast };
        let start = Instant::now();
        while Governor::of_process().mode() != mode {
            if start.elapsed() > Duration::from_secs(10) {
                return Err(format!("the process does not come into {asked}"));
            }
            std::thread::sleep(EVERY);
        }
        Ok(in_mode)
    }
}

impl Drop for InMode {
    fn drop(&mut self) {
        self.done.store(true, Relaxed);
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}
