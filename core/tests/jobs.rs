//! Jobs of a client on the shared scheduler: streams that wait for their reader, the queue, stealing, fork.

use std::fs::File;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int32Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use crossbeam_channel::{Sender, bounded, select};
use datasus::base::{Chunk, Ctx, Priority, Sleeper};
use datasus::governor::Governor;
use datasus::recovery::SinkState;
use datasus::scheduler::{Handle, Order, Scheduler};
use datasus::sink::{Identity, ResultInfo, Sink, Stored, StoredAddress, StoredTarget, Target, TargetEnv};
use datasus::source::dbc::{DbcWriter, WriteOptions};
use datasus::{Client, Code, Config, Destination, Parquet, QueryParams, Rows, Status};
use futures_util::Stream;
use parquet::arrow::ArrowWriter;

const PATIENCE: Duration = Duration::from_secs(60);
const ROWS: usize = 30_000;

/// The scheduler is the process's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn client(folder: &Path, config: Config) -> Client {
    let column: ArrayRef = Arc::new(Int32Array::from_iter_values((0..ROWS).map(|row| row as i32)));
    let batch = RecordBatch::try_from_iter([("IDADE", column)]).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(folder.join("RDSP2401.parquet")).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    std::fs::create_dir(folder.join("out")).unwrap();
    Client::open_with(folder, Config { output: Some(folder.join("out")), chunk_rows: 1_000, ..config }).unwrap()
}

/// The plain one is read without DuckDB, the sorted one by it.
fn both() -> [QueryParams; 2] {
    let plain = QueryParams::dataset("SIH-RD");
    [plain.clone(), plain.order_by("IDADE", false)]
}

fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs `work` in one thread, with every number of slots: the machine's, and the one of maintenance.
fn in_one_thread(work: impl Fn() + Clone + Send + 'static) {
    let scheduler = Scheduler::of_process();
    for maintenance in [false, true] {
        scheduler.set_maintenance(maintenance).unwrap();
        let (done, ended) = bounded::<()>(1);
        let work = work.clone();
        let thread = std::thread::spawn(move || {
            work();
            drop(done);
        });
        let outcome = ended.recv_timeout(PATIENCE);
        scheduler.set_maintenance(false).unwrap();
        assert_ne!(outcome, Err(crossbeam_channel::RecvTimeoutError::Timeout), "maintenance: {maintenance}");
        thread.join().unwrap();
    }
}

fn rows(answer: Rows) -> usize {
    answer.map(|batch| batch.unwrap().num_rows()).sum()
}

#[test]
fn a_query_inside_the_loop_over_another_ends_in_maintenance_too() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let client = client(folder.path(), Config::default());
    in_one_thread(move || {
        for (outer, inner) in [0, 1].into_iter().flat_map(|outer| [(outer, 0), (outer, 1)]) {
            let mut seen = 0;
            for (number, batch) in client.query(&both()[outer]).unwrap().enumerate() {
                seen += batch.unwrap().num_rows();
                if number % 10 == 5 {
                    assert_eq!(rows(client.query(&both()[inner]).unwrap()), ROWS);
                    let name = format!("{outer}{inner}{number}{}.parquet", ulid());
                    let report = client.export(&both()[inner], Parquet::to(name)).unwrap();
                    assert_eq!(report.records_processed as usize, ROWS);
                }
            }
            assert_eq!(seen, ROWS);
        }
    });
}

fn ulid() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()
}

#[test]
fn streams_that_are_read_in_turn_end_in_maintenance_too() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let client = client(folder.path(), Config::default());
    in_one_thread(move || {
        let mut streams: Vec<Rows> = (0..6).map(|n| client.query(&both()[n % 2]).unwrap()).collect();
        let mut seen = [0; 6];
        let mut over = false;
        while !over {
            over = true;
            for (stream, seen) in streams.iter_mut().zip(&mut seen) {
                if let Some(batch) = stream.next() {
                    *seen += batch.unwrap().num_rows();
                    over = false;
                }
            }
        }
        assert_eq!(seen, [ROWS; 6]);
    });
}

