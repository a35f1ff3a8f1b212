//! The random numbers of a run in training.

use std::cell::RefCell;
use std::fmt;

use rand::Rng;

/// A generator of random numbers that the layers of a run share.
///
/// The trait hides how long a [`SharedRng`] borrows its generator, so that run options have one lifetime.
pub(crate) trait RngSource: fmt::Debug {
    /// Calls `to` with the generator.
    fn lend(&self, to: &mut dyn FnMut(&mut dyn Rng));
}

/// A borrowed generator.
pub(crate) struct SharedRng<'r>(pub(crate) RefCell<&'r mut dyn Rng>);

impl<'r> SharedRng<'r> {
    pub(crate) fn new(rng: &'r mut impl Rng) -> Self {
        Self(RefCell::new(rng))
    }
}

impl RngSource for SharedRng<'_> {
    fn lend(&self, to: &mut dyn FnMut(&mut dyn Rng)) {
        to(*self.0.borrow_mut());
    }
}

impl fmt::Debug for SharedRng<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedRng(..)")
    }
}
