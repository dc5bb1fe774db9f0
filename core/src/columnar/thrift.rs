//! Thrift's compact form, as the footers and page headers of Parquet are written: walked without being decoded, so that what it
//! claims can be compared with what is there.

/// Structures within structures.
const DEEPEST: usize = 32;

const BYTE: u8 = 3;
const I16: u8 = 4;
pub(super) const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
pub(super) const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
pub(super) const STRUCT: u8 = 12;
const UUID: u8 = 13;

/// A place in the bytes.
pub struct Compact<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Compact<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Compact { bytes, at: 0 }
    }

    /// Bytes that were walked.
    pub fn walked(&self) -> usize {
        self.at
    }

    /// Walks a structure to its end; none where it claims more than there is.
    pub fn structure(&mut self) -> Option<()> {
        self.numbers(&mut |_, _| {})
    }

    /// The same; `number` is told of each whole number that is no list's, by its field and the fields that this is in.
    pub fn numbers(&mut self, number: &mut dyn FnMut(&[i64], i64)) -> Option<()> {
        self.fields(&mut Vec::new(), number)
    }

    fn fields(&mut self, path: &mut Vec<i64>, number: &mut dyn FnMut(&[i64], i64)) -> Option<()> {
        if path.len() > DEEPEST {
            return None;
        }
        let mut field = 0_i64;
        while let Some(kind) = self.field(&mut field)? {
            match kind {
                I16 | I32 | I64 => {
                    let value = self.signed()?;
                    path.push(field);
                    number(path, value);
                    path.pop();
                }
                STRUCT => {
                    path.push(field);
                    self.fields(path, &mut *number)?;
                    path.pop();
                }
                kind => self.skip_field(kind, path.len())?,
            }
        }
        Some(())
    }

    /// Past the value of a structure's field; `depth`: how many structures it is in.
    pub(super) fn skip_field(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            // True and false, in the field's header itself.
            1 | 2 => Some(()),
            kind => self.value(kind, depth),
        }
    }

    /// The kind of a structure's next field, whose number follows that of the one before; none within where the structure ends.
    pub(super) fn field(&mut self, number: &mut i64) -> Option<Option<u8>> {
        let header = self.byte()?;
        if header == 0 {
            return Some(None);
        }
        *number = match header >> 4 {
            0 => self.signed()?,
            more => number.checked_add(i64::from(more))?,
        };
        Some(Some(header & 15))
    }

    /// How many elements of this kind follow.
    pub(super) fn list(&mut self, kind: u8) -> Option<u64> {
        let (count, found) = self.count()?;
        (found == kind).then_some(count)
    }

    pub(super) fn binary(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.unsigned()?).ok()?;
        let start = self.at;
        self.skip(length)?;
        Some(&self.bytes[start..self.at])
    }

    fn count(&mut self) -> Option<(u64, u8)> {
        let header = self.byte()?;
        let count = if header >> 4 == 15 { self.unsigned()? } else { u64::from(header >> 4) };
        Some((count, header & 15))
    }

    /// Past a value of this kind, as lists have them.
    fn value(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            1 | 2 | BYTE => self.skip(1),
            I16 | I32 | I64 => self.signed().map(drop),
            DOUBLE => self.skip(8),
            UUID => self.skip(16),
            BINARY => self.binary().map(drop),
            LIST | SET => {
                let (count, kind) = self.count()?;
                self.all(count, &[kind], depth)
            }
            MAP => match self.unsigned()? {
                0 => Some(()),
                count => {
                    let kinds = self.byte()?;
                    self.all(count, &[kinds >> 4, kinds & 15], depth)
                }
            },
            STRUCT => self.fields(&mut vec![0; depth + 1], &mut |_, _| {}),
            _ => None,
        }
    }

    /// `count` times these values; each takes a byte at least.
    fn all(&mut self, count: u64, kinds: &[u8], depth: usize) -> Option<()> {
        if count > (self.bytes.len() - self.at) as u64 || depth >= DEEPEST {
            return None;
        }
        for _ in 0..count {
            for kind in kinds {
                self.value(*kind, depth + 1)?;
            }
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let number = self.unsigned()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_structure_is_walked_to_its_end_and_its_numbers_are_told() {
        // {1: i32 -1, 2: true, 3: "ab", 4: [i32 1, 2], 5: {1: i64 5}, 20: i64 300, 21: double}
        let bytes = [
            0x15, 0x01, 0x11, 0x18, 2, b'a', b'b', 0x19, 0x25, 2, 4, 0x1c, 0x16, 10, 0, 0xf6, 0xd8, 0x04, 0x17, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0xee,
        ];
        let mut told = Vec::new();
        let mut walk = Compact::new(&bytes);
        assert_eq!(walk.numbers(&mut |path, number| told.push((path.to_vec(), number))), Some(()));
        let expected = vec![(vec![1], -1), (vec![5, 1], 5), (vec![20], 300)];
        assert_eq!((told, walk.walked()), (expected, bytes.len() - 1));
        for length in 0..bytes.len() - 1 {
            assert_eq!(Compact::new(&bytes[..length]).structure(), None, "cut to {length}");
        }
    }

    #[test]
    fn what_claims_more_than_there_is_or_nests_without_end_is_none() {
        assert_eq!(Compact::new(&[0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0, 0]).structure(), None);
        assert_eq!(Compact::new(&[0x18, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]).structure(), None);
        assert_eq!(Compact::new(&[0x1c; 4096]).structure(), None);
        assert_eq!(Compact::new(&[0x19; 4096]).structure(), None);
    }
}
