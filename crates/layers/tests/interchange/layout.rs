//! Layouts of any rank are unambiguous, and read the archives that they write.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

use bptt_autodiff::Param;
use bptt_layers::Module;
use bptt_layers::weights::pytorch::{self, PyTorch};
use bptt_layers::weights::{Layout, Part};
use bptt_tensor::Tensor;
use proptest::prelude::*;

use crate::{randomized, values};

/// Parameters and their layout.
#[derive(Clone, Module)]
#[module(scalar = f64)]
struct Laid {
    params: Vec<Param<f64>>,
    #[module(skip)]
    layout: for<'m> fn(&'m Laid) -> Layout<'m, f64>,
    #[module(skip)]
    order: Vec<usize>,
}

impl PyTorch<f64> for Laid {
    fn in_pytorch(&self) -> Layout<'_, f64> {
        (self.layout)(self)
    }
}

fn laid(shapes: &[&[usize]], layout: for<'m> fn(&'m Laid) -> Layout<'m, f64>) -> Laid {
    let params = shapes.iter().map(|&shape| Param::new(Tensor::zeros(shape))).collect();
    randomized(Laid { params, layout, order: Vec::new() }, 1)
}

/// Checks that the layout reads what it writes. Returns the tensor `w` that it writes.
#[track_caller]
fn written(laid: &Laid) -> Tensor<f64> {
    let archive = pytorch::archive(laid);
    let mut loaded = randomized(laid.clone(), 2);
    pytorch::load(&mut loaded, &archive).expect("its own tensors");
    assert_eq!(values(&loaded), values(laid));
    archive.tensor("w").expect("it is there").clone()
}

/// A shape of any rank, and an order of its axes.
fn axes() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    prop::collection::vec(0..4_usize, 0..=5).prop_flat_map(|shape| {
        let order: Vec<_> = (0..shape.len()).collect();
        (Just(shape), Just(order).prop_shuffle())
    })
}

proptest! {
    #[test]
    fn a_transposed_tensor_has_its_axes_reversed((shape, _) in axes()) {
        let laid = laid(&[&shape], |it| Layout::new().transposed("w", [&it.params[0]]));
        let there = written(&laid);
        let here = laid.params[0].value();
        for position in 0..here.len() {
            let mut index = here.shape().index_of(position);
            let element = here[&index[..]];
            index.reverse();
            prop_assert_eq!(there[&index[..]], element);
        }
    }

    #[test]
    fn a_permuted_tensor_has_its_axes_in_that_order((shape, order) in axes()) {
        let mut laid = laid(&[&shape], |it| {
            Layout::new().permuted("w", &it.order, [&it.params[0]])
        });
        laid.order = order.clone();
        let there = written(&laid);
        let here = laid.params[0].value();
        for position in 0..here.len() {
            let index = here.shape().index_of(position);
            let permuted: Vec<_> = order.iter().map(|&axis| index[axis]).collect();
            prop_assert_eq!(there[&permuted[..]], here[&index[..]]);
        }
    }
}

/// A transpose of three axes of equal extent reads what it wrote, although swapped axes would fit as well.
#[test]
fn equal_extents_are_not_confused() {
    let laid = laid(&[&[2, 2, 2]], |it| Layout::new().transposed("w", [&it.params[0]]));
    assert_eq!(written(&laid), laid.params[0].value().permute(&[2, 1, 0]));
}

#[test]
fn parts_stand_beside_and_above_one_another() {
    // as TensorFlow 1 stores an LSTM: the input kernel above the recurrent kernel, gates in another order
    let laid = laid(&[&[3, 4], &[2, 4]], |it| {
        let rows = it
            .params
            .iter()
            .map(|weight| Part::beside([2..4, 0..2].map(|columns| Part::columns(weight, columns))));
        Layout::new().stacked("w", rows)
    });
    let kernel = written(&laid);
    assert_eq!(kernel.shape()[..], [5, 4]);
    for i in 0..5 {
        for j in 0..4 {
            let here = if i < 3 { laid.params[0].value() } else { laid.params[1].value() };
            assert_eq!(kernel[[i, j]], here[[i % 3, (j + 2) % 4]]);
        }
    }
}

