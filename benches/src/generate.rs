//! SIH-RD-like files: the 113 columns of 2024 with the catalogue's types, made-up values, the same on every machine.
//!
//! Cardinalities follow genuine files: some thousand municípios and hospitals, hundreds of procedures and diagnoses, many
//! columns that are nearly always the same. Values are more regular than genuine ones, so files are somewhat smaller.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int32Array, RecordBatch, StringBuilder};
use arrow::datatypes::{Field, Schema};
use datasus::catalog::{Column, LogicalType};
use datasus::source::dbc::{DbcWriter, WriteOptions};
use datasus::{Catalog, Uf};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::job::{UFS, money};

/// Days from 1970-01-01 to 2023-01-01.
const JANUARY: i32 = 19_358;

struct Set {
    months: usize,
    /// Rows of the job's UFs, and of the others.
    job_rows: usize,
    other_rows: usize,
}

fn set(name: &str) -> Result<Set, String> {
    Ok(match name {
        "m15" => Set { months: 13, job_rows: 1_500_000, other_rows: 500_000 },
        "quick15" => Set { months: 13, job_rows: 150_000, other_rows: 50_000 },
        "m10" => Set { months: 5, job_rows: 7_500_000, other_rows: 2_500_000 },
        "quick10" => Set { months: 5, job_rows: 750_000, other_rows: 250_000 },
        _ => return Err(format!("set: expected m15, m10, quick15 or quick10, received {name:?}")),
    })
}

/// Sums over some rows, to check a result by.
#[derive(Default, Clone)]
struct Figures {
    rows: u64,
    val_tot: i128,
    val_sh: i128,
    least: Option<String>,
    greatest: Option<String>,
}

impl Figures {
    fn add(mut self, other: &Figures) -> Self {
        self.rows += other.rows;
        self.val_tot += other.val_tot;
        self.val_sh += other.val_sh;
        self.least = self.least.into_iter().chain(other.least.clone()).min();
        self.greatest = self.greatest.into_iter().chain(other.greatest.clone()).max();
        self
    }

    fn json(&self) -> Value {
        json!({
            "rows": self.rows,
            "sum_val_tot": money(self.val_tot),
            "sum_val_sh": money(self.val_sh),
            "min_n_aih": self.least,
            "max_n_aih": self.greatest,
        })
    }
}

/// A file to make.
struct Plan {
    uf: Uf,
    month: usize,
    rows: usize,
    in_job: bool,
}

pub fn parquet(arguments: &Arguments) -> Result<Value, String> {
    let (out, set) = (arguments.path("out")?, set(arguments.text("set")?)?);
    std::fs::create_dir_all(&out).map_err(|error| error.to_string())?;
    let columns = columns()?;
    let ufs = || Uf::all();
    let in_job = |uf: &Uf| UFS.contains(&uf.sigla());
    let mut plans = Vec::new();
    for (wanted, rows) in [(true, set.job_rows), (false, set.other_rows)] {
        let chosen: Vec<Uf> = ufs().filter(|uf| in_job(uf) == wanted).collect();
        let files = chosen.len() * set.months;
        for (index, uf) in chosen.iter().flat_map(|uf| std::iter::repeat_n(*uf, set.months)).enumerate() {
            // The remainder goes to the first ones, so that the sum is exact.
            let rows = rows / files + usize::from(index < rows % files);
            plans.push(Plan { uf, month: index % set.months, rows, in_job: wanted });
        }
    }
    let made = plans.par_iter().map(|plan| Ok((plan.in_job, write(&out, plan, &columns)?)));
    let made: Vec<(bool, Figures)> = made.collect::<Result<_, String>>()?;
    let all = made.iter().fold(Figures::default(), |sum, (_, figures)| sum.add(figures));
    let job = made.iter().filter(|(in_job, _)| *in_job).fold(Figures::default(), |sum, (_, figures)| sum.add(figures));
    let expected = json!({"rows_all": all.rows, "files": made.len(), "job": job.json(), "all": all.json()});
    std::fs::write(out.join("expected.json"), format!("{expected:#}\n")).map_err(|error| error.to_string())?;
    Ok(expected)
}

fn columns() -> Result<Vec<&'static Column>, String> {
    let rd = Catalog::builtin().dataset("SIH-RD").ok_or("the catalogue has no SIH-RD")?;
    Ok(rd.columns.iter().filter(|column| column.eras.iter().any(|era| era.last_year == 2024)).collect())
}

