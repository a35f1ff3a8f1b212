//! Functions of each element, and of two or three operands that broadcast.

use bptt_gradcheck::Domain::{Distinct, NonZero, Positive};
use bptt_gradcheck::{Law, broadcastable, domains};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::family;

/// One row for each operation: its test, where its operands are drawn from, its equation.
macro_rules! elementwise {
    ($($name:ident: $domain:expr, [$($x:ident),+] => $y:expr;)*) => {$(
        #[test]
        fn $name() {
            let operands = [$(stringify!($x)),+].len();
            let shapes = broadcastable(operands).prop_map(|shapes| ((), shapes));
            let check = family(stringify!($name), $domain, shapes, |(), operands| {
                let &[$($x),+] = operands else { unreachable!("as many operands as shapes") };
                $y
            });
            check.check();
        }
    )*};
}

elementwise! {
    neg: domains(), [x] => -x;
    square: domains(), [x] => x.square();
    exp: domains(), [x] => x.exp();
    expm1: domains(), [x] => x.expm1();
    sin: domains(), [x] => x.sin();
    cos: domains(), [x] => x.cos();
    tanh: domains(), [x] => x.tanh();
    erf: domains(), [x] => x.erf();
    sigmoid: domains(), [x] => x.sigmoid();
    softplus: domains(), [x] => x.softplus();
    log_sigmoid: domains(), [x] => x.log_sigmoid();

    // not where they have no value, or no slope
    sqrt: Just(Positive), [x] => x.sqrt();
    ln: Just(Positive), [x] => x.ln();
    log1p: Just(Positive), [x] => x.log1p();
    recip: Just(NonZero), [x] => x.recip();

    // away from the kinks, where every derivative is compared; then at them and beside them
    abs: Just(NonZero), [x] => x.abs();
    abs_near_its_kink: domains(), [x] => x.abs();
    relu: Just(NonZero), [x] => x.relu();
    relu_near_its_kink: domains(), [x] => x.relu();
    sign: Just(NonZero), [x] => x.sign();
    sign_near_its_jump: domains(), [x] => x.sign();

    floor: domains(), [x] => (x * 3.0).floor();
    ceil: domains(), [x] => (x * 3.0).ceil();
    round: domains(), [x] => (x * 3.0).round();
    clamp: domains(), [x] => x.clamp(-0.7, 1.3);
    // at both bounds at once: a constant
    clamp_to_one_number: domains(), [x] => x.clamp(0.0, 0.0) * x;
    rem_by_a_number: domains(), [x] => x.rem(0.75) * x.rem(-2.5);
    rem: Just(NonZero), [a, b] => (a * 5.0).rem(b);

    powf_of_a_fraction: Just(Positive), [x] => x.powf(2.5);
    powf_of_a_negative_fraction: Just(Positive), [x] => x.powf(-0.5);
    // whole exponents take negative bases; and 0, 1 and 2 have derivatives that vanish
    powf_of_minus_two: Just(NonZero), [x] => x.powf(-2.0);
    powf_of_zero: domains(), [x] => x.powf(0.0);
    powf_of_one: domains(), [x] => x.powf(1.0);
    powf_of_two: domains(), [x] => x.powf(2.0);
    powf_of_three: domains(), [x] => x.powf(3.0);

    pow: Just(Positive), [a, b] => a.pow(b);
    pow_of_any_base: Just(NonZero), [x] => x.pow(3.0) + x.pow(-2.0);
    pow_of_any_exponent: domains(), [p] => p.tape().scalar(2.5).pow(p);
    chain_mul: domains(), [a, b] => a.chain_mul(b);
    chain_div: Just(NonZero), [a, b] => a.chain_div(b);

    add: domains(), [a, b] => a + b;
    sub: domains(), [a, b] => a - b;
    mul: domains(), [a, b] => a * b;
    div: Just(NonZero), [a, b] => a / b;
    literals_at_either_side: domains(), [x] => (2.0 - x) * 3.0 - x / 4.0 + 1.0 / (x.square() + 1.0);
    one_variable_as_both_operands: domains(), [x] => x * x - x / (x * x + 0.5);

    maximum: Just(Distinct), [a, b] => a.maximum(b);
    maximum_near_ties: domains(), [a, b] => a.maximum(b);
    minimum: Just(Distinct), [a, b] => a.minimum(b);
    minimum_near_ties: domains(), [a, b] => a.minimum(b);
    // a tie everywhere and yet no kink: what the two sides get must add up to all
    extrema_of_equals: domains(), [x] => x.maximum(x) * x.minimum(x);

    // steps: their gradients are zero
    gt: Just(Distinct), [a, b] => a.gt(b);
    ge: Just(Distinct), [a, b] => a.ge(b);
    lt: Just(Distinct), [a, b] => a.lt(b);
    le: Just(Distinct), [a, b] => a.le(b);
    equal: Just(Distinct), [a, b] => a.equal(b);
    gt_near_ties: domains(), [a, b] => a.gt(b);
    ge_near_ties: domains(), [a, b] => a.ge(b);
    lt_near_ties: domains(), [a, b] => a.lt(b);
    le_near_ties: domains(), [a, b] => a.le(b);
    equal_near_ties: domains(), [a, b] => a.equal(b);

    // a gradient flows to the choices, not to the condition nor to what it was computed from
    select: Just(NonZero), [c, a, b] => c.gt(0.0).select(a, b);
    select_near_its_jump: domains(), [c, a, b] => c.gt(0.0).select(a, b);
    select_by_constants: domains(), [c, a, b] => {
        let bits = Tensor::from_fn(c.shape(), |i| f64::from(u8::from(i % 3 == 1)));
        c.tape().constant(bits).select(a, b)
    };
}

/// The derivative is that of a function whose stopped part does not move. Differences see it move, and say so;
/// the laws that need none hold.
#[test]
fn stop_gradient() {
    let check = || {
        let shapes = broadcastable(2).prop_map(|shapes| ((), shapes));
        family("stop_gradient", domains(), shapes, |(), x| x[0].cos().stop_gradient() * x[1].sin())
    };
    check().without(Law::BY_DIFFERENCES).check();
    for law in [Law::Jacobian, Law::Slope, Law::SecondOrder, Law::ThirdOrder] {
        assert!(!check().only(&[law]).run().holds(), "{law}: something flows");
    }
}