#[test]
fn rows_of_a_parameter_stand_apart() {
    let laid = laid(&[&[5, 2, 3]], |it| {
        let [w, rest] = [0..2, 2..5].map(|rows| Part::rows(&it.params[0], rows));
        Layout::new().tensor("rest", [rest]).transposed("w", [w])
    });
    assert_eq!(written(&laid), laid.params[0].value().slice(0, 0..2).permute(&[2, 1, 0]));
}

#[test]
fn a_scalar_is_a_tensor() {
    let laid = laid(&[&[]], |it| Layout::new().tensor("w", [&it.params[0]]));
    assert_eq!(&written(&laid), laid.params[0].value());
}

thread_local! {
    /// The message of this thread's last panic, while one is expected.
    static EXPECTED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The message of a layout that makes no sense, with the line that it points to.
fn nonsense(layout: for<'m> fn(&'m Laid) -> Layout<'m, f64>) -> String {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            EXPECTED.with_borrow_mut(|expected| match expected {
                Some(message) => *message = info.to_string(),
                None => report(info),
            });
        }));
    });
    let laid = laid(&[&[2, 3], &[3, 2], &[5]], layout);
    EXPECTED.set(Some(String::new()));
    let result = panic::catch_unwind(panic::AssertUnwindSafe(|| drop(laid.in_pytorch())));
    let message = EXPECTED.take();
    assert!(result.is_err());
    message.expect("the hook has it")
}

#[test]
fn parts_that_do_not_fit_are_named_at_their_line() {
    let layouts: [for<'m> fn(&'m Laid) -> Layout<'m, f64>; 8] = [
        |it| Layout::new().tensor("w", [&it.params[0], &it.params[1]]),
        |it| Layout::new().stacked("w", [&it.params[0], &it.params[1]]),
        |it| Layout::new().tensor("w", [&it.params[0], &it.params[2]]),
        |it| Layout::new().tensor("w", [Part::columns(&it.params[0], 1..4)]),
        |it| Layout::new().transposed("w", [Part::rows(&it.params[0], 2..3)]),
        |it| Layout::new().permuted("w", &[0, 0], [&it.params[0]]),
        |it| Layout::new().rows("w", 2, [&it.params[2]]),
        |it| Layout::new().rows("w", 0, [&it.params[2]]),
    ];
    for layout in layouts {
        let message = nonsense(layout);
        assert!(message.contains("tests/interchange/layout.rs"), "{message}");
        assert!(message.contains("the layout of tensor `w`: "), "{message}");
    }
}

#[test]
#[should_panic(expected = "the layout has a parameter in `w` that the model does not have")]
fn a_parameter_of_another_model() {
    struct Other<'m>(&'m Param<f64>, Vec<Param<f64>>);

    impl Module<f64> for Other<'_> {
        fn visit<'a>(
            &'a self,
            path: &mut bptt_layers::ParameterPath,
            visitor: &mut dyn FnMut(&str, &'a Param<f64>),
        ) {
            self.1.visit(path, visitor);
        }

        fn visit_mut<'a>(
            &'a mut self,
            path: &mut bptt_layers::ParameterPath,
            visitor: &mut dyn FnMut(&str, &'a mut Param<f64>),
        ) {
            self.1.visit_mut(path, visitor);
        }
    }

    impl PyTorch<f64> for Other<'_> {
        fn in_pytorch(&self) -> Layout<'_, f64> {
            Layout::new().tensor("w", [self.0])
        }
    }

    let param = Param::new(Tensor::zeros([2]));
    let _ = pytorch::archive(&Other(&param, Vec::new()));
}
