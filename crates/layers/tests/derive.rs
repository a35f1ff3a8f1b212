//! The derive macros, on every form of type that they accept.

extern crate bptt_layers as bptt; // the derived code refers to the façade

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};

use bptt_autodiff::{Param, Tape, Var};
use bptt_layers::{Module, State, Tree};
use bptt_tensor::{Scalar, Tensor};

fn param<T: Scalar>(shape: [usize; 2], value: T) -> Param<T> {
    Param::new(Tensor::full(shape, value))
}

fn names<T: Scalar>(module: &dyn Module<T>) -> Vec<String> {
    module.parameters().into_iter().map(|(name, _)| name).collect()
}

#[derive(Debug, Module)]
struct Affine<T: Scalar> {
    w: Param<T>,
    b: Param<T>,
}

impl<T: Scalar> Affine<T> {
    fn new(input: usize, output: usize, value: T) -> Self {
        Self { w: param([input, output], value), b: param([1, output], value) }
    }
}

mod modules {
    use super::*;

    #[derive(Module)]
    struct Model<T: Scalar> {
        #[module(skip)]
        hidden_size: usize,
        embedding: Param<T>,
        layers: Vec<Affine<T>>,
        norm: Option<Affine<T>>,
        absent: Option<Box<Affine<T>>>,
        heads: (Affine<T>, [Param<T>; 2]),
        r#final: Box<Param<T>>,
    }

    fn model() -> Model<f64> {
        Model {
            hidden_size: 3,
            embedding: param([10, 2], 1.0),
            layers: vec![Affine::new(2, 3, 2.0), Affine::new(3, 3, 3.0)],
            norm: Some(Affine::new(1, 3, 4.0)),
            absent: None,
            heads: (Affine::new(3, 1, 5.0), [param([1, 1], 6.0), param([1, 1], 7.0)]),
            r#final: Box::new(param([2, 2], 8.0)),
        }
    }

