//! Duration and memory learned from what jobs took: two ways side by side, and whichever has been closer is believed.
//!
//! Both learn by how far, as a logarithm, the truth was from a first figure. The table has the median of what was like it; the
//! regression follows the job's sizes (least squares over eight numbers, which forget what is long past). What was wrong so far
//! says how wide the interval is: 90 of 100 jobs were within it.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::spread::NINETY;

/// How a figure is told from earlier jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
#[schemars(rename = "EstimateModel")]
pub enum Model {
    /// There are too few of them: it is a guess.
    #[default]
    None,
    /// By the middle of what jobs like it took.
    Table,
    /// By a line through what all of its kind took.
    Regression,
}

/// Numbers that describe a job, of about the same size.
pub(super) const SIZES: usize = 8;
pub(super) type Sizes = [f64; SIZES];

/// Jobs that are remembered.
const WINDOW: usize = 200;
/// Jobs that the width of an interval is told from: the last ones, for models learn and machines change.
const LATE: usize = 60;
/// With fewer a model is not asked.
const ENOUGH: usize = 8;
/// With fewer the interval is the guessed one.
const CALIBRATED: usize = 8;
/// With fewer it is told from their mean and deviation: of so few the outermost are too near.
const RANKED: usize = 20;
/// What an interval leaves out on each side.
const TAIL: f64 = 0.05;
/// By how much a job that was outside, or was not, changes that.
const STEP: f64 = 0.02;
/// Of a job that is like none.
const LIKE: usize = 64;
const FORGETS: f64 = 0.98;
/// What a weight of 0 counts, in squares of sizes.
const PRIOR: f64 = 1e-3;

/// Least squares over what was seen, which fades, beside the word that a weight is about 0, which does not: what jobs say nothing of
/// for long stays bounded, however many they are.
#[derive(Default)]
struct Regression {
    weights: Sizes,
    /// Of each pair of sizes, the sum of their products.
    pairs: [Sizes; SIZES],
    /// Of each size, the sum of its products with the truth.
    truths: Sizes,
}

impl Regression {
    fn predict(&self, sizes: &Sizes) -> f64 {
        self.weights.iter().zip(sizes).map(|(weight, size)| weight * size).sum()
    }

    fn learn(&mut self, sizes: &Sizes, truth: f64) {
        for (at, size) in sizes.iter().enumerate() {
            self.truths[at] = FORGETS * self.truths[at] + size * truth;
            for (pair, other) in self.pairs[at].iter_mut().zip(sizes) {
                *pair = FORGETS * *pair + size * other;
            }
        }
        if let Some(weights) = self.solve() {
            self.weights = weights;
        }
    }

    /// By Cholesky's decomposition. None, where a number is none.
    fn solve(&self) -> Option<Sizes> {
        let mut lower = [[0.0; SIZES]; SIZES];
        for at in 0..SIZES {
            for beside in 0..=at {
                let known: f64 = (0..beside).map(|k| lower[at][k] * lower[beside][k]).sum();
                let left = self.pairs[at][beside] - known;
                lower[at][beside] = match at == beside {
                    true => Some(left + PRIOR).filter(|left| *left > 0.0)?.sqrt(),
                    false => left / lower[beside][beside],
                };
            }
        }
        let mut weights = self.truths;
        for at in 0..SIZES {
            let known: f64 = (0..at).map(|k| lower[at][k] * weights[k]).sum();
            weights[at] = (weights[at] - known) / lower[at][at];
        }
        for at in (0..SIZES).rev() {
            let known: f64 = (at + 1..SIZES).map(|k| lower[k][at] * weights[k]).sum();
            weights[at] = (weights[at] - known) / lower[at][at];
        }
        weights.iter().all(|weight| weight.is_finite()).then_some(weights)
    }
}

/// What one figure of one kind of job is learned by.
#[derive(Default)]
pub(super) struct Learner {
    regression: Regression,
    /// By the size of the job, in powers of ten, what the truth was beside the first figure.
    table: VecDeque<(i32, f64)>,
    /// How wrong the table and the regression are, on the average of late.
    wrong: [f64; 2],
    /// By how much each was off.
    off: [VecDeque<f64>; 2],
    tails: Tails,
    seen: usize,
}

