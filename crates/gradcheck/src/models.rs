//! Checks of functions, operations and models.

use std::any::type_name;
use std::cell::RefCell;
use std::fmt::{self, Debug};

use bptt_autodiff::{Operation, Tape, Var};
use bptt_layers::Xoshiro256PlusPlus;
use bptt_layers::{Module, ParameterPath};
use bptt_tensor::{Shape, Tensor};
use proptest::prelude::*;

use crate::Law;
use crate::cells::short;
use crate::check::sealed::Sealed;
use crate::check::{Check, Family};
use crate::evidence::Evidence;
use crate::laws::{self, OF_FUNCTIONS, bits};
use crate::rounding;
use crate::subject::{Place, Recorded, Subject};
use crate::values::{Domain, Domains, Random, stream};
use crate::violation::Violation;

/// Checks a function of variables.
///
/// By default its input is one matrix; [`inputs`](Check::inputs) sets others. The values are of all kinds, so the
/// function must be defined everywhere, unless [`domain`](Check::domain) restricts them.
///
/// ```
/// bptt_gradcheck::function(|x| x[0].matmul(x[1]).tanh()).inputs([[2, 3], [3, 4]]).check();
/// ```
pub fn function<'f, F>(f: F) -> Check<Functions<'f, ()>>
where
    F: for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64> + Sync + 'f,
{
    of_functions::<F, _>(one_matrix(), without_model(move |(), x| f(x)))
}

/// Checks a family of functions. Each random case has parameters and the shapes of the inputs.
///
/// ```
/// use bptt_tensor::Shape;
/// use proptest::prelude::*;
///
/// let rows = (1..4_usize).prop_flat_map(|rows| (0..rows, Just(vec![Shape::from([rows, 2])])));
/// bptt_gradcheck::functions(rows, |&row, x| x[0].index_first(row).exp()).check();
/// ```
pub fn functions<'f, P, F>(
    cases: impl Strategy<Value = (P, Vec<Shape>)> + 'static,
    f: F,
) -> Check<Functions<'f, P>>
where
    P: Clone + Debug + Sync + 'static,
    F: for<'t> Fn(&P, &[Var<'t, f64>]) -> Var<'t, f64> + Sync + 'f,
{
    of_functions::<F, _>(cases.boxed(), without_model(f))
}

/// Checks an operation with a gradient rule of its own. By default its input is one matrix; [`inputs`](Check::inputs)
/// sets others.
///
/// ```
/// # use bptt_autodiff::{Operation, Pullback};
/// # use bptt_tensor::{Binary, Scalar, Shape, ShapeError, Tensor, Unary};
/// /// `y = x³`
/// #[derive(Clone, Debug)]
/// struct Cube;
///
/// impl<T: Scalar> Operation<T> for Cube {
///     // the name, the shape rule and the kernel
/// #     fn name(&self) -> &'static str {
/// #         "cube"
/// #     }
/// #     fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
/// #         Ok(inputs[0].into())
/// #     }
/// #     fn forward(&self, inputs: &[&Tensor<T>]) -> Tensor<T> {
/// #         inputs[0].map(|x| x * x * x)
/// #     }
///     fn gradient(&self, at: &mut Pullback<'_, '_, T>) {
///         let (x, g) = (at.input(0), at.cotangent());
///         at.add(0, || g.chain_mul(x * x * 3.0));
///     }
/// }
///
/// bptt_gradcheck::operation(Cube).check();
/// ```
pub fn operation<'f, O>(operation: O) -> Check<Functions<'f, ()>>
where
    O: Operation<f64> + Clone + Sync + 'f,
{
    let make = without_model(move |(), x| x[0].tape().apply(operation.clone(), x));
    of_functions::<O, _>(one_matrix(), make)
}

/// Checks a model in all its parameters and inputs. By default it has no inputs; [`inputs`](Check::inputs) sets them.
///
/// The parameters are drawn anew for each case. The same random numbers must make the same model.
///
/// ```
/// use bptt_layers::{Linear, loss};
///
/// bptt_gradcheck::model(
///     |rng| Linear::new(rng, 3, 5),
///     |model, _tape, x| loss::cross_entropy(model.forward(x[0]), &[4, 0]).mean(),
/// )
/// .inputs([[2, 3]])
/// .check();
/// ```
pub fn model<'f, M, N, F>(new: N, f: F) -> Check<Functions<'f, ()>>
where
    M: Module<f64> + 'static,
    N: Fn(&mut Xoshiro256PlusPlus) -> M + Sync + 'f,
    F: for<'t> Fn(&M, &'t Tape<f64>, &[Var<'t, f64>]) -> Var<'t, f64> + Sync + 'f,
{
    let none = Just(((), Vec::new())).boxed();
    of_functions::<M, _>(none, Box::new(WithModel { new, f }))
}

fn of_functions<'f, N, P>(
    cases: BoxedStrategy<(P, Vec<Shape>)>,
    make: Box<dyn Make<P> + 'f>,
) -> Check<Functions<'f, P>> {
    let name = type_name::<N>();
    Check::of(Functions { name, make, cases, domains: Domains::InTurn })
}

