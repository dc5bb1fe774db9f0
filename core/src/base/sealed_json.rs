//! JSON objects that carry a CRC-32 of their own text as their last field, so that a bit that changed on the disk is no other
//! answer. Whoever does not know the field reads them as they are.

use serde::Serialize;

use super::{Error, Result};

const FIELD: &str = ",\"crc32\":\"";
/// `,"crc32":"01234567"}`
const LENGTH: usize = FIELD.len() + 10;

/// The text of an object.
pub fn sealed_json(object: &impl Serialize) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec(object).map_err(Error::internal)?;
    if text.pop_if(|last| *last == b'}').is_some() && text.len() > 1 {
        let seal = format!("{FIELD}{:08x}\"}}", crc32fast::hash(&text));
        text.extend_from_slice(seal.as_bytes());
        return Ok(text);
    }
    serde_json::to_vec(object).map_err(Error::internal)
}

/// Whether a text is what was sealed; none where it has no seal.
pub fn is_sealed(text: &[u8]) -> Option<bool> {
    let (before, seal) = text.split_at_checked(text.len().checked_sub(LENGTH)?)?;
    let crc = seal.strip_prefix(FIELD.as_bytes())?.strip_suffix(b"\"}")?;
    let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?, 16).ok()?;
    Some(crc == crc32fast::hash(before))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_of_any_byte_is_noticed_and_a_text_without_a_seal_is_read() {
        let value = json!({"a": [1, "é"], "b": {"c": null}});
        let text = sealed_json(&value).unwrap();
        assert_eq!(is_sealed(&text), Some(true));
        let mut read: serde_json::Value = serde_json::from_slice(&text).unwrap();
        read.as_object_mut().unwrap().remove("crc32");
        assert_eq!(read, value);
        for at in 0..text.len() - LENGTH {
            let mut changed = text.clone();
            changed[at] ^= 1;
            assert_eq!(is_sealed(&changed), Some(false), "{at}");
        }
        assert_eq!(is_sealed(&serde_json::to_vec(&value).unwrap()), None);
        for plain in [json!(null), json!({}), json!([1])] {
            assert_eq!(sealed_json(&plain).unwrap(), plain.to_string().into_bytes());
        }
    }
}
