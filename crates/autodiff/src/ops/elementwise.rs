//! Elementwise functions that the caller defines.

use std::any::Any;
use std::array;
use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use bptt_tensor::rows::Kernel;
use bptt_tensor::{Scalar, Shape, ShapeError, Tensor, shape};

use crate::tape::{Class, Function, OpClass, Operation, Pullback, Var};

/// An elementwise function of one's own, of `N` variables: its value for one element, and its slopes as equations.
///
/// It is compiled and fused as the library's own functions are, and is differentiable to any order that the equations
/// of its slopes allow. The inputs broadcast.
///
/// ```
/// use bptt_autodiff::{Elementwise, Tape, Var};
/// use bptt_tensor::{Scalar, Tensor};
///
/// /// `y = x / (1 + |x|)`
/// fn softsign<T: Scalar>(x: Var<'_, T>) -> Var<'_, T> {
///     let value = |[x]: [T; 1]| x / (T::one() + x.abs());
///     Elementwise::new("softsign", value, |[x], _y| [(1.0 + x.abs()).square().recip()]).apply([x])
/// }
///
/// let tape = Tape::<f64>::new();
/// let xs = tape.variable(Tensor::ones([7, 3, 2])); // [T, B, F]
/// let h0 = tape.constant(Tensor::zeros([3, 2]));
/// let plan = tape.scan(xs, h0).plan(|x, h| {
///     let h = softsign(x + h);
///     (h, h)
/// });
/// assert!(plan.contains("= softsign ")); // an instruction of a fused sequence
/// ```
///
/// # Plans
///
/// A [scan](crate::Tape::scan) is planned once for all equal steps. Two elementwise functions are equal
///
/// - if one is a clone of the other;
/// - or if they have one name, the same functions, and equal [constants](Self::with_constants), and the functions
///   capture nothing. So a function that creates its `Elementwise` at every call, as above, costs no plan.
///
/// A function that captures a variable of its surroundings equals only its clones: create it once and keep it, or pass
/// what it captures as constants.
#[derive(Clone)]
pub struct Elementwise<T, const N: usize> {
    name: &'static str,
    kernel: Kernel<T>,
    definition: Arc<dyn Definition<T, N>>,
    decomposition: Option<Arc<Decomposition<T, N>>>,
}

/// A function in other operations.
type Decomposition<T, const N: usize> = dyn for<'t> Fn([Var<'t, T>; N]) -> Var<'t, T> + Send + Sync;

impl<T: Scalar, const N: usize> Elementwise<T, N> {
    /// A function from its value and its slopes.
    ///
    /// `value` computes an element of the output `y` from the elements of the inputs at the same position. `slopes`
    /// computes `∂y/∂xᵢ` for each input, from the inputs and the output. The chain rule multiplies the cotangent by it,
    /// so that [0 stays 0](Var::chain_mul) even where a slope is infinite. `x.tape().scalar(0.0)` is the slope of a
    /// function that is constant.
    ///
    /// The slope need not be the derivative. A *surrogate gradient* trains networks of spiking neurons (Neftci, Mostafa
    /// and Zenke 2019). The slope 1 of a function that rounds is a *straight-through estimator* (Bengio, Léonard and
    /// Courville 2013).
    ///
    /// ```
    /// # use bptt_autodiff::{Elementwise, Tape};
    /// # use bptt_tensor::Tensor;
    /// let hypotenuse = Elementwise::new("hypotenuse", |[a, b]: [f64; 2]| a.hypot(b), |x, y| x.map(|x| x / y));
    /// let tape = Tape::new();
    /// let [a, b] = [3.0, 4.0].map(|x| tape.variable(Tensor::scalar(x)));
    /// let y = hypotenuse.apply([a, b]);
    /// let gradients = tape.backward(y);
    /// assert_eq!([y.item(), gradients.wrt(a).item(), gradients.wrt(b).item()], [5.0, 0.6, 0.8]);
    /// ```
    #[must_use]
    pub fn new(
        name: &'static str,
        value: impl Fn([T; N]) -> T + Send + Sync + 'static,
        slopes: impl for<'t> Fn([Var<'t, T>; N], Var<'t, T>) -> [Var<'t, T>; N] + Send + Sync + 'static,
    ) -> Self {
        Self::with_constants(name, (), move |(), x| value(x), move |(), x, y| slopes(x, y))
    }

    /// A function with constants, which both `value` and `slopes` get. Functions with equal constants are equal, so
    /// their scans are planned once.
    ///
    /// ```
    /// # use bptt_autodiff::{Elementwise, Tape, Var};
    /// # use bptt_tensor::Scalar;
    /// /// `y = x` for `x > 0`, else `slope · x`
    /// fn leaky_relu<T: Scalar>(slope: f64) -> Elementwise<T, 1> {
    ///     Elementwise::with_constants(
    ///         "leaky_relu",
    ///         slope,
    ///         |&slope, [x]: [T; 1]| if x > T::zero() { x } else { T::of(slope) * x },
    ///         |&slope, [x], _y| [x.gt(0.0).select(1.0, slope)],
    ///     )
    /// }
    /// assert_eq!(leaky_relu::<f32>(0.1), leaky_relu(0.1));
    /// assert_ne!(leaky_relu::<f32>(0.1), leaky_relu(0.2));
    /// ```
    #[must_use]
    pub fn with_constants<C, V, S>(name: &'static str, constants: C, value: V, slopes: S) -> Self
    where
        C: PartialEq + Send + Sync + 'static,
        V: Fn(&C, [T; N]) -> T + Send + Sync + 'static,
        S: for<'t> Fn(&C, [Var<'t, T>; N], Var<'t, T>) -> [Var<'t, T>; N] + Send + Sync + 'static,
    {
        const { assert!(N > 0, "an elementwise function has an input") };
        let definition = Arc::new(Functions { constants, value, slopes });
        let functions = definition.clone();
        let kernel = Kernel::of_elements(move |x| (functions.value)(&functions.constants, x));
        Self { name, kernel, definition, decomposition: None }
    }

    /// Tells how the library's own operations compute the function, for [exporters](Operation::decompose).
    ///
    /// ```
    /// # use bptt_autodiff::{Elementwise, Graph};
    /// let cube = Elementwise::<f32, 1>::new("cube", |[x]| x * x * x, |[x], _y| [x * x * 3.0])
    ///     .decomposition(|[x]| x * x * x);
    /// let graph = Graph::trace(&[[4].into()], |_, inputs| vec![cube.apply([inputs[0]])]);
    /// assert_eq!(graph.nodes.iter().filter(|node| node.operator.name() == "mul").count(), 2);
    /// ```
    #[must_use]
    pub fn decomposition(
        mut self,
        decompose: impl for<'t> Fn([Var<'t, T>; N]) -> Var<'t, T> + Send + Sync + 'static,
    ) -> Self {
        self.decomposition = Some(Arc::new(decompose));
        self
    }

    /// Applies the function to variables, which broadcast.
    ///
    /// # Panics
    ///
    /// If the shapes do not broadcast, or the variables live on several tapes.
    #[track_caller]
    #[must_use]
    pub fn apply<'t>(&self, inputs: [Var<'t, T>; N]) -> Var<'t, T> {
        inputs[0].tape().apply(self.clone(), &inputs)
    }
}

