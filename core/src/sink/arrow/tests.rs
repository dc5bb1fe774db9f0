use ::arrow::array::{ArrayRef, Int32Array};
use crossbeam_channel::TryRecvError;

use super::*;
use crate::base::{Code, Origin, UnitId};

fn chunk() -> Chunk {
    let column: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    Chunk { unit: UnitId(0), batch, origin: Origin::default() }
}

fn open() -> (Box<ArrowSink>, ArrowReader, Cancel) {
    let cancel = Cancel::default();
    let (sink, reader) = stream(chunk().batch.schema(), 1, &BatchMemory::default(), &cancel);
    (Box::new(sink), reader, cancel)
}

#[test]
fn every_batch_arrives_in_order_and_then_the_end() {
    let (mut sink, reader, _) = open();
    let job = std::thread::spawn(move || {
        for _ in 0..10 {
            sink.write(&chunk()).unwrap();
        }
        sink.finish().unwrap()
    });
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 30);
    assert_eq!(job.join().unwrap().rows, 30);
}

#[test]
fn a_sender_that_goes_away_without_an_end_is_an_error_at_the_reader() {
    let (mut sink, mut reader, _) = open();
    sink.write(&chunk()).unwrap();
    drop(sink);
    assert!(reader.next().unwrap().is_ok());
    assert_eq!(error_of(&reader.next().unwrap().unwrap_err()).unwrap().code(), Code::Internal);
    assert!(reader.next().is_none());
}

#[test]
fn the_jobs_error_is_the_last_item_even_when_the_channel_is_full() {
    let (mut sink, mut reader, _) = open();
    sink.write(&chunk()).unwrap();
    sink.abandon(&Arc::new(Error::internal("boom").with("fact", 1)));
    assert!(reader.next().unwrap().is_ok());
    assert_eq!(error_of(&reader.next().unwrap().unwrap_err()).unwrap().diagnostic()["fact"], 1);
    assert!(reader.next().is_none());
}

#[test]
fn a_reader_that_goes_away_cancels_a_blocked_write() {
    let (mut sink, reader, cancel) = open();
    sink.write(&chunk()).unwrap();
    let job = std::thread::spawn(move || sink.write(&chunk()).unwrap_err());
    std::thread::sleep(std::time::Duration::from_millis(30));
    drop(reader);
    assert_eq!(job.join().unwrap().code(), Code::Cancelled);
    assert!(cancel.is_set());
}

#[test]
fn a_stream_that_nobody_reads_ends_with_its_job_and_says_so() {
    use crate::base::Priority;
    use crate::scheduler::{Handle, Limits, Order, Scheduler};
    let parked_for = Duration::from_millis(30);
    let scheduler = Scheduler::new(Limits { parked_for, ..Default::default() });
    let order = Order { owner: scheduler.owner(1), priority: Priority::User, deadline: None, parks: true };
    let (mut sink, reader, cancel) = open();
    let job = Handle::new(Ctx { cancel, ..Default::default() });
    let work = move |ctx: &Ctx| {
        sink.start(chunk().batch.schema_ref(), ctx)?;
        (0..10).try_for_each(|_| sink.write(&chunk()))
    };
    scheduler.submit(order, &job, work).unwrap();
    let error = job.wait_timeout(Duration::from_secs(60)).unwrap().unwrap_err();
    assert_eq!((error.code(), error.diagnostic()["idle_limit_sec"].as_f64()), (Code::DeadlinePassed, Some(0.03)));
    assert_eq!(error_of(&reader.last().unwrap().unwrap_err()).unwrap().code(), Code::DeadlinePassed);
}

fn is_away(back: &Receiver<()>) -> bool {
    back.try_recv() == Err(TryRecvError::Empty)
}

/// What the reader took stays taken; the rest is taken back from its end, as far as it is more than may stay.
#[test]
fn a_job_takes_back_what_was_not_taken_and_hears_when_the_reader_comes_again() {
    let (cancel, foreign) = (Cancel::default(), BatchMemory::default());
    let (mut sink, mut reader) = stream(chunk().batch.schema(), 3, &foreign, &cancel);
    let rows = |batch: &RecordBatch| batch.num_rows();
    // Each with buffers of its own.
    let batches = [1, 2, 3].map(|rows| chunk().batch.slice(0, rows));
    let bytes = HeldBytes::of([&batches[1]]);
    assert!(batches.iter().all(|batch| sink.push(batch.clone()).is_none()));
    assert_eq!(sink.push(chunk().batch).map(|batch| rows(&batch)), Some(3), "full");
    assert_eq!(reader.next().unwrap().unwrap().num_rows(), 1);
    assert!(foreign.bytes() > 0 && sink.push(chunk().batch).is_none());
    let (back, asked) = sink.take_back(bytes);
    assert_eq!(back.iter().map(rows).collect::<Vec<_>>(), [3, 3]);
    assert_eq!((sink.rows(), sink.held_bytes()), (3, HeldBytes::of([&batches[1]])));
    // What a wait looks at is what may stay: the spare room of the buffers counts in both.
    assert!(sink.has_room_within(sink.held_bytes(), Duration::ZERO));
    assert!(!sink.has_room_within(sink.held_bytes() - 1, Duration::ZERO));
    assert!(is_away(&sink.back(asked)) && !sink.is_asked_within(asked, Duration::from_millis(10)));
    let reads = std::thread::spawn(move || {
        let kept = reader.next().unwrap().unwrap().num_rows();
        (kept, reader.next().unwrap().unwrap().num_rows())
    });
    assert!(sink.is_asked_within(asked, Duration::from_secs(60)));
    assert!(sink.push(back[0].clone()).is_none());
    assert_eq!(reads.join().unwrap(), (2, 3));
}

/// It takes all that the queue has just before the job takes back what is left.
#[test]
fn a_reader_that_waits_already_when_its_batches_are_taken_back_is_heard() {
    let (mut sink, mut reader, _) = open();
    let taker = std::thread::spawn(move || (reader.next().unwrap().unwrap(), reader));
    while !sink.queue.state().is_waiting {
        std::thread::yield_now();
    }
    let (back, asked) = sink.take_back(0);
    assert!(back.is_empty());
    assert!(sink.is_asked_within(asked, Duration::from_secs(60)), "it waits");
    sink.write(&chunk()).unwrap();
    let (batch, mut reader) = taker.join().unwrap();
    assert_eq!(batch.num_rows(), 3);
    // Answered, it has not asked again.
    let (_, asked) = sink.take_back(0);
    let back = sink.back(asked);
    assert!(is_away(&back));
    // Nor does a task that waits sleep for ever.
    assert!(reader.poll_next(&mut Context::from_waker(std::task::Waker::noop())).is_pending());
    let (_, asked) = sink.take_back(0);
    assert!(!is_away(&back) && !is_away(&sink.back(asked)));
}
