//! A random cell, its parameters, and a sequence to run it over.

use std::cell::RefCell;
use std::fmt;

use bptt_autodiff::{Param, Tape, Var};
use bptt_tensor::{Scalar, Tensor};
use proptest::prelude::*;
use proptest::sample::select;

use crate::any_cell::{AnyCell, Execution, Sequence};
use crate::subject::{Place, Recorded, Subject};
use crate::values::{Domain, Random, V, stream};
use crate::violation::Named;

/// The extents of a sequence and of the cell that reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sizes {
    /// The number of steps, T.
    pub steps: usize,
    /// The number of sequences, B.
    pub batch: usize,
    /// The number of inputs, I.
    pub input: usize,
    /// The number of hidden units, H.
    pub hidden: usize,
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, batch, input, hidden } = self;
        write!(f, "T = {steps}, B = {batch}, I = {input}, H = {hidden}")
    }
}

/// Small sequences and cells: zero to five steps, zero to four sequences, one to four inputs and hidden units.
pub fn cell_sizes() -> impl Strategy<Value = Sizes> + Clone {
    of_sizes(&[0, 1, 2, 3, 4, 5], &[0, 1, 2, 3, 4], 4)
}

/// Very small sequences and cells. The whole Jacobian has as many entries as outputs times parameters times steps. The
/// graph of the third order is a hundred times as large as that of the function.
pub(crate) fn tiny_sizes() -> impl Strategy<Value = Sizes> + Clone {
    of_sizes(&[1, 2, 3], &[1, 2], 2)
}

/// Sizes so large that the products of all steps are divided among threads, and that are no multiples of a block.
pub(crate) fn large_sizes() -> impl Strategy<Value = Sizes> + Clone {
    (select(vec![4, 5]), select(vec![33, 49]), 41..=45_usize, select(vec![67, 97]))
        .prop_map(|(steps, batch, input, hidden)| Sizes { steps, batch, input, hidden })
}

fn of_sizes(
    steps: &[usize],
    batch: &[usize],
    units: usize,
) -> impl Strategy<Value = Sizes> + Clone + use<> {
    (select(steps.to_vec()), select(batch.to_vec()), 1..=units, 1..=units)
        .prop_map(|(steps, batch, input, hidden)| Sizes { steps, batch, input, hidden })
}

/// The data from which a random case is made: the cell, its parameters and its inputs follow from it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    pub(crate) sizes: Sizes,
    pub(crate) domain: Domain,
    pub(crate) seed: u64,
}

impl fmt::Debug for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {:?} values", self.sizes, self.domain)
    }
}

pub(crate) fn draws(
    sizes: impl Strategy<Value = Sizes> + 'static,
    domain: impl Strategy<Value = Domain> + 'static,
) -> BoxedStrategy<Draw> {
    // the domain shrinks first, to ordinary values: saturated values may hide the fault in a smaller case
    (domain, sizes, any::<u64>().no_shrink())
        .prop_map(|(domain, sizes, seed)| Draw { sizes, domain, seed })
        .boxed()
}

/// Inputs `[T, B, I]`, the variables of the first state and the parameters.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    pub(crate) xs: Tensor<f64>,
    pub(crate) state: Vec<Tensor<f64>>,
    pub(crate) parameters: Vec<Tensor<f64>>,
}

/// Makes a cell of these sizes. The same random numbers make the same cell.
pub(crate) type Make<'m> = &'m dyn Fn(&mut Random, Sizes) -> Box<dyn AnyCell>;

/// Runs a cell over inputs from a state.
pub(crate) type Run<'r> = dyn for<'t> Fn(&dyn AnyCell, V<'t>, &[V<'t>]) -> Sequence<'t> + 'r;

