//! What is in the columns, and where a word is.

use std::ffi::{c_char, c_void};
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ffi_stream::FFI_ArrowArrayStream;
use datasus::{Next, Result};

use crate::args::{Out, optional, text};
use crate::client::{ClientHandle, json, say, with};
use crate::error::ErrorOut;
use crate::fence::fence;
use crate::rows::Rows;
use crate::status::Status;
use crate::sync::{KeepGoing, watched};
use crate::text::TextOut;

/// What is in the columns of a dataset, and waits for it: NULLs, different values, range, the most frequent with their labels, codes
/// without one, values that did not parse, changes over competências, and warnings for who analyses it. `params`: the contract's JSON,
/// of which dataset, uf, competencia, columns, filters and options count. `keep_going`, unless it is NULL, is called meanwhile by the
/// calling thread, with `user`; once it says false the call ends with DS-499. `profile` receives JSON, the caller's; `rows`, unless it
/// is NULL, the same as rows, one a column. DS-422: SQL, aggregates, an order or a limit; DS-404, DS-460, DS-504 as for a query.
///
/// # Safety
/// `params`: a text; `keep_going`: NULL or a function that `user` suits; `profile`: a place for a datasus_text; `rows`: NULL or a
/// place for an ArrowArrayStream; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_profile(
    client: *mut ClientHandle,
    params: *const c_char,
    keep_going: KeepGoing,
    user: *mut c_void,
    profile: *mut TextOut,
    rows: *mut FFI_ArrowArrayStream,
    error: *mut ErrorOut,
) -> Status {
    fence("datasus_client_profile", error, || {
        // SAFETY: the caller's promise is the same.
        let (params, told, rows) =
            unsafe { (text(params, "params")?, Out::new(profile, "profile")?, Out::optional(rows, "rows")?) };
        // SAFETY: `user` suits the function, as the caller promises.
        let keep_going = || keep_going.is_none_or(|keep_going| unsafe { keep_going(user) });
        let (text, batch) = with(client, |held| {
            let (client, params) = (held.client.clone(), held.client.params(params)?);
            let work = move |cancel: &datasus::base::Cancel| {
                let profile = client.profile_until(&params, cancel)?;
                Ok((json(&profile)?, profile.to_batch()?))
            };
            watched("datasus-profile", work, keep_going)
        })?;
        if let Some(rows) = rows {
            rows.stream(Box::new(Known { schema: batch.schema(), batch: Some(batch) }));
        }
        told.say(text);
        Ok(())
    })
}

/// Crude and age-standardised rates of events by municipality of residence, as JSON. `params`: a JSON object of events (a query: dataset,
/// uf, competencia, where), population (a query; left out: IBGE-POPSVS of the events' year), standard (a table of one's own; left out:
/// the whole country) and per (100000). The text is the caller's. DS-400, DS-422: what is wrong with params; DS-404: events in a
/// municipality whose population is missing, and as for a query.
///
/// # Safety
/// `params`: a text; `rates`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_rates(
    client: *mut ClientHandle,
    params: *const c_char,
    rates: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_rates", error, || unsafe {
        let params = text(params, "params")?;
        say(client, rates, |held| json(&held.client.rates(&held.client.rates_params(params)?)?))
    })
}

/// The columns in whose names, meanings or labels all of `words` are, the best first, as a JSON list: of one dataset, or of the whole
/// catalogue where `dataset` is NULL. Neither case nor accents count. The text is the caller's. DS-404: no such dataset.
///
/// # Safety
/// `words`: a text; `dataset`: NULL or a text; `found`: a place for a datasus_text; `error`: NULL or a datasus_error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn datasus_client_search(
    client: *mut ClientHandle,
    words: *const c_char,
    dataset: *const c_char,
    found: *mut TextOut,
    error: *mut ErrorOut,
) -> Status {
    // SAFETY: the caller's promise is the same.
    fence("datasus_client_search", error, || unsafe {
        let (words, dataset) = (text(words, "words")?, optional(dataset, "dataset")?);
        say(client, found, |held| json(&held.client.search(words, dataset)?))
    })
}

/// Rows that are here already.
struct Known {
    schema: SchemaRef,
    batch: Option<RecordBatch>,
}

impl Rows for Known {
    fn poll_schema(&mut self, _: &mut Context<'_>) -> Poll<Result<SchemaRef>> {
        Poll::Ready(Ok(self.schema.clone()))
    }

    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Next> {
        Poll::Ready(self.batch.take().map_or(Next::End, Next::Batch))
    }

    fn summary(&self) -> Result<String> {
        Ok("{}".into())
    }
}