fn one_matrix() -> BoxedStrategy<((), Vec<Shape>)> {
    Just(((), vec![Shape::from([2, 3])])).boxed()
}

/// Functions of one kind; see [`function`], [`functions`], [`operation`] and [`model`].
pub struct Functions<'f, P> {
    name: &'static str,
    make: Box<dyn Make<P> + 'f>,
    cases: BoxedStrategy<(P, Vec<Shape>)>,
    domains: Domains,
}

impl<P: Clone + Debug + 'static> Check<Functions<'_, P>> {
    /// Draws the inputs from this domain instead of all kinds in turn. [`Domain::Positive`] is for a logarithm,
    /// [`Domain::Distinct`] for a maximum. A strategy of domains draws a domain for each case.
    pub fn domain(mut self, domain: impl Strategy<Value = Domain> + 'static) -> Self {
        self.family.domains = Domains::of(domain);
        self
    }
}

impl Check<Functions<'_, ()>> {
    /// Sets the shapes of the inputs.
    pub fn inputs(mut self, shapes: impl IntoIterator<Item = impl Into<Shape>>) -> Self {
        let shapes: Vec<Shape> = shapes.into_iter().map(Into::into).collect();
        self.family.cases = Just(((), shapes)).boxed();
        self
    }

    /// Draws the shapes of the inputs at random, for example [`broadcastable`](crate::broadcastable) ones.
    pub fn shapes(mut self, shapes: impl Strategy<Value = Vec<Shape>> + 'static) -> Self {
        self.family.cases = shapes.prop_map(|shapes| ((), shapes)).boxed();
        self
    }
}

impl<P> Debug for Functions<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Functions<{}>", short(self.name))
    }
}

/// A function and its model, as a trait object.
trait AnyModel {
    fn module(&self) -> &dyn Module<f64>;

    fn module_mut(&mut self) -> &mut dyn Module<f64>;

    fn run<'t>(&self, tape: &'t Tape<f64>, inputs: &[Var<'t, f64>]) -> Var<'t, f64>;
}

/// Makes the function of a case.
trait Make<P>: Sync {
    fn make<'a>(&'a self, parameters: &'a P, rng: &mut Random) -> Box<dyn AnyModel + 'a>;
}

struct NoModel<F>(F);

fn without_model<'f, P, F>(f: F) -> Box<dyn Make<P> + 'f>
where
    F: for<'t> Fn(&P, &[Var<'t, f64>]) -> Var<'t, f64> + Sync + 'f,
{
    Box::new(NoModel(f))
}

impl<P, F> Make<P> for NoModel<F>
where
    F: for<'t> Fn(&P, &[Var<'t, f64>]) -> Var<'t, f64> + Sync,
{
    fn make<'a>(&'a self, parameters: &'a P, _: &mut Random) -> Box<dyn AnyModel + 'a> {
        Box::new(Alone { parameters, f: &self.0, module: () })
    }
}

struct Alone<'a, P, F> {
    parameters: &'a P,
    f: &'a F,
    module: (),
}