fn write(out: &Path, plan: &Plan, columns: &[&Column]) -> Result<Figures, String> {
    let (year, month) = (23 + plan.month / 12, plan.month % 12 + 1);
    let name = format!("RD{}{year:02}{month:02}.parquet", plan.uf.sigla());
    let fields = columns.iter().map(|column| Field::new(&column.name, column.kind.arrow(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let level = ZstdLevel::try_new(3).map_err(|error| error.to_string())?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let file = File::create(out.join(name)).map_err(|error| error.to_string())?;
    let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(|error| error.to_string())?;
    let ibge = plan.uf.ibge().ok_or("a UF without a code")?;
    let place = Place { ibge: u64::from(ibge), year: year as u64, month: month as u64 };
    let mut figures = Figures::default();
    for from in (0..plan.rows).step_by(20_000) {
        let rows = from..plan.rows.min(from + 20_000);
        let arrays = columns.iter().enumerate().map(|(index, column)| array(column, index, &place, rows.clone()));
        let batch = RecordBatch::try_new(schema.clone(), arrays.collect()).map_err(|error| error.to_string())?;
        writer.write(&batch).map_err(|error| error.to_string())?;
        for row in rows {
            figures.val_tot += i128::from(place.cents("VAL_TOT", row));
            figures.val_sh += i128::from(place.cents("VAL_SH", row));
        }
    }
    writer.close().map_err(|error| error.to_string())?;
    figures.rows = plan.rows as u64;
    if plan.rows > 0 {
        figures.least = Some(place.aih(0));
        figures.greatest = Some(place.aih(plan.rows - 1));
    }
    Ok(figures)
}

/// Where and when: what the values of a file have in common.
struct Place {
    ibge: u64,
    year: u64,
    month: u64,
}

impl Place {
    /// An admission's number: unique over all files, rising within one.
    fn aih(&self, row: usize) -> String {
        format!("{:02}{:02}1{:02}{row:06}", self.ibge, self.year, self.month)
    }

    /// Bits that depend on nothing but place, column and row.
    fn random(&self, column: usize, row: usize) -> u64 {
        let mut bits =
            (self.ibge << 48) ^ (self.year << 42) ^ (self.month << 36) ^ ((column as u64) << 28) ^ row as u64;
        for _ in 0..2 {
            bits = (bits ^ (bits >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            bits ^= bits >> 29;
        }
        bits
    }

    fn cents(&self, name: &str, row: usize) -> u64 {
        let hospital = 2_000 + self.random(1, row) % 150_000;
        let professional = 500 + self.random(2, row) % 60_000;
        match name {
            "VAL_SH" => hospital,
            "VAL_SP" => professional,
            "VAL_TOT" => hospital + professional,
            _ => 0,
        }
    }

    fn text(&self, column: &Column, index: usize, row: usize, into: &mut String) {
        use std::fmt::Write;
        into.clear();
        let bits = self.random(index, row);
        // Few values are frequent and many are rare.
        let skewed = |values: u64| (bits % values).min((bits >> 20) % values).min((bits >> 40) % values);
        let done = match column.name.as_str() {
            "UF_ZI" => write!(into, "{}0000", self.ibge),
            "ANO_CMPT" => write!(into, "20{}", self.year),
            "MES_CMPT" => write!(into, "{:02}", self.month),
            "N_AIH" => write!(into, "{}", self.aih(row)),
            "CNES" => write!(into, "{:07}", 2_000_000 + self.ibge * 500 + skewed(180)),
            "MUNIC_RES" | "MUNIC_MOV" => write!(into, "{}{:04}", self.ibge, 10 * skewed(220)),
            "SEXO" => write!(into, "{}", if bits % 100 < 42 { 1 } else { 3 }),
            "DIAG_PRINC" | "CID_MORTE" | "CID_ASSO" => {
                let code = skewed(1_800);
                let letter = char::from(b'A' + (code % 22) as u8);
                write!(into, "{letter}{:02}{}", code / 22 % 100, code % 10)
            }
            "PROC_REA" | "PROC_SOLIC" => write!(into, "0{:09}", 301_010_000 + 37 * skewed(900)),
            "RACA_COR" => into.write_str(["01", "03", "02", "99", "04", "05"][skewed(6) as usize]),
            "CEP" => write!(into, "{:08}", self.ibge * 1_000_000 + skewed(9_000) * 10),
            "CGC_HOSP" | "CNPJ_MANT" => write!(into, "{:014}", 10_000_000_000_100 + skewed(180) * 7),
            // Half of the others are one code for everybody, half a handful; a few are mostly blank.
            _ => {
                let width = column.eras.last().map_or(1, |era| usize::from(era.width));
                let value = if index.is_multiple_of(2) { 0 } else { skewed(8) };
                if index % 7 == 3 && !bits.is_multiple_of(16) { Ok(()) } else { write!(into, "{value:0width$}") }
            }
        };
        // Writing into a String does not fail.
        let _ = done;
    }

    fn number(&self, name: &str, index: usize, row: usize) -> i32 {
        let bits = self.random(index, row);
        let value = match name {
            "IDADE" => bits % 100,
            "DIAS_PERM" | "QT_DIARIAS" => (bits % 30).min((bits >> 20) % 30),
            "UTI_MES_TO" => {
                if bits.is_multiple_of(20) {
                    (bits >> 8) % 31
                } else {
                    0
                }
            }
            "MORTE" => u64::from(bits.is_multiple_of(25)),
            "DIAR_ACOM" => (bits % 15).min((bits >> 16) % 15),
            _ => {
                if bits.is_multiple_of(12) {
                    (bits >> 8) % 9
                } else {
                    0
                }
            }
        };
        value as i32
    }

    fn day(&self, name: &str, index: usize, row: usize) -> Option<i32> {
        let bits = self.random(index, row);
        let first = JANUARY + (self.year as i32 - 23) * 365 + (self.month as i32 - 1) * 30;
        match name {
            "DT_INTER" => Some(first - (bits % 40) as i32),
            "DT_SAIDA" => Some(first + (bits % 28) as i32),
            "NASC" => Some(first - (bits % 34_000) as i32),
            _ => (bits.is_multiple_of(10)).then(|| first - (bits % 300) as i32),
        }
    }
}

fn array(column: &Column, index: usize, place: &Place, rows: std::ops::Range<usize>) -> ArrayRef {
    match &column.kind {
        LogicalType::Text => {
            let mut builder = StringBuilder::with_capacity(rows.len(), rows.len() * 6);
            let mut text = String::new();
            for row in rows {
                place.text(column, index, row, &mut text);
                builder.append_option((!text.is_empty()).then_some(&text));
            }
            Arc::new(builder.finish())
        }
        LogicalType::Integer { digits: 0..=9 } => {
            Arc::new(Int32Array::from_iter_values(rows.map(|row| place.number(&column.name, index, row))))
        }
        LogicalType::Integer { .. } => Arc::new(arrow::array::Int64Array::from_iter_values(
            rows.map(|row| i64::from(place.number(&column.name, index, row))),
        )),
        LogicalType::Decimal { precision, scale } => {
            let values = rows.map(|row| i128::from(place.cents(&column.name, row)));
            let array = Decimal128Array::from_iter_values(values)
                .with_data_type(arrow::datatypes::DataType::Decimal128(*precision, *scale as i8));
            Arc::new(array)
        }
        LogicalType::Date { .. } => {
            Arc::new(Date32Array::from_iter(rows.map(|row| place.day(&column.name, index, row))))
        }
    }
}

/// One DBC of the same kind.
pub fn dbc(arguments: &Arguments) -> Result<Value, String> {
    let (out, rows) = (arguments.path("out")?, arguments.number("rows", 54_793)?);
    std::fs::create_dir_all(&out).map_err(|error| error.to_string())?;
    let path = out.join("RDRJ2301.dbc");
    let mut fields = Vec::new();
    let columns = columns()?;
    for column in &columns {
        let era = column.eras.iter().find(|era| era.last_year == 2024).ok_or("a column without a layout")?;
        let kind = u8::try_from(era.dbf_type).map_err(|error| error.to_string())?;
        let width = u8::try_from(era.width).map_err(|error| error.to_string())?;
        fields.push((column.name.as_str(), kind, width, era.decimals));
    }
    let file = File::create(&path).map_err(|error| error.to_string())?;
    let said = |error: datasus::Error| error.to_json().to_string();
    let mut writer =
        DbcWriter::create(std::io::BufWriter::new(file), &fields, WriteOptions::default()).map_err(said)?;
    let place = Place { ibge: 33, year: 23, month: 1 };
    let mut values = vec![String::new(); columns.len()];
    for row in 0..rows {
        for (index, (column, value)) in columns.iter().zip(&mut values).enumerate() {
            let width = usize::from(fields[index].2);
            match &column.kind {
                LogicalType::Text => place.text(column, index, row, value),
                LogicalType::Integer { .. } => *value = format!("{:>width$}", place.number(&column.name, index, row)),
                LogicalType::Decimal { .. } => {
                    *value = format!("{:>width$}", money(i128::from(place.cents(&column.name, row))));
                }
                LogicalType::Date { .. } => {
                    *value = place.day(&column.name, index, row).map_or_else(String::new, written);
                }
            }
            value.truncate(width);
        }
        writer.write(&values.iter().map(String::as_str).collect::<Vec<_>>()).map_err(said)?;
    }
    writer.finish().map_err(said)?;
    Ok(json!({"file": path.display().to_string(), "rows": rows}))
}

/// YYYYMMDD.
fn written(days: i32) -> String {
    let text = arrow::temporal_conversions::date32_to_datetime(days).map(|day| day.date().to_string());
    text.unwrap_or_default().replace('-', "")
}