/// A cell at a point.
pub(crate) struct CellCase<'m> {
    pub(crate) sizes: Sizes,
    pub(crate) values: Values,
    /// The names of all parameters. Frozen parameters have values but no gradients.
    pub(crate) names: Vec<String>,
    pub(crate) trained: Vec<bool>,
    make: Make<'m>,
    frozen: &'m dyn Fn(&str) -> bool,
    draw: Draw,
    cell: RefCell<Box<dyn AnyCell>>,
}

/// The results of a run: the outputs, the last state, and the gradients of the loss `Σ y + y²/2` over these. The
/// cotangent `1 + y` differs from element to element and depends on the outputs. If the outputs are permuted, it is
/// permuted too.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) outputs: Vec<Named>,
    /// The gradients of the inputs and the initial state.
    pub(crate) inputs: Vec<Named>,
    pub(crate) parameters: Vec<Named>,
}

impl Outcome {
    pub(crate) fn gradients(&self) -> Vec<Named> {
        [&self.inputs[..], &self.parameters].concat()
    }
}

impl<'m> CellCase<'m> {
    pub(crate) fn new(make: Make<'m>, frozen: &'m dyn Fn(&str) -> bool, draw: Draw) -> Self {
        let Draw { sizes, domain, seed } = draw;
        let cell = make(&mut bptt_layers::rng(seed), sizes);
        let xs = domain.draw(0, [sizes.steps, sizes.batch, sizes.input], &mut stream(seed, 0));
        let of_parameters = domain.of_parameters();
        // most cells never have a state as large as a hundred
        let of_state = if domain == Domain::Saturated { Domain::Ordinary } else { domain };
        let features = cell.features();
        let draw_state = |(i, &size): (usize, &usize)| {
            of_state.draw(1 + i, [sizes.batch, size], &mut stream(seed, 1 + i))
        };
        let state: Vec<_> = features.iter().enumerate().map(draw_state).collect();
        let all = cell.parameters();
        let draw_parameter = |(i, (name, param)): (usize, &(String, &Param<f64>))| {
            if frozen(name) {
                return param.value().clone();
            }
            let position = 1 + features.len() + i;
            of_parameters.draw(position, param.shape(), &mut stream(seed, position))
        };
        let parameters: Vec<_> = all.iter().enumerate().map(draw_parameter).collect();
        let names: Vec<_> = all.iter().map(|(name, _)| name.clone()).collect();
        let trained = names.iter().map(|name| !frozen(name)).collect();
        drop(all);
        let case = Self {
            sizes,
            values: Values { xs, state, parameters },
            names,
            trained,
            make,
            frozen,
            draw,
            cell: RefCell::new(cell),
        };
        case.set(&case.values);
        case
    }

    /// Sets the cell's parameters.
    pub(crate) fn set(&self, values: &Values) {
        set_parameters(&mut **self.cell.borrow_mut(), &values.parameters);
    }

    /// Another cell of the same structure, with these parameters.
    pub(crate) fn copy(&self, parameters: &[Tensor<f64>]) -> Box<dyn AnyCell> {
        let mut cell = (self.make)(&mut self.start(), self.sizes);
        set_parameters(&mut *cell, parameters);
        cell
    }

    /// The random numbers that the cell was made from.
    pub(crate) fn start(&self) -> Random {
        bptt_layers::rng(self.draw.seed)
    }

    /// The same case with one more hidden unit.
    pub(crate) fn wider(&self) -> Self {
        let sizes = Sizes { hidden: self.sizes.hidden + 1, ..self.sizes };
        Self::new(self.make, self.frozen, Draw { sizes, ..self.draw })
    }

    /// Runs the cell in the given way.
    pub(crate) fn outcome(&self, execution: &Execution) -> Outcome {
        self.outcome_of(&self.values, &|cell, xs, state| cell.run(execution, xs, state))
    }

