//! Files of any precision load into types that hold their values exactly.

use std::fs;

use bptt_autodiff::Param;
use bptt_layers::Module;
use bptt_layers::weights::{self, Archive, HalfPrecision, WeightsProblem};
use bptt_tensor::{Scalar, Tensor};
use safetensors::tensor::{Dtype, SafeTensors};

use crate::{model, place, values, write_foreign};

#[test]
fn values_that_are_not_finite_are_kept() {
    let place = place();
    let saved = Param::new(Tensor::from_vec([3], vec![f32::NAN, f32::INFINITY, -0.0]));
    weights::save(&saved, &place.path).unwrap();
    let mut loaded = Param::new(Tensor::<f32>::zeros([3]));
    weights::load(&mut loaded, &place.path).unwrap();
    let bits =
        |p: &Param<f32>| p.value().to_vec().into_iter().map(f32::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(&loaded), bits(&saved));
}

#[test]
fn double_precision_holds_single_precision() {
    let place = place();
    let saved = model::<f32>(0.0);
    weights::save(&saved, &place.path).unwrap();
    let mut loaded = model::<f64>(100.0);
    weights::load(&mut loaded, &place.path).unwrap();
    assert_eq!(values(&loaded), values(&saved));
}

#[test]
fn double_precision_is_not_rounded_silently() {
    let place = place();
    weights::save(&model::<f64>(0.0), &place.path).unwrap();
    let message = place.refused(model::<f32>(100.0)).to_string();
    let expected = "has elements of type F64, which f32 does not hold exactly";
    assert!(message.ends_with(expected), "{message}");
}

