//! One case of ours in a process of its own, for `benches/run.py`, or the data for all of them.
//!
//! `datasus-bench <case> key=value ...` prints one JSON object as its last line; `benches/README.md` has the protocol.

mod arguments;
mod cases;
mod generate;
mod job;
mod words;

use arguments::Arguments;
use serde_json::Value;

fn main() {
    // It is its own worker.
    datasus::worker::main();
    let mut given = std::env::args().skip(1);
    let case = given.next().unwrap_or_default();
    let answered = Arguments::parse(given).and_then(|arguments| run(&case, &arguments));
    match answered {
        Ok(answer) => println!("{answer}"),
        Err(why) => {
            eprintln!("datasus-bench {case}: {why}");
            std::process::exit(1);
        }
    }
}

fn run(case: &str, arguments: &Arguments) -> Result<Value, String> {
    match case {
        "generate" => generate::parquet(arguments),
        "generate-words" => words::parquet(arguments),
        "generate-dbc" => generate::dbc(arguments),
        "postgres" => cases::sinks::postgres(arguments),
        "csv" => cases::sinks::csv(arguments, None),
        "csv-zstd" => cases::sinks::csv(arguments, Some(3)),
        "parquet" => cases::sinks::parquet(arguments),
        "stream" => cases::stream::stream(arguments),
        "stream-budget" => cases::stream::under_budget(arguments),
        "seen-stream" => cases::seen::stream(arguments),
        "small-query" => cases::small::small_query(arguments),
        "isolation" => cases::isolation::isolation(arguments),
        "planning" => cases::planning::planning(arguments),
        "calibration" => cases::calibration::calibration(arguments),
        "dbc-explode" => cases::dbc::explode(arguments),
        "dbc-file" => cases::dbc::file(arguments),
        "dbc-parquet" => cases::dbc::parquet(arguments),
        "dbc-columns" => cases::dbc::columns(arguments),
        "dbc-two" => cases::dbc::two(arguments),
        "labels-stream" => cases::labels::streamed(arguments),
        "labels-postgres" => cases::labels::loaded(arguments),
        "c-overhead" => cases::c::overhead(arguments),
        _ => Err("expected a case: generate, generate-words, generate-dbc, postgres, csv, csv-zstd, parquet, stream, stream-budget, seen-stream, \
                  small-query, isolation, planning, calibration, dbc-explode, dbc-file, dbc-parquet, dbc-columns, dbc-two, labels-stream, labels-postgres, c-overhead"
            .into()),
    }
}
