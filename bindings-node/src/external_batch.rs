//! A batch in JavaScript's hands: its buffers as ArrayBuffers over the same memory.

use arrow::array::{Array, ArrayData, MutableArrayData, RecordBatch, StructArray, make_array};
use arrow::buffer::{BooleanBuffer, Buffer};
use arrow::datatypes::DataType;
use datasus::governor::Governor;
use napi::bindgen_prelude::{ArrayBuffer, BufferSlice, Object, ToNapiValue};
use napi::{Env, sys};

/// Arrays in the order of the schema, each before its children; `ts/arrow.ts` puts them together again.
pub struct ExternalBatch {
    rows: u32,
    /// Of each array: its length, its NULLs, and its buffers but for the validity.
    arrays: Vec<u32>,
    /// Of each array: its validity, or none, and its other buffers.
    buffers: Vec<Option<Buffer>>,
}

impl ExternalBatch {
    /// What is handed out counts as held by the host until its last ArrayBuffer is collected.
    pub fn new(batch: RecordBatch) -> Self {
        Governor::of_process().foreign().claim(&batch);
        let mut handed = ExternalBatch { rows: batch.num_rows() as u32, arrays: Vec::new(), buffers: Vec::new() };
        let rows = StructArray::from(batch);
        for column in rows.columns() {
            handed.add(&column.to_data());
        }
        handed
    }

    fn add(&mut self, data: &ArrayData) {
        if data.offset() != 0 && *data.data_type() != DataType::Boolean {
            // Rare, and only here copied: a slice whose children or offsets begin elsewhere.
            let mut whole = MutableArrayData::new(vec![data], false, data.len());
            whole.extend(0, 0, data.len());
            return self.add(&make_array(whole.freeze()).to_data());
        }
        let buffers = data.buffers();
        self.arrays.extend([data.len() as u32, data.null_count() as u32, buffers.len() as u32]);
        self.buffers.push(data.nulls().filter(|nulls| nulls.null_count() > 0).map(|nulls| nulls.inner().sliced()));
        match (data.data_type(), buffers) {
            (DataType::Boolean, [bits]) => {
                self.buffers.push(Some(BooleanBuffer::new(bits.clone(), data.offset(), data.len()).sliced()));
            }
            _ => self.buffers.extend(buffers.iter().cloned().map(Some)),
        }
        data.child_data().iter().for_each(|child| self.add(child));
    }
}

impl ToNapiValue for ExternalBatch {
    unsafe fn to_napi_value(env: sys::napi_env, handed: Self) -> napi::Result<sys::napi_value> {
        let env = Env::from_raw(env);
        let mut object = Object::new(&env)?;
        object.set("rows", handed.rows)?;
        object.set("arrays", handed.arrays)?;
        let mut buffers = env.create_array(handed.buffers.len() as u32)?;
        for (place, buffer) in handed.buffers.into_iter().enumerate() {
            buffers.set(place as u32, buffer.map(|buffer| lent(&env, buffer)).transpose()?)?;
        }
        object.set("buffers", buffers)?;
        // SAFETY: `env` is the environment that this function was called with.
        unsafe { Object::to_napi_value(env.raw(), object) }
    }
}

/// Encoded rows in JavaScript's hands, as a Buffer over the same memory; counted in the same way.
pub struct Piece(Buffer);

impl Piece {
    pub fn new(bytes: Vec<u8>) -> Self {
        let bytes = Buffer::from_vec(bytes);
        Governor::of_process().foreign().claim_bytes(&bytes);
        Piece(bytes)
    }
}

impl ToNapiValue for Piece {
    unsafe fn to_napi_value(env: sys::napi_env, Piece(bytes): Self) -> napi::Result<sys::napi_value> {
        let (start, length) = (bytes.as_ptr().cast_mut(), bytes.len());
        // SAFETY: as in `lent`: valid until the finalizer drops it, and nobody else reads it. It is never empty.
        let buffer =
            unsafe { BufferSlice::from_external(&Env::from_raw(env), start, length, bytes, |_, bytes| drop(bytes))? };
        // SAFETY: `env` is the environment that this function was called with.
        unsafe { BufferSlice::to_napi_value(env, buffer) }
    }
}

/// An ArrayBuffer over the same memory; a copy where the host allows no other (Electron).
fn lent<'env>(env: &'env Env, buffer: Buffer) -> napi::Result<ArrayBuffer<'env>> {
    if buffer.is_empty() {
        return ArrayBuffer::from_data(env, Vec::new());
    }
    let (start, length) = (buffer.as_ptr().cast_mut(), buffer.len());
    // SAFETY: the buffer is valid for `length` bytes and stays so until it is dropped, which the finalizer does. JavaScript
    // can write to it: nobody else reads this batch once it is handed out.
    unsafe { ArrayBuffer::from_external(env, start, length, buffer, |_, buffer| drop(buffer)) }
}