/// The file has a counter beside the weights, and values that are not finite.
#[test]
fn types_are_checked_where_a_tensor_is_taken() {
    let place = place();
    let w = 1.5_f32.to_le_bytes();
    let counter = 7_i64.to_le_bytes();
    write_foreign(
        &place,
        &[
            ("counters.steps", Dtype::I64, &[], &counter),
            ("model.w", Dtype::F32, &[1], &w),
            ("odd", Dtype::U8, &[3], &[1, 2, 3]),
        ],
    );
    let archive = Archive::<f32>::load(&place.path).unwrap();
    let mut w = Param::new(Tensor::zeros([1]));
    archive.group("model.w").assign_to(&mut w).unwrap();
    assert_eq!(w.value().to_vec(), [1.5]);

    let problem = *archive.tensor("counters.steps").unwrap_err().problem;
    let WeightsProblem::WrongType { tensor, found, expected } = problem else {
        panic!("{problem}")
    };
    assert_eq!((&*tensor, &*found, expected), ("counters.steps", "I64", "f32"));

    // saving keeps their types
    archive.save(&place.path).unwrap();
    let bytes = fs::read(&place.path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let counters = file.tensor("counters.steps").unwrap();
    assert_eq!((counters.dtype(), counters.data()), (Dtype::I64, &counter[..]));
    let odd = file.tensor("odd").unwrap();
    assert_eq!((odd.dtype(), odd.shape(), odd.data()), (Dtype::U8, &[3][..], &[1, 2, 3][..]));
}

/// Returns all bit patterns of a format.
fn patterns() -> Vec<u8> {
    (0..=u16::MAX).flat_map(u16::to_le_bytes).collect()
}

/// Returns the values of the patterns: equal steps that double with each exponent, infinity and NaN.
fn meanings(fraction: u32, bias: i32) -> Vec<f64> {
    let infinity = 0x7fff >> fraction << fraction;
    let mut values = vec![0.0_f64];
    for pattern in 0..infinity {
        let exponent = (pattern >> fraction).max(1);
        values.push(values[pattern] + 2.0_f64.powi(exponent as i32 - bias - fraction as i32));
    }
    values[infinity] = f64::INFINITY;
    values.resize(1 << 15, f64::NAN);
    let negative: Vec<_> = values.iter().map(|x| -x).collect();
    [values, negative].concat()
}

const FORMATS: [(HalfPrecision, Dtype, u32, i32); 2] =
    [(HalfPrecision::F16, Dtype::F16, 10, 15), (HalfPrecision::Bf16, Dtype::BF16, 7, 127)];

#[test]
fn half_precision_is_held_exactly() {
    fn check<T: Scalar>() {
        let place = place();
        for (_, dtype, fraction, bias) in FORMATS {
            write_foreign(&place, &[("w", dtype, &[1 << 16], &patterns())]);
            let archive = Archive::<T>::load(&place.path).unwrap();
            let loaded = archive.tensor("w").unwrap().to_vec();
            for (pattern, (x, meaning)) in loaded.iter().zip(meanings(fraction, bias)).enumerate() {
                let x = x.as_f64();
                let same = x == meaning || x.is_nan() && meaning.is_nan();
                let sign = x.is_sign_negative() == (pattern >> 15 == 1);
                assert!(same && sign, "{dtype} {pattern:04x} is {x}, not {meaning}");
            }
            // saving keeps each pattern
            archive.save(&place.path).unwrap();
            let bytes = fs::read(&place.path).unwrap();
            let file = SafeTensors::deserialize(&bytes).unwrap();
            let tensor = file.tensor("w").unwrap();
            let (saved, _) = tensor.data().as_chunks();
            for (pattern, &bytes) in (0..=u16::MAX).zip(saved) {
                let saved = u16::from_le_bytes(bytes);
                let quieted = saved ^ pattern == 1 << (fraction - 1);
                assert!(saved == pattern || loaded[usize::from(pattern)].is_nan() && quieted);
            }
        }
    }
    check::<f32>();
    check::<f64>();
    // a second opinion
    assert_eq!(meanings(10, 15)[0x7bff], 65504.0);
    for (pattern, meaning) in (0..=u16::MAX).zip(meanings(7, 127)) {
        let upper = f64::from(f32::from_bits(u32::from(pattern) << 16));
        assert!(upper == meaning || upper.is_nan() && meaning.is_nan(), "{pattern:04x}");
    }
}

/// A value rounds to the nearer of its two neighbours, and to the even one in the middle.
#[test]
fn values_round_to_the_nearest_half() {
    for (precision, _, fraction, bias) in FORMATS {
        let finite = 0x7fff_usize >> fraction << fraction;
        let values = &meanings(fraction, bias)[..finite];
        let mut elements = Vec::new();
        let mut expected = Vec::new();
        for (pattern, pair) in values.windows(2).enumerate() {
            let middle = (pair[0] + pair[1]) / 2.0;
            elements.extend([pair[0], middle.next_down(), middle, middle.next_up()]);
            expected.extend([pair[0], pair[0], pair[pattern % 2], pair[1]]);
        }
        let tiny = f64::MIN_POSITIVE / 4.0;
        elements.extend([tiny, f64::INFINITY]);
        expected.extend([0.0, f64::INFINITY]);
        for sign in [1.0, -1.0] {
            let signed: Vec<_> = elements.iter().map(|x| sign * x).collect();
            let mut archive = Archive::new();
            archive.insert("w", Tensor::from_vec([signed.len()], signed));
            let rounded = archive.rounded_to(precision).unwrap();
            let rounded = rounded.tensor("w").unwrap().as_slice();
            for ((x, rounded), expected) in elements.iter().zip(rounded).zip(&expected) {
                let same = rounded.to_bits() == (sign * expected).to_bits();
                assert!(same, "{precision:?}: {x} becomes {rounded}, not {expected}");
            }
        }
    }
}

#[test]
fn values_too_large_for_half_precision_are_refused() {
    let overflow = |precision: HalfPrecision, element: f64| {
        let mut archive = Archive::new();
        archive.insert("w", Tensor::from_vec([2], vec![1.0, element]));
        archive.rounded_to(precision)
    };
    // the largest, and the middle between it and what would come next
    for (precision, largest, middle) in [
        (HalfPrecision::F16, 65504.0, 65520.0),
        (
            HalfPrecision::Bf16,
            f64::from(f32::from_bits(0x7f7f << 16)),
            (2.0 - 2f64.powi(-8)) * 2f64.powi(127),
        ),
    ] {
        for sign in [1.0, -1.0] {
            let below = overflow(precision, sign * f64::next_down(middle)).unwrap();
            assert_eq!(below.tensor("w").unwrap().to_vec()[1], sign * largest);
            for beyond in [middle, f64::MAX] {
                let problem = *overflow(precision, sign * beyond).unwrap_err().problem;
                let WeightsProblem::Overflow { tensor, value, precision: of } = problem else {
                    panic!("{problem}")
                };
                assert_eq!((&*tensor, value, of), ("w", sign * beyond, precision));
            }
        }
    }
}

#[test]
fn a_rounded_file_takes_half_the_space() {
    let place = place();
    let model = model::<f32>(0.0);
    for (precision, dtype, ..) in FORMATS {
        Archive::of(&model).rounded_to(precision).unwrap().save(&place.path).unwrap();
        let bytes = fs::read(&place.path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        assert!(file.iter().all(|(_, view)| view.dtype() == dtype));
        let mut loaded = self::model::<f32>(100.0);
        weights::load(&mut loaded, &place.path).unwrap();
        let rounded = Archive::of(&model).rounded_to(precision).unwrap();
        for (name, parameter) in loaded.parameters() {
            assert_eq!(parameter.value(), rounded.tensor(&name).unwrap());
        }
    }
}

/// Double precision beside weights of either precision comes back to the bit, also through a file.
#[test]
fn double_precision_stays_beside_single() {
    fn check<T: Scalar>() {
        let thirds = Tensor::from([1.0 / 3.0, -1e300, 0.0]);
        let mut archive = Archive::<T>::new();
        archive.insert_f64("thirds", &thirds);
        archive.insert("halves", Tensor::from_vec([2], vec![T::of(0.5), T::of(1.5)]));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive.safetensors");
        archive.save(&path).unwrap();
        for archive in [archive, Archive::load(&path).unwrap()] {
            assert_eq!(archive.shaped_f64("thirds", &[3].into()).unwrap(), thirds);
            let halves = archive.shaped_f64("halves", &[2].into()).unwrap();
            assert_eq!(halves.to_vec(), [0.5, 1.5]);
            let error = archive.shaped_f64("thirds", &[2].into()).unwrap_err().to_string();
            assert!(error.contains("`thirds` has shape [3], but [2] is needed"), "{error}");
            let is_double = size_of::<T>() == size_of::<f64>();
            assert_eq!(archive.tensor("thirds").is_ok(), is_double, "an f32 does not hold a third");
        }
    }
    check::<f32>();
    check::<f64>();
}
