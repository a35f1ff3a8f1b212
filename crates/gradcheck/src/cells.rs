//! Checks of cells.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;

use bptt_autodiff::{Param, Tape};
use bptt_layers::Xoshiro256PlusPlus;
use bptt_layers::{Cell, Module, State, StateSizes, Tree, scan};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::Law;
use crate::any_cell::{AnyCell, Execution};
use crate::cell_case::{
    CellCase, Draw, Sizes, Untied, Values, Whole, cell_sizes, draws, large_sizes, loss_of,
    tiny_sizes,
};
use crate::check::sealed::Sealed;
use crate::check::{Check, Family};
use crate::evidence::Evidence;
use crate::laws::{self, OF_FUNCTIONS, batch, bits, by_hand, executions, jacobian, symmetry, time};
use crate::oracle::Oracle;
use crate::rounding;
use crate::values::{Domain, Domains, Random};
use crate::violation::{Named, Nearness, Violation};

/// The laws of recurrences.
const OF_CELLS: [Law; 13] = [
    Law::Scan,
    Law::Pieces,
    Law::Recompute,
    Law::Reversed,
    Law::Padding,
    Law::Episodes,
    Law::Causality,
    Law::Truncation,
    Law::Tied,
    Law::BatchOrder,
    Law::BatchSum,
    Law::Streaming,
    Law::LearnedStart,
];

/// Checks a recurrent cell, which `make` makes from random numbers, an input size and a hidden size.
///
/// The parameters are drawn anew for each case. The same random numbers must make the same cell.
///
/// ```standalone_crate
/// # extern crate bptt_layers as bptt;
/// # use bptt_autodiff::{Param, Var};
/// # use bptt_layers::{Cell, Init, Module, StateSizes};
/// # use bptt_tensor::{Scalar, Tensor};
/// # use rand::Rng;
/// /// `h ← tanh(x W_ih + w_hh ⊙ h)`
/// #[derive(Module)]
/// struct MyCell<T> {
///     w_ih: Param<T>,
///     w_hh: Param<T>,
/// }
/// # impl<T: Scalar> MyCell<T> {
/// #     fn new(rng: &mut impl Rng, input_size: usize, hidden_size: usize) -> Self {
/// #         let w_ih = Param::new(Tensor::uniform([input_size, hidden_size], -1.0, 1.0, rng));
/// #         Self { w_ih, w_hh: Param::new(Tensor::uniform([hidden_size], -1.0, 1.0, rng)) }
/// #     }
/// # }
///
/// impl<T: Scalar> Cell<T> for MyCell<T> {
///     type State<'t> = Var<'t, T>;
///
///     fn step<'t>(&self, x: Var<'t, T>, h: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
///         let h = (x.matmul(&self.w_ih) + h * &self.w_hh).tanh();
///         (h, h)
///     }
/// }
/// # impl<T: Scalar> StateSizes for MyCell<T> {
/// #     fn state_sizes(&self) -> Vec<usize> { vec![self.w_hh.shape()[0]] }
/// # }
///
/// bptt_gradcheck::cell(|rng, input_size, hidden_size| MyCell::new(rng, input_size, hidden_size)).check();
/// ```
pub fn cell<C, M>(make: M) -> Check<Cells<C, M>>
where
    C: Cell<f64> + StateSizes + Module<f64> + 'static,
    M: Fn(&mut Xoshiro256PlusPlus, usize, usize) -> C + Sync,
{
    Check::of(Cells {
        make,
        frozen: Box::new(|_| false),
        single: None,
        oracle: None,
        symmetries: Vec::new(),
        domains: Domains::InTurn,
        cell: PhantomData,
    })
}

/// Cells of one kind; see [`cell`].
pub struct Cells<C, M> {
    make: M,
    frozen: Box<Frozen>,
    /// Computes a case in single precision.
    single: Option<Box<InSinglePrecision>>,
    oracle: Option<Box<dyn Oracle + Sync>>,
    symmetries: Vec<Law>,
    domains: Domains,
    cell: PhantomData<fn() -> C>,
}

