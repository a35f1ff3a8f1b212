//! Calls whose shapes do not fit. Each message names a remedy, and the panic is at the caller's
//! line.

use std::cell::Cell;
use std::ops::AddAssign;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Once;

use bptt_tensor::{Tensor, Transpose};

use crate::common::rng;

thread_local! {
    /// File and line of this thread's last panic, while they are recorded.
    static PLACE: Cell<Option<(String, u32)>> = const { Cell::new(None) };
    static RECORDING: Cell<bool> = const { Cell::new(false) };
}

/// The message and the location of the panic of `call`.
fn panic_of(call: impl FnOnce()) -> (String, (String, u32)) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| match info.location() {
            Some(at) if RECORDING.get() => PLACE.set(Some((at.file().into(), at.line()))),
            _ => print(info),
        }));
    });
    RECORDING.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    RECORDING.set(false);
    let payload = result.expect_err("the call does not panic");
    let message = match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => (*payload.downcast::<&str>().expect("a message")).into(),
    };
    (message, PLACE.take().expect("a place"))
}

/// Checks the message of a call's panic, and that its location is the call: the line of the check
/// or, where that is too long, the next.
#[track_caller]
fn panics<R>(call: impl FnOnce() -> R, expected: &str) {
    let check = Location::caller();
    let (message, (file, line)) = panic_of(|| drop(call()));
    assert_eq!(message, expected);
    assert_eq!(file, check.file(), "{message}");
    let lines = check.line()..=check.line() + 1;
    assert!(lines.contains(&line), "line {line}, not {lines:?}: {message}");
}

fn zeros<const N: usize>(shape: [usize; N]) -> Tensor<f32> {
    Tensor::zeros(shape)
}

#[test]
fn elementwise() {
    let x = zeros([2, 3]);
    let broadcast = "do not broadcast, counted from the last axis; make them equal, or one of them \
                     1 (reshape inserts axes of extent 1)";
    panics(|| &x + zeros([4]), &format!("add of [2, 3] and [4], axis 1: 3 and 4 {broadcast}"));
    panics(
        || x.gt(zeros([3, 3])),
        &format!("gt of [2, 3] and [3, 3], axis 0: 2 and 3 {broadcast}"),
    );
    panics(
        || x.zip("mine", &zeros([2]), |x, _| x),
        &format!("mine of [2, 3] and [2], axis 1: 3 and 2 {broadcast}"),
    );
    panics(
        || x.select(&x, zeros([2])),
        &format!("select of [2, 3] and [2], axis 1: 3 and 2 {broadcast}"),
    );
    panics(
        || x.broadcast_to([3, 2]),
        "broadcast_to of [2, 3] and [3, 2]: the first does not stretch to the second: counted \
             from the last axis, each extent must be equal to the target's or 1",
    );
    panics(
        || x.clone().add_assign(zeros([2])),
        "add_assign of [2] and [2, 3]: the first does not stretch to the second: counted from the last axis, each extent must be equal to the target's or 1",
    );
    panics(|| x.clamp(1.0, 0.5), "clamp: the bounds 1 and 0.5 are not in ascending order");
    panics(
        || x.clone().axpy(1.0, &zeros([3, 2])),
        "axpy of [2, 3] and [3, 2]: the shapes must be the same",
    );
}

#[test]
fn products() {
    let x = zeros([2, 3]);
    let transpose = Transpose::NONE;
    panics(
        || x.matmul(&zeros([4, 5])),
        "matmul of [2, 3] and [4, 5], axis 1: the left's axis 1 (3) is multiplied with the \
             right's axis 0 (4), so they must be equal; transpose an operand or check the layer's \
             `input_size`",
    );
    panics(
        || x.matmul_with(&zeros([5, 4]), Transpose::RIGHT),
        "matmul of [2, 3] and [5, 4], axis 1: the left's axis 1 (3) is multiplied with the \
             right's axis 1 (4), so they must be equal; transpose an operand or check the layer's \
             `input_size`",
    );
    panics(
        || zeros([4, 2, 3]).matmul(&zeros([5, 3, 2])),
        "matmul of [4, 2, 3] and [5, 3, 2]: the leading axes must be the same, unless the right \
             is one matrix and the left is not transposed; broadcast_to makes them so",
    );
    panics(
        || x.matmul(&zeros([3])),
        "matmul of [2, 3] and [3]: a product takes matrices (a vector only at the left of one \
             matrix); reshape a vector to [K, 1] or [1, K]",
    );
    panics(
        || Tensor::gemm(1.0, &x, &zeros([3, 4]), transpose, 0.0, &mut zeros([4, 2])),
        "gemm of [4, 2]: the product has shape [2, 4]; C must have it too",
    );
}

