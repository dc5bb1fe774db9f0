//! What the faces of other languages, the benches and the tests of this workspace use of the core beside what is public. Nothing in here
//! is a promise: it changes with them, whatever the version.

pub use crate::base::of_faces::*;

/// What user SQL may pass.
pub mod gate {
    pub use crate::gate::*;
}

/// Conversion, as the tests of the lake use it by itself.
pub mod lake {
    pub use crate::lake::*;
}
