//! Which common table expressions can be seen from where.

/// The CTEs of one query, and those around it.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    names: &'s [String],
    outer: Option<&'s Scope<'s>>,
}

impl<'s> Scope<'s> {
    pub(super) const OUTSIDE: Scope<'static> = Scope { names: &[], outer: None };

    pub(super) fn within(outer: &'s Scope<'s>, names: &'s [String]) -> Self {
        Scope { names, outer: Some(outer) }
    }

    /// Names compare as the engine compares them: without regard to the case of ASCII letters.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
            || self.outer.is_some_and(|outer| outer.holds(name))
    }
}