#[test]
fn along_an_axis() {
    let x = zeros([2, 3]);
    panics(
        || x.cumsum(2),
        "cumsum of [2, 3]: axis 2 does not exist; use 0 to 1, or -1 for the last",
    );
    panics(
        || x.topk(4, 1),
        "topk of [2, 3], axis 1: there are no 4 largest of 3 elements; k is at most the axis's extent",
    );
    panics(
        || x.gather_along(&zeros([3, 2]), 1),
        "gather_along of [2, 3] and [3, 2], axis 0: 2 and 3 differ; only axis 1 may",
    );
    panics(
        || x.gather_along(&zeros([2]), 1),
        "gather_along of [2, 3] and [2]: the ranks of elements and indices differ",
    );
    for index in [2.5, 3.0, -1.0, f32::NAN] {
        panics(
            || x.gather_along(&Tensor::full([2, 1], index), 1),
            &format!("gather_along: index {index} is not a whole number within 0..3"),
        );
    }
    panics(
        || x.scatter_along(&zeros([2, 2]), 1, 4),
        "scatter_along of [2, 3] and [2, 2]: the shapes must be the same",
    );
    panics(|| x.slice(1, 4..), "slice of [2, 3], axis 1: 4..3 is not within 0..3");
    panics(|| x.slice(0, ..3), "slice of [2, 3], axis 0: 0..3 is not within 0..2");
}

#[test]
fn reductions() {
    let x = zeros([2, 3]);
    panics(|| x.sum(&[2]), "sum of [2, 3]: axis 2 does not exist; use 0 to 1, or -1 for the last");
    panics(
        || x.mean_keep(&[-3]),
        "mean_keep of [2, 3]: axis -3 does not exist; use 0 to 1, or -1 for the last",
    );
    panics(|| zeros([]).min(&[0]), "min of []: axis 0 does not exist: a scalar has no axes");
    panics(|| x.max(&[1, -1]), "max of [2, 3], axis 1: names this axis twice; drop one");
    panics(
        || zeros([2, 0]).max_keep(&[1]),
        "max_keep of [2, 0], axis 1: there is no element to choose from an axis of extent 0",
    );
    panics(
        || zeros([2, 0]).argmax(1),
        "argmax of [2, 0], axis 1: there is no element to choose from an axis of extent 0",
    );
    panics(
        || x.sum_to([2]),
        "sum_to of [2] and [2, 3]: the first does not stretch to the second: counted from the \
             last axis, each extent must be equal to the target's or 1",
    );
    panics(
        || x.softmax(2),
        "softmax of [2, 3]: axis 2 does not exist; use 0 to 1, or -1 for the last",
    );
    panics(
        || x.log_softmax(2),
        "log_softmax of [2, 3]: axis 2 does not exist; use 0 to 1, or -1 for the last",
    );
    panics(
        || x.logsumexp(2),
        "logsumexp of [2, 3]: axis 2 does not exist; use 0 to 1, or -1 for the last",
    );
    panics(
        || x.logsumexp_keep(-3),
        "logsumexp_keep of [2, 3]: axis -3 does not exist; use 0 to 1, or -1 for the last",
    );
}

