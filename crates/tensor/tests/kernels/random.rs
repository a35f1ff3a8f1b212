use bptt_tensor::Tensor;

use crate::common::rng;

const N: usize = 200_000;

/// Mean, variance, and the third and fourth standardised moments.
fn moments(x: &Tensor<f64>) -> [f64; 4] {
    let mean = x.mean(&[0]).item();
    let central = |power: i32| x.map(|x| (x - mean).powi(power)).mean(&[0]).item();
    let variance = central(2);
    [mean, variance, central(3) / variance.powf(1.5), central(4) / variance.powi(2)]
}

fn assert_moments(x: &Tensor<f64>, expected: [f64; 4]) {
    // five standard errors of the fourth moment of a normal sample, √(96 / N)
    for (actual, expected) in moments(x).iter().zip(expected) {
        assert!((actual - expected).abs() < 0.11, "{:?} is not {expected}", moments(x));
    }
}

#[test]
fn uniform_numbers_are_uniform() {
    let x = Tensor::<f64>::uniform([N], -1.0, 3.0, &mut rng(1));
    assert!(x.as_slice().iter().all(|x| (-1.0..3.0).contains(x)));
    assert_moments(&x, [1.0, 16.0 / 12.0, 0.0, 1.8]);
    for decile in 0..10 {
        let low = -1.0 + 0.4 * f64::from(decile);
        let count = x.as_slice().iter().filter(|&&x| low <= x && x < low + 0.4).count();
        assert!(count.abs_diff(N / 10) < 700, "{count} numbers from {low}"); // five deviations
    }
}

/// Rounding to `f32` must not reach the end of the range.
#[test]
fn uniform_numbers_stay_below_the_end() {
    let high = 1.0 + 2.0 * f32::EPSILON;
    let x = Tensor::<f32>::uniform([1000], 1.0, f64::from(high), &mut rng(1));
    assert!(x.as_slice().iter().all(|x| (1.0..high).contains(x)));
}

#[test]
fn normal_numbers_are_normal() {
    let x = Tensor::<f64>::normal([N], 0.5, 1.0, &mut rng(2));
    assert_moments(&x, [0.5, 1.0, 0.0, 3.0]);
    // the quantiles of the standard normal distribution at 1, 2 and 3 deviations
    for (deviations, within) in [(1.0, 0.682_689), (2.0, 0.954_500), (3.0, 0.997_300)] {
        let count = x.as_slice().iter().filter(|&&x| (x - 0.5).abs() < deviations).count();
        assert!((count as f64 / N as f64 - within).abs() < 0.006, "{count} within {deviations}");
    }
    let wide = Tensor::<f64>::normal([N], 0.0, 3.0, &mut rng(2));
    assert!((moments(&wide)[1] - 9.0).abs() < 0.2);
    assert_eq!(Tensor::<f32>::normal([2], 4.0, 0.0, &mut rng(2)).to_vec(), [4.0, 4.0]);
}

/// The two numbers of a pair, and successive draws, are not related.
#[test]
fn neighbours_are_independent() {
    for x in [
        Tensor::<f64>::normal([N], 0.0, 1.0, &mut rng(3)),
        Tensor::<f64>::uniform([N], -1.0, 1.0, &mut rng(3)),
    ] {
        let (head, tail) = (x.slice(0, 0..N - 1), x.slice(0, 1..N));
        let correlation = ((&head * &tail).sum_all() / x.square().sum_all()).item();
        assert!(correlation.abs() < 0.012, "{correlation}");
    }
}

/// Elements of a mask of 32 pieces, each from generators of its own.
const LARGE: usize = 1 << 20;