#[test]
fn a_job_that_nobody_reads_is_parked_and_goes_on_when_it_is_read() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let client = client(folder.path(), Config::default());
    for params in both() {
        let mut answer = client.query(&params).unwrap();
        let job = answer.job().clone();
        until("it is parked", || job.status() == Status::Parked);
        assert_eq!(Scheduler::of_process().load().unwrap().parked, 1);
        assert_eq!(answer.by_ref().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), ROWS);
        answer.report().unwrap();
        assert_eq!(job.status(), Status::Completed);

        let dropped = client.query(&params).unwrap();
        let job = dropped.job().clone();
        until("it is parked", || job.status() == Status::Parked);
        drop(dropped);
        assert_eq!(job.wait_timeout(PATIENCE).unwrap().unwrap_err().code(), Code::Cancelled);
    }
    until("no job is left", || Scheduler::of_process().load().unwrap().running == 0);
}

/// Holds every slot of the process, the one of health too, until it is dropped.
fn hold_every_slot() -> Sender<()> {
    let scheduler = Scheduler::of_process();
    let (open, gate) = bounded::<()>(0);
    let slots = std::thread::available_parallelism().unwrap().get();
    let gates: Vec<Handle<()>> = std::iter::repeat_n(Priority::User, slots)
        .chain([Priority::Health])
        .map(|priority| {
            let (gate, handle) = (gate.clone(), Handle::new(Ctx::default()));
            let order = Order { owner: scheduler.owner(slots), priority, deadline: Some(PATIENCE), parks: false };
            let wait = move |ctx: &Ctx| {
                select! { recv(gate) -> _ => Ok(()), recv(ctx.cancel.signal()) -> _ => ctx.check() }
            };
            scheduler.submit(order, &handle, wait).unwrap();
            until("a slot is held", || handle.status() == Status::Running);
            handle
        })
        .collect();
    assert_eq!(gates.len(), slots + 1);
    open
}

#[test]
fn a_queued_job_of_a_client_can_be_cancelled_and_has_a_deadline() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let client = client(folder.path(), Config::default());
    let open = hold_every_slot();
    let mut params = both()[0].clone();
    let job = client.submit(&params, Parquet::to("a.parquet")).unwrap();
    assert!(job.wait_timeout(Duration::from_millis(30)).is_none());
    assert_eq!(job.status(), Status::Queued);
    job.cancel();
    assert_eq!(job.wait().unwrap_err().code(), Code::Cancelled);
    params.options.deadline = Some(0.05);
    let error = client.query(&params).err().unwrap();
    assert_eq!((error.code(), error.retryable()), (Code::DeadlinePassed, true));
    params.options.deadline = None;
    let kept = client.submit(&params, Parquet::to("b.parquet")).unwrap();
    let heard = kept.subscribe();
    drop(open);
    let mut heard: Vec<Status> = heard.map(|event| event.status).collect();
    heard.dedup();
    assert_eq!(heard, [Status::Queued, Status::Running, Status::Completed]);
    let left: Vec<_> = std::fs::read_dir(folder.path().join("out")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["b.parquet"]);
}

#[test]
fn a_priority_is_capped_by_the_clients_configuration() {
    let _alone = alone();
    let mut params = both()[0].clone();
    for (max_priority, queued) in
        [(Priority::Health, [1, 0, 0]), (Priority::Admin, [0, 1, 0]), (Priority::User, [0, 0, 1])]
    {
        let folder = tempfile::tempdir().unwrap();
        let client = client(folder.path(), Config { max_priority, ..Default::default() });
        let open = hold_every_slot();
        params.options.priority = Priority::Health;
        let job = client.submit(&params, Parquet::default()).unwrap();
        assert_eq!(Scheduler::of_process().load().unwrap().queued, queued);
        drop(open);
        job.wait().unwrap();
        until("no job is left", || Scheduler::of_process().load().unwrap().running == 0);
    }
}

/// The most that streams held when a batch of an export came.
static MOST: AtomicU64 = AtomicU64::new(0);

#[derive(Debug)]
struct Looks;