#[test]
fn parts() {
    let x = zeros([2, 3]);
    panics(
        || Tensor::<f32>::concat(&[] as &[Tensor<f32>], 0),
        "concat: needs at least one operand",
    );
    panics(|| Tensor::concat(&[&x, &zeros([2])], 0), "concat of [2, 3] and [2]: the ranks differ");
    panics(
        || Tensor::concat(&[&x, &zeros([3, 3])], -1),
        "concat of [2, 3] and [3, 3], axis 0: 2 and 3 differ; only axis 1 may",
    );
    panics(
        || Tensor::concat(&[&x], 2),
        "concat of [2, 3]: axis 2 does not exist; use 0 to 1, or -1 for the last",
    );
    panics(|| Tensor::<f32>::stack(&[] as &[Tensor<f32>], 0), "stack: needs at least one operand");
    panics(
        || Tensor::stack(&[&x, &zeros([3])], 0),
        "stack of [2, 3] and [3]: the shapes must be the same",
    );
    panics(
        || Tensor::stack(&[&x], 3),
        "stack of [2, 3, 1]: axis 3 does not exist; use 0 to 2, or -1 for the last",
    );
    panics(
        || x.split::<2>(1),
        "split of [2, 3], axis 1: 3 does not divide into 2 equal parts; use slice for others",
    );
    panics(|| x.slice(1, 2..4), "slice of [2, 3], axis 1: 2..4 is not within 0..3");
    panics(
        || x.slice(2, 0..1),
        "slice of [2, 3]: axis 2 does not exist; use 0 to 1, or -1 for the last",
    );
    panics(
        || x.clone().set_slice(1, 2, &zeros([2, 2])),
        "set_slice of [2, 3] and [2, 2], axis 1: 2..4 is not within 0..3",
    );
    panics(
        || x.clone().add_slice(1, 0, &zeros([3, 2])),
        "add_slice of [2, 3] and [3, 2], axis 0: 2 and 3 differ; only axis 1 may",
    );
    panics(
        || x.clone().add_slice(0, 0, &zeros([3])),
        "add_slice of [2, 3] and [3]: the ranks differ",
    );
    panics(
        || x.gather_rows(&[0, 2]),
        "gather_rows of [2, 3], axis 0: index 2 is not within 0..2; is an id larger than the \
             vocabulary?",
    );
    panics(|| zeros([]).gather_rows(&[0]), "gather_rows of []: a scalar has no rows");
    panics(
        || x.clone().scatter_add_rows(&[0], &zeros([2, 3])),
        "scatter_add_rows of [2, 3] and [1, 3]: the shapes must be the same",
    );
    panics(
        || Tensor::<f32>::one_hot(&[0, 5], 5),
        "one_hot of [5], axis 0: index 5 is not within 0..5; is an id larger than the \
             vocabulary?",
    );
    panics(
        || x.permute(&[0, 0]),
        "permute of [2, 3]: the order [0, 0] must name each of its axes once",
    );
    panics(
        || x.transpose(0, 2),
        "transpose of [2, 3]: axis 2 does not exist; use 0 to 1, or -1 for the last",
    );
}

#[test]
fn random() {
    panics(
        || Tensor::<f32>::uniform([1], 1.0, 1.0, &mut rng(1)),
        "uniform: 1..1 is not a range of f32",
    );
    panics(
        || Tensor::<f32>::normal([1], 0.0, -1.0, &mut rng(1)),
        "normal: the standard deviation -1 is not at least 0",
    );
    panics(
        || Tensor::<f32>::bernoulli([1], 1.5, &mut rng(1)),
        "bernoulli: the probability 1.5 is not within 0 to 1",
    );
}

/// Extents whose product wraps around to a small number must not pass for that number.
#[test]
fn more_elements_than_can_be_counted() {
    const INVERSE_OF_5: usize = 0xCCCC_CCCC_CCCC_CCCD; // modulo 2⁶⁴
    panics(
        || Tensor::from_vec([5, INVERSE_OF_5], vec![1.0]),
        "a tensor of shape [5, 14757395258967641293] has more elements than can be counted",
    );
    panics(
        || Tensor::<f32>::zeros([1 << 32, 1 << 32]),
        "a tensor of shape [4294967296, 4294967296] has more elements than can be counted",
    );
    panics(
        || zeros([1]).reshape([5, INVERSE_OF_5]),
        "a tensor of shape [5, 14757395258967641293] has more elements than can be counted",
    );
    assert!(zeros([usize::MAX, 2, 0]).is_empty());
}

#[test]
fn access() {
    let x = zeros([2, 3]);
    panics(
        || Tensor::from_vec([2, 3], vec![0.0; 5]),
        "from_vec of [2, 3]: needs 6 elements but got 5",
    );
    panics(|| Tensor::from_slice([2], &[0.0]), "from_slice of [2]: needs 2 elements but got 1");
    panics(|| x.item(), "item of [2, 3]: needs exactly one element; reduce or index first");
    panics(|| x[[0, 3]], "index [0, 3] of [2, 3]: give one index within each axis");
    panics(
        || Tensor::from([1.0]).to_vec2(),
        "to_vec2 of [1]: needs a matrix; reshape to two axes first",
    );
    panics(
        || Tensor::from(vec![vec![1.0], vec![1.0, 2.0]]),
        "row 1 has 2 elements, and row 0 has 1; pad them",
    );
    panics(
        || x.reshape([4]),
        "reshape of [2, 3] and [4]: 6 elements do not fill 4; the products of the extents must \
             be equal",
    );
    panics(|| x.slice(0, 1..3), "slice of [2, 3], axis 0: 1..3 is not within 0..2");
    panics(|| x.index_first(2), "slice of [2, 3], axis 0: 2..3 is not within 0..2");
    panics(
        || zeros([]).index_first(0),
        "index_first of []: axis 0 does not exist: a scalar has no axes",
    );
}
