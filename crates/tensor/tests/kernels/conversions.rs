//! Conversions from and to arrays and vectors, between element types, and to text.

use bptt_tensor::Tensor;

#[test]
fn arrays_and_vectors_keep_their_shape() {
    assert_eq!(Tensor::from(2.0), Tensor::from_vec([], vec![2.0]));
    assert_eq!(Tensor::from([1.0, 2.0, 3.0]), Tensor::from_vec([3], vec![1.0, 2.0, 3.0]));
    assert_eq!(Tensor::from(vec![1.0, 2.0]), Tensor::from_vec([2], vec![1.0, 2.0]));
    let flat: Vec<f64> = (0..6).map(f64::from).collect();
    let matrix = Tensor::from_vec([3, 2], flat.clone());
    assert_eq!(Tensor::from([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), matrix);
    assert_eq!(Tensor::from(matrix.to_vec2()), matrix);
    assert_eq!(
        Tensor::from([[[0.0], [1.0], [2.0]], [[3.0], [4.0], [5.0]]]),
        matrix.reshape([2, 3, 1])
    );
    assert_eq!(flat.iter().copied().collect::<Tensor<f64>>(), Tensor::from(flat));
    assert_eq!(Tensor::<f32>::from(Vec::<Vec<f32>>::new()).shape(), &[0, 0]);
    assert_eq!(Tensor::<f64>::zeros([2, 0]).to_vec2(), [[]; 2]);
}

#[test]
fn iteration_is_row_major_within_the_window() {
    let x = Tensor::from_fn([3, 2], |i| i as f32);
    let part = x.slice(0, 1..3);
    assert_eq!(part.iter().copied().collect::<Vec<_>>(), [2.0, 3.0, 4.0, 5.0]);
    let mut sum = 0.0;
    for x in &part {
        sum += x;
    }
    assert_eq!(sum, 14.0);
}

#[test]
fn casts_round_to_nearest() {
    let doubles = Tensor::from([0.1, 1.0 + f64::EPSILON, 1e300, f64::NEG_INFINITY, -0.0]);
    let singles = doubles.cast::<f32>();
    assert_eq!(singles.to_vec(), [0.1, 1.0, f32::INFINITY, f32::NEG_INFINITY, -0.0]);
    assert!(singles.cast::<f64>().to_vec()[4].is_sign_negative());
    assert_eq!(singles.cast::<f64>().to_vec()[0], f64::from(0.1_f32));
    let many = Tensor::from_fn([300_000], |i| i as f64 * 0.1); // in parts
    assert!(many.cast::<f32>().iter().zip(&many).all(|(&y, &x)| y == x as f32));
}

#[test]
fn text_is_nested_and_aligned() {
    assert_eq!(Tensor::from(-2.5).to_string(), "-2.5");
    assert_eq!(Tensor::<f32>::zeros([0]).to_string(), "[]");
    assert_eq!(Tensor::<f32>::zeros([2, 0]).to_string(), "[[],\n []]");
    let x = Tensor::from([[[1.0, -10.0]], [[f64::NAN, 1e-30]]]);
    assert_eq!(x.to_string(), "[[[  1.0, -10.0]],\n\n [[  NaN, 1e-30]]]");
    let thirds = Tensor::from([1.0 / 3.0, -20.0 / 3.0]);
    assert_eq!(format!("{thirds:.3}"), "[ 0.333, -6.667]");
    assert_eq!(format!("{:?}", Tensor::<f32>::unknown([2])), "Tensor<f32> [2] {unknown}");
}

#[test]
fn long_axes_are_shortened() {
    let whole = Tensor::from_fn([1000], |i| i as f64).to_string();
    assert!(whole.contains(" 500.0,"));
    let long = Tensor::from_fn([1001], |i| i as f64);
    assert_eq!(format!("{long:.0}"), "[   0,    1,    2, ...,  998,  999, 1000]");
    let rows = Tensor::from_fn([300, 4], |i| i as f64);
    let lines = [
        "[[   0,    1,    2,    3],",
        " [   4,    5,    6,    7],",
        " [   8,    9,   10,   11],",
        " ...,",
        " [1188, 1189, 1190, 1191],",
        " [1192, 1193, 1194, 1195],",
        " [1196, 1197, 1198, 1199]]",
    ];
    assert_eq!(format!("{rows:.0}"), lines.join("\n"));
    let empty = Tensor::<f32>::zeros([1 << 40, 0]).to_string();
    assert_eq!(empty, "[[],\n [],\n [],\n ...,\n [],\n [],\n []]");
}

#[cfg(feature = "ndarray")]
#[test]
fn ndarray_arrays_keep_shape_and_order() {
    use ndarray::{Array2, ArrayD, arr0, array};

    let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let rows = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    assert_eq!(Tensor::from(&rows), x);
    assert_eq!(Tensor::from(rows.t()), x.transpose(0, 1), "strides are followed");
    assert_eq!(ArrayD::from(&x), rows.clone().into_dyn());
    let fixed: Array2<f64> = ArrayD::from(x).into_dimensionality().expect("two axes");
    assert_eq!(fixed, rows);
    assert_eq!(Tensor::from(arr0(1.5_f32)), Tensor::scalar(1.5));
}
