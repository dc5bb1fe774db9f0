//! What only who knows the secret can have put into Redis: a keyed hash of the value stands before it, and the value's name is one of
//! its key, so that clients of other secrets, or of none, neither read nor replace each other's answers.

use ring::hmac;

use super::key::Key;
use crate::base::Secret;

const NAME: &[u8] = b"datasus answer name 1\0";
const VALUE: &[u8] = b"datasus answer value 1\0";
/// Of the hash.
pub const BYTES: usize = 32;

/// Of a client; without a secret values stand as they are, and only their sum is checked.
pub struct Seal(Option<hmac::Key>);

impl Seal {
    pub fn of(secret: Option<&Secret>) -> Self {
        Seal(secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes())))
    }

    /// The name of an answer. What stands in braces says by which node of a cluster it is held.
    pub fn name(&self, key: &Key) -> String {
        let digits = match &self.0 {
            None => hex::encode(key),
            Some(secret) => hex::encode(hmac::sign(secret, &[NAME, key].concat())),
        };
        format!("datasus:answer:{{{digits}}}")
    }

    pub fn seal(&self, entry: &[u8]) -> Vec<u8> {
        match &self.0 {
            None => entry.to_vec(),
            Some(secret) => [tag(secret, entry).as_ref(), entry].concat(),
        }
    }

    /// The value without its hash; none where it is not one that was sealed by this secret.
    pub fn open(&self, mut value: Vec<u8>) -> Option<Vec<u8>> {
        let Some(secret) = &self.0 else { return Some(value) };
        let (tag, entry) = value.split_at_checked(BYTES)?;
        hmac::verify(secret, &[VALUE, entry].concat(), tag).ok()?;
        value.drain(..BYTES);
        Some(value)
    }
}

fn tag(secret: &hmac::Key, entry: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(secret);
    context.update(VALUE);
    context.update(entry);
    context.sign()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_another_secret_or_none_has_made_is_no_answer() {
        let seal = |secret: &str| Seal::of(Some(&Secret::new(secret)));
        let (ours, other, none) = (seal("a secret of ours"), seal("a secret of theirs"), Seal::of(None));
        let sealed = ours.seal(b"entry");
        assert_eq!(ours.open(sealed.clone()).unwrap(), b"entry");
        assert!(other.open(sealed.clone()).is_none() && ours.open(none.seal(b"entry")).is_none());
        assert!(ours.open(Vec::new()).is_none() && ours.open(sealed[..BYTES].to_vec()).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(ours.open(changed).is_none(), "byte {at}");
        }
        let names = [&ours, &other, &none].map(|one| one.name(&[7; 32]));
        assert!(names.iter().all(|name| name.len() == "datasus:answer:{}".len() + 64));
        assert!(names[0] != names[1] && names[1] != names[2] && names[0] != names[2]);
    }
}