impl Target for Looks {
    fn kind(&self) -> &'static str {
        "looks"
    }

    fn identity(&self, _: &TargetEnv, _: Option<&ResultInfo>) -> Identity {
        Identity { key: "looks".into(), shown: "looks".into() }
    }

    fn open(&self, _: &TargetEnv, _: &ResultInfo, state: SinkState) -> datasus::Result<Box<dyn Sink>> {
        Ok(Box::new(Looking(state, 0)))
    }

    fn stored(&self, _: &ResultInfo) -> datasus::Result<StoredTarget> {
        StoredTarget::new("looks", &(), StoredAddress::default())
    }
}

struct Looking(SinkState, u64);

impl Sink for Looking {
    fn name(&self) -> &'static str {
        "looks"
    }

    fn start(&mut self, _: &SchemaRef, _: &Ctx) -> datasus::Result<()> {
        self.0.begins()
    }

    fn write(&mut self, chunk: &Chunk) -> datasus::Result<()> {
        MOST.fetch_max(Governor::of_process().throttle().streams().bytes(), SeqCst);
        self.1 += chunk.batch.num_rows() as u64;
        Ok(())
    }

    fn finish(self: Box<Self>) -> datasus::Result<Stored> {
        Ok(Stored { sink: "looks", location: "here".into(), rows: self.1, bytes: 0, warnings: Vec::new() })
    }
}

#[test]
fn what_an_export_has_on_its_way_is_of_its_own_share_and_no_streams_however_its_rows_are_made() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let client = client(folder.path(), Config::default());
    until("earlier streams hold nothing", || Governor::of_process().throttle().streams().bytes() == 0);
    let sql = QueryParams::sql("SELECT IDADE, IDADE + 1 AS n FROM sih_rd");
    for params in both().into_iter().chain([sql]) {
        let to = Destination::from(Arc::new(Looks) as Arc<dyn Target>);
        assert_eq!(client.export(&params, [to]).unwrap().records_processed as usize, ROWS);
        assert_eq!(MOST.load(SeqCst), 0, "{params:?}");
        let mut rows = client.query(&params).unwrap();
        let first = rows.next().unwrap().unwrap();
        until("a stream's reader has them counted", || Governor::of_process().foreign().bytes() > 0);
        drop((rows, first));
        until("nothing is left", || Governor::of_process().throttle().streams().bytes() == 0);
    }
}

/// Polls in this thread, which sleeps until it is woken, however long that is; how often it was asked.
fn block_on<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> (T, usize) {
    let sleeper = Sleeper::here();
    let (waker, mut asked) = (sleeper.waker(), 0);
    loop {
        asked += 1;
        if let Poll::Ready(found) = poll(&mut Context::from_waker(&waker)) {
            return (found, asked);
        }
        sleeper.sleep();
    }
}

#[test]
fn a_task_awaits_a_job_a_query_and_its_rows_and_is_woken_only_when_there_is_something() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let client = client(folder.path(), Config::default());
    for (number, params) in both().iter().enumerate() {
        let open = hold_every_slot();
        let job = client.submit(params, Parquet::to(format!("{number}.parquet"))).unwrap();
        let (mut ended, mut let_go) = (job.clone().into_future(), job.into_future());
        let mut pending = client.begin_query(params).unwrap();
        let mut nothing = Context::from_waker(Waker::noop());
        assert!(
            Pin::new(&mut ended).poll(&mut nothing).is_pending()
                && Pin::new(&mut let_go).poll(&mut nothing).is_pending()
        );
        assert!(Pin::new(&mut pending).poll(&mut nothing).is_pending());
        drop((let_go, open));
        let (mut answer, _) = block_on(|task| Pin::new(&mut pending).poll(task));
        let rows = answer.as_mut().unwrap();
        let (mut seen, mut batches, mut asked) = (0, 0, 0);
        loop {
            let (batch, times) = block_on(|task| Pin::new(&mut *rows).poll_next(task));
            asked += times;
            let Some(batch) = batch else { break };
            batches += 1;
            seen += batch.unwrap().num_rows();
        }
        assert_eq!(seen, ROWS);
        // Each batch, and the end, wakes once at most.
        assert!(asked <= 2 * (batches + 1), "{asked} times for {batches} batches");
        let (report, asked) = block_on(|task| Pin::new(&mut ended).poll(task));
        assert_eq!(report.unwrap().records_processed as usize, ROWS);
        assert!(asked <= 2, "{asked}");
    }
    // One that ends without rows, and one that nobody lets run.
    let open = hold_every_slot();
    let mut pending = client.begin_query(&both()[0]).unwrap();
    pending.job().cancel();
    assert_eq!(block_on(|task| Pin::new(&mut pending).poll(task)).0.err().unwrap().code(), Code::Cancelled);
    drop(open);
}