/// A figure beside the first one, as a factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Corrected {
    pub low: f64,
    pub likely: f64,
    pub high: f64,
    pub by: Model,
}

impl Learner {
    pub fn seen(&self) -> usize {
        self.seen
    }

    fn both(&self, sizes: &Sizes, like: i32) -> [f64; 2] {
        let of = |of: &dyn Fn(i32) -> bool| {
            let found = self.table.iter().rev().filter(|(like, _)| of(*like)).take(LIKE).map(|(_, off)| *off);
            found.collect::<Vec<f64>>()
        };
        let near = of(&|other| other == like);
        let middle = quantile(if near.len() >= 5 { near } else { of(&|_| true) }, 0.5);
        [middle.unwrap_or(0.0), self.regression.predict(sizes)]
    }

    /// What to multiply a first figure by. `sigma`: how far off such a figure may be where nothing was learned yet.
    pub fn correct(&self, sizes: &Sizes, like: i32, sigma: f64) -> Corrected {
        if self.seen < ENOUGH {
            let off = (NINETY * sigma).exp();
            return Corrected { low: 1.0 / off, likely: 1.0, high: off, by: Model::None };
        }
        let (likely, [low, high], by) = self.told(sizes, like, sigma);
        Corrected { low: low.exp(), likely: likely.exp(), high: high.exp(), by }
    }

    /// The same as logarithms.
    fn told(&self, sizes: &Sizes, like: i32, sigma: f64) -> (f64, [f64; 2], Model) {
        let which = usize::from(self.wrong[1] < self.wrong[0]);
        let likely = self.both(sizes, like)[which];
        let off: Vec<f64> = self.off[which].iter().copied().collect();
        let (below, above) = match off.len() >= CALIBRATED {
            true => outer(off, self.tails),
            false => (-NINETY * sigma, NINETY * sigma),
        };
        let by = if which == 1 { Model::Regression } else { Model::Table };
        (likely, [likely + below.min(0.0), likely + above.max(0.0)], by)
    }

    /// `truth`: the logarithm of what it was beside the first figure.
    pub fn learn(&mut self, sizes: &Sizes, like: i32, truth: f64) {
        if !truth.is_finite() {
            return;
        }
        if self.off[0].len() >= CALIBRATED {
            let (_, [low, high], _) = self.told(sizes, like, 1.0);
            self.tails.note([truth < low, truth > high]);
        }
        let told = self.both(sizes, like);
        for (at, told) in told.into_iter().enumerate() {
            let wrong = (truth - told).abs();
            self.wrong[at] =
                if self.seen < ENOUGH { wrong.max(self.wrong[at]) } else { 0.93 * self.wrong[at] + 0.07 * wrong };
            // What was told before anything was known says nothing of what is told now.
            if self.seen >= ENOUGH {
                push(&mut self.off[at], truth - told, LATE);
            }
        }
        self.regression.learn(sizes, truth);
        push(&mut self.table, (like, truth), WINDOW);
        self.seen += 1;
    }
}

/// No deviation counts as less: what a sample says of itself leaves out what was assumed.
const LEAST_OFF: f64 = 0.01;

/// The shares that an interval leaves out below and above. Where more of late were outside it becomes wider, and where fewer were, narrower:
/// what jobs take drifts, and then those of the past do not tell how far off the next one will be.
#[derive(Debug, Clone, Copy)]
struct Tails([f64; 2]);

impl Default for Tails {
    fn default() -> Self {
        Tails([TAIL; 2])
    }
}

impl Tails {
    /// One was outside, below or above, or was not.
    fn note(&mut self, outside: [bool; 2]) {
        for (share, outside) in self.0.iter_mut().zip(outside) {
            *share = (*share + STEP * (TAIL - f64::from(u8::from(outside)))).clamp(TAIL / 5.0, TAIL * 4.0);
        }
    }
}

/// How far rows were from what was told, in deviations of what was told.
#[derive(Default)]
pub(super) struct Calibration {
    off: VecDeque<f64>,
    tails: Tails,
}

