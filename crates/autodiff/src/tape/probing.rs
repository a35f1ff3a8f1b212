//! What is known of named values: a request, and the positions on the tape.

use std::cell::RefCell;

/// The request for named values on a tape, and what has been named so far.
#[derive(Debug, Default)]
pub(crate) struct Probing {
    pub(super) request: RefCell<Option<Request>>,
}

/// Names that are collected.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// The names of the scopes that are open, from the outermost on.
    pub(super) scopes: Vec<String>,
    /// The values named in the steps that are being recorded, from the outermost scan on.
    pub(super) steps: Vec<Named>,
    /// The values that have been named outside of steps.
    pub(super) named: Named,
}

/// Names of values, in the order in which they were given, and the positions of the values on the tape.
pub(crate) type Named = Vec<(String, u32)>;

/// A guard: while it lives, probes have its name before their own. See [`Tape::scope`](crate::Tape::scope).
#[derive(Debug)]
#[must_use = "the scope ends when this is dropped"]
pub struct Scope<'t> {
    pub(super) probing: &'t Probing,
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        if let Some(request) = &mut *self.probing.request.borrow_mut() {
            request.scopes.pop();
        }
    }
}
