//! `Tensor` and `Var` have the same methods: each is called on both with the same arguments.

use bptt_autodiff::{Tape, Var};
use bptt_tensor::{Tensor, Transpose};

/// The operands: three matrices with ties and zeros. The first can be multiplied by the third.
fn operands() -> [Tensor<f64>; 3] {
    let a = Tensor::from([[0.5, -1.25, 2.0, 0.0], [1.5, 0.25, -0.75, 3.0]]);
    let b = Tensor::from([[0.5, 2.0, -1.0, 0.75], [-1.5, 0.25, 1.0, 0.5]]);
    let weights = Tensor::from_fn([4, 3], |i| 0.25 * i as f64 - 1.0);
    [a, b, weights]
}

/// The result of a method, as values.
trait Values {
    fn values(self) -> Vec<Tensor<f64>>;
}

impl Values for Tensor<f64> {
    fn values(self) -> Vec<Tensor<f64>> {
        vec![self]
    }
}

impl Values for Var<'_, f64> {
    fn values(self) -> Vec<Tensor<f64>> {
        vec![self.value()]
    }
}

impl<V: Values, const N: usize> Values for [V; N] {
    fn values(self) -> Vec<Tensor<f64>> {
        self.into_iter().flat_map(Values::values).collect()
    }
}

impl Values for Vec<usize> {
    fn values(self) -> Vec<Tensor<f64>> {
        vec![self.into_iter().map(|i| i as f64).collect()]
    }
}

impl Values for usize {
    fn values(self) -> Vec<Tensor<f64>> {
        vec![Tensor::scalar(self as f64)]
    }
}

impl Values for bool {
    fn values(self) -> Vec<Tensor<f64>> {
        usize::from(self).values()
    }
}

impl Values for f64 {
    fn values(self) -> Vec<Tensor<f64>> {
        vec![Tensor::scalar(self)]
    }
}

/// Defines a test for each expression of the operands `a`, `b` and `w`. It is evaluated for
/// references to tensors, and then for variables.
macro_rules! parity {
    ($($name:ident: |$a:ident, $b:ident, $w:ident| $of_tensors:expr, $of_variables:expr;)*) => {
        $(
            #[test]
            #[allow(unused_variables)]
            fn $name() {
                let [a, b, w] = operands();
                let expected = {
                    let ($a, $b, $w) = (&a, &b, &w);
                    $of_tensors.values()
                };
                let tape = Tape::new();
                let [$a, $b, $w] = [a, b, w].map(|operand| tape.variable(operand));
                let found = $of_variables.values();
                assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(&expected) {
                    assert_eq!(found.shape(), expected.shape());
                    let near = |(x, y): (&f64, &f64)| x == y || (x - y).abs() <= 1e-15 || x.is_nan() && y.is_nan();
                    assert!(found.iter().zip(expected).all(near), "{found}\nis not\n{expected}");
                }
            }
        )*
    };
    ($($name:ident: |$a:ident, $b:ident, $w:ident| $both:expr;)*) => {
        parity! { $($name: |$a, $b, $w| $both, $both;)* }
    };
}