    /// Runs the cell by a function, with the given values.
    pub(crate) fn outcome_of(&self, values: &Values, run: &Run<'_>) -> Outcome {
        self.set(values);
        let cell = self.cell.borrow();
        let tape = Tape::new();
        let inputs: Vec<_> = [&values.xs].into_iter().chain(&values.state).cloned().collect();
        let inputs: Vec<_> = inputs.into_iter().map(Param::new).collect();
        let variables: Vec<_> = inputs.iter().map(|input| tape.param(input)).collect();
        let (ys, last) = run(&**cell, variables[0], &variables[1..]);
        let loss = loss_of(&[&[ys][..], &last].concat());
        let gradients = tape.backward(loss);
        let gradient = |param: &Param<f64>| match gradients.get(param) {
            Some(gradient) => gradient.clone(),
            None => Tensor::zeros(param.shape()),
        };
        let of_inputs = inputs.iter().enumerate().map(|(i, input)| match i {
            0 => Named::in_time("∂ xs", gradient(input)),
            _ => Named::new(format!("∂ {}", state_name(i - 1)), gradient(input)),
        });
        let parameters = cell.parameters();
        let trained = parameters.iter().zip(&self.trained).filter(|&(_, &trained)| trained);
        let states = last.iter().enumerate();
        let states =
            states.map(|(i, leaf)| Named::new(format!("last {}", state_name(i)), leaf.value()));
        Outcome {
            outputs: std::iter::once(Named::in_time("ys", ys.value())).chain(states).collect(),
            inputs: of_inputs.collect(),
            parameters: trained
                .map(|((name, param), _)| Named::new(format!("∂ {name}"), gradient(param)))
                .collect(),
        }
    }
}

/// `Σ y + y²/2` over all outputs.
pub(crate) fn loss_of<'t, T: Scalar>(outputs: &[Var<'t, T>]) -> Var<'t, T> {
    let terms = outputs.iter().map(|&y| (y * (y * 0.5 + 1.0)).sum_all());
    terms.reduce(|sum, term| sum + term).expect("there are outputs")
}

pub(crate) fn state_name(leaf: usize) -> String {
    format!("state {leaf}")
}

pub(crate) fn set_parameters(cell: &mut dyn AnyCell, values: &[Tensor<f64>]) {
    let mut values = values.iter();
    cell.visit_mut(&mut bptt_layers::ParameterPath::default(), &mut |_, param| {
        param.set(values.next().expect("a value for each parameter").clone());
    });
}

/// A run of a cell as a function of inputs, initial state and parameters.
pub(crate) struct Whole<'c, 'm> {
    case: &'c CellCase<'m>,
    execution: Execution,
    places: Vec<Place>,
    at: Vec<Tensor<f64>>,
}

impl<'c, 'm> Whole<'c, 'm> {
    pub(crate) fn new(case: &'c CellCase<'m>, execution: Execution) -> Self {
        let Values { xs, state, parameters } = &case.values;
        let mut places = vec![Place::new("xs")];
        places.extend((0..state.len()).map(|i| Place::new(state_name(i))));
        let mut at: Vec<_> = [xs].into_iter().chain(state).cloned().collect();
        for ((name, value), &trained) in case.names.iter().zip(parameters).zip(&case.trained) {
            if trained {
                places.push(Place::new(name));
                at.push(value.clone());
            }
        }
        Self { case, execution, places, at }
    }

    /// All parameters: the trained ones at this point, and the frozen ones.
    fn parameters(&self, at: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
        let mut moved = at[1 + self.case.values.state.len()..].iter();
        let all = self.case.values.parameters.iter().zip(&self.case.trained);
        all.map(|(value, &trained)| match trained {
            true => moved.next().expect("a value for each that is trained").clone(),
            false => value.clone(),
        })
        .collect()
    }
}

impl Subject for Whole<'_, '_> {
    fn sources(&self) -> &[Place] {
        &self.places
    }

    fn at(&self) -> &[Tensor<f64>] {
        &self.at
    }

