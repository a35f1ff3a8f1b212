//! Random compositions of operations.

use bptt_autodiff::Var;
use bptt_gradcheck::Domain::Ordinary;
use bptt_gradcheck::{Law, domains};
use bptt_tensor::Shape;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::arbitrary::Cases;
use crate::{V, family};

const N: usize = 3;

/// A random program on two matrices `[N, N]`: each step applies an operation to two earlier values.
/// Every value is of order 1, so that no product of many drowns an error.
#[derive(Clone, Debug)]
struct Program(Vec<(usize, usize, usize)>);

impl Program {
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
                5 => Var::concat(&[a.slice(0, 1..N), b.slice(0, 0..1)], 0),
                6 => a.gather_rows(&[2, 0, 2]) + b.transpose(0, 1),
                7 => a.logsumexp(1) * b.matmul_t(a).cos(),
                _ => a.erf() + b.sum(&[0]).sin() * a.mean_all(),
            });
        }
        values[values.len() - 1]
    }
}

fn programs() -> Cases<Program> {
    let steps = vec((0..9_usize, any::<usize>(), any::<usize>()), 1..10);
    steps.prop_map(|steps| (Program(steps), vec![Shape::from([N, N]); 2])).boxed()
}

#[test]
fn compositions() {
    let check = family("compositions", Just(Ordinary), programs(), |program, x| program.run(x));
    check.cases(80).check();
}

#[test]
fn compositions_anywhere() {
    family("compositions anywhere", domains(), programs(), |program, x| program.run(x)).check();
}

/// Operands so large that kernels divide their work, as they do for none of the others. The laws that take the
/// function apart output by output would take too long.
#[test]
fn a_composition_of_large_operands() {
    let check = bptt_gradcheck::function(|x| {
        let h = (x[0].matmul(x[1]) + x[2]).tanh(); // [1024, 160]
        let mixed = h.log_softmax(1) * h.transpose(0, 1).permute(&[1, 0]).sigmoid();
        mixed.gather_rows(&[7; 1024]) + mixed - h.mean_keep(&[0])
    });
    check
        .named("a composition of large operands")
        .inputs([&[1024, 8][..], &[8, 160], &[160]])
        .only(&[Law::Slope, Law::Adjoint, Law::Accumulated, Law::Threads])
        .cases(1)
        .check();
}
