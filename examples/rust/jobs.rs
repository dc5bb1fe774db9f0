//! What earlier processes left, and what can be done about it:
//! `cargo run --example jobs -- <folder> [resume|discard|letters|replay <job>]`.

use datasus::Client;

fn main() -> datasus::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [folder] => {
            let client = Client::open(*folder)?;
            for job in client.jobs()? {
                println!("{} {:?} {} {}", job.job_id, job.standing, job.created_at, job.params);
            }
            println!("mode: {}", client.mode().as_str());
        }
        [folder, "resume", job] => println!("{}", Client::open(*folder)?.resume(job)?.wait()?),
        [folder, "discard", job] => Client::open(*folder)?.discard(job)?,
        [folder, "replay", job] => println!("{:?}", Client::open(*folder)?.replay(job)?),
        [folder, "letters", job] => {
            for letter in Client::open(*folder)?.dead_letters(job)? {
                println!("{:?} {:?} {:?} {}", letter.source_file, letter.source_row, letter.column, letter.reason);
            }
        }
        _ => eprintln!("expected: <folder> [resume|discard|letters|replay <job>]"),
    }
    Ok(())
}
