//! Laws that derivatives obey whatever the function, on random programs.

use bptt_autodiff::Tape;
use bptt_tensor::Tensor;
use proptest::collection::vec;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::harness::{V, assert_near, check_at, for_all};

const N: usize = 3;

/// A random program on `[N, N]` matrices: each step applies an operation to two earlier values.
/// Every value is of order 1, so that no product of many drowns an error.
#[derive(Clone, Debug)]
struct Program(Vec<(usize, usize, usize)>);

impl Program {
    const INPUTS: usize = 2;

    fn run<'t>(&self, inputs: &[V<'t>]) -> V<'t> {
        let mut values = inputs.to_vec();
        for &(operation, a, b) in &self.0 {
            let (a, b) = (values[a % values.len()], values[b % values.len()]);
            values.push(match operation {
                0 => a.matmul(b).tanh(),
                1 => a.t_matmul(b.sigmoid()) * 0.5,
                2 => (a * b).sin(),
                3 => a - b.mean_keep(&[0]),
                4 => a.softmax(-1) / (b.square() + 1.0),
                5 => V::concat(&[a.slice(0, 1..N), b.slice(0, 0..1)], 0),
                6 => a.gather_rows(&[2, 0, 2]) + b.transpose(0, 1),
                _ => a.logsumexp(1) * b.matmul_t(a).cos(),
            });
        }
        values[values.len() - 1]
    }
}

/// Random programs, each with a seed for its inputs.
fn programs() -> BoxedStrategy<(Program, u64)> {
    let steps = vec((0..8_usize, any::<usize>(), any::<usize>()), 1..10);
    (steps.prop_map(Program), any::<u64>()).boxed()
}

/// For a random program: its inputs and output on a tape, and a source of random matrices.
fn on_random_programs(law: impl for<'t> Fn(&'t Tape<f64>, &[V<'t>], V<'t>, &mut Random<'t>)) {
    for_all(&programs(), &|(program, seed)| {
        let tape = Tape::new();
        let mut random = Random { tape: &tape, rng: Xoshiro256PlusPlus::seed_from_u64(seed) };
        let inputs: Vec<_> = (0..Program::INPUTS).map(|_| random.variable()).collect();
        law(&tape, &inputs, program.run(&inputs), &mut random);
    });
}

struct Random<'t> {
    tape: &'t Tape<f64>,
    rng: Xoshiro256PlusPlus,
}

impl<'t> Random<'t> {
    fn variable(&mut self) -> V<'t> {
        self.tape.variable(Tensor::uniform([N, N], -1.0, 1.0, &mut self.rng))
    }

    /// Each input with a direction of its own.
    fn directions(&mut self, inputs: &[V<'t>]) -> Vec<(V<'t>, V<'t>)> {
        inputs.iter().map(|&x| (x, self.variable())).collect()
    }
}

/// `Σ ⟨aᵢ, bᵢ⟩`
fn dot<'t>(pairs: impl IntoIterator<Item = (V<'t>, V<'t>)>) -> f64 {
    pairs.into_iter().map(|(a, b)| (a * b).sum_all().item()).sum()
}

fn seconds<'t>(pairs: &[(V<'t>, V<'t>)]) -> impl Iterator<Item = V<'t>> {
    pairs.iter().map(|&(_, second)| second)
}

#[track_caller]
fn assert_equal(left: f64, right: f64) {
    assert!((left - right).abs() <= 1e-10 * right.abs().max(1.0), "{left} is not {right}");
}

#[test]
fn compositions_agree_with_differences() {
    for_all(&programs(), &|(program, seed)| {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let at: Vec<_> =
            (0..Program::INPUTS).map(|_| Tensor::uniform([N, N], -1.0, 1.0, &mut rng)).collect();
        check_at(&|x| program.run(x), &at, &mut rng);
    });
}

#[test]
fn forward_and_reverse_products_are_adjoint() {
    on_random_programs(|tape, inputs, y, random| {
        let (u, v) = (random.directions(inputs), random.variable());
        let forward = tape.jvp(y, &u); // J u
        let reverse = tape.vjp(&[(y, v)], inputs); // Jᵀ v
        assert_equal(dot([(v, forward)]), dot(reverse.into_iter().zip(seconds(&u))));
    });
}

#[test]
fn a_hessian_is_symmetric() {
    on_random_programs(|tape, inputs, y, random| {
        let (u, v) = (random.directions(inputs), random.directions(inputs));
        let y = (y * random.variable()).sum_all();
        let (hu, hv) = (tape.hvp(y, &u), tape.hvp(y, &v));
        assert_equal(dot(hu.into_iter().zip(seconds(&v))), dot(hv.into_iter().zip(seconds(&u))));
    });
}

#[test]
fn a_hessian_product_is_the_gradient_of_a_slope() {
    on_random_programs(|tape, inputs, y, random| {
        let y = (y * y).sum_all();
        let v = random.directions(inputs);
        let products = tape.hvp(y, &v);
        let slope = tape.jvp(y, &v);
        let one = tape.constant(Tensor::scalar(1.0));
        for (product, gradient) in products.iter().zip(tape.vjp(&[(slope, one)], inputs)) {
            assert_near(&product.value(), &gradient.value(), 1e-10);
        }
    });
}

#[test]
fn the_reverse_product_is_linear_in_the_cotangent() {
    on_random_programs(|tape, inputs, y, random| {
        let (v, w) = (random.variable(), random.variable());
        let product = |cotangent| tape.vjp(&[(y, cotangent)], inputs);
        let (of_v, of_w, of_both) = (product(v), product(w), product(v * 2.0 - w));
        // several outputs add up, among them one output named twice
        let summed = tape.vjp(&[(y, v * 2.0), (y, -w)], inputs);
        for i in 0..inputs.len() {
            let expected = (of_v[i] * 2.0 - of_w[i]).value();
            assert_near(&of_both[i].value(), &expected, 1e-12);
            assert_near(&summed[i].value(), &expected, 1e-12);
        }
    });
}