impl Calibration {
    /// The logarithms of what is below and above what was told with this deviation, between which 90 of 100 are.
    pub fn interval(&self, sigma: f64) -> (f64, f64) {
        let (below, above) = match self.off.len() < CALIBRATED {
            true => (-NINETY, NINETY),
            false => outer(self.off.iter().copied().collect(), self.tails),
        };
        let scale = sigma.hypot(LEAST_OFF);
        (below.min(0.0) * scale, above.max(0.0) * scale)
    }

    /// `off`: the logarithm of the truth beside what was told.
    pub fn learn(&mut self, off: f64, sigma: f64) {
        let deviations = off / sigma.hypot(LEAST_OFF);
        if !deviations.is_finite() {
            return;
        }
        if self.off.len() >= CALIBRATED {
            let (below, above) = self.interval(sigma);
            self.tails.note([off < below, off > above]);
        }
        push(&mut self.off, deviations, WINDOW);
    }
}

fn push<T>(into: &mut VecDeque<T>, one: T, most: usize) {
    into.push_back(one);
    if into.len() > most {
        into.pop_front();
    }
}

/// What the next one will be below, and above, in as many cases as `tails` says; 5 of 100 of few.
fn outer(all: Vec<f64>, tails: Tails) -> (f64, f64) {
    let number = all.len() as f64;
    if all.len() < RANKED {
        let mean = all.iter().sum::<f64>() / number;
        let deviation = (all.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (number - 1.0)).sqrt();
        // The mean is not known either.
        let off = student(number - 1.0) * deviation * (1.0 + 1.0 / number).sqrt();
        return (mean - off, mean + off);
    }
    // The next one is as likely to come in any of the gaps between them and beside them: one more than they are.
    let place = |share: f64| (share * (number + 1.0) - 1.0) / (number - 1.0);
    let [least, most] = tails.0;
    let (below, above) = (quantile(all.clone(), place(least)), quantile(all, place(1.0 - most)));
    (below.unwrap_or(-NINETY), above.unwrap_or(NINETY))
}

/// 5 of 100 are above it in Student's distribution of so many degrees of freedom: the series of Fisher and Cornish in the normal one's.
fn student(freedom: f64) -> f64 {
    let (z, square) = (NINETY, NINETY * NINETY);
    let terms = [
        z * (square + 1.0) / 4.0,
        z * (5.0 * square * square + 16.0 * square + 3.0) / 96.0,
        z * (3.0 * square.powi(3) + 19.0 * square * square + 17.0 * square - 15.0) / 384.0,
    ];
    terms.iter().rev().fold(0.0, |sum, term| (sum + term) / freedom) + z
}