    fn record<'t>(&self, tape: &'t Tape<f64>, at: &[Tensor<f64>]) -> Recorded<'t> {
        set_parameters(&mut **self.case.cell.borrow_mut(), &self.parameters(at));
        let cell = self.case.cell.borrow();
        let inputs = 1 + self.case.values.state.len();
        let mut sources: Vec<_> = at[..inputs].iter().map(|x| tape.variable(x.clone())).collect();
        let (ys, last) = cell.run(&self.execution, sources[0], &sources[1..]);
        let parameters = cell.parameters();
        let trained = parameters.iter().zip(&self.case.trained).filter(|&(_, &trained)| trained);
        sources.extend(trained.map(|((_, param), _)| tape.param(param)));
        let last = last.into_iter().enumerate();
        let last = last.map(|(i, leaf)| (Place::new(format!("last {}", state_name(i))), leaf));
        let outputs = std::iter::once((Place::new("ys"), ys)).chain(last).collect();
        Recorded { sources, outputs }
    }
}

/// The loop in which every step has its own inputs and parameters. Each derivative then has a lag: the steps from the
/// use of a parameter to the output.
pub(crate) struct Untied<'c, 'm> {
    case: &'c CellCase<'m>,
    /// A cell for each step.
    cells: RefCell<Vec<Box<dyn AnyCell>>>,
    places: Vec<Place>,
    at: Vec<Tensor<f64>>,
}

impl<'c, 'm> Untied<'c, 'm> {
    pub(crate) fn new(case: &'c CellCase<'m>) -> Self {
        let Values { xs, state, parameters } = &case.values;
        let cells = (0..case.sizes.steps).map(|_| case.copy(parameters)).collect();
        let mut places: Vec<_> = (0..state.len()).map(|i| Place::at(state_name(i), 0)).collect();
        let mut at = state.clone();
        for t in 0..case.sizes.steps {
            places.push(Place::at("x", t));
            at.push(xs.index_first(t));
            for ((name, value), &trained) in case.names.iter().zip(parameters).zip(&case.trained) {
                if trained {
                    places.push(Place::at(name, t));
                    at.push(value.clone());
                }
            }
        }
        Self { case, cells: RefCell::new(cells), places, at }
    }

    /// The positions, among the sources, of all uses of a trained parameter.
    pub(crate) fn uses(&self, parameter: usize) -> impl Iterator<Item = usize> {
        let trained = self.case.trained.iter().filter(|&&trained| trained).count();
        let first = self.case.values.state.len() + 1 + parameter; // behind the step's input
        (0..self.case.sizes.steps).map(move |t| first + t * (1 + trained))
    }
}

impl Subject for Untied<'_, '_> {
    fn sources(&self) -> &[Place] {
        &self.places
    }

    fn at(&self) -> &[Tensor<f64>] {
        &self.at
    }

    fn record<'t>(&self, tape: &'t Tape<f64>, at: &[Tensor<f64>]) -> Recorded<'t> {
        let mut at = at.iter();
        let mut next = || at.next().expect("a value for each source").clone();
        let mut state: Vec<_> =
            self.case.values.state.iter().map(|_| tape.variable(next())).collect();
        let mut sources = state.clone();
        let mut outputs = Vec::new();
        for (t, cell) in self.cells.borrow_mut().iter_mut().enumerate() {
            let x = tape.variable(next());
            sources.push(x);
            let mut position = 0;
            cell.visit_mut(&mut bptt_layers::ParameterPath::default(), &mut |_, param| {
                if self.case.trained[position] {
                    param.set(next());
                    sources.push(tape.param(param));
                }
                position += 1;
            });
            tape.set_step(Some(t));
            let (y, after) = cell.one_step(x, &state);
            state = after;
            outputs.push((Place::at("y", t), y));
        }
        tape.set_step(None);
        let last = self.case.sizes.steps.saturating_sub(1);
        let states = state.into_iter().enumerate();
        outputs.extend(
            states.map(|(i, leaf)| (Place::at(format!("last {}", state_name(i)), last), leaf)),
        );
        Recorded { sources, outputs }
    }
}