#[test]
fn bernoulli_numbers_are_a_mask() {
    for p in [0.001, 0.1, 0.3, 0.5, 0.9, 0.999] {
        let x = Tensor::<f32>::bernoulli([LARGE], p, &mut rng(4));
        let ones = x.as_slice().iter().filter(|&&x| x == 1.0).count();
        let zeros = x.as_slice().iter().filter(|&&x| x == 0.0).count();
        assert_eq!(ones + zeros, LARGE);
        let deviation = (LARGE as f64 * p * (1.0 - p)).sqrt();
        let error = (ones as f64 - LARGE as f64 * p).abs();
        assert!(error < 4.0 * deviation, "p {p}: {ones} ones, off by {error}");
    }
    for p in [0.0, 1.0] {
        let same = Tensor::full([100], p as f32);
        assert_eq!(Tensor::<f32>::bernoulli([100], p, &mut rng(4)), same);
    }
}

/// The numbers, less their mean, of a mask with `p = ½`.
fn signs(shape: [usize; 1], seed: u64) -> Tensor<f64> {
    Tensor::<f64>::bernoulli(shape, 0.5, &mut rng(seed)).map(|x| 2.0 * x - 1.0)
}

fn assert_uncorrelated(x: &Tensor<f64>, y: &Tensor<f64>, name: &str) {
    let correlation = (x * y).mean_all().item();
    let deviation = (x.len() as f64).sqrt().recip();
    assert!(correlation.abs() < 4.5 * deviation, "{name}: {correlation}");
}

/// Elements are independent of those beside them, in another half of the word (8), of the next words (16), in another
/// piece (32768); of the next mask; and of that of another seed.
#[test]
fn elements_of_masks_are_independent() {
    let x = signs([LARGE], 5);
    for lag in (1..=64).chain([127, 128, 4096, 32_767, 32_768, 32_769, 65_536]) {
        let rest = LARGE - lag;
        assert_uncorrelated(&x.slice(0, 0..rest), &x.slice(0, lag..LARGE), &format!("lag {lag}"));
    }
    assert_uncorrelated(&x, &signs([LARGE], 6), "seeds");
    let mut rng = rng(5);
    let mut next = || Tensor::<f64>::bernoulli([LARGE], 0.5, &mut rng).map(|x| 2.0 * x - 1.0);
    assert_eq!(next(), x);
    assert_uncorrelated(&x, &next(), "masks");
}

/// Each of the 256 patterns of eight neighbours comes as often as any other, as does each pattern of the same lanes of
/// eight successive draws.
#[test]
fn patterns_of_masks_are_equally_frequent() {
    let x = Tensor::<f32>::bernoulli([LARGE], 0.5, &mut rng(7));
    for (name, mask) in
        [("neighbours", x.clone()), ("draws", x.reshape([LARGE / 128, 8, 16]).permute(&[0, 2, 1]))]
    {
        let mut counts = [0_u32; 256];
        for pattern in mask.as_slice().chunks_exact(8) {
            let index = pattern.iter().fold(0, |bits, &bit| 2 * bits + usize::from(bit == 1.0));
            counts[index] += 1;
        }
        let expected = LARGE as f64 / 8.0 / 256.0;
        let chi_square: f64 =
            counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum();
        // 255 degrees of freedom: within 4.5 standard deviations
        assert!((chi_square - 255.0).abs() < 4.5 * 510_f64.sqrt(), "{name}: {chi_square}");
    }
}

/// The expected values are from an independent program: xoshiro256++ seeded by splitmix64, 53 bits
/// a number, and the polar method with another `ln`.
#[test]
fn a_seed_gives_the_same_tensor_everywhere() {
    let mut rng = rng(42);
    let uniform = Tensor::<f64>::uniform([2], 0.0, 1.0, &mut rng);
    assert_eq!(uniform.to_vec(), [0.8143051451229099, 0.3188210400616611]);
    let normal = Tensor::<f64>::normal([3], 0.0, 1.0, &mut rng);
    assert_eq!(normal.to_vec(), [1.3403256427520227, 0.4023128702992608, -0.9642205062941384]);
}

#[test]
fn f32_holds_the_rounded_values_of_f64() {
    let double = Tensor::<f64>::normal([100], 0.0, 1.0, &mut rng(5));
    let single = Tensor::<f32>::normal([100], 0.0, 1.0, &mut rng(5));
    for (x, y) in double.as_slice().iter().zip(single.as_slice()) {
        assert_eq!(*x as f32, *y);
    }
}
