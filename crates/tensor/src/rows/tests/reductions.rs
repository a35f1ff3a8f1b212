//! Reductions of rows of every width.

use super::*;

#[test]
fn the_sum_of_no_columns_is_zero() {
    let buffer = |width, role| Buffer { lifetime: Lifetime::Sequence, width, role };
    let view = |buffer, width| View { buffer, column: 0, width, delay: None };
    let program = RowProgram {
        buffers: vec![buffer(0, Role::Input), buffer(1, Role::Output)],
        step: vec![Instruction::Fused(vec![phase(
            0,
            [view(0, 0), view(1, 1)],
            vec![RowOp::Reduce(Reduction::Sum, 0, 1)],
        )])],
        ..RowProgram::default()
    };
    let sizes = Sizes { steps: 1, rows: 2, segment: 1, reversed: false };
    let mut sums = [7.0; 2];
    program.run(sizes, &[], &[&Tensor::zeros([1, 2, 0])], &mut [&mut sums]);
    assert_eq!(sums, [0.0; 2]);
}

#[test]
fn a_row_is_reduced_whatever_its_width() {
    type Join = fn(f64, f64) -> f64;
    let reductions: [(Reduction, Join); 3] = [
        (Reduction::Sum, |x, y| x + y),
        (Reduction::Max, |x, y| if x.is_nan() || y.is_nan() { f64::NAN } else { x.max(y) }),
        (Reduction::Min, |x, y| if x.is_nan() || y.is_nan() { f64::NAN } else { x.min(y) }),
    ];
    for (reduction, join) in reductions {
        let widths: &[usize] =
            if cfg!(miri) { &[15, 70, 1030] } else { &[1, 15, 16, 70, 1024, 1030, 2200] };
        for &width in widths {
            let rows = 3;
            let mut x = Tensor::from_fn([rows, width], |i| {
                ((i * 37 + 11) % 101) as f64 - 50.0 + rows as f64
            });
            x.as_mut_slice()[2 * width + width / 2] = f64::NAN; // in the last row
            let found = reduced(reduction, &x);
            for (row, found) in x.as_slice().chunks_exact(width).zip(found) {
                let expected = row.iter().copied().reduce(join).unwrap();
                assert!(found == expected || row.iter().any(|x| x.is_nan()) && found.is_nan());
            }
        }
    }
}

/// Reduces each of three rows.
fn reduced(reduction: Reduction, x: &Tensor<f64>) -> [f64; 3] {
    let [rows, width] = x.shape()[..] else { panic!("a matrix") };
    let buffer = |width, role| Buffer { lifetime: Lifetime::Sequence, width, role };
    let view = |buffer, width| View { buffer, column: 0, width, delay: None };
    let phase = phase(width, [view(0, width), view(1, 1)], vec![RowOp::Reduce(reduction, 0, 1)]);
    let program = RowProgram {
        buffers: vec![buffer(width, Role::Input), buffer(1, Role::Output)],
        step: vec![Instruction::Fused(vec![phase])],
        ..RowProgram::default()
    };
    let sizes = Sizes { steps: 1, rows, segment: 1, reversed: false };
    let mut found = [0.0; 3];
    program.run(sizes, &[], &[x], &mut [&mut found]);
    found
}

#[test]
fn a_norm_is_that_of_the_row_whatever_its_width_and_magnitude() {
    let widths: &[usize] = if cfg!(miri) { &[15, 1030] } else { &[1, 15, 70, 1030, 2200] };
    for (&width, scale) in widths.iter().flat_map(|w| [1.0, 1e-300, 1e300].map(|s| (w, s))) {
        let rows = [-1.0, 0.0, f64::NAN].map(|factor| factor * scale);
        let x = Tensor::from_fn([3, width], |i| (i % width % 7 + 1) as f64 * rows[i / width]);
        let [found, of_zeros, of_nan] = reduced(Reduction::Norm, &x);
        let squares: f64 = (0..width).map(|i| ((i % 7 + 1) as f64).powi(2)).sum();
        let expected = squares.sqrt() * scale;
        assert!((found - expected).abs() <= 1e-14 * expected, "{width}: {found}, not {expected}");
        assert!(of_zeros == 0.0 && of_nan.is_nan());
    }
}
