//! Rules that do something to the cotangent, and faults that hide behind what is larger.

use bptt_autodiff::Pullback;
use bptt_gradcheck::{Law, Report, operation};
use bptt_tensor::Tensor;

use crate::rule::{Rule, V};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bug {
    None,
    Clipped,
    SignAlone,
    Normalised,
    ConstantAdded,
    Detached,
    OneHotTakenForChoice,
    RoundedToSingle,
    SmallSlopeWrong,
    SmallCotangentDetached,
    SingleLiteral,
}

pub(crate) fn tanh(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let y = at.output();
        let g = changed(bug, at.cotangent());
        at.add(0, || g * (1.0 - y * y));
    };
    operation(Rule { bug, forward: |x| x[0].tanh(), gradient: rule }).run()
}

fn changed(bug: Bug, g: V<'_>) -> V<'_> {
    match bug {
        Bug::Clipped => g.maximum(-10.0).minimum(10.0),
        Bug::SignAlone => g.sign(),
        Bug::Normalised => {
            let norm = (g * g).sum_all().sqrt();
            g / norm * norm
        }
        Bug::ConstantAdded => g + 1e-12,
        Bug::Detached => g.stop_gradient(),
        Bug::OneHotTakenForChoice => {
            let one_hot = g.value().as_slice().iter().filter(|&&g| g != 0.0).count() == 1;
            if one_hot { g.sign() } else { g }
        }
        Bug::RoundedToSingle => {
            let through = |_, at: &mut Pullback<'_, '_, f64>| {
                let g = at.cotangent();
                at.add(0, || g);
            };
            let forward = |x: &[&Tensor<f64>]| x[0].map(|x| f64::from(x as f32));
            g.tape().apply(Rule { bug, forward, gradient: through }, &[g])
        }
        _ => g,
    }
}

/// `10⁹ a + 10⁻⁵ sin b`
pub(crate) fn large_beside_small(bug: Bug) -> Report {
    fn forward(x: &[&Tensor<f64>]) -> Tensor<f64> {
        Tensor::concat(&[&x[0].map(|a| 1e9 * a), &x[1].map(|b| 1e-5 * b.sin())], 0)
    }
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (b, [large, small]) = (at.input(1), at.cotangent().split(-1));
        at.add(0, || large * 1e9);
        at.add(1, || match bug {
            Bug::SmallSlopeWrong => small * b.cos() * 2e-5,
            Bug::SmallCotangentDetached => small.stop_gradient() * b.cos() * 1e-5,
            _ => small * b.cos() * 1e-5,
        });
    };
    // of the third order, sums of what is so large resolve nothing
    let check = operation(Rule { bug, forward, gradient: rule }).inputs([[1], [1]]);
    check.without(&[Law::ThirdOrder]).run()
}

/// `0.1 a ⊙ b`
pub(crate) fn scaled_product(bug: Bug) -> Report {
    let rule = |bug, at: &mut Pullback<'_, '_, f64>| {
        let (a, b, g) = (at.input(0), at.input(1), at.cotangent());
        let tenth = if bug == Bug::SingleLiteral { f64::from(0.1_f32) } else { 0.1 };
        at.add(0, || g * b * tenth);
        at.add(1, || g * a * 0.1);
    };
    let forward = |x: &[&Tensor<f64>]| (x[0] * x[1]).map(|y| 0.1 * y);
    operation(Rule { bug, forward, gradient: rule }).inputs([[2, 3], [2, 3]]).run()
}
