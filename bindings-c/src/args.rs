//! Looks at what C passed in before it is used.

use std::ffi::{CStr, c_char};
use std::ptr::NonNull;
use std::sync::Arc;

use datasus::base::Text;
use datasus::faces::{NotJson, exact_json};
use datasus::{Code, Error, Result};

use crate::ticket::Tickets;

fn wrong(name: &str, pt: &str, en: &str) -> Error {
    let detail = Text { pt: format!("Argumento `{name}`: {pt}"), en: format!("Argument `{name}`: {en}") };
    Error::new(Code::InvalidParams, detail).with("argument", name).stage("c")
}

pub fn null(name: &str) -> Error {
    wrong(name, "é NULL, e é obrigatório", "is NULL, and is required")
}

/// An enumeration or a flag that has another value than its own.
pub fn not_one_of(name: &str, received: i64, expected: &str) -> Error {
    let pt = format!("esperado {expected}; recebido {received}");
    wrong(name, &pt, &format!("expected {expected}; received {received}")).with("received", received)
}

/// # Safety
/// `pointer` is NULL, or a text that ends with NUL and stays as it is for `'a`.
pub unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: as the caller promises.
    unsafe { optional(pointer, name)? }.ok_or_else(|| null(name))
}

/// The same, where NULL means that nothing was given.
///
/// # Safety
/// As for [`text`].
pub unsafe fn optional<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL; ends with NUL and stays as it is, as the caller promises.
    let bytes = unsafe { CStr::from_ptr(pointer) };
    bytes.to_str().map(Some).map_err(|error| {
        let at = error.valid_up_to();
        let pt = format!("não é UTF-8 a partir do byte {at}");
        wrong(name, &pt, &format!("is not UTF-8 from byte {at} on")).with("offset", at)
    })
}

/// A place that C gave for an answer.
pub struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// # Safety
    /// `pointer` is NULL, or valid for a write of a `T` until this is dropped.
    pub unsafe fn new(pointer: *mut T, name: &str) -> Result<Self> {
        // SAFETY: as the caller promises.
        unsafe { Out::optional(pointer, name)? }.ok_or_else(|| null(name))
    }

    /// The same, where NULL means that the answer is not wanted.
    ///
    /// # Safety
    /// As for [`Out::new`].
    pub unsafe fn optional(pointer: *mut T, name: &str) -> Result<Option<Self>> {
        if !pointer.is_aligned() {
            return Err(wrong(name, "não está alinhado", "is not aligned"));
        }
        Ok(NonNull::new(pointer).map(Out))
    }

    /// What was there is overwritten, not released.
    pub fn put(self, value: T) {
        // SAFETY: aligned, and valid for a write, as promised when this was made.
        unsafe { self.0.write(value) }
    }

    pub fn as_ptr(&self) -> *mut T {
        self.0.as_ptr()
    }
}

/// A handle that is alive.
pub fn live<T, H>(tickets: &Tickets<T>, handle: *const H, name: &str) -> Result<Arc<T>> {
    if handle.is_null() {
        return Err(null(name));
    }
    tickets.get(handle.addr()).ok_or_else(|| released(name))
}

pub fn released(name: &str) -> Error {
    let pt = "foi liberado, ou nunca foi desta biblioteca";
    wrong(name, pt, "was released, or never was one of this library")
}

/// A handle that is handed in; NULL is none, and fine.
pub fn hand_in<T, H>(tickets: &Tickets<T>, handle: *mut H, name: &str) -> Result<Option<Arc<T>>> {
    match handle.is_null() {
        true => Ok(None),
        false => tickets.take(handle.addr()).map(Some).ok_or_else(|| released(name)),
    }
}

/// What is no JSON is DS-400.
pub fn json(text: &str, name: &str) -> Result<serde_json::Value> {
    exact_json(text).map_err(|NotJson { line, column, what }| {
        let Text { pt, en } = what;
        let detail = Text { pt: format!("Argumento `{name}`: {pt}"), en: format!("Argument `{name}`: {en}") };
        let error = Error::new(Code::Malformed, detail).with("argument", name);
        error.with("line", line).with("column", column).stage("c")
    })
}
