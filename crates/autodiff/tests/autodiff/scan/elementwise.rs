//! Elementwise functions from their values and slopes: compiled, fused and planned once.

use std::cell::Cell;

use bptt_autodiff::{Elementwise, Tape, Var};
use bptt_tensor::{Scalar, Tensor};
use expect_test::expect;

use super::support::{distance, param, plan, uniform};

thread_local! {
    /// The number of times that slopes have been read.
    static READ: Cell<usize> = const { Cell::new(0) };
}

fn read() {
    READ.set(READ.get() + 1);
}

/// `y = x / (1 + |x|)`
fn softsign<T: Scalar>() -> Elementwise<T, 1> {
    Elementwise::new(
        "softsign",
        |[x]: [T; 1]| x / (T::one() + x.abs()),
        |[x], _| {
            read();
            [(1.0 + x.abs()).square().recip()]
        },
    )
}

/// `y = a b²`, as functions rather than closures.
fn product<T: Scalar>() -> Elementwise<T, 2> {
    fn value<T: Scalar>([a, b]: [T; 2]) -> T {
        a * b * b
    }
    fn slopes<'t, T: Scalar>([a, b]: [Var<'t, T>; 2], _: Var<'t, T>) -> [Var<'t, T>; 2] {
        read();
        [b.square(), a * b * 2.0]
    }
    Elementwise::new("product", value, slopes)
}

/// `y = max(x, slope · x)`
fn leaky<T: Scalar>(slope: f64) -> Elementwise<T, 1> {
    Elementwise::with_constants(
        "leaky",
        slope,
        |&slope, [x]: [T; 1]| if x > T::zero() { x } else { T::of(slope) * x },
        |&slope, [x], _| {
            read();
            [x.gt(0.0).select(1.0, slope)]
        },
    )
}

/// `y = factor · x`, whose functions capture the factor.
fn scale<T: Scalar>(factor: f64) -> Elementwise<T, 1> {
    Elementwise::new(
        "scale",
        move |[x]: [T; 1]| T::of(factor) * x,
        move |[x], _| {
            read();
            [x.tape().scalar(factor)]
        },
    )
}

