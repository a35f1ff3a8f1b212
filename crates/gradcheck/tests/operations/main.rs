//! Every differentiable operation obeys every law of functions, whatever the shapes, axes and indices.

mod along;
mod arbitrary;
mod custom;
mod elementwise;
mod layout;
mod matmul;
mod programs;
mod reductions;
mod sequences;

use std::fmt::Debug;

use bptt_autodiff::Var;
use bptt_gradcheck::{Check, Domain, Functions, functions};
use bptt_tensor::Shape;
use proptest::prelude::*;

/// A variable in double precision, as everything here.
type V<'t> = Var<'t, f64>;

/// Random cases for each law: there are some eighty operations.
const CASES: u32 = 32;

/// A family of functions with inputs from a domain.
fn family<'f, P: Clone + Debug + Sync + 'static>(
    name: &str,
    domain: impl Strategy<Value = Domain> + 'static,
    cases: impl Strategy<Value = (P, Vec<Shape>)> + 'static,
    f: impl for<'t> Fn(&P, &[V<'t>]) -> V<'t> + Sync + 'f,
) -> Check<Functions<'f, P>> {
    functions(cases, f).named(name).domain(domain).cases(CASES)
}

/// One row for each operation: its test, the domain of its inputs, their shapes and its parameters, its
/// equation, and what else is said of the check.
macro_rules! operations {
    ($($name:ident: $domain:expr, $cases:expr, |$parameters:pat_param, $x:ident| $y:expr $(, $claim:ident($argument:expr))*;)*) => {$(
        #[test]
        fn $name() {
            let check = crate::family(stringify!($name), $domain, $cases, |$parameters, $x| $y);
            check$(.$claim($argument))*.check();
        }
    )*};
}
use operations;