/// Makes a cell of `f32` from random numbers, and returns its results for the given values. With a seed, they are
/// computed on a [perturbed](Tape::perturbed) tape.
type InSinglePrecision = dyn Fn(Random, Sizes, &Values, Option<u64>) -> Vec<Named> + Sync;

impl<C, M> Check<Cells<C, M>> {
    /// Draws inputs, states and parameters from this domain, or from a strategy of domains, instead of all
    /// [`domains`](crate::domains). Use [`Domain::Ordinary`] for a cell whose exponentials overflow where others
    /// saturate.
    pub fn domain(mut self, domain: impl Strategy<Value = Domain> + 'static) -> Self {
        self.family.domains = Domains::of(domain);
        self
    }

    /// Names the parameters that the cell reads but does not train. Their gradients are not checked.
    pub fn frozen(mut self, is_frozen: impl Fn(&str) -> bool + Sync + 'static) -> Self {
        self.family.frozen = Box::new(is_frozen);
        self
    }

    /// Checks [`Law::HiddenOrder`] as well: the cell treats all hidden units alike. If an axis of a parameter, state or
    /// output grows with the number of hidden units, it must consist of blocks of all units.
    pub fn exchangeable_units(mut self) -> Self {
        self.family.symmetries.push(Law::HiddenOrder);
        self
    }

    /// Checks [`Law::OddSymmetry`] as well: the cell has no biases, and its functions are odd, like tanh.
    pub fn odd_symmetry(mut self) -> Self {
        self.family.symmetries.push(Law::OddSymmetry);
        self
    }

    /// Checks [`Law::ByHand`] as well: the values and gradients of the cell equal those of this derivation.
    pub fn oracle(mut self, oracle: impl Oracle + Sync + 'static) -> Self {
        self.family.oracle = Some(Box::new(oracle));
        self
    }

    /// Checks [`Law::SinglePrecision`] as well. `make` makes the same cell of `f32`, which gets the parameters of the
    /// cell of `f64`.
    pub fn in_single_precision<S, N>(mut self, make: N) -> Self
    where
        S: Cell<f32> + StateSizes + Module<f32>,
        N: Fn(&mut Xoshiro256PlusPlus, usize, usize) -> S + Sync + 'static,
    {
        self.family.single = Some(Box::new(move |mut rng, sizes, values, errors| {
            in_single_precision(make(&mut rng, sizes.input, sizes.hidden), values, errors)
        }));
        self
    }
}

/// Whether the parameter of this name is not trained.
type Frozen = dyn Fn(&str) -> bool + Sync;

