//! Operators between tensors and numbers, in both orders, owned and borrowed.

use bptt_tensor::Tensor;

type Operator = fn(Tensor<f32>, Tensor<f32>) -> Tensor<f32>;

#[test]
fn owned_and_borrowed_operands_give_the_same() {
    let x = Tensor::from([[1.0_f32, -2.0], [4.0, 0.5]]);
    let row = Tensor::from([2.0_f32, -4.0]);
    let operators: [(&str, [Operator; 4]); 4] = [
        ("+", [|a, b| a + b, |a, b| a + &b, |a, b| &a + b, |a, b| &a + &b]),
        ("-", [|a, b| a - b, |a, b| a - &b, |a, b| &a - b, |a, b| &a - &b]),
        ("*", [|a, b| a * b, |a, b| a * &b, |a, b| &a * b, |a, b| &a * &b]),
        ("/", [|a, b| a / b, |a, b| a / &b, |a, b| &a / b, |a, b| &a / &b]),
    ];
    let expected = [
        [[3.0, -6.0], [6.0, -3.5]],
        [[-1.0, 2.0], [2.0, 4.5]],
        [[2.0, 8.0], [8.0, -2.0]],
        [[0.5, 0.5], [2.0, -0.125]],
    ];
    for ((name, forms), expected) in operators.into_iter().zip(expected) {
        for form in forms {
            assert_eq!(form(x.clone(), row.clone()), Tensor::from(expected), "{name}");
        }
    }
}

#[test]
fn numbers_take_the_element_type_of_the_tensor() {
    let x = Tensor::from([0.5_f32, -2.0]);
    let tenth = 0.1_f32; // not the double-precision number
    for (found, expected) in [
        (&x + 0.1, [0.5 + tenth, -2.0 + tenth]),
        (0.1 + &x, [tenth + 0.5, tenth - 2.0]),
        (&x - 0.1, [0.5 - tenth, -2.0 - tenth]),
        (0.1 - x.clone(), [tenth - 0.5, tenth + 2.0]),
        (x.clone() * 0.1, [0.5 * tenth, -2.0 * tenth]),
        (0.1 * &x, [tenth * 0.5, tenth * -2.0]),
        (&x / 0.1, [0.5 / tenth, -2.0 / tenth]),
        (0.1 / &x, [tenth / 0.5, tenth / -2.0]),
        (-&x, [-0.5, 2.0]),
        (-x.clone(), [-0.5, 2.0]),
    ] {
        assert_eq!(found, Tensor::from(expected));
    }
}

#[test]
fn assigning_operators_stretch_the_right_operand_alone() {
    let mut x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    let shared = x.clone();
    x += Tensor::from([10.0, 20.0]);
    assert_eq!(x, Tensor::from([[11.0, 22.0], [13.0, 24.0]]));
    x -= &shared;
    assert_eq!(x, Tensor::from([[10.0, 20.0], [10.0, 20.0]]));
    x *= 0.5;
    assert_eq!(x, Tensor::from([[5.0, 10.0], [5.0, 10.0]]));
    x /= &Tensor::from([[1.0], [5.0]]);
    assert_eq!(x, Tensor::from([[5.0, 10.0], [1.0, 2.0]]));
    assert_eq!(shared, Tensor::from([[1.0, 2.0], [3.0, 4.0]]), "a tensor that shares is kept");
}

#[test]
fn elements_are_read_and_written_by_their_index() {
    let mut x = Tensor::from_fn([2, 3, 4], |i| i as f64);
    let shared = x.clone();
    assert_eq!(x[[1, 2, 3]], 23.0);
    assert_eq!(x[&[0, 1, 2][..]], 6.0);
    x[[1, 0, 1]] = -1.0;
    assert_eq!(x.index_first(1)[[0, 1]], -1.0);
    x[&[0, 1, 2][..]] = 0.5;
    assert_eq!(x[[0, 1, 2]], 0.5);
    assert_eq!(shared[[1, 0, 1]], 13.0, "a tensor that shares is kept");
    assert_eq!(Tensor::scalar(5.0)[[]], 5.0);
}