impl<P, F> AnyModel for Alone<'_, P, F>
where
    F: for<'t> Fn(&P, &[Var<'t, f64>]) -> Var<'t, f64>,
{
    fn module(&self) -> &dyn Module<f64> {
        &self.module
    }

    fn module_mut(&mut self) -> &mut dyn Module<f64> {
        &mut self.module
    }

    fn run<'t>(&self, _: &'t Tape<f64>, inputs: &[Var<'t, f64>]) -> Var<'t, f64> {
        (self.f)(self.parameters, inputs)
    }
}

struct WithModel<N, F> {
    new: N,
    f: F,
}

impl<M, N, F> Make<()> for WithModel<N, F>
where
    M: Module<f64> + 'static,
    N: Fn(&mut Random) -> M + Sync,
    F: for<'t> Fn(&M, &'t Tape<f64>, &[Var<'t, f64>]) -> Var<'t, f64> + Sync,
{
    fn make<'a>(&'a self, (): &'a (), rng: &mut Random) -> Box<dyn AnyModel + 'a> {
        Box::new(Bound { model: (self.new)(rng), f: &self.f })
    }
}

struct Bound<'a, M, F> {
    model: M,
    f: &'a F,
}

impl<M, F> AnyModel for Bound<'_, M, F>
where
    M: Module<f64>,
    F: for<'t> Fn(&M, &'t Tape<f64>, &[Var<'t, f64>]) -> Var<'t, f64>,
{
    fn module(&self) -> &dyn Module<f64> {
        &self.model
    }

    fn module_mut(&mut self) -> &mut dyn Module<f64> {
        &mut self.model
    }

    fn run<'t>(&self, tape: &'t Tape<f64>, inputs: &[Var<'t, f64>]) -> Var<'t, f64> {
        (self.f)(&self.model, tape, inputs)
    }
}

/// A model at a point.
struct At<'a> {
    model: RefCell<Box<dyn AnyModel + 'a>>,
    places: Vec<Place>,
    at: Vec<Tensor<f64>>,
    inputs: usize,
}

impl Subject for At<'_> {
    fn sources(&self) -> &[Place] {
        &self.places
    }

    fn at(&self) -> &[Tensor<f64>] {
        &self.at
    }

    fn record<'t>(&self, tape: &'t Tape<f64>, at: &[Tensor<f64>]) -> Recorded<'t> {
        let (inputs, parameters) = at.split_at(self.inputs);
        let mut parameters = parameters.iter();
        let mut model = self.model.borrow_mut();
        model.module_mut().visit_mut(&mut ParameterPath::default(), &mut |_, param| {
            param.set(parameters.next().expect("a value for each parameter").clone());
        });
        let mut sources: Vec<_> = inputs.iter().map(|x| tape.variable(x.clone())).collect();
        let y = model.run(tape, &sources);
        sources.extend(model.module().parameters().into_iter().map(|(_, param)| tape.param(param)));
        Recorded { sources, outputs: vec![(Place::new("y"), y)] }
    }
}

/// The data from which a random function, its model and its inputs are made.
#[derive(Clone)]
pub struct FunctionDraw<P> {
    parameters: P,
    shapes: Vec<Shape>,
    domain: Domain,
    seed: u64,
}

impl<P: Debug> Debug for FunctionDraw<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parameters, shapes, domain, seed: _ } = self;
        write!(f, "inputs {shapes:?}, {domain:?} values")?;
        match size_of::<P>() {
            0 => Ok(()),
            _ => write!(f, ", with {parameters:?}"),
        }
    }
}

/// The function at the drawn point, and a random generator for a law's own choices.
fn at<'a, P>(make: &'a dyn Make<P>, draw: &'a FunctionDraw<P>) -> (At<'a>, Random) {
    let FunctionDraw { parameters, shapes, domain, seed } = draw;
    let mut rng = bptt_layers::rng(*seed);
    let model = make.make(parameters, &mut rng);
    let mut places = Vec::new();
    let mut at = Vec::new();
    for (i, shape) in shapes.iter().enumerate() {
        places.push(Place::new(format!("x[{i}]")));
        at.push(domain.draw(i, shape, &mut stream(*seed, i)));
    }
    for (i, (name, param)) in model.module().parameters().into_iter().enumerate() {
        places.push(Place::new(name));
        let position = shapes.len() + i;
        at.push(domain.of_parameters().draw(position, param.shape(), &mut stream(*seed, position)));
    }
    (At { model: RefCell::new(model), places, at, inputs: shapes.len() }, rng)
}

impl<P> Sealed for Functions<'_, P> {}

impl<P: Clone + Debug + Sync + 'static> Family for Functions<'_, P> {
    type Case = FunctionDraw<P>;

    fn name(&self) -> String {
        short(self.name)
    }

    fn laws(&self) -> Vec<Law> {
        OF_FUNCTIONS.to_vec()
    }

    fn case(&self, _: Law, seed: u64) -> BoxedStrategy<FunctionDraw<P>> {
        (self.domains.of_case(seed), self.cases.clone(), any::<u64>().no_shrink())
            .prop_map(|(domain, (parameters, shapes), seed)| FunctionDraw {
                parameters,
                shapes,
                domain,
                seed,
            })
            .boxed()
    }

    fn number_of_cases(&self, law: Law, cases: u32) -> u32 {
        if law == Law::Threads { cases.div_ceil(16) } else { cases }
    }

    fn hold(
        &self,
        law: Law,
        draw: &FunctionDraw<P>,
        evidence: &mut Evidence,
    ) -> Result<(), Violation> {
        if law == Law::Threads {
            let make = &*self.make;
            let results = || bits::results(&at(make, draw).0);
            return bits::threads(&results, evidence);
        }
        let hold = |evidence: &mut Evidence| {
            let (at, mut rng) = at(&*self.make, draw);
            laws::of_function(law, &at, &mut rng, evidence)
        };
        let carried = || {
            let (at, mut rng) = at(&*self.make, draw);
            rounding::carried(&at, &mut rng)
        };
        rounding::allowed_for(law, evidence, hold, carried)
    }
}
