use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::common::*;

/// Folds by the definition: combines every element with the result at its projected index.
fn naive(
    x: &Tensor<f64>,
    axes: &[usize],
    keep: bool,
    identity: f64,
    f: impl Fn(f64, f64) -> f64,
) -> Tensor<f64> {
    let shape: Vec<usize> = match keep {
        true => project_shape(x.shape(), axes),
        false => project(x.shape(), axes, false),
    };
    let mut out = Tensor::full(&shape[..], identity);
    for index in indices(x.shape()) {
        let target = project(&index, axes, keep);
        let flat = target.iter().zip(&shape).fold(0, |flat, (i, extent)| flat * extent + i);
        let out = &mut out.as_mut_slice()[flat];
        *out = f(*out, x[&index[..]]);
    }
    out
}

fn project_shape(shape: &[usize], axes: &[usize]) -> Vec<usize> {
    (0..shape.len()).map(|i| if axes.contains(&i) { 1 } else { shape[i] }).collect()
}

/// A shape and some of its axes, out of order.
fn shape_and_axes() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    shapes().prop_flat_map(|shape| {
        let axes: Vec<usize> = (0..shape.len()).collect();
        let count = 0..=axes.len();
        (Just(shape), prop::sample::subsequence(axes, count).prop_shuffle())
    })
}

type Reduction = fn(&Tensor<f64>, &[isize]) -> Tensor<f64>;
type Extremum = (Reduction, bool, f64, fn(f64, f64) -> f64);

proptest! {
    #[test]
    fn reductions_have_their_values((shape, axes) in shape_and_axes(), seed: u64) {
        let x = values::<f64>(&shape, seed);
        // alternately counted from the front and from the end
        let signed: Vec<isize> = axes.iter().enumerate().map(|(i, &axis)| {
            axis as isize - if i % 2 == 0 { 0 } else { shape.len() as isize }
        }).collect();
        let count: usize = axes.iter().map(|&axis| shape[axis]).product();
        let sums: [(Reduction, bool); 2] = [(Tensor::sum, false), (Tensor::sum_keep, true)];
        for (sum, keep) in sums {
            assert_close(&sum(&x, &signed), &naive(&x, &axes, keep, 0.0, |x, y| x + y), 1e-13);
        }
        let norms: [(Reduction, bool); 2] = [(Tensor::norm, false), (Tensor::norm_keep, true)];
        for (norm, keep) in norms {
            let squares = naive(&x.square(), &axes, keep, 0.0, |x, y| x + y);
            assert_close(&norm(&x, &signed), &squares.sqrt(), 1e-13);
        }
        let means: [(Reduction, bool); 2] = [(Tensor::mean, false), (Tensor::mean_keep, true)];
        for (mean, keep) in means {
            let sum = naive(&x, &axes, keep, 0.0, |x, y| x + y);
            let expected = if axes.is_empty() { sum } else { sum.map(|x| x / count as f64) };
            assert_close(&mean(&x, &signed), &expected, 1e-13);
        }
        let extrema: [Extremum; 4] = [
            (Tensor::max, false, f64::NEG_INFINITY, f64::max),
            (Tensor::max_keep, true, f64::NEG_INFINITY, f64::max),
            (Tensor::min, false, f64::INFINITY, f64::min),
            (Tensor::min_keep, true, f64::INFINITY, f64::min),
        ];
        if count > 0 {
            for (extremum, keep, identity, f) in extrema {
                assert_same(&extremum(&x, &signed), &naive(&x, &axes, keep, identity, f));
            }
        }
        let all: Vec<usize> = (0..shape.len()).collect();
        let total = naive(&x, &all, false, 0.0, |x, y| x + y);
        assert_close(&x.sum_all(), &total, 1e-13);
    }

    #[test]
    fn sum_to_undoes_broadcasting([a, b] in broadcasting(), seed: u64) {
        let shape = broadcast_shape(&[&a, &b]);
        let x = values::<f64>(&shape, seed);
        let mut expected = Tensor::zeros(&a[..]);
        for index in indices(&shape) {
            let own = index[index.len() - a.len()..].iter().zip(&a);
            let flat = own.fold(0, |flat, (&i, &extent)| flat * extent + i.min(extent - 1));
            expected.as_mut_slice()[flat] += x[&index[..]];
        }
        assert_close(&x.sum_to(&a[..]), &expected, 1e-13);
    }

    #[test]
    fn argmax_is_the_first_maximum((shape, axis) in shape_and_axis(), seed: u64) {
        prop_assume!(shape[axis] > 0);
        let x = values::<f64>(&shape, seed).map(|x| x.round()); // with ties
        let actual = x.argmax(axis as isize);
        let rest = project(&shape, &[axis], false);
        let expected: Vec<usize> = indices(&rest).iter().map(|index| {
            let at = |i: usize| x[&[&index[..axis], &[i], &index[axis..]].concat()[..]];
            let max = (0..shape[axis]).map(at).fold(f64::NEG_INFINITY, f64::max);
            (0..shape[axis]).position(|i| at(i) == max).unwrap()
        }).collect();
        prop_assert_eq!(actual, expected);
    }
}

