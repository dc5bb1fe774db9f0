//! What LIST answers: the MS-DOS form of the ministry's server, and the Unix form of others.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use crate::store::{Modified, TreeEntry};

/// The entries of a listing, or the first line that is none: a folder of which a line cannot be read is not known. `today` is for
/// the Unix form, which leaves this year out.
pub(super) fn entries(listing: &[u8], today: NaiveDate) -> Result<Vec<TreeEntry>, String> {
    let mut found = Vec::new();
    for line in listing.split(|byte| *byte == b'\n') {
        // Names are Latin-1, in which every byte is a letter.
        let line: String = line.iter().map(|byte| char::from(*byte)).collect();
        let line = line.trim_end_matches('\r');
        if line.trim().is_empty() || is_total(line) {
            continue;
        }
        let entry = ms_dos(line).or_else(|| unix(line, today)).ok_or_else(|| line.to_owned())?;
        if entry.name != "." && entry.name != ".." {
            found.push(entry);
        }
    }
    Ok(found)
}

/// `total 128`, the Unix form's first line.
fn is_total(line: &str) -> bool {
    line.strip_prefix("total ").is_some_and(|rest| rest.trim().bytes().all(|byte| byte.is_ascii_digit()))
}

/// `05-29-15  04:10PM                18550 acac0201.exe`, `02-24-18  07:38AM       <DIR>          199201_200712`.
fn ms_dos(line: &str) -> Option<TreeEntry> {
    let (date, rest) = line.split_once(' ')?;
    let (time, rest) = rest.trim_start().split_once(' ')?;
    let (size, name) = rest.trim_start().split_once(' ')?;
    let at = ms_dos_date(date)?.and_time(ms_dos_time(time)?);
    let folder = size == "<DIR>";
    // A folder's name stands in a column of its own; a file's stands one blank behind its size.
    let name = if folder { name.trim_start() } else { name };
    let size = if folder { None } else { Some(size.parse().ok()?) };
    entry(name, folder, size, modified(at, false))
}

fn ms_dos_date(date: &str) -> Option<NaiveDate> {
    let mut parts = date.split('-');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || [month, day].iter().any(|part| part.len() != 2) {
        return None;
    }
    let number: i32 = year.parse().ok()?;
    let year = match (year.len(), number) {
        (2, 0..=68) => 2000 + number,
        (2, 69..=99) => 1900 + number,
        (4, _) => number,
        _ => return None,
    };
    NaiveDate::from_ymd_opt(year, month.parse().ok()?, day.parse().ok()?)
}

