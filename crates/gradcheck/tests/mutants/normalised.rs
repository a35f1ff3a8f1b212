//! Operations whose outputs depend on all elements of a row.

use bptt_autodiff::Pullback;
use bptt_gradcheck::{Report, operation};
use bptt_tensor::Tensor;

use crate::rule::Rule;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bug {
    None,
    NoCoupling,
    EqualWeights,
    CotangentNotSummed,
    VarianceHeld,
    MeanHeld,
    LabelForgotten,
}

pub(crate) fn softmax(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (y, g) = (at.output(), at.cotangent());
        at.add(0, || match bug {
            Bug::NoCoupling => y * g,
            _ => y * (g - (g * y).sum_keep(&[1])),
        });
    };
    operation(Rule { bug, forward: |x| x[0].softmax(1), gradient: rule }).run()
}

pub(crate) fn logsumexp(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (x, g) = (at.input(0), at.cotangent().reshape([2, 1]));
        at.add(0, || match bug {
            Bug::EqualWeights => (g * (1.0 / 3.0)).broadcast_to([2, 3]),
            _ => g * x.softmax(1),
        });
    };
    operation(Rule { bug, forward: |x| x[0].logsumexp(1), gradient: rule }).run()
}

pub(crate) fn log_softmax(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (y, g) = (at.output(), at.cotangent());
        at.add(0, || match bug {
            Bug::CotangentNotSummed => g - y.exp(),
            _ => g - y.exp() * g.sum_keep(&[1]),
        });
    };
    operation(Rule { bug, forward: |x| x[0].log_softmax(1), gradient: rule }).run()
}

/// `(x − μ) / σ` of each row, with `σ² = var + 0.1`.
pub(crate) fn layer_norm(bug: Bug) -> Report {
    fn forward(x: &[&Tensor<f64>]) -> Tensor<f64> {
        let centred = x[0] - x[0].mean_keep(&[1]);
        let variance = (&centred * &centred).mean_keep(&[1]);
        &centred / variance.map(|variance| (variance + 0.1).sqrt())
    }
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (x, y, g) = (at.input(0), at.output(), at.cotangent());
        let variance = (x - x.mean_keep(&[1])).square().mean_keep(&[1]);
        let deviation = (variance + 0.1).sqrt();
        at.add(0, || {
            let through_mean = g.mean_keep(&[1]);
            let through_variance = y * (g * y).mean_keep(&[1]);
            let direct = match bug {
                Bug::VarianceHeld => g - through_mean,
                Bug::MeanHeld => g - through_variance,
                _ => g - through_mean - through_variance,
            };
            direct / deviation
        });
    };
    operation(Rule { bug, forward, gradient: rule }).run()
}

/// `−log softmax(x)` of class 0 in each row.
pub(crate) fn cross_entropy(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (x, g) = (at.input(0), at.cotangent());
        let label = g.tape().constant(Tensor::one_hot(&[0, 0], 3));
        at.add(0, || match bug {
            Bug::LabelForgotten => g * x.softmax(1),
            _ => g * (x.softmax(1) - label),
        });
    };
    fn forward(x: &[&Tensor<f64>]) -> Tensor<f64> {
        x[0].log_softmax(1).slice(1, 0..1).map(|y| -y)
    }
    operation(Rule { bug, forward, gradient: rule }).run()
}
