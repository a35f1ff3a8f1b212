//! The plan of a step that is not compiled names every obstacle: operation, shapes, line and remedy.

use expect_test::expect;

use bptt_autodiff::{Operation, Pullback, Tape, Var};
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor};

use super::support::{distance, param, plan, uniform};

/// A plan in which the equation stands in place of each position in this file.
fn with_equations(plan: &str) -> String {
    let source: Vec<&str> = include_str!("obstacles.rs").lines().collect();
    let mut parts = plan.split(concat!(file!(), ":"));
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (position, rest) = part.split_once('\n').expect("a position ends its line");
        let (line, column) = position.split_once(':').expect("line and column");
        let [line, column] =
            [line, column].map(|number| number.parse::<usize>().expect("a number"));
        named += &format!("`{}`\n{rest}", &source[line - 1][column - 1..]);
    }
    named
}

/// The plans of a step, as [`plan`] has them, with equations in place of positions.
fn plan_with_equations(
    step: impl for<'t> FnMut(Var<'t, f64>, Var<'t, f64>) -> (Var<'t, f64>, Var<'t, f64>),
) -> (String, String) {
    let (forward, reverse) = plan(step);
    (with_equations(&forward), with_equations(&reverse))
}

#[test]
fn functions_along_the_batch() {
    let (forward, reverse) = plan_with_equations(|x, h| {
        let weights = h.softmax(0);
        let centred = h - h.mean_keep(&[0]);
        (x.sum_all() * weights, (centred * weights).tanh())
    });
    expect![[r#"
        partly operation by operation, because of
          softmax(axis 0) of [2, 4] to [2, 4] at `softmax(0);`
            the rows of the batch depend on each other; reduce the axes after the batch here, and the batch outside of the step
          sum(axes [0]) of [2, 4] to [1, 4] at `mean_keep(&[0]);`
            the rows of the batch depend on each other; reduce the axes after the batch here, and the batch outside of the step
          sum(axes [0, 1]) of [2, 3] to [] at `sum_all() * weights, (centred * weights).tanh())`
            the rows of the batch depend on each other; reduce the axes after the batch here, and the batch outside of the step
        4 of 8 operations are compiled
    "#]].assert_eq(&forward);
    expect![[r#"
        partly operation by operation, because of
          sum_to([]) of [2, 4] to [] in the gradient of `x.sum_all() * weights, (centred * weights).tanh())`
            the rows of the batch depend on each other; reduce the axes after the batch here, and the batch outside of the step
          sum(axes [0]) of [2, 4] to [1, 4] in the gradient of `softmax(0);`
            the rows of the batch depend on each other; reduce the axes after the batch here, and the batch outside of the step
          sum_to([1, 4]) of [2, 4] to [1, 4] in the gradient of `h - h.mean_keep(&[0]);`
            the rows of the batch depend on each other; reduce the axes after the batch here, and the batch outside of the step
        15 of 19 operations are compiled, 3 of them for all steps at once
    "#]].assert_eq(&reverse);
}

#[test]
fn operations_along_the_batch() {
    let (forward, reverse) = plan_with_equations(|x, h| {
        let sorted = h.sort(0);
        let (largest, _) = h.topk(1, 0);
        (x.cumsum(0), (sorted * largest).tanh())
    });
    expect![[r#"
        partly operation by operation, because of
          argsort(axis 0) of [2, 4] to [2, 4] at `sort(0);`
            the rows of the batch depend on each other; sort and add along the axes after the batch
          topk(axis 0) of [2, 4] to [1, 4] at `topk(1, 0);`
            the rows of the batch depend on each other; sort and add along the axes after the batch
          cumsum(axis 0) of [2, 3] to [2, 3] at `cumsum(0), (sorted * largest).tanh())`
            the rows of the batch depend on each other; sort and add along the axes after the batch
        2 of 7 operations are compiled
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        partly operation by operation, because of
          reverse_cumsum(axis 0) of [2, 3] to [2, 3] in the gradient of `cumsum(0), (sorted * largest).tanh())`
            the rows of the batch depend on each other; sort and add along the axes after the batch
          scatter_along(axis 0) of [2, 4], [2, 4] to [2, 4] in the gradient of `sort(0);`
            scatter after the scan, or multiply by one-hot vectors
          sum_to([1, 4]) of [2, 4] to [1, 4] in the gradient of `(sorted * largest).tanh())`
            the rows of the batch depend on each other; reduce the axes after the batch here, and the batch outside of the step
        5 of 10 operations are compiled
    "#]]
    .assert_eq(&reverse);
}

/// `y = factor · x`, an opaque operation.
#[derive(Debug)]
struct Scale(f64);

impl<T: Scalar> Operation<T> for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0] * self.0
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let g = at.cotangent();
        at.add(0, || g * self.0);
    }
}

/// The product of matrices is compiled once the other operation is out of the way.
#[test]
fn an_opaque_operation_beside_a_product_of_matrices() {
    let (forward, reverse) = plan_with_equations(|x, h| {
        let scaled = x.tape().apply(Scale(0.5), &[h]);
        let product = h.reshape([2, 2, 2]).matmul(scaled.reshape([2, 2, 2]));
        (x, product.reshape([2, 4]).tanh())
    });
    expect![[r#"
        partly operation by operation, because of
          scale of [2, 4] to [2, 4] at `apply(Scale(0.5), &[h]);`
            a function of single elements is compiled as `Elementwise` or by `OpClass::elementwise`, and one of whole rows by `Operation::by_rows`; compose any other of compiled operations
        2 of 3 operations are compiled
    "#]].assert_eq(&forward);
    expect![[r#"
        each step:
          fused, 4 columns:
            t0 = tanh_vjp c0(before) x1
          t1 = matmul(Aᵀ, B) x1(next) t0
          t2 = matmul(A, Bᵀ) t0 x2
          fused, 4 columns:
            c0 = t1 · 0.5 + t2
        after the loop, all steps at once:
          fused, 3 columns:
            y0 = identity x0
    "#]]
    .assert_eq(&reverse);
}

#[test]
fn products_and_shapes_without_the_batch() {
    let w = param([4, 4], 3);
    let (forward, reverse) = plan_with_equations(|x, h| {
        let inner = h.transpose(0, 1).matmul(h);
        let turned = (&w * inner).matmul(h.transpose(0, 1));
        let flat = h.reshape([8]);
        let swapped = Var::concat(&[h.slice(0, 1..2), h.slice(0, 0..1)], 0);
        (x * flat.sum_all(), (turned.transpose(0, 1) + swapped).tanh())
    });
    expect![[r#"
        partly operation by operation, because of
          permute([1, 0]) of [2, 4] to [4, 2] at `transpose(0, 1).matmul(h);`
            keep the batch the first axis; reshape, transpose, cut and join the axes after it
          reshape([8]) of [2, 4] to [8] at `reshape([8]);`
            keep the batch the first axis; reshape, transpose, cut and join the axes after it
          slice(axis 0, 1..2) of [2, 4] to [1, 4] at `slice(0, 1..2), h.slice(0, 0..1)], 0);`
            keep the batch the first axis; reshape, transpose, cut and join the axes after it
          slice(axis 0, 0..1) of [2, 4] to [1, 4] at `slice(0, 0..1)], 0);`
            keep the batch the first axis; reshape, transpose, cut and join the axes after it
        3 of 10 operations are compiled
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        partly operation by operation, because of
          slice(axis 0, 0..1) of [2, 4] to [1, 4] in the gradient of `Var::concat(&[h.slice(0, 1..2), h.slice(0, 0..1)], 0);`
            keep the batch the first axis; reshape, transpose, cut and join the axes after it
          slice(axis 0, 1..2) of [2, 4] to [1, 4] in the gradient of `Var::concat(&[h.slice(0, 1..2), h.slice(0, 0..1)], 0);`
            keep the batch the first axis; reshape, transpose, cut and join the axes after it
          permute([1, 0]) of [2, 4] to [4, 2] at `transpose(0, 1).matmul(h);`
            keep the batch the first axis; reshape, transpose, cut and join the axes after it
          permute([1, 0]) of [2, 4] to [4, 2] in the gradient of `transpose(0, 1) + swapped).tanh())`
            keep the batch the first axis; reshape, transpose, cut and join the axes after it
          sum_to([]) of [2, 3] to [] in the gradient of `x * flat.sum_all(), (turned.transpose(0, 1) + swapped).tanh())`
            the rows of the batch depend on each other; reduce the axes after the batch here, and the batch outside of the step
        6 of 20 operations are compiled
    "#]].assert_eq(&reverse);
}

#[test]
fn values_without_elements() {
    let (forward, reverse) = plan_with_equations(|x, h| {
        let nothing = h.slice(1, 4..).reshape([2, 0, 1]).exp().sum(&[1]);
        (x, (h + nothing).tanh())
    });
    expect![[r#"
        partly operation by operation, because of
          exp of [2, 0, 1] to [2, 0, 1] at `exp().sum(&[1]);`
            a value without elements; leave it out of the step
          sum(axes [1]) of [2, 0, 1] to [2, 1] at `sum(&[1]);`
            a value without elements; leave it out of the step
        2 of 4 operations are compiled
    "#]]
    .assert_eq(&forward);
    expect![[r#"
        partly operation by operation, because of
          chain_mul of [2, 1, 1], [2, 0, 1] to [2, 0, 1] in the gradient of `exp().sum(&[1]);`
            a value without elements; leave it out of the step
        4 of 5 operations are compiled
    "#]]
    .assert_eq(&reverse);
}

#[test]
fn values_that_all_rows_share() {
    let tape = Tape::<f64>::new();
    let (numbers, row) = (uniform([5, 3], 4), tape.constant(uniform([3], 5)));
    let (xs, h) = (tape.constant(uniform([5, 2, 3], 1)), tape.constant(uniform([2, 3], 2)));
    let plan = tape.scan(xs, h).plan(|x, h| (x * tape.at_step(&numbers).sum(&[0]), h.tanh()));
    expect![[r#"
        forward
        operation by operation, because of
          an entry x1 of [3]
            all rows of the batch share it; give it a row for each, [B, ..], or read it by `Tape::at_step` in elementwise functions alone
          sum(axes [0]) of [3] to [] at `sum(&[0]), h.tanh()));`
            all rows of the batch share it; give it a row for each, [B, ..]

        reverse
        partly operation by operation, because of
          sum_to([]) of [2, 3] to [] in the gradient of `x * tape.at_step(&numbers).sum(&[0]), h.tanh()));`
            the rows of the batch depend on each other; reduce the axes after the batch here, and the batch outside of the step
        3 of 5 operations are compiled
    "#]].assert_eq(&with_equations(&plan));
    let matrices = uniform([5, 3, 3], 6);
    let plan = tape.scan(xs, h).plan(|x, h| (row, x + h.matmul(tape.at_step(&matrices))));
    expect![[r#"
        forward
        operation by operation, because of
          an entry x1 of [3, 3]
            all rows of the batch share it; give it a row for each, [B, ..], or read it by `Tape::at_step` in elementwise functions alone
          matmul(A, B) of [2, 3], [3, 3] to [2, 3] at `matmul(tape.at_step(&matrices))));`
            a right operand that differs from step to step has a matrix for each row: [B, M, K] · [B, K, N]
          an output of [3]
            all rows of the batch share it; give it a row for each, [B, ..]

        reverse
        operation by operation, because of
          matmul(A, Bᵀ) of [2, 3], [3, 3] to [2, 3] in the gradient of `matmul(tape.at_step(&matrices))));`
            a right operand that differs from step to step has a matrix for each row: [B, M, K] · [B, K, N]
    "#]]
    .assert_eq(&with_equations(&plan));
}

#[test]
fn a_scan_within_a_step() {
    let w = param([1, 4], 3);
    let (forward, reverse) = plan_with_equations(|x, h| {
        let entries = x.reshape([2, 3, 1]).permute(&[1, 0, 2]);
        let inner = x.tape().scan(entries, h);
        (x, inner.run(|x, h| ((), (x.matmul(&w) + h).tanh())).state)
    });
    expect![[r#"
        operation by operation, because of
          permute([1, 0, 2]) of [2, 3, 1] to [3, 2, 1] at `permute(&[1, 0, 2]);`
            keep the batch the first axis; reshape, transpose, cut and join the axes after it
          scan of [3, 2, 1], [2, 4], [1, 4] to [8] at `run(|x, h| ((), (x.matmul(&w) + h).tanh())).state)`
            the inner scan is compiled, and the step around it is not; write a short inner loop out
    "#]].assert_eq(&forward);
    expect![[r#"
        operation by operation, because of
          reshape([8]) of [2, 4] to [8] in the gradient of `run(|x, h| ((), (x.matmul(&w) + h).tanh())).state)`
            keep the batch the first axis; reshape, transpose, cut and join the axes after it
          permute([1, 0, 2]) of [2, 3, 1] to [3, 2, 1] at `permute(&[1, 0, 2]);`
            keep the batch the first axis; reshape, transpose, cut and join the axes after it
          scan of [3, 2, 1], [2, 4], [1, 4] to [32] in the gradient of `run(|x, h| ((), (x.matmul(&w) + h).tanh())).state)`
            the inner scan is compiled, and the step around it is not; write a short inner loop out
          scan of [3, 2, 4], [3, 2, 1], [2, 4], [1, 4] to [18] in the gradient of `run(|x, h| ((), (x.matmul(&w) + h).tanh())).state)`
            the inner scan is compiled, and the step around it is not; write a short inner loop out
    "#]].assert_eq(&reverse);
}

#[test]
fn inputs_with_other_numbers_of_rows() {
    let tape = Tape::<f64>::new();
    let xs = tape.constant(uniform([5, 2, 3], 1));
    let [h, s] = [[2, 3], [1, 3]].map(|shape| tape.constant(uniform(shape, 2)));
    let plan = tape.scan(xs, (h, s)).plan(|x, (h, s)| (x, (x + h * s, s.tanh())));
    expect![[r#"
        forward
        partly operation by operation, because of
          the state s1 of [1, 3]
            all rows of the batch share it; give it a row for each, [B, ..]
        2 of 3 operations are compiled

        reverse
        partly operation by operation, because of
          sum_to([1, 3]) of [2, 3] to [1, 3] in the gradient of `h * s, s.tanh())));`
            the rows of the batch depend on each other; reduce the axes after the batch here, and the batch outside of the step
        3 of 6 operations are compiled
    "#]].assert_eq(&with_equations(&plan));
    let nothing = tape.constant(Tensor::zeros([5, 0, 3]));
    expect![[r#"
        forward
        operation by operation, because of
          no input with rows
            a step reads a sequence [T, B, ..] or a state [B, ..], with B of at least 1

        reverse
        operation by operation, because of
          no input with rows
            a step reads a sequence [T, B, ..] or a state [B, ..], with B of at least 1
    "#]]
    .assert_eq(&tape.scan(nothing, ()).plan(|x, ()| (x, ())));
}

/// An equal step is found in the cache, but the plan names the lines of the one at hand.
#[test]
fn equal_steps_at_different_lines() {
    let tape = Tape::<f64>::new();
    let xs = tape.constant(uniform([5, 2, 3], 1));
    let [one, other] = [
        tape.scan(xs, ()).plan(|x, ()| (x.softmax(0), ())),
        tape.scan(xs, ()).plan(|x, ()| (x.softmax(-2), ())),
    ];
    assert!(with_equations(&one).contains("at `softmax(0), ()"), "{one}");
    assert!(with_equations(&other).contains("at `softmax(-2), ()"), "{other}");
}

/// A constant with a row for each sequence of the batch is no obstacle, wherever it stands.
#[test]
fn a_constant_with_rows_is_compiled() {
    let (w, bias) = (param([4, 4], 3), param([4], 6));
    for batch in [1, 2, 4] {
        let tape = Tape::<f64>::new();
        let xs = tape.constant(uniform([5, batch, 4], 1));
        let start = tape.variable(uniform([batch, 4], 2));
        let rows = uniform([batch, 4], 4);
        let constant = tape.constant(rows.clone());
        let mask = tape.constant(rows.map(|x| f64::from(x > 0.0)));
        type Step<'s, 't> = &'s dyn Fn(Var<'t, f64>, Var<'t, f64>) -> (Var<'t, f64>, Var<'t, f64>);
        let steps: [(&str, Step<'_, '_>); 11] = [
            ("a tensor", &|x, h| (x, (h + &rows).tanh())),
            ("of a weight", &|x, h| (x, (h + constant.matmul(&w)).tanh())),
            ("of a gate", &|x, h| (x, (h.matmul(&w) + constant).tanh() * constant)),
            ("a quotient", &|x, h| (x, constant / (h.exp() + constant / x))),
            ("a mask", &|x, h| (x, mask.select(h + x, h))),
            ("joined", &|x, h| (x, Var::concat(&[h.slice(1, ..2), constant.slice(1, 2..)], 1))),
            ("reduced", &|x, h| (x, (h * constant.sum_keep(&[1]) + constant).softmax(1))),
            ("a matrix", &|x, h| {
                let product = constant.reshape([batch, 2, 2]).matmul(h.reshape([batch, 2, 2]));
                (x, product.reshape([batch, 4]).tanh())
            }),
            ("the output", &|x, h| (constant, h + x)),
            ("the state", &|x, h| (x + h, constant)),
            ("the state, broadcast", &|x, h| (x + h, tape.param(&bias).broadcast_to([batch, 4]))),
        ];
        for (name, step) in steps {
            let plan = tape.scan(xs, start).plan(step);
            assert!(!plan.contains("operation by operation"), "{name}, batch {batch}: {plan}");
            let scanned = tape.scan(xs, start).run(step);
            let (mut looped, mut state) = (Vec::new(), start);
            for time in 0..5 {
                let (y, next) = step(xs.index_first(time), state);
                looped.push(y);
                state = next;
            }
            let results = [(scanned.outputs, scanned.state), (Var::stack(&looped, 0), state)];
            let [scanned, looped] = results.map(|(ys, last)| {
                let loss = (ys.square() + ys).sum_all() + last.square().sum_all();
                let [h, c, b] = tape.grad(loss, [start, constant, tape.param(&bias)]);
                [ys, last, h, c, b].map(|var| var.value())
            });
            let error = distance(&scanned, &looped);
            assert!(error < 1e-14, "{name}, batch {batch}: off by {error:e}");
        }
    }
}