fn ms_dos_time(time: &str) -> Option<NaiveTime> {
    let (clock, half) = match time.get(time.len().checked_sub(2)?..)? {
        "AM" => (time.get(..time.len() - 2)?, Some(0)),
        "PM" => (time.get(..time.len() - 2)?, Some(12)),
        _ => (time, None),
    };
    let (hour, minute) = clock.split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    NaiveTime::from_hms_opt(hour, minute, 0)
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// `-rw-r--r--    1 ftp      ftp       1048576 Aug 06  2018 TabelaUnificada_201808.zip`; the group may be missing.
fn unix(line: &str, today: NaiveDate) -> Option<TreeEntry> {
    let kind = line.chars().next().filter(|kind| "-dlbcps".contains(*kind))?;
    let words = words(line);
    let month_of = |word: &str| MONTHS.iter().position(|month| word.eq_ignore_ascii_case(month));
    let at = (3..=5).find(|at| words.get(*at).is_some_and(|(_, word)| month_of(word).is_some()))?;
    let word = |at: usize| words.get(at).map(|(_, word)| *word);
    let size: u64 = word(at - 1)?.parse().ok()?;
    let month = u32::try_from(month_of(word(at)?)?).ok()? + 1;
    let day: u32 = word(at + 1)?.parse().ok()?;
    let when = word(at + 2)?;
    let modified = match when.split_once(':') {
        None => modified(NaiveDate::from_ymd_opt(when.parse().ok()?, month, day)?.and_time(NaiveTime::MIN), true),
        Some((hour, minute)) => {
            let time = NaiveTime::from_hms_opt(hour.parse().ok()?, minute.parse().ok()?, 0)?;
            // The last such day; the server's clock may be a day ahead.
            let latest = today + TimeDelta::days(1);
            let of_year = |year| NaiveDate::from_ymd_opt(year, month, day).filter(|date| *date <= latest);
            // The 29th of February may be some years back.
            let date = (0..=8).find_map(|back| of_year(latest.year() - back))?;
            modified(date.and_time(time), false)
        }
    };
    let (start, last) = words.get(at + 2)?;
    // One blank behind the time: a name may begin with another.
    let name = line.get(start + last.len() + 1..)?;
    let name = if kind == 'l' { name.split(" -> ").next()? } else { name };
    entry(name, kind == 'd', (kind != 'd').then_some(size), modified)
}

/// The words of a line, each with its place.
fn words(line: &str) -> Vec<(usize, &str)> {
    let of = |word: &'_ str| word.as_ptr() as usize - line.as_ptr() as usize;
    line.split_whitespace().map(|word| (of(word), word)).collect()
}

fn modified(at: NaiveDateTime, day_only: bool) -> Option<Modified> {
    Some(Modified { ns: at.and_utc().timestamp_nanos_opt()?, day_only })
}

fn entry(name: &str, folder: bool, size: Option<u64>, modified: Option<Modified>) -> Option<TreeEntry> {
    // A name that is a way elsewhere is no name.
    let odd = name.is_empty() || name.contains(['/', '\\', '\0']);
    (!odd).then(|| TreeEntry { name: name.to_owned(), folder, size, modified, tag: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap().and_utc().timestamp_nanos_opt().unwrap()
    }

    fn read(text: &str) -> Vec<(String, bool, Option<u64>, Option<i64>)> {
        let today = NaiveDate::from_ymd_opt(2026, 11, 28).unwrap();
        let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        let found = entries(&bytes, today).unwrap();
        found.into_iter().map(|e| (e.name, e.folder, e.size, e.modified.map(|m| m.ns))).collect()
    }

    #[test]
    fn both_forms_are_read() {
        let ms_dos = "05-29-15  04:10PM                18550 acac0201.exe\r\n\
            02-24-18  07:38AM       <DIR>          199201_200712\r\n\
            12-31-68  12:00AM                    0 Vari\u{e1}veis do SIM.doc\r\n\
            01-01-69  12:59PM           5000000000 PASP2401.dbc\r\n\
            06-15-2024  09:05AM                 7  dois blancos.txt\r\n";
        assert_eq!(
            read(ms_dos),
            [
                ("acac0201.exe".into(), false, Some(18550), Some(at("2015-05-29 16:10"))),
                ("199201_200712".into(), true, None, Some(at("2018-02-24 07:38"))),
                ("Vari\u{e1}veis do SIM.doc".into(), false, Some(0), Some(at("2068-12-31 00:00"))),
                ("PASP2401.dbc".into(), false, Some(5_000_000_000), Some(at("1969-01-01 12:59"))),
                (" dois blancos.txt".into(), false, Some(7), Some(at("2024-06-15 09:05"))),
            ]
        );
        let unix = "total 12\r\n\
            drwxr-xr-x    2 ftp      ftp          4096 Aug 06  2018 .\r\n\
            -rw-r--r--    1 ftp      ftp    5368709121 Aug 06  2018 TabelaUnificada 201808.zip\n\
            -rw-r--r--    1 1000           313213 Nov 29 23:59 RDAC2401.dbc\n\
            -rw-r--r--    1 ftp ftp 8 Dec 25 08:00 RDAC2312.dbc\n\
            lrwxrwxrwx    1 ftp ftp 8 Jan 02 08:00 velho -> novo\n\
            drwxr-xr-x    2 ftp ftp 4096 Feb 03 10:11 Dados\n";
        assert_eq!(
            read(unix),
            [
                ("TabelaUnificada 201808.zip".into(), false, Some(5_368_709_121), Some(at("2018-08-06 00:00"))),
                ("RDAC2401.dbc".into(), false, Some(313213), Some(at("2026-11-29 23:59"))),
                ("RDAC2312.dbc".into(), false, Some(8), Some(at("2025-12-25 08:00"))),
                ("velho".into(), false, Some(8), Some(at("2026-01-02 08:00"))),
                ("Dados".into(), true, None, Some(at("2026-02-03 10:11"))),
            ]
        );
        assert!(read("").is_empty() && read("\r\n").is_empty());
    }

    #[test]
    fn a_line_that_cannot_be_read_is_no_empty_folder() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 28).unwrap();
        let good = "05-29-15  04:10PM                18550 acac0201.exe\r\n";
        for odd in [
            "garbage",
            "13-29-15  04:10PM   18550 x.dbc",
            "05-29-15  04:10PM   18,550 x.dbc",
            "05-29-15  14:10PM   18550 x.dbc",
            "05-29-15  04:10PM   18550 ",
            "05-29-15  04:10PM   18550 ../x.dbc",
            "-rw-r--r-- 1 ftp ftp x Aug 06 2018 x.dbc",
            "-rw-r--r-- 1 ftp ftp 7 Aug 36 2018 x.dbc",
            "<html><body>Acesso negado</body></html>",
        ] {
            let refused = entries(format!("{good}{odd}\r\n").as_bytes(), today);
            assert_eq!(refused.as_ref().err().map(String::as_str), Some(odd), "{refused:?}");
        }
    }

    #[test]
    fn of_a_day_only_the_day_is_compared() {
        let minute = Modified { ns: at("2026-05-04 13:20"), day_only: false };
        let day = Modified { ns: at("2026-05-04 00:00"), day_only: true };
        assert!(minute.may_equal(day) && day.may_equal(minute) && minute.may_equal(minute));
        assert!(!minute.may_equal(Modified { ns: at("2026-05-04 13:21"), day_only: false }));
        assert!(!day.may_equal(Modified { ns: at("2026-05-05 00:00"), day_only: false }));
    }
}