#[test]
fn they_are_instructions_of_a_fused_sequence() {
    let (w, scale) = (param([4, 4], 3), param([4], 4));
    let (forward, reverse) = plan(|x, h| {
        let z = product().apply([h.matmul(&w), h.tape().param(&scale)]);
        let next = softsign().apply([z + x.slice(1, ..1)]);
        (leaky(0.1).apply([z]), next)
    });
    expect![[r#"
        each step:
          y1 = y2(before) · w0
          fused, 4 columns:
            z0 = product y1 w1
            r0 = add z0 x0[0..1]
            y2 = softsign r0
        after the loop, all steps at once:
          fused, 4 columns:
            y0 = leaky z0
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        once:
          w3 = square w0
        each step:
          fused, 4 columns:
            r0 = product x1 w0
            r1 = add r0 x0[0..1]
            r2 = abs r1
            r1 = add r2 1
            r2 = square r1
            r1 = recip r2
            z0 = chain_mul c0(before) r1
            r1 = gt r0 0
            r0 = select r1 1 0.1
            z1 = x2 ⊗ r0 + z0
            z2 = chain_mul z1 w3
          c0 = z2 · w1ᵀ
        after the loop, all steps at once:
          fused, 2 columns:
            y0[1..3] = identity 0
          then, 4 columns:
            r3 = sum z0
            r2 = mul x1 w0
            r1 = mul r2 2
            sum1 += z1 ⊗ r1
          then, 1 columns:
            y0[0..1] = identity r3
        summed over all steps:
          sum0 += x3(next)ᵀ · z2
    "#]]
    .assert_eq(&reverse);
}

/// How often the slopes are read in a scan and its gradient.
fn reads(step: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) -> usize {
    let before = READ.get();
    let tape = Tape::<f64>::new();
    let (xs, h) = (tape.variable(uniform([5, 2, 3], 1)), tape.constant(uniform([2, 3], 2)));
    let scanned = tape.scan(xs, h).run(|x, h| ((), step(x * h)));
    let gradients = tape.backward(scanned.state.sum_all());
    assert!(gradients.wrt(xs).is_finite());
    READ.get() - before
}

#[test]
fn a_function_is_planned_once() {
    let first = reads(|x| softsign().apply([x]));
    assert!(first > 0);
    assert_eq!(reads(|x| softsign().apply([x])), 0, "functions that capture nothing");
    let kept = softsign();
    assert_eq!(reads(|x| kept.apply([x])), 0);

    assert!(reads(|x| product().apply([x, x])) > 0);
    assert_eq!(reads(|x| product().apply([x, x])), 0, "functions that are not closures");

    assert!(reads(|x| leaky(0.1).apply([x])) > 0);
    assert_eq!(reads(|x| leaky(0.1).apply([x])), 0, "equal constants");
    assert!(reads(|x| leaky(0.2).apply([x])) > 0, "other constants");

    let kept = scale(0.5);
    assert!(reads(|x| kept.apply([x])) > 0);
    assert_eq!(reads(|x| kept.clone().apply([x])), 0, "clones");
    assert!(reads(|x| scale(0.5).apply([x])) > 0, "captured values may differ");
}

#[test]
fn equality_is_of_names_functions_and_constants() {
    assert_eq!(leaky::<f32>(0.1), leaky(0.1));
    assert_ne!(leaky::<f32>(0.1), leaky(0.2));
    let sine = |name| Elementwise::new(name, |[x]: [f64; 1]| x.sin(), |[x], _| [x.cos()]);
    assert_eq!(sine("sine"), sine("sine"));
    assert_ne!(sine("sine"), sine("sin"));
    let cosine = Elementwise::new("sine", |[x]: [f64; 1]| x.cos(), |[x], _| [-x.sin()]);
    assert_ne!(sine("sine"), cosine);
    assert_ne!(scale::<f64>(0.5), scale(0.5));
    let kept = scale::<f64>(0.5);
    assert_eq!(kept, kept.clone());
}

fn step<'t, T: Scalar>([w, row]: [Var<'t, T>; 2], x: Var<'t, T>, h: Var<'t, T>) -> Var<'t, T> {
    let z = product().apply([x + h.matmul(w), row]);
    softsign().apply([leaky(0.3).apply([z])])
}

/// Gradients and gradients of gradients.
fn orders<T: Scalar>(unrolled: bool) -> Vec<Tensor<T>> {
    let tape = Tape::<T>::new();
    let [xs, h0, w, row] = [
        tape.variable(uniform([6, 33, 5], 1)),
        tape.variable(uniform([33, 5], 2)),
        tape.variable(uniform([5, 5], 3)),
        tape.variable(uniform([5], 4)),
    ];
    let loss = if unrolled {
        (0..6).fold(h0, |h, t| step([w, row], xs.index_first(t), h)).square().sum_all()
    } else {
        let scanned = tape.scan(xs, h0).run(|x, h| ((), step([w, row], x, h)));
        scanned.state.square().sum_all()
    };
    let first = tape.grad(loss, [xs, h0, w, row]);
    let penalty = first.iter().map(|g| g.square().sum_all()).reduce(|a, b| a + b);
    let second = tape.grad(penalty.expect("four gradients"), [xs, h0, w, row]);
    first.iter().chain(&second).map(|var| var.value()).collect()
}

#[test]
fn two_orders_are_those_of_the_loop() {
    let off = distance(&orders::<f64>(false), &orders(true));
    assert!(off < 1e-12, "{off:e}");
    let off = distance(&orders::<f32>(false), &orders(true));
    assert!(off < 1e-4, "{off:e}");
}
