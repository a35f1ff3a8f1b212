//! Functions of each element, and of two or three operands that broadcast.

use proptest::prelude::*;

use super::arbitrary::broadcastable;
use super::harness::{Domain, check};

/// One row for each operation: its test, where its operands are drawn from, its equation.
macro_rules! operations {
    ($($name:ident ($domain:ident) [$($x:ident),+] => $y:expr;)*) => {$(
        #[test]
        fn $name() {
            let operands = [$(stringify!($x)),+].len();
            let shapes = broadcastable(operands).prop_map(|shapes| ((), shapes));
            check(Domain::$domain, shapes, |(), operands| {
                let &[$($x),+] = operands else { unreachable!() };
                $y
            });
        }
    )*};
}

operations! {
    neg(Any) [x] => -x;
    abs(NonZero) [x] => x.abs();
    square(Any) [x] => x.square();
    sqrt(Positive) [x] => x.sqrt();
    recip(NonZero) [x] => x.recip();
    exp(Any) [x] => x.exp();
    ln(Positive) [x] => x.ln();
    sin(Any) [x] => x.sin();
    cos(Any) [x] => x.cos();
    tanh(Any) [x] => x.tanh();
    erf(Any) [x] => x.erf();
    sigmoid(Any) [x] => x.sigmoid();
    relu(NonZero) [x] => x.relu();
    softplus(Any) [x] => x.softplus();
    sign(NonZero) [x] => x.sign();

    powf_of_a_fraction(Positive) [x] => x.powf(2.5);
    powf_of_a_negative_fraction(Positive) [x] => x.powf(-0.5);
    // whole exponents take negative bases; and 0, 1 and 2 have derivatives that vanish
    powf_of_minus_two(NonZero) [x] => x.powf(-2.0);
    powf_of_zero(Any) [x] => x.powf(0.0);
    powf_of_one(Any) [x] => x.powf(1.0);
    powf_of_two(Any) [x] => x.powf(2.0);
    powf_of_three(Any) [x] => x.powf(3.0);

    add(Any) [a, b] => a + b;
    sub(Any) [a, b] => a - b;
    mul(Any) [a, b] => a * b;
    div(NonZero) [a, b] => a / b;
    maximum(Distinct) [a, b] => a.maximum(b);
    minimum(Distinct) [a, b] => a.minimum(b);

    // steps: their gradients are zero
    gt(Distinct) [a, b] => a.gt(b);
    ge(Distinct) [a, b] => a.ge(b);
    lt(Distinct) [a, b] => a.lt(b);
    le(Distinct) [a, b] => a.le(b);
    equal(Distinct) [a, b] => a.equal(b);
    // a gradient flows to the choices, not to what the condition was computed from
    select(NonZero) [c, a, b] => c.gt(0.0).select(a, b);
}