/// Axes exceed the sizes at which a fold is halved and divided among threads, along rows and
/// columns.
#[test]
fn long_axes_reduce_alike() {
    for shape in [[1, 150_000, 1], [3, 50_000, 1], [1, 15_001, 11], [2, 300, 301], [2, 5, 20_000]] {
        let x = Tensor::from_fn(shape, |i| ((i * 7919) % 1009) as f64);
        let row = |o: usize, j: usize| {
            let x = x.as_slice();
            (0..shape[1]).map(move |i| x[(o * shape[1] + i) * shape[2] + j])
        };
        let sums = from_indices([shape[0], shape[2]], |i| row(i[0], i[1]).sum());
        assert_same(&x.sum(&[1]), &sums); // integers: exact in any order
        let maxima = from_indices([shape[0], shape[2]], |i| row(i[0], i[1]).fold(0.0, f64::max));
        assert_same(&x.max(&[1]), &maxima);
    }
}

#[test]
fn long_sums_are_accurate() {
    let n = 1_000_000;
    let x = values::<f32>(&[n], 7).map(|x| x + 2.0);
    let exact: f64 = x.as_slice().iter().map(|&x| f64::from(x)).sum();
    let relative = |sum: f32| (f64::from(sum) - exact).abs() / exact;
    // the tolerance is two roundings; a single accumulator in `f32` is off by more than 1e-5
    assert!(relative(x.sum_all().item()) < 1.2e-7, "{}", relative(x.sum_all().item()));
    assert!(relative(x.reshape([n, 1]).sum(&[0])[[0]]) < 1.2e-7);
    let columns = x.reshape([n / 4, 4]).sum(&[0]).sum_all().item();
    assert!(relative(columns) < 1.2e-7, "{}", relative(columns));
}

#[test]
fn empty_axes_have_their_limits() {
    let x = Tensor::<f32>::zeros([2, 0]);
    assert_eq!(x.sum(&[1]), Tensor::zeros([2]));
    assert_eq!(x.sum(&[0]), Tensor::zeros([0]));
    assert!(x.mean(&[1]).as_slice().iter().all(|mean| mean.is_nan()));
    assert_eq!(x.max(&[0]), Tensor::zeros([0]));
}

#[test]
fn extrema_keep_nan() {
    for position in [0, 1, 40, 99] {
        let x = Tensor::from_fn([100], |i| if i == position { f32::NAN } else { i as f32 });
        assert!(x.max(&[0]).item().is_nan());
        assert!(x.min(&[0]).item().is_nan());
        assert!(x.reshape([50, 2]).max(&[0])[[position % 2]].is_nan());
        assert_eq!(x.argmax(0), [position]);
    }
    let x = Tensor::from_vec([3], vec![f64::NAN, 1.0, f64::NAN]);
    assert_eq!(x.argmax(0), [0]);
    assert_eq!(Tensor::full([2], f64::NEG_INFINITY).argmax(0), [0]);
}

#[test]
fn norms_neither_overflow_nor_underflow() {
    let norm = |x: &[f32]| Tensor::from_slice([x.len()], x).norm(&[0]).item();
    assert_eq!(norm(&[3.0, 4.0]), 5.0);
    assert_eq!(norm(&[3e19, 4e19]), 5e19);
    assert_eq!(norm(&[f32::MAX, 1.0]), f32::MAX);
    assert_eq!(norm(&[1e-23]), 1e-23);
    assert_eq!(norm(&[3e-45, 4e-45]), 5e-45);
    assert_eq!(norm(&[1e-30, -1.0]), 1.0);
    assert_eq!(norm(&[0.0, 0.0]), 0.0);
    assert_eq!(norm(&[1.0, f32::NEG_INFINITY]), f32::INFINITY);
    assert!(norm(&[f32::NAN, f32::INFINITY]).is_nan());
    // each axis by itself
    let rows = Tensor::from_vec([3, 2], vec![3.0_f32, 4.0, 3e19, 4e19, 0.0, -1e-23]);
    assert_eq!(rows.norm(&[1]).to_vec(), [5.0, 5e19, 1e-23]);
    assert_eq!(rows.norm_keep(&[0]).shape(), &[1, 2]);
}
