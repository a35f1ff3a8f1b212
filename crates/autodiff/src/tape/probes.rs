//! Named values: what the equations of a step call `f` or `c`, collected on request.

use std::fmt;

use bptt_tensor::Scalar;

use super::graph::{Tape, Var};
use super::probing::{Named, Request, Scope};

/// Collects the values that equations name by [`Var::probe`], while it lives. See [`Tape::probes`].
#[must_use = "values are collected while this lives"]
pub struct Probes<'t, T> {
    tape: &'t Tape<T>,
}

impl<'t, T: Scalar> Probes<'t, T> {
    /// The values of this name at all steps, `[T, B, F]` from a recurrence. A name has the scopes around it before it,
    /// such as `1.f` in the second layer of a stack.
    ///
    /// # Panics
    ///
    /// If no value has the name.
    #[track_caller]
    #[must_use]
    pub fn get(&self, name: &str) -> Var<'t, T> {
        let id = self.read(|request| {
            request.named.iter().find_map(|(other, id)| (other == name).then_some(*id))
        });
        let Some(id) = id else {
            let names = self.names();
            panic!("probes: no value is named `{name}`; there are {}", listed(&names));
        };
        Var { tape: self.tape, id }
    }

    /// The names of all values that have been collected so far, in the order in which a step names them.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.read(|request| request.named.iter().map(|(name, _)| name.clone()).collect())
    }

    fn read<R>(&self, read: impl FnOnce(&Request) -> R) -> R {
        read(self.tape.probing.request.borrow().as_ref().expect("a request while the guard lives"))
    }
}

impl<T> Drop for Probes<'_, T> {
    fn drop(&mut self) {
        *self.tape.probing.request.borrow_mut() = None;
    }
}

impl<T: Scalar> fmt::Debug for Probes<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Probes").field(&self.names()).finish()
    }
}

impl<T: Scalar> Tape<T> {
    /// Collects the values that equations name by [`Var::probe`], while the guard lives.
    ///
    /// A scan that runs meanwhile has them as further outputs: of all steps, `[T, ..]`, from the same run. They are
    /// variables like any other, and gradients of any order pass through them. A scan that runs without a request
    /// computes nothing for probes.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::<f64>::new();
    /// let xs = tape.constant(Tensor::ones([3, 1, 1])); // [T, B, F]
    /// let start = tape.constant(Tensor::zeros([1, 1]));
    /// let probes = tape.probes();
    /// let scanned = tape.scan(xs, start).run(|x, sum| {
    ///     let sum = (sum + x).probe("sum");
    ///     (sum.square(), sum)
    /// });
    /// assert_eq!(probes.get("sum").value().to_vec(), [1.0, 2.0, 3.0]);
    /// assert_eq!(scanned.outputs.value().to_vec(), [1.0, 4.0, 9.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// If values are being collected on this tape already.
    #[track_caller]
    pub fn probes(&self) -> Probes<'_, T> {
        let before = self.probing.request.replace(Some(Request::default()));
        assert!(before.is_none(), "probes: values are being collected on this tape already");
        Probes { tape: self }
    }

    /// Puts a name before those of all probes, while the guard lives: `f` in the scope `decoder` is `decoder.f`.
    ///
    /// Layers that hold several others open a scope for each: the number of the layer in a stack, `forward` and
    /// `backward` in two directions.
    pub fn scope(&self, name: impl fmt::Display) -> Option<Scope<'_>> {
        let mut request = self.probing.request.borrow_mut();
        request.as_mut()?.scopes.push(name.to_string());
        Some(Scope { probing: &self.probing })
    }

    /// Runs a step of a recurrence. Returns its result, and the values that it named.
    #[doc(hidden)] // for the loop over steps in `bptt-layers`; not a public API
    pub fn probed_step<R>(&self, step: impl FnOnce() -> R) -> (R, Vec<(String, Var<'_, T>)>) {
        let open = |request: &mut Option<Request>| {
            request.as_mut().map(|request| request.steps.push(Named::new()))
        };
        let is_open = open(&mut self.probing.request.borrow_mut()).is_some();
        let result = step();
        let mut request = self.probing.request.borrow_mut();
        let named = request.as_mut().filter(|_| is_open).and_then(|request| request.steps.pop());
        let named = named.unwrap_or_default().into_iter();
        (result, named.map(|(name, id)| (name, Var { tape: self, id })).collect())
    }

    /// Names a value by its full name, scopes included.
    #[doc(hidden)] // as above
    #[track_caller]
    pub fn name(&self, name: &str, value: Var<'_, T>) {
        let mut request = self.probing.request.borrow_mut();
        let Some(Request { steps, named, .. }) = &mut *request else { return };
        let named = steps.last_mut().unwrap_or(named);
        let is_new = named.iter().all(|(other, _)| other != name);
        if is_new {
            named.push((name.to_owned(), value.id));
        }
        drop(request);
        assert!(
            is_new,
            "probe: there is a value named `{name}` already; choose another name, or run one of the two in a \
             scope of its own (`tape.scope(\"encoder\")`)"
        );
    }
}

impl<T: Scalar> Var<'_, T> {
    /// Names the value, for [`Tape::probes`] to collect. Returns the same variable, so that an equation goes on.
    ///
    /// # Panics
    ///
    /// If values are collected, and another of the same step or run has this name.
    #[track_caller]
    #[must_use = "the equation goes on with the variable"]
    pub fn probe(self, name: &str) -> Self {
        let full = match &*self.tape.probing.request.borrow() {
            None => return self,
            Some(request) => {
                let scopes = request.scopes.iter().map(String::as_str);
                scopes.chain([name]).collect::<Vec<_>>().join(".")
            }
        };
        self.tape.name(&full, self);
        self
    }
}

/// Names in quotes, separated by commas.
pub(crate) fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".into();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