/// Calls `law` with the drawn case, and a random generator for the law's own choices.
fn with_case<C, M, R>(
    make: &M,
    frozen: &Frozen,
    draw: Draw,
    law: impl FnOnce(&CellCase<'_>, &mut Random) -> R,
) -> R
where
    C: Cell<f64> + StateSizes + Module<f64> + 'static,
    M: Fn(&mut Random, usize, usize) -> C,
{
    let make = |rng: &mut Random, sizes: Sizes| -> Box<dyn AnyCell> {
        Box::new(make(rng, sizes.input, sizes.hidden))
    };
    let case = CellCase::new(&make, frozen, draw);
    law(&case, &mut bptt_layers::rng(!draw.seed))
}

impl<C, M> Sealed for Cells<C, M> {}

impl<C, M> Family for Cells<C, M>
where
    C: Cell<f64> + StateSizes + Module<f64> + 'static,
    M: Fn(&mut Xoshiro256PlusPlus, usize, usize) -> C + Sync,
{
    type Case = Draw;

    fn name(&self) -> String {
        short(type_name::<C>())
    }

    fn laws(&self) -> Vec<Law> {
        let mut laws = [&OF_FUNCTIONS[..], &OF_CELLS, &self.symmetries].concat();
        laws.extend(self.oracle.as_ref().map(|_| Law::ByHand));
        laws.extend(self.single.as_ref().map(|_| Law::SinglePrecision));
        laws
    }

    fn case(&self, law: Law, seed: u64) -> BoxedStrategy<Draw> {
        let domain = self.domains.of_case(seed);
        match law {
            Law::Jacobian | Law::ThirdOrder => draws(tiny_sizes(), domain),
            Law::Threads => draws(large_sizes(), Domain::Ordinary),
            Law::SinglePrecision => draws(cell_sizes(), domain.prop_map(without_kinks)),
            _ => draws(cell_sizes(), domain),
        }
    }

    fn number_of_cases(&self, law: Law, cases: u32) -> u32 {
        match law {
            Law::Threads => cases.div_ceil(16),
            Law::Jacobian | Law::ThirdOrder => cases.div_ceil(2),
            _ => cases,
        }
    }

    fn hold(&self, law: Law, draw: &Draw, evidence: &mut Evidence) -> Result<(), Violation> {
        let (make, frozen) = (&self.make, &*self.frozen);
        if law == Law::Threads {
            let results = || {
                with_case(make, frozen, *draw, |case, _| {
                    bits::results(&Whole::new(case, Execution::Scanned))
                })
            };
            return bits::threads(&results, evidence);
        }
        let hold = |evidence: &mut Evidence| {
            with_case(make, frozen, *draw, |case, rng| self.hold_for(law, case, rng, evidence))
        };
        let carried = || {
            with_case(make, frozen, *draw, |case, rng| match law {
                Law::SinglePrecision => rounding::moved(|seed| self.in_single(case, Some(seed))),
                Law::Reversed => rounding::carried(&Whole::new(case, Execution::Reversed), rng),
                _ => rounding::carried(&Whole::new(case, Execution::Scanned), rng),
            })
        };
        rounding::allowed_for(law, evidence, hold, carried)
    }
}

impl<C, M> Cells<C, M>
where
    C: Cell<f64> + StateSizes + Module<f64> + 'static,
    M: Fn(&mut Xoshiro256PlusPlus, usize, usize) -> C + Sync,
{
    /// Looks for a violation of any law other than [`Law::Threads`] in a case.
    fn hold_for(
        &self,
        law: Law,
        case: &CellCase<'_>,
        rng: &mut Random,
        evidence: &mut Evidence,
    ) -> Result<(), Violation> {
        match law {
            Law::Jacobian => jacobian::jacobian(&Untied::new(case), evidence),
            Law::Scan => executions::scan(case, rng, evidence),
            Law::Pieces => executions::pieces(case, rng, evidence),
            Law::Recompute => executions::recompute(case, rng, evidence),
            Law::Reversed => executions::reversed(case, evidence),
            Law::Padding => executions::padding(case, rng, evidence),
            Law::Episodes => executions::episodes(case, rng, evidence),
            Law::Causality => time::causality(case, rng, evidence),
            Law::Truncation => executions::truncation(case, rng, evidence),
            Law::Tied => time::tied(case, evidence),
            Law::BatchOrder => batch::order(case, rng, evidence),
            Law::BatchSum => batch::sum(case, evidence),
            Law::Streaming => executions::streaming(case, evidence),
            Law::LearnedStart => time::learned_start(case, rng, evidence),
            Law::OddSymmetry => symmetry::odd(case, evidence),
            Law::HiddenOrder => symmetry::hidden_order(case, &case.wider(), rng, evidence),
            Law::SinglePrecision => self.single_precision(case, evidence),
            Law::ByHand => {
                let oracle = self.oracle.as_ref().expect("the law is checked where there is one");
                by_hand::by_hand(&**oracle, case, evidence)
            }
            law => laws::of_function(law, &Whole::new(case, Execution::Scanned), rng, evidence),
        }
    }
}

/// The tolerance for a few hundred roundings of `f32` in a row, each 6e-8.
const SINGLE: Nearness = Nearness::Relative(2e-5);

impl<C, M> Cells<C, M> {
    fn single_precision(
        &self,
        case: &CellCase<'_>,
        evidence: &mut Evidence,
    ) -> Result<(), Violation> {
        let double = case.outcome_of(&held_in_single(&case.values), &|cell, xs, state| {
            cell.run(&Execution::Scanned, xs, state)
        });
        let double = [double.outputs, double.inputs, double.parameters].concat();
        evidence.compare(("f32", &self.in_single(case, None)), ("f64", &double), SINGLE)
    }

    /// The results of the cell of `f32`. With a seed, they are computed on a perturbed tape.
    fn in_single(&self, case: &CellCase<'_>, errors: Option<u64>) -> Vec<Named> {
        let single = self.single.as_ref().expect("the law is checked where there is a cell of f32");
        let values = held_in_single(&case.values);
        let mut found = single(case.start(), case.sizes, &values, errors);
        let frozen = case.names.iter().zip(&case.trained).filter(|&(_, &trained)| !trained);
        let frozen: Vec<_> = frozen.map(|(name, _)| format!("∂ {name}")).collect();
        found.retain(|named| !frozen.contains(&named.name));
        found
    }
}

/// The values rounded to single precision, so that both precisions compute the same function.
fn held_in_single(values: &Values) -> Values {
    let rounded = |value: &Tensor<f64>| value.map(|x| f64::from(x as f32));
    Values {
        xs: rounded(&values.xs),
        state: values.state.iter().map(rounded).collect(),
        parameters: values.parameters.iter().map(rounded).collect(),
    }
}

/// Replaces domains near kinks. There, a rounding decides on which side of a kink a value lies, so precisions differ.
fn without_kinks(domain: Domain) -> Domain {
    match domain {
        Domain::NearKinks | Domain::Mixed => Domain::Ordinary,
        other => other,
    }
}

/// The outputs, the last state, and the gradients of inputs, initial state and parameters.
fn in_single_precision<S: Cell<f32> + StateSizes + Module<f32>>(
    mut cell: S,
    values: &Values,
    errors: Option<u64>,
) -> Vec<Named> {
    let single =
        |value: &Tensor<f64>| Tensor::from_fn(value.shape(), |i| value.as_slice()[i] as f32);
    let double =
        |value: &Tensor<f32>| Tensor::from_fn(value.shape(), |i| f64::from(value.as_slice()[i]));
    let mut parameters = values.parameters.iter();
    cell.for_each_parameter_mut(|_, param| {
        param.set(single(parameters.next().expect("as many parameters as the cell of f64")));
    });
    let inputs: Vec<_> =
        [&values.xs].into_iter().chain(&values.state).map(|x| Param::new(single(x))).collect();
    let tape = errors.map_or_else(Tape::new, Tape::perturbed);
    let variables: Vec<_> = inputs.iter().map(|input| tape.param(input)).collect();
    let (ys, last) = scan(&cell, variables[0], State::from_leaves(&variables[1..]));
    let outputs = [vec![ys], last.leaves()].concat();
    let gradients = tape.backward(loss_of(&outputs));
    let gradient = |param: &Param<f32>| match gradients.get(param) {
        Some(gradient) => double(gradient),
        None => Tensor::zeros(param.shape()),
    };
    let named = outputs.iter().map(|y| Named::new("outputs", double(&y.value())));
    let inputs = inputs.iter().map(|input| Named::new("∂ inputs", gradient(input)));
    let parameters = cell.parameters().into_iter();
    let parameters =
        parameters.map(|(name, param)| Named::new(format!("∂ {name}"), gradient(param)));
    named.chain(inputs).chain(parameters).collect()
}

impl<C, M> fmt::Debug for Cells<C, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cells<{}>", short(type_name::<C>()))
    }
}

/// A type's name without the paths to its parts: `Lstm<f64>`.
pub(crate) fn short(name: &str) -> String {
    // a closure has the name of the function around it
    let name = name.trim_end_matches("::{{closure}}");
    let mut short = String::new();
    for part in name.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        short.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    short
}