/// One of two workers is held at the first file, which another process converts: the other one takes all that is left, of the
/// first half too, which would be the held one's if files were shared out beforehand.
#[test]
fn idle_workers_steal_from_the_busy_one_of_a_job_of_twenty_files() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    for number in 0..20 {
        let path = folder.path().join(format!("RDAC{:02}{:02}.dbc", 22 + number / 12, number % 12 + 1));
        let fields = [("N_AIH", b'C', 13, 0), ("DT_INTER", b'C', 8, 0), ("VAL_TOT", b'N', 14, 2)];
        let mut writer = DbcWriter::create(File::create(path).unwrap(), &fields, WriteOptions::default()).unwrap();
        for row in 0..10 {
            writer.write(&[&format!("{row:013}"), "20240115", &format!("{row:>14}")]).unwrap();
        }
        writer.finish().unwrap();
    }
    let partition = folder.path().join("lake/sistema=SIH/grupo=RD/uf=AC/ano=2022/mes=01");
    std::fs::create_dir_all(&partition).unwrap();
    let held = File::create(partition.join(".RDAC2201.lock")).unwrap();
    held.lock().unwrap();
    let (output, lake) = (Some(folder.path().into()), Some(folder.path().join("lake")));
    let client =
        Client::open_with(folder.path(), Config { threads: Some(2), output, lake, ..Default::default() }).unwrap();
    let job = client.submit(&both()[0], Parquet::to("out/a.parquet")).unwrap();
    until("all but the held one are converted", || job.progress().files_done == 19);
    assert!(!job.status().is_final());
    drop(held);
    assert_eq!(job.wait().unwrap().records_processed, 200);
}

#[cfg(unix)]
unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn kill(pid: i32, signal: i32) -> i32;
    fn _exit(code: i32) -> !;
}

#[cfg(unix)]
#[test]
fn a_forked_child_is_refused_and_does_not_hang() {
    const WNOHANG: i32 = 1;
    const SIGKILL: i32 = 9;
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let client = client(folder.path(), Config::default());
    let open = hold_every_slot();
    let job = client.submit(&both()[0], Parquet::to("a.parquet")).unwrap();
    // SAFETY: the child only makes calls of the client, and leaves by `_exit`.
    let child = unsafe { fork() };
    if child == 0 {
        let forked = |error: Option<datasus::Error>| error.is_some_and(|error| error.code() == Code::Forked);
        let checks = [
            forked(client.query(&both()[0]).err()),
            forked(client.submit(&both()[1], Parquet::to("b.parquet")).err()),
            forked(client.sync(&both()[0]).err()),
            forked(job.wait().err()),
            job.subscribe().next().is_none(),
        ];
        job.cancel();
        let code = checks.iter().position(|passed| !passed).map_or(0, |failed| failed as i32 + 1);
        // SAFETY: ends the child without the harness's clean-up.
        unsafe { _exit(code) }
    }
    assert!(child > 0);
    let (began, mut status) = (Instant::now(), -1);
    // SAFETY: a child of this process, and a status to write to.
    while unsafe { waitpid(child, &mut status, WNOHANG) } == 0 {
        if began.elapsed() > Duration::from_secs(120) {
            // SAFETY: a child of this process.
            unsafe { kill(child, SIGKILL) };
            panic!("the child hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(status, 0, "the check that failed, in the second byte");
    drop(open);
    job.wait().expect("the parent's job is not touched");
}