fn quantile(mut all: Vec<f64>, at: f64) -> Option<f64> {
    all.sort_unstable_by(f64::total_cmp);
    let last = all.len().checked_sub(1)?;
    let place = at.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (all[place.floor() as usize], all[(place.ceil() as usize).min(last)]);
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that are anything and the same in each run.
    fn noise(nth: u64) -> f64 {
        let mixed = (nth + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    }

    fn sizes(nth: u64) -> (Sizes, i32) {
        let size = 4.0 * (noise(nth * 2) + 0.5);
        ([1.0, size, size / 2.0, 0.3, 0.0, 0.0, 0.0, 0.0], size as i32)
    }

    /// Learns 150 jobs of which `truth` tells, and gives the share of 150 more that were within, and by what.
    fn within(truth: impl Fn(f64, u64) -> f64) -> (f64, Model) {
        let mut learner = Learner::default();
        let (mut held, mut by) = (0, Model::None);
        for nth in 0..300 {
            let (sizes, like) = sizes(nth);
            let truth = truth(sizes[1], nth);
            if nth >= 150 {
                let told = learner.correct(&sizes, like, 1.0);
                held += u64::from((told.low..=told.high).contains(&truth.exp()));
                by = told.by;
            }
            learner.learn(&sizes, like, truth);
        }
        (held as f64 / 150.0, by)
    }

    #[test]
    fn whichever_is_closer_is_believed_and_nine_of_ten_are_within() {
        let (of_line, by_line) = within(|size, nth| 1.5 * size - 2.0 + 0.2 * noise(nth * 7 + 1));
        assert_eq!(by_line, Model::Regression);
        assert!((0.84..=0.97).contains(&of_line), "{of_line}");
        // What jumps with the size is no line.
        let (of_steps, by_steps) =
            within(|size, nth| [3.0, -2.0, 4.0, -1.0][size as usize % 4] + 0.2 * noise(nth * 5 + 3));
        assert_eq!(by_steps, Model::Table);
        assert!((0.84..=0.97).contains(&of_steps), "{of_steps}");
    }

    /// Of what comes from one distribution, whatever its form, nine of ten of those that come next are within, however few were seen.
    #[test]
    fn an_interval_holds_nine_of_ten_of_what_comes_next_by_few_and_by_many() {
        assert!((student(7.0) - 1.895).abs() < 0.003 && (student(19.0) - 1.729).abs() < 0.003);
        for (number, tail) in [(8, 0.03), (19, 0.03), (20, 0.02), (60, 0.02), (200, 0.02)] {
            let mut outside = [0u32; 2];
            for round in 0..4_000 {
                let drawn = |nth: u64| -> f64 { (0..6).map(|of| noise((round * 1_000 + nth) * 6 + of)).sum() };
                let (below, above) = outer((0..number).map(drawn).collect(), Tails::default());
                let next = drawn(number);
                outside[0] += u32::from(next < below);
                outside[1] += u32::from(next > above);
            }
            for share in outside.map(|count| f64::from(count) / 4_000.0) {
                assert!((share - 0.05).abs() < tail, "{number}: {outside:?}");
            }
        }
    }

    /// What scatters more and more: by what was, no more than three of four would be within.
    #[test]
    fn an_interval_follows_what_drifts() {
        let mut learner = Learner::default();
        let (mut outside, sizes) = ([0u32; 2], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        for nth in 0..900 {
            let truth = noise(nth * 3) * 0.001 * (nth as f64 / 150.0).exp();
            if nth >= 100 {
                let told = learner.correct(&sizes, 1, 1.0);
                outside[0] += u32::from(truth.exp() < told.low);
                outside[1] += u32::from(truth.exp() > told.high);
            }
            learner.learn(&sizes, 1, truth);
        }
        let held = 1.0 - f64::from(outside[0] + outside[1]) / 800.0;
        assert!((0.82..=0.95).contains(&held), "{held}: {outside:?}");
    }

    #[test]
    fn with_few_jobs_it_is_a_guess_and_what_is_no_number_teaches_nothing() {
        let mut learner = Learner::default();
        let first = learner.correct(&[1.0; SIZES], 3, 0.5);
        assert_eq!((first.likely, first.by), (1.0, Model::None));
        assert!(first.low < 0.5 && first.high > 2.0);
        for _ in 0..50 {
            learner.learn(&[1.0; SIZES], 3, f64::INFINITY);
            learner.learn(&[1.0; SIZES], 3, f64::NAN);
        }
        assert_eq!(learner.seen(), 0);
        // The same job a thousand times does not blow it up.
        (0..1_000).for_each(|_| learner.learn(&[1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 3, 0.7));
        let told = learner.correct(&[1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 3, 0.5);
        assert!((told.likely.ln() - 0.7).abs() < 0.02, "{told:?}");
        let other = learner.correct(&[1.0, 1.5, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0], 5, 0.5);
        assert!(other.likely.is_finite() && other.likely < 1e3, "{other:?}");
    }

    /// Two sizes that go together, and one that comes seldom: after ten thousand jobs the regression says what it said after three hundred.
    #[test]
    fn a_regression_is_as_good_after_ten_thousand_jobs() {
        let mut regression = Regression::default();
        let mut worst = 0.0f64;
        for nth in 0..10_000 {
            let (mut sizes, _) = sizes(nth);
            sizes[4] = if nth % 900 == 0 { 1.0 } else { 0.0 };
            let truth = 1.5 * sizes[1] - 2.0 + sizes[4] + 0.2 * noise(nth * 7 + 1);
            if nth >= 300 && sizes[4] == 0.0 {
                worst = worst.max((regression.predict(&sizes) - truth).abs());
            }
            regression.learn(&sizes, truth);
        }
        assert!(worst < 0.5, "{worst}");
    }
}