    #[test]
    fn names_are_paths_in_the_order_of_declaration() {
        let model = model();
        assert_eq!(model.hidden_size, 3);
        let expected = [
            ("embedding", 1.0),
            ("layers.0.w", 2.0),
            ("layers.0.b", 2.0),
            ("layers.1.w", 3.0),
            ("layers.1.b", 3.0),
            ("norm.w", 4.0),
            ("norm.b", 4.0),
            ("heads.0.w", 5.0),
            ("heads.0.b", 5.0),
            ("heads.1.0", 6.0),
            ("heads.1.1", 7.0),
            ("final", 8.0),
        ];
        let mut visited = Vec::new();
        model
            .for_each_parameter(|name, p| visited.push((name.to_owned(), p.value().as_slice()[0])));
        assert_eq!(visited, expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(names(&model), expected.map(|(name, _)| name));
    }

    #[test]
    fn parameter_count_is_the_number_of_scalars() {
        let layers = (2 * 3 + 3) + (3 * 3 + 3);
        assert_eq!(model().parameter_count(), 10 * 2 + layers + (3 + 3) + (3 + 1) + 2 + 4);
    }

    #[test]
    fn visit_mut_reaches_the_same_parameters() {
        let mut model = model();
        let mut visited = Vec::new();
        model.for_each_parameter_mut(|name, parameter| {
            visited.push(name.to_owned());
            parameter.set(Tensor::full(parameter.shape().clone(), 9.0));
        });
        assert_eq!(visited, names(&model));
        assert!(model.parameters().iter().all(|(_, p)| p.value().as_slice()[0] == 9.0));
    }

    #[test]
    fn parameters_outlive_the_visit() {
        let mut model = model();
        let mut all: Vec<&mut Param<f64>> = Vec::new();
        model.for_each_parameter_mut(|_, parameter| all.push(parameter));
        all[0].set(Tensor::full([10, 2], -1.0));
        assert_eq!(model.embedding.value().as_slice()[0], -1.0);
    }

    #[test]
    fn trait_objects_are_modules() {
        let boxed: Box<dyn Module<f64>> = Box::new(Affine::new(1, 1, 0.0));
        let stack = vec![boxed, Box::new(param([1, 1], 0.0))];
        assert_eq!(names(&stack), ["0.w", "0.b", "1"]);
        assert_eq!(names(stack[0].as_ref()), ["w", "b"]);
    }

    #[test]
    fn a_parameter_alone_has_the_empty_name() {
        assert_eq!(names(&param([1, 1], 0.0)), [""]);
        assert_eq!(names::<f32>(&()), [""; 0]);
    }

    #[test]
    fn tuple_structs_name_fields_by_position() {
        #[derive(Module)]
        struct Pair<T: Scalar>(Affine<T>, #[module(skip)] &'static str, Param<T>);

        let pair = Pair(Affine::new(1, 1, 0.0), "pair", param([1, 1], 0.0));
        assert_eq!(pair.1, "pair");
        assert_eq!(names(&pair), ["0.w", "0.b", "2"]);
    }

    #[test]
    fn enums_visit_the_active_variant() {
        #[derive(Module)]
        enum Readout<T: Scalar> {
            Tied,
            Affine(Affine<T>),
            Scaled { scale: Param<T> },
        }

        let scaled = Readout::Scaled { scale: param([1, 1], 0.0) };
        let mut readouts = [Readout::Tied, Readout::Affine(Affine::new(1, 1, 0.0)), scaled];
        assert_eq!(names(&readouts), ["1.0.w", "1.0.b", "2.scale"]);
        readouts[2].for_each_parameter_mut(|_, p| p.set(Tensor::full([1, 1], 3.0)));
        assert_eq!(readouts[2].parameters()[0].1.value().item(), 3.0);
    }

    /// The macro generates the bounds that visiting needs, and no others.
    #[test]
    fn generic_parts_are_modules() {
        trait Gate<T: Scalar> {}
        impl<T: Scalar> Gate<T> for Affine<T> {}

        #[derive(Module)]
        struct Gated<T: Scalar, C: Gate<T>, F, const N: usize>
        where
            F: Fn(f64) -> f64,
        {
            gate: Param<T>,
            cells: [C; N],
            #[module(skip)]
            activation: F,
        }

        let cells = [Affine::new(1, 1, 0.0), Affine::new(1, 1, 0.0)];
        let gated = Gated { gate: param([1, 1], 0.0), cells, activation: f64::tanh };
        assert_eq!((gated.activation)(0.0), 0.0);
        assert_eq!(names(&gated), ["gate", "cells.0.w", "cells.0.b", "cells.1.w", "cells.1.b"]);
    }

    #[test]
    fn a_named_scalar_needs_no_type_parameter() {
        #[derive(Module)]
        #[module(scalar = f32)]
        struct Fixed {
            w: Param<f32>,
        }

        assert_eq!(names(&Fixed { w: param([1, 1], 0.0) }), ["w"]);
    }

    #[test]
    fn a_named_scalar_may_be_any_parameter() {
        #[derive(Module)]
        #[module(scalar = S)]
        struct Layer<C, S: Scalar> {
            cell: C,
            w: Param<S>,
        }

        let layer = Layer { cell: Affine::new(1, 1, 0.0), w: param([1, 1], 0.0) };
        assert_eq!(names(&layer), ["cell.w", "cell.b", "w"]);
    }

    #[test]
    fn an_inferred_scalar_is_that_of_the_parts() {
        #[derive(Module)]
        struct Bidirectional<F, B> {
            forward: F,
            backward: B,
        }
        #[derive(Module)]
        #[module(scalar = _)]
        struct Identity;

        let both = Bidirectional { forward: Affine::new(1, 1, 0.0_f32), backward: Identity };
        assert_eq!(names(&both), ["forward.w", "forward.b"]);
        assert_eq!(both.parameter_count(), 2);
    }
}

mod states {
    use super::*;

    #[derive(Clone, Copy, Debug, State)]
    struct Lstm<'t, T: Scalar> {
        h: Var<'t, T>,
        c: Var<'t, T>,
    }

    #[derive(Clone, Copy, Debug, State)]
    struct Stack<'t, T: Scalar, S, const N: usize> {
        layers: [S; N],
        memory: (Var<'t, T>, ()),
    }

    #[derive(Clone, Copy, Debug, State)]
    #[state(scalar = f64)]
    struct Fixed<'t>(Var<'t, f64>, Lstm<'t, f64>);

    /// As many LSTMs as there are leaves.
    #[derive(Clone, Debug, State)]
    #[state(scalar = f64)]
    struct Open<'t> {
        count: Var<'t, f64>,
        layers: Vec<Lstm<'t, f64>>,
    }