parity! {
    add: |a, b, w| [a + b, a + 2.0, 2.0 + a];
    sub: |a, b, w| [a - b, a - 2.0, 2.0 - a];
    mul: |a, b, w| [a * b, a * 2.0, 2.0 * a];
    div: |a, b, w| [a / b, a / 2.0, 2.0 / b];
    neg: |a, b, w| -a;
    abs: |a, b, w| a.abs();
    square: |a, b, w| a.square();
    sqrt: |a, b, w| a.sqrt();
    recip: |a, b, w| b.recip();
    exp: |a, b, w| a.exp();
    expm1: |a, b, w| a.expm1();
    ln: |a, b, w| a.ln();
    log1p: |a, b, w| a.log1p();
    sin: |a, b, w| a.sin();
    cos: |a, b, w| a.cos();
    tanh: |a, b, w| a.tanh();
    erf: |a, b, w| a.erf();
    sigmoid: |a, b, w| a.sigmoid();
    relu: |a, b, w| a.relu();
    softplus: |a, b, w| a.softplus();
    log_sigmoid: |a, b, w| a.log_sigmoid();
    sign: |a, b, w| a.sign();
    powf: |a, b, w| a.powf(3.0);
    pow: |a, b, w| [a.pow(b), a.pow(2.0)];
    maximum: |a, b, w| [a.maximum(b), a.maximum(0.5)];
    minimum: |a, b, w| [a.minimum(b), a.minimum(0.5)];
    chain_mul: |a, b, w| [a.chain_mul(b), a.chain_mul(0.0)];
    chain_div: |a, b, w| [a.chain_div(b), a.chain_div(0.0)];
    gt: |a, b, w| [a.gt(b), a.gt(0.5)];
    ge: |a, b, w| [a.ge(b), a.ge(0.5)];
    lt: |a, b, w| [a.lt(b), a.lt(0.5)];
    le: |a, b, w| [a.le(b), a.le(0.5)];
    equal: |a, b, w| [a.equal(b), a.equal(0.5)];
    not_equal: |a, b, w| [a.not_equal(b), a.not_equal(0.5)];
    select: |a, b, w| [a.select(b, a), a.select(0.25, b), a.select(b, 0.25)];
    matmul: |a, b, w| a.matmul(w);
    matmul_t: |a, b, w| a.matmul_t(b);
    t_matmul: |a, b, w| a.t_matmul(b);
    matmul_with: |a, b, w| [
        a.matmul_with(w, Transpose::NONE),
        w.matmul_with(a, Transpose { left: true, right: true }),
    ];
    sum: |a, b, w| [a.sum(&[0]), a.sum(&[]), a.sum(&[0, -1])];
    sum_keep: |a, b, w| a.sum_keep(&[-1]);
    sum_all: |a, b, w| a.sum_all();
    mean: |a, b, w| a.mean(&[0]);
    mean_keep: |a, b, w| a.mean_keep(&[-1]);
    mean_all: |a, b, w| a.mean_all();
    norm: |a, b, w| a.norm(&[0]);
    norm_keep: |a, b, w| a.norm_keep(&[-1]);
    max: |a, b, w| a.max(&[0]);
    max_keep: |a, b, w| a.max_keep(&[-1]);
    min: |a, b, w| a.min(&[0]);
    min_keep: |a, b, w| a.min_keep(&[-1]);
    argmax: |a, b, w| a.argmax(-1);
    softmax: |a, b, w| a.softmax(0);
    log_softmax: |a, b, w| a.log_softmax(-1);
    logsumexp: |a, b, w| a.logsumexp(0);
    logsumexp_keep: |a, b, w| a.logsumexp_keep(-1);
    reshape: |a, b, w| a.reshape([4, 2]);
    broadcast_to: |a, b, w| a.broadcast_to([3, 2, 4]);
    sum_to: |a, b, w| a.sum_to([2, 1]);
    permute: |a, b, w| a.permute(&[1, 0]);
    transpose: |a, b, w| a.transpose(0, -1);
    slice: |a, b, w| [a.slice(-1, 1..3), a.slice(0, 1..2)];
    index_first: |a, b, w| a.index_first(1);
    split: |a, b, w| a.split::<2>(-1);
    gather_rows: |a, b, w| w.gather_rows(&[2, 0, 2]);
    scatter_rows: |a, b, w| w.scatter_rows(&[2, 0, 2, 1], 5);
    rank: |a, b, w| a.rank();
    len: |a, b, w| a.len();
    is_empty: |a, b, w| [a.is_empty(), a.slice(0, 1..1).is_empty()];
    item: |a, b, w| a.sum_all().item();
}

parity! {
    concat: |a, b, w| Tensor::concat(&[a, b], 1), Var::concat(&[a, b], 1);
    stack: |a, b, w| [Tensor::stack(&[a, b], 0), Tensor::stack(&[a, b], -1)],
        [Var::stack(&[a, b], 0), Var::stack(&[a, b], -1)];
}
