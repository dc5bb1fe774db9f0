//! Cases that may crash, hang or eat memory, each in a child process that runs this binary again: what became of it is told by
//! the parent, which watches the child's time and memory and kills it above its bounds.
//!
//! Cases go to the child one by one and are answered one by one, so that one process serves thousands and the one at fault is
//! known; after a fault a new process goes on with the next case. Use: an ignored test that calls [`serve`], and a test that
//! calls [`each`] with that test's path.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{ExitStatusExt, parent_id};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Before the child's own lines; the test harness writes between them.
const MARK: &str = "\u{1e}hostile ";
const SERVES: &str = "DATASUS_TEST_SERVES";
const LOOK: Duration = Duration::from_millis(10);

/// Of one case.
#[derive(Clone, Copy)]
pub struct Bounds {
    /// Bytes of resident memory of the whole process.
    pub memory: u64,
    /// From the case's being handed over to its answer. Tests run beside each other: be generous.
    pub time: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// What the case answered, and the most memory that the process had meanwhile.
    Answered { answer: Value, took: Duration, peak: u64 },
    /// Ended by a signal, a panic or an exit, with the end of what it wrote to stderr.
    Crashed { how: String, said: String },
    /// Killed: no answer within its time.
    TimedOut,
    /// Killed, or found afterwards: more memory than its bound.
    OutOfMemory { peak: u64 },
}

impl Outcome {
    /// The answer of a case that stayed within its bounds.
    #[track_caller]
    pub fn answer(&self, case: &str) -> &Value {
        match self {
            Outcome::Answered { answer, .. } => answer,
            other => panic!("{other:?}: {case}"),
        }
    }
}

/// Runs each case in `test`, the path of an ignored test of this binary that calls [`serve`].
pub fn each(test: &str, cases: &[Value], bounds: Bounds) -> Vec<Outcome> {
    let mut child = None;
    cases
        .iter()
        .map(|case| {
            let mut running = child.take().unwrap_or_else(|| Running::start(test));
            let outcome = running.ask(case, bounds);
            // One that was killed or died is not asked again.
            child = matches!(outcome, Outcome::Answered { .. }).then_some(running);
            outcome
        })
        .collect()
}

/// One case in a process of its own.
pub fn one(test: &str, case: Value, bounds: Bounds) -> Outcome {
    each(test, &[case], bounds).remove(0)
}

/// In the child: answers each case. Does nothing where no parent asks.
pub fn serve(mut answer: impl FnMut(&Value) -> Value) {
    if std::env::var_os(SERVES).is_none() {
        return;
    }
    let parent = parent_id();
    // Whatever a case does, no child outlives the test that started it.
    std::thread::spawn(move || {
        while parent_id() == parent {
            std::thread::sleep(Duration::from_millis(200));
        }
        std::process::abort();
    });
    for line in std::io::stdin().lines() {
        let case: Value = serde_json::from_str(&line.unwrap()).unwrap();
        // From here on the peak is this case's.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let answer = answer(&case);
        let peak = memory("self", "VmHWM");
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "\n{MARK}{}", json!({"answer": answer, "peak": peak})).unwrap();
        stdout.flush().unwrap();
    }
}

struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Value>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    fn start(test: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", test, "--nocapture"])
            .env(SERVES, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if let Some((_, answer)) = line.split_once(MARK) {
                    let _ = sender.send(serde_json::from_str(answer).unwrap());
                }
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let (mut kept, mut piece) = (Vec::new(), [0; 4096]);
            while let Ok(read @ 1..) = stderr.read(&mut piece) {
                kept.extend_from_slice(&piece[..read]);
                kept.drain(..kept.len().saturating_sub(2000));
            }
            String::from_utf8_lossy(&kept).into_owned()
        });
        Running { stdin: child.stdin.take(), child, lines, stderr: Some(stderr) }
    }

    fn ask(&mut self, case: &Value, bounds: Bounds) -> Outcome {
        let asked = Instant::now();
        // A child that is gone is seen below.
        let _ = writeln!(self.stdin.as_mut().unwrap(), "{case}");
        loop {
            match self.lines.recv_timeout(LOOK) {
                Ok(line) => {
                    let peak = line["peak"].as_u64().unwrap();
                    return match peak > bounds.memory {
                        true => Outcome::OutOfMemory { peak },
                        false => Outcome::Answered { answer: line["answer"].clone(), took: asked.elapsed(), peak },
                    };
                }
                Err(RecvTimeoutError::Disconnected) => return self.crashed(),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = memory(&self.child.id().to_string(), "VmRSS");
            if now > bounds.memory {
                return Outcome::OutOfMemory { peak: now };
            }
            if asked.elapsed() > bounds.time {
                return Outcome::TimedOut;
            }
        }
    }

    fn crashed(&mut self) -> Outcome {
        let ended = self.child.wait().unwrap();
        let how = ended.signal().map_or_else(|| ended.to_string(), |signal| format!("signal {signal}"));
        Outcome::Crashed { how, said: self.stderr.take().unwrap().join().unwrap() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whatever it still does is of no interest.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bytes of a line of a process's status; 0 once it has ended.
fn memory(process: &str, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let value = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
    value.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { memory: 256 << 20, time: Duration::from_secs(6) };

    #[test]
    #[ignore = "runs in a child process"]
    fn answers_or_fails() {
        let mut calls = 0;
        serve(|case| {
            calls += 1;
            match case.as_str().unwrap() {
                "answers" => json!(calls),
                "sleeps" => loop {
                    std::thread::sleep(Duration::from_secs(1));
                },
                "eats" => {
                    let mut eaten = Vec::new();
                    loop {
                        eaten.push(vec![1u8; 1 << 20]);
                        std::hint::black_box(&eaten);
                    }
                }
                "eats and gives back" => {
                    std::hint::black_box(vec![1u8; 300 << 20]);
                    json!("done")
                }
                "panics" => panic!("of its own"),
                "exits" => std::process::exit(7),
                _ => std::process::abort(),
            }
        });
    }

    #[test]
    fn every_fault_of_a_child_is_told_from_an_answer_and_the_next_case_runs() {
        let names = [
            "answers",
            "answers",
            "sleeps",
            "answers",
            "eats",
            "eats and gives back",
            "answers",
            "panics",
            "exits",
            "aborts",
            "answers",
        ];
        let cases: Vec<Value> = names.iter().map(|name| json!(name)).collect();
        let told = each("child::tests::answers_or_fails", &cases, BOUNDS);
        let told: Vec<String> = told
            .iter()
            .map(|outcome| match outcome {
                Outcome::Answered { answer, .. } => format!("answer {answer}"),
                Outcome::Crashed { how, said } if said.contains("of its own") => format!("panic: {how}"),
                Outcome::Crashed { how, .. } => how.clone(),
                Outcome::TimedOut => "time".into(),
                Outcome::OutOfMemory { peak } => {
                    assert!(*peak < 2 << 30, "seen too late: {peak}");
                    "memory".into()
                }
            })
            .collect();
        // A number above 1 is the same child's.
        let expected = [
            "answer 1",
            "answer 2",
            "time",
            "answer 1",
            "memory",
            "memory",
            "answer 1",
            "panic: exit status: 101",
            "exit status: 7",
            "signal 6",
            "answer 1",
        ];
        assert_eq!(told, expected);
    }
}
