//! Random steps of random operations, scanned and in a loop: values, gradients and second
//! derivatives.

use bptt_autodiff::{Elementwise, Tape, Var};
use bptt_tensor::{Scalar, Tensor};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngSeed, TestRunner};

use super::support::{
    Case, Equations, Execution, Vars, check_orders, distance, loss, run, uniform,
};
use bptt_autodiff::Param;

/// An operation of a random step, on earlier values.
#[derive(Clone, Copy, Debug)]
struct Call {
    operation: usize,
    operands: [usize; 2],
}

#[derive(Clone, Debug)]
struct Recipe {
    calls: Vec<Call>,
    steps: usize,
    batch: usize,
    input: usize,
    hidden: usize,
    reversed: bool,
    masked: bool,
    /// Both state variables, concatenated into one.
    joined: bool,
    recompute: usize,
    seed: u64,
}

const OPERATIONS: usize = 34;

fn recipe() -> impl Strategy<Value = Recipe> {
    let call = (0..OPERATIONS, [0_usize..64, 0..64]);
    let call = call.prop_map(|(operation, operands)| Call { operation, operands });
    let sizes = (
        select(vec![0_usize, 1, 2, 17]),
        select(vec![1_usize, 2, 3, 5]),
        select(vec![1_usize, 2, 5]),
        select(vec![1_usize, 2, 3, 7]),
    );
    let ways = ([any::<bool>(); 3], 1_usize..6, any::<u64>());
    (proptest::collection::vec(call, 1..12), sizes, ways).prop_map(
        |(calls, (steps, batch, input, hidden), ([reversed, masked, joined], recompute, seed))| {
            Recipe { calls, steps, batch, input, hidden, reversed, masked, joined, recompute, seed }
        },
    )
}

impl Recipe {
    fn case<T: Scalar>(&self) -> Case<T> {
        let &Self { steps, batch, input, hidden, seed, .. } = self;
        let mut sequences = vec![uniform([steps, batch, input], seed)];
        if self.masked {
            let mask: Tensor<T> = uniform([steps, batch, 1], seed ^ 1);
            sequences.push(mask.gt(-0.3));
        }
        let shapes: [&[usize]; 9] = [
            &[input, hidden],
            &[hidden, hidden],
            &[hidden, hidden],
            &[2 * hidden, hidden],
            &[hidden],
            &[1, hidden],
            &[],
            &[batch, hidden],
            &[batch, 1],
        ];
        let params = (seed ^ 2..).zip(shapes).map(|(seed, shape)| Param::new(uniform(shape, seed)));
        let state = match self.joined {
            true => vec![uniform([batch, 2 * hidden], seed ^ 11)],
            false => vec![uniform([batch, hidden], seed ^ 11), uniform([batch, hidden], seed ^ 12)],
        };
        Case { sequences, state, params: params.collect(), reversed: self.reversed }
    }

