//! One destination, or several of any kind: what an export takes.

use std::sync::Arc;

use super::{Csv, Destination, Parquet, Postgres, Target};

/// Where the rows of a job go, all in one pass: one destination, an array or `Vec` of one kind, or a tuple of several kinds.
///
/// ```
/// use datasus::sink::Destinations;
/// use datasus::{Csv, Parquet};
///
/// let one = Destinations::from(Csv::to("a.csv"));
/// let both = Destinations::from((Csv::to("a.csv"), Parquet::to("a.parquet")));
/// assert_eq!((one.into_iter().count(), both.into_iter().count()), (1, 2));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Destinations(Vec<Destination>);

impl IntoIterator for Destinations {
    type Item = Destination;
    type IntoIter = std::vec::IntoIter<Destination>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

macro_rules! one {
    ($($kind:ty),*) => {
        $(impl From<$kind> for Destinations {
            fn from(one: $kind) -> Self {
                Destinations(vec![one.into()])
            }
        })*
    };
}

one!(Csv, Parquet, Postgres, Destination, Arc<dyn Target>);

impl<D: Into<Destination>, const N: usize> From<[D; N]> for Destinations {
    fn from(several: [D; N]) -> Self {
        Destinations(several.into_iter().map(Into::into).collect())
    }
}

impl<D: Into<Destination>> From<Vec<D>> for Destinations {
    fn from(several: Vec<D>) -> Self {
        Destinations(several.into_iter().map(Into::into).collect())
    }
}

impl<A: Into<Destination>, B: Into<Destination>> From<(A, B)> for Destinations {
    fn from((a, b): (A, B)) -> Self {
        Destinations(vec![a.into(), b.into()])
    }
}

impl<A: Into<Destination>, B: Into<Destination>, C: Into<Destination>> From<(A, B, C)> for Destinations {
    fn from((a, b, c): (A, B, C)) -> Self {
        Destinations(vec![a.into(), b.into(), c.into()])
    }
}
