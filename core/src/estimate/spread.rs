//! A number that is known about: the likely one, and how far off it may be.

/// 90 % of a normal distribution lie within so many deviations.
pub(super) const NINETY: f64 = 1.645;

/// What is told apart by a factor is told apart by the logarithm: of 100, too small by half and too large by double are as far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// In the middle of what it may be.
    pub likely: f64,
    /// Deviation of its natural logarithm; 0: it is this number.
    pub sigma: f64,
}

impl Spread {
    /// Known.
    pub fn exact(number: f64) -> Self {
        Spread { likely: number, sigma: 0.0 }
    }

    /// Known about.
    pub fn about(likely: f64, sigma: f64) -> Self {
        Spread { likely, sigma }
    }

    /// Whether it is known.
    pub fn is_exact(&self) -> bool {
        self.sigma == 0.0
    }

    /// The product of both.
    pub fn times(self, other: Spread) -> Self {
        Spread { likely: self.likely * other.likely, sigma: self.sigma.hypot(other.sigma) }
    }

    /// The sum of both.
    pub fn plus(self, other: Spread) -> Self {
        let likely = self.likely + other.likely;
        let off = (self.likely * self.sigma).hypot(other.likely * other.sigma);
        Spread { likely, sigma: if likely > 0.0 { off / likely } else { self.sigma.max(other.sigma) } }
    }

    /// The number is not larger than `most`, which may be one that is known about itself.
    pub(super) fn at_most(self, most: Spread) -> Self {
        if self.likely <= most.likely {
            self
        } else if self.low() >= most.high() {
            most
        } else {
            // Which of the two it is cannot be told.
            Spread { likely: most.likely, sigma: most.sigma.max(self.sigma.min(0.1)) }
        }
    }

    pub(super) fn wider(self, sigma: f64) -> Self {
        Spread { sigma: self.sigma.hypot(sigma), ..self }
    }

    /// Of 20 numbers one is smaller.
    pub fn low(&self) -> f64 {
        self.likely * (-NINETY * self.sigma).exp()
    }

    /// Of 20 numbers one is larger.
    pub fn high(&self) -> f64 {
        self.likely * (NINETY * self.sigma).exp()
    }
}