    type Deep<'t> = (Fixed<'t>, Stack<'t, f64, Lstm<'t, f64>, 3>);

    fn scalars(values: &[f64]) -> Vec<Tensor<f64>> {
        values.iter().map(|&value| Tensor::scalar(value)).collect()
    }

    /// 0, 1, 2, …: a value for each leaf of `Deep`.
    fn counting() -> Vec<Tensor<f64>> {
        scalars(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
    }

    #[test]
    fn leaves_are_counted_by_the_type() {
        assert_eq!(<() as State<'_, f64>>::LEAVES, Some(0));
        assert_eq!(Lstm::<f64>::LEAVES, Some(2));
        assert_eq!(Fixed::LEAVES, Some(3));
        assert_eq!(Deep::LEAVES, Some(3 + (3 * 2 + 1)));
        assert_eq!(Open::LEAVES, None);
    }

    #[test]
    fn leaves_are_in_the_order_of_declaration() {
        let tape = Tape::new();
        let (fixed, stack) = Deep::from_values(&tape, &counting());
        assert_eq!(fixed.0.value().item(), 0.0);
        assert_eq!(fixed.1.h.value().item(), 1.0);
        assert_eq!(fixed.1.c.value().item(), 2.0);
        assert_eq!(stack.layers[0].c.value().item(), 4.0);
        assert_eq!(stack.layers[2].h.value().item(), 7.0);
        assert_eq!(stack.memory.0.value().item(), 9.0);
        assert_eq!((fixed, stack).values(), counting());
    }

    #[test]
    fn a_state_is_rebuilt_from_its_leaves() {
        let tape = Tape::new();
        let state = Deep::from_values(&tape, &counting());
        let rebuilt = Deep::from_leaves(&state.leaves());
        assert_eq!(rebuilt.values(), counting());
    }

    #[test]
    fn a_list_takes_the_leaves_that_remain() {
        let tape = Tape::new();
        for layers in 0..3 {
            let values = scalars(&[7.0, 1.0, 2.0, 3.0, 4.0][..1 + 2 * layers]);
            let state = Open::from_values(&tape, &values);
            assert_eq!(state.count.item(), 7.0);
            assert_eq!(state.layers.len(), layers);
            assert_eq!(Open::from_leaves(&state.leaves()).values(), values);
        }
        let paths = Open::from_values(&tape, &scalars(&[7.0, 1.0, 2.0])).paths("state");
        assert_eq!(paths, ["state.count", "state.layers[0].h", "state.layers[0].c"]);
    }

    #[test]
    #[should_panic(expected = "has 2 leaves, not 1")]
    fn a_list_takes_whole_states() {
        let _ = Open::from_values(&Tape::new(), &scalars(&[7.0, 1.0, 2.0, 3.0]));
    }

    trait Step<T: Scalar> {
        type State<'t>: State<'t, T>;
        fn step<'t>(&self, x: Var<'t, T>, state: Self::State<'t>) -> Self::State<'t>;
    }

    /// A state of one tape is rebuilt on a shorter-lived tape, as a trace of the step requires.
    fn step_on_another_tape<C: Step<f64>>(cell: &C, state: &C::State<'_>) -> Vec<Tensor<f64>> {
        let tape = Tape::new();
        let inner = <C::State<'_> as State<'_, f64>>::from_values(&tape, &state.values());
        cell.step(tape.constant(Tensor::scalar(3.0)), inner).values()
    }

    #[test]
    fn states_cross_tapes() {
        struct Shift;
        impl<T: Scalar> Step<T> for Shift {
            type State<'t> = Lstm<'t, T>;
            fn step<'t>(&self, x: Var<'t, T>, state: Lstm<'t, T>) -> Lstm<'t, T> {
                Lstm { h: x, c: state.h }
            }
        }

        let tape = Tape::new();
        let state = Lstm::from_values(&tape, &scalars(&[1.0, 2.0]));
        assert_eq!(step_on_another_tape(&Shift, &state), scalars(&[3.0, 1.0]));
    }

    thread_local! {
        static PANICKED_HERE: Cell<bool> = const { Cell::new(false) };
    }

    #[test]
    fn a_wrong_number_of_leaves_is_reported_at_the_caller() {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICKED_HERE.set(info.location().is_some_and(|place| place.file() == file!()));
            report(info);
        }));

        let tape = Tape::new();
        let leaf = tape.constant(Tensor::scalar(0.0));
        for count in [1, 3] {
            let expected = format!("has 2 leaves, not {count}");
            assert_refused(&expected, || Lstm::from_leaves(&vec![leaf; count]));
            assert_refused(&expected, || {
                Lstm::from_values(&tape, &vec![Tensor::scalar(0.0); count])
            });
        }
    }

    #[test]
    fn leaves_have_the_names_of_their_fields() {
        let tape = Tape::<f64>::new();
        let [h, c] = [1.0, 2.0].map(|value| tape.constant(Tensor::full([2, 1], value)));
        assert_eq!(Lstm { h, c }.paths("state"), ["state.h", "state.c"]);
        let nested = ([Lstm { h, c }; 1], Pair(h, c));
        let names = ["x.0[0].h", "x.0[0].c", "x.1.0", "x.1.1"];
        assert_eq!(nested.paths("x"), names);
        let doubled =
            nested.with_leaves(&nested.leaves().iter().map(|&x| x * 2.0).collect::<Vec<_>>());
        assert_eq!(doubled.1.1.value(), Tensor::full([2, 1], 4.0));
    }

    #[derive(Clone, Copy, Debug, State)]
    struct Pair<'t, T: Scalar>(Var<'t, T>, Var<'t, T>);

    #[test]
    fn a_scan_names_the_field_of_another_shape() {
        let tape = Tape::<f64>::new();
        let xs = tape.constant(Tensor::zeros([3, 2, 1]));
        let [h, c] = [tape.constant(Tensor::zeros([2, 1])); 2];
        let caught = catch_unwind(AssertUnwindSafe(|| {
            tape.scan(xs, Lstm { h, c })
                .run(|x, Lstm { h, c }| ((), Lstm { h, c: Var::concat(&[c, x], 1) }))
        }));
        let message = *caught.expect_err("it is refused").downcast::<String>().expect("a message");
        let expected = "scan: `state.c` has shape [2, 1], but [2, 2] after a step";
        assert!(message.starts_with(expected), "{message}");
    }

    #[track_caller]
    fn assert_refused<S>(expected: &str, build: impl FnOnce() -> S) {
        let Err(panic) = catch_unwind(AssertUnwindSafe(build)) else {
            panic!("a state was built that should be refused: {expected}");
        };
        let message = panic.downcast::<String>().expect("a formatted message");
        assert!(message.ends_with(expected), "{message:?} does not end with {expected:?}");
        assert!(PANICKED_HERE.get(), "{message:?} is not reported at the caller's line");
    }
}