/// The slopes of a function, and the equality of functions.
trait Definition<T, const N: usize>: Any + Send + Sync {
    fn slopes<'t>(&self, inputs: [Var<'t, T>; N], output: Var<'t, T>) -> [Var<'t, T>; N];

    fn equals(&self, other: &dyn Any) -> bool;
}

struct Functions<C, V, S> {
    constants: C,
    value: V,
    slopes: S,
}

impl<T, C, V, S, const N: usize> Definition<T, N> for Functions<C, V, S>
where
    T: Scalar,
    C: PartialEq + Send + Sync + 'static,
    V: Fn(&C, [T; N]) -> T + Send + Sync + 'static,
    S: for<'t> Fn(&C, [Var<'t, T>; N], Var<'t, T>) -> [Var<'t, T>; N] + Send + Sync + 'static,
{
    fn slopes<'t>(&self, inputs: [Var<'t, T>; N], output: Var<'t, T>) -> [Var<'t, T>; N] {
        (self.slopes)(&self.constants, inputs, output)
    }

    fn equals(&self, other: &dyn Any) -> bool {
        // each function has a type of its own, and one without size has one value
        let are_functions_equal = size_of::<(V, S)>() == 0;
        let other = other.downcast_ref::<Self>();
        are_functions_equal && other.is_some_and(|other| self.constants == other.constants)
    }
}

impl<T: Scalar, const N: usize> Operation<T> for Elementwise<T, N> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        let first = Shape::from(inputs[0]);
        inputs[1..].iter().try_fold(first, |shape, x| shape::broadcast(self.name, &shape, x))
    }

    fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        Tensor::of_kernel(self.name, &self.kernel, inputs)
    }

    fn class(&self) -> OpClass<T> {
        Class::Elementwise(Function::Kernel(self.kernel.clone())).into()
    }

    /// `∂xᵢ = g ⊙ ∂y/∂xᵢ`
    fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
        let (y, g) = (at.output(), at.cotangent());
        let inputs = array::from_fn(|i| at.input(i));
        let slopes = OnceCell::new();
        for i in 0..N {
            let slopes = || slopes.get_or_init(|| self.definition.slopes(inputs, y));
            at.add(i, || g.chain_mul(slopes()[i]));
        }
    }

    fn decompose<'t>(&self, inputs: &[Var<'t, T>]) -> Option<Var<'t, T>> {
        let decompose = self.decomposition.as_ref()?;
        Some(decompose(array::from_fn(|i| inputs[i])))
    }

    fn equals(&self, other: &dyn Operation<T>) -> bool {
        other.downcast_ref() == Some(self)
    }
}

impl<T: Scalar, const N: usize> PartialEq for Elementwise<T, N> {
    /// Whether one is a clone of the other, or both have one name, the same functions, which capture nothing, and equal
    /// constants.
    fn eq(&self, other: &Self) -> bool {
        let are_clones = self.kernel == other.kernel;
        are_clones || self.name == other.name && self.definition.equals(&*other.definition)
    }
}

impl<T, const N: usize> fmt::Debug for Elementwise<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elementwise").field("name", &self.name).finish_non_exhaustive()
    }
}
