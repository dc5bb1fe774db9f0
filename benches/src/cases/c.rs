//! What the C interface costs over the Rust one: the same stream through either, in turn, in one process; and looks at a job.
//!
//! The functions are those of `libdatasus`, called through their C ABI; the rows are read by the Arrow C structs alone.

use std::ffi::CString;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::time::Instant;

use arrow::array::AsArray;
use arrow::datatypes::Decimal128Type;
use arrow::ffi::FFI_ArrowArray;
use arrow::ffi_stream::FFI_ArrowArrayStream;
use datasus_c::{ClientHandle, JobHandle, Progress, Status};
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::job;

/// Rows, and the sum of VAL_TOT in cents.
type Taken = (u64, i128);

/// One interface, run by run: seconds from its client's opening to its end, and the CPU seconds of the thread that read, which
/// have none of the noise of the threads that make the rows.
#[derive(Default)]
struct Runs {
    seconds: Vec<f64>,
    reading: Vec<f64>,
}

/// `data=<folder>`, `pairs=5`: each interface, pair by pair, and calls of `datasus_job_status` per second.
pub fn overhead(arguments: &Arguments) -> Result<Value, String> {
    let (data, pairs) = (arguments.path("data")?, arguments.number("pairs", 5)?);
    // Both find what the first one warmed.
    let known = by_rust(&data)?;
    let (mut rust, mut c) = (Runs::default(), Runs::default());
    for pair in 0..pairs {
        // Whoever goes first goes second the next time.
        for turn in 0..2 {
            let by_us = (pair + turn) % 2 == 0;
            let (began, cpu) = (Instant::now(), thread_cpu());
            let taken = if by_us { by_c(&data)? } else { by_rust(&data)? };
            let runs = if by_us { &mut c } else { &mut rust };
            runs.seconds.push(began.elapsed().as_secs_f64());
            runs.reading.push(thread_cpu() - cpu);
            if taken != known {
                return Err(format!("one stream has {taken:?} where another had {known:?}"));
            }
        }
    }
    let calls = status_calls(&data)?;
    let seconds = rust.seconds.iter().chain(&c.seconds).sum::<f64>();
    Ok(json!({
        "seconds": seconds,
        "rows": known.0,
        "rust_seconds": rust.seconds,
        "c_seconds": c.seconds,
        "rust_reading": rust.reading,
        "c_reading": c.reading,
        "status_calls_per_second": calls,
        "sums": {"VAL_TOT": job::money(known.1)},
    }))
}

fn by_rust(data: &Path) -> Result<Taken, String> {
    let client = job::client(data, None, None).map_err(|error| error.to_string())?;
    let (mut rows, mut cents) = (0, 0);
    for batch in client.query(&job::everything()).map_err(|error| error.to_string())? {
        let batch = batch.map_err(|error| error.to_string())?;
        rows += batch.num_rows() as u64;
        let money = batch.column_by_name("VAL_TOT").ok_or("no VAL_TOT")?;
        cents += money.as_primitive::<Decimal128Type>().values().iter().sum::<i128>();
    }
    Ok((rows, cents))
}

fn by_c(data: &Path) -> Result<Taken, String> {
    let column = job::COLUMNS.iter().position(|name| *name == "VAL_TOT").ok_or("no VAL_TOT")?;
    let client = open(data)?;
    let params =
        CString::new(json!({"dataset": "SIH-RD", "columns": job::COLUMNS}).to_string()).map_err(|e| e.to_string())?;
    let mut stream = FFI_ArrowArrayStream::empty();
    // SAFETY: a text, a place for a stream.
    fine(unsafe { datasus_c::datasus_client_query(client, params.as_ptr(), &mut stream, null_mut(), null_mut()) })?;
    let (mut rows, mut cents) = (0, 0);
    let next = stream.get_next.ok_or("no get_next")?;
    loop {
        let mut batch = FFI_ArrowArray::empty();
        // SAFETY: the stream interface's contract.
        if unsafe { next(&mut stream, &mut batch) } != 0 {
            return Err("the stream failed".into());
        }
        if batch.is_released() {
            break;
        }
        rows += batch.len() as u64;
        let money = batch.child(column);
        let values = money.buffer(1).cast::<i128>();
        for row in money.offset()..money.offset() + money.len() {
            // SAFETY: a decimal of 128 bits, `len` of them from `offset` on; Arrow's buffers need not be aligned for it.
            cents += unsafe { values.add(row).read_unaligned() };
        }
    }
    drop(stream);
    // SAFETY: a handle.
    fine(unsafe { datasus_c::datasus_client_release(client) })?;
    Ok((rows, cents))
}

/// CPU seconds of this thread.
fn thread_cpu() -> f64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a place for a time; this clock is there wherever Linux is.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

fn open(data: &Path) -> Result<*mut ClientHandle, String> {
    let source = CString::new(data.to_string_lossy().as_bytes()).map_err(|error| error.to_string())?;
    let mut client = null_mut();
    // SAFETY: texts, and a place for a handle.
    fine(unsafe { datasus_c::datasus_client_open(source.as_ptr(), null(), &mut client, null_mut()) })?;
    Ok(client)
}

fn fine(status: Status) -> Result<(), String> {
    if status == Status::Ok { Ok(()) } else { Err(format!("{status:?}")) }
}

fn status_calls(data: &Path) -> Result<f64, String> {
    const CALLS: u32 = 2_000_000;
    let client = open(data)?;
    let params = c"{\"dataset\": \"SIH-RD\", \"columns\": [\"CNES\"]}";
    let (mut stream, mut job) = (FFI_ArrowArrayStream::empty(), null_mut::<JobHandle>());
    // SAFETY: a text, a place for a stream and one for a handle.
    fine(unsafe { datasus_c::datasus_client_query(client, params.as_ptr(), &mut stream, &mut job, null_mut()) })?;
    // SAFETY: zeros are a progress of version 1.
    let mut progress: Progress = unsafe { std::mem::zeroed() };
    let began = Instant::now();
    for _ in 0..CALLS {
        // SAFETY: a handle, and a progress.
        fine(unsafe { datasus_c::datasus_job_status(job, &mut progress, null_mut()) })?;
    }
    let seconds = began.elapsed().as_secs_f64();
    drop(stream);
    // SAFETY: handles.
    fine(unsafe { datasus_c::datasus_job_release(job) })?;
    // SAFETY: likewise.
    fine(unsafe { datasus_c::datasus_client_release(client) })?;
    Ok(f64::from(CALLS) / seconds)
}