    /// Equations whose Jacobians do not commute from one step to the next.
    fn equations<'t, T: Scalar>(
        &self,
        params: &[Var<'t, T>],
        x: &[Var<'t, T>],
        state: &[Var<'t, T>],
    ) -> (Vars<'t, T>, Vars<'t, T>) {
        let &[w, u, v, wide, bias, row, number, rows, column] = params else {
            panic!("nine parameters")
        };
        let hidden = self.hidden;
        let mut values = vec![x[0].matmul(w) + bias, state[0], state[1]];
        for &Call { operation, operands } in &self.calls {
            let [a, b] = operands.map(|operand| values[values.len() - 1 - operand % values.len()]);
            values.push(match operation {
                0 => a.matmul(u) + bias,
                1 => a.matmul(v),
                2 => a.matmul_t(u) + b,
                3 => Var::concat(&[a, b], 1).matmul(wide),
                4 => a + b,
                5 => a * b,
                6 => a - b * 0.5,
                7 => a.tanh(),
                8 => a.sigmoid() * b,
                9 => a.softplus() + row,
                10 => a * row + number,
                11 => a.maximum(b),
                12 => a.gt(b).select(a, b),
                13 => a - a.mean_keep(&[1]),
                14 => a.square().mean_keep(&[1]).sqrt() * 0.1 + b,
                15 => a.slice(1, 0..1) * b,
                16 => {
                    let [left, right] = Var::concat(&[b, a], 1).split(-1);
                    left * right.sigmoid()
                }
                17 => a.stop_gradient() * b,
                18 => a * rows,
                19 => a.softmax(1) + b,
                20 => (1.0 - a.sigmoid()) * b + number * number,
                21 => a.sum(&[1]).reshape([self.batch, 1]) * 0.2 + row.exp() * 0.3,
                22 => a.matmul(row.reshape([hidden, 1])) * b,
                23 => a.matmul(u + v),
                24 => a * column + b,
                25 => Var::concat(&[state[0], state[1]], 1).tanh().slice(1, 0..hidden) - a,
                26 => a.log_softmax(1) * 0.2 + b,
                27 => a.logsumexp(1).reshape([self.batch, 1]) * 0.3 - b,
                28 => b - a.max(&[1]).reshape([self.batch, 1]),
                29 => a.min(&[1]).reshape([self.batch, 1]) * b,
                30 => a.clamp(-0.6, 0.4) + b,
                31 => (a * 2.0).rem(0.9) * b,
                32 => a.roll(1, 1) * b,
                33 => scaled_sine().apply([a, row]) + b,
                _ => unreachable!("as many operations as counted"),
            });
        }
        // bounded, and a function of both state variables
        let last = values[values.len() - 1];
        let middle = values[values.len() / 2];
        let h = (last + values[0] * 0.1 + state[1].matmul(v) * 0.5).tanh();
        let c = (middle * 0.5 + state[0] * 0.3).sin();
        let y = values[values.len() * 2 / 3] * 0.5 + h;
        match x {
            [_, mask] => (
                vec![mask.select(y, 0.0), c],
                vec![mask.select(h, state[0]), mask.select(c, state[1])],
            ),
            _ => (vec![y, c], vec![h, c]),
        }
    }
}

impl Equations for Recipe {
    /// The step on the form in which the state is carried.
    fn step<'t, T: Scalar>(
        &self,
        params: &[Var<'t, T>],
        x: &[Var<'t, T>],
        state: &[Var<'t, T>],
    ) -> (Vars<'t, T>, Vars<'t, T>) {
        if !self.joined {
            return self.equations(params, x, state);
        }
        let halves: [Var<'t, T>; 2] = state[0].split(-1);
        let (outputs, next) = self.equations(params, x, &halves);
        (outputs, vec![Var::concat(&next, 1)])
    }
}

/// `y = a sin(b)`
fn scaled_sine<T: Scalar>() -> Elementwise<T, 2> {
    Elementwise::new(
        "scaled_sine",
        |[a, b]: [T; 2]| a * b.sin(),
        |[a, b], _| [b.sin(), a * b.cos()],
    )
}

fn check<T: Scalar>(recipe: &Recipe, tolerances: [f64; 3]) {
    let case = recipe.case::<T>();
    if recipe.steps == 0 {
        return check_empty(recipe, &case);
    }
    check_orders(&case, recipe.recompute, recipe, tolerances);
}

/// Without steps, the outputs are empty and the state is the initial one.
fn check_empty<T: Scalar>(recipe: &Recipe, case: &Case<T>) {
    let tape = Tape::new();
    let sequences: Vars<'_, T> = case.sequences.iter().map(|x| tape.variable(x.clone())).collect();
    let state: Vars<'_, T> = case.state.iter().map(|s| tape.variable(s.clone())).collect();
    let params: Vars<'_, T> = case.params.iter().map(|param| tape.param(param)).collect();
    let values = run(case, Execution::Scan, &sequences, &state, |x, s| recipe.step(&params, x, s));
    assert_eq!(values[0].shape(), [0, recipe.batch, recipe.hidden]);
    let gradients = tape.backward(loss(&values));
    let expected = state[0].value().map(|h| h + T::one());
    assert!(distance(&[gradients.wrt(state[0]).clone()], &[expected]) < 1e-6);
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::with_cases(150)
    })]

    #[test]
    fn a_scan_is_the_loop_in_double_precision(recipe in recipe()) {
        check::<f64>(&recipe, [1e-11, 1e-9, 1e-7]);
    }

    #[test]
    fn a_scan_is_the_loop_in_single_precision(recipe in recipe()) {
        check::<f32>(&recipe, [1e-3, 1e-2, 1e-1]);
    }
}

/// Only random steps with an operation along the batch run operation by operation. So the tests
/// above do test the compiler.
#[test]
fn most_random_steps_are_compiled() {
    let config = ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    let drawn = 150;
    let is_compiled = |recipe: &Recipe| {
        let (case, tape) = (recipe.case::<f64>(), Tape::new());
        let variables =
            |values: &[Tensor<f64>]| values.iter().map(|x| tape.variable(x.clone())).collect();
        let (sequences, state): (Vars<'_, f64>, Vars<'_, f64>) =
            (variables(&case.sequences), variables(&case.state));
        let params: Vars<'_, f64> = case.params.iter().map(|param| tape.param(param)).collect();
        let plan = tape.scan(sequences, state).plan(|x, s| recipe.step(&params, &x, &s));
        !plan.contains("operation by operation")
    };
    let compiled = (0..drawn)
        .map(|_| recipe().new_tree(&mut runner).expect("a recipe").current())
        .filter(is_compiled)
        .count();
    assert!(4 * compiled >= 3 * drawn, "{compiled} of {drawn} steps are compiled");
}
