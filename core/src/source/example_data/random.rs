//! Numbers that look random and are the same on every machine.

pub(super) struct Random(u64);

impl Random {
    pub fn of(seed: u64) -> Self {
        // Small seeds are alike, and none may be 0.
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..8).for_each(|_| _ = random.next());
        random
    }

    /// xorshift64*
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// From 0 to `bound` - 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// More often small than large, from 0 to about four times `mean`.
    pub fn skewed(&mut self, mean: u64) -> u64 {
        let (a, b) = (self.below(1_000), self.below(1_000));
        mean * a * b * 4 / 1_000_000
    }

    /// One of `of`, in proportion to its weight.
    pub fn weighted<'a, T>(&mut self, of: &'a [T], weight: impl Fn(&T) -> u64) -> &'a T {
        let mut left = self.below(of.iter().map(&weight).sum());
        of.iter()
            .find(|one| {
                let found = left < weight(one);
                left = left.saturating_sub(weight(one));
                found
            })
            .unwrap_or(&of[0])
    }
}
