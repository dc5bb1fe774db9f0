//! The place of a word among those of its column.

use hashbrown::HashTable;

use super::word_list::WordList;

/// Of words that are kept elsewhere: their numbers by their hashes.
pub(super) struct WordPlaces {
    numbers: HashTable<u32>,
    state: ahash::RandomState,
}

impl WordPlaces {
    pub fn of(words: &WordList) -> Self {
        let state = ahash::RandomState::new();
        let mut numbers = HashTable::with_capacity(words.len());
        let hash = |number: &u32| state.hash_one(words.get(*number as usize));
        for number in 0..words.len() as u32 {
            numbers.insert_unique(hash(&number), number, hash);
        }
        WordPlaces { numbers, state }
    }

    /// `words`: those that this is of.
    pub fn find(&self, words: &WordList, word: &str) -> Option<u32> {
        let is_it = |number: &u32| words.get(*number as usize) == Some(word);
        self.numbers.find(self.state.hash_one(Some(word)), is_it).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_has_its_place_and_others_have_none() {
        let words: WordList = (0..1_000).map(|number| format!("palavra {number}")).collect::<Vec<String>>().into();
        let places = WordPlaces::of(&words);
        assert!(words.iter().zip(0..).all(|(word, number)| places.find(&words, word) == Some(number)));
        assert_eq!(places.find(&words, "palavra 1000"), None);
        assert_eq!(WordPlaces::of(&Vec::new().into()).find(&Vec::new().into(), ""), None);
    }
}
