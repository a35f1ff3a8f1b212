//! A scan against the loop that specifies it: values, gradients, and second derivatives.

use crate::derivatives::check;
use crate::support::{Random, Sizes, TestCell, assert_near, run, scanned, unrolled};

fn equals_unroll<C: TestCell>(
    make: impl Fn(&mut Random, Sizes) -> C,
    sizes: Sizes,
    rng: &mut Random,
) {
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    let (scan, unroll) = (run(&cell, &inputs, scanned), run(&cell, &inputs, unrolled));
    assert_near(&scan.values, &unroll.values, 1e-12);
    assert_near(&scan.gradients.inputs, &unroll.gradients.inputs, 1e-11);
    assert_near(&scan.gradients.parameters, &unroll.gradients.parameters, 1e-11);
}

for_every_cell!(equals_unroll, 24);

fn differentiates_again<C: TestCell>(
    make: impl Fn(&mut Random, Sizes) -> C,
    sizes: Sizes,
    rng: &mut Random,
) {
    let cell = make(rng, sizes);
    let inputs = sizes.inputs(&cell, rng);
    check(&cell, &inputs, rng, scanned);
}

for_every_cell!(differentiates_again, 12);
