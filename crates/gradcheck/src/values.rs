//! The values at which gradients are checked.

use bptt_autodiff::Var;
use bptt_layers::Xoshiro256PlusPlus;
use bptt_tensor::{Shape, Tensor};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;
use rand::seq::{IndexedRandom, SliceRandom};

/// A variable in double precision, the precision of gradient checks.
pub(crate) type V<'t> = Var<'t, f64>;

/// The random generator that constructors take.
pub(crate) type Random = Xoshiro256PlusPlus;

/// A set of values from which the elements of a tensor are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Domain {
    /// −1.5 to 1.5: for functions that are defined everywhere.
    Ordinary,
    /// 0.5 to 2: for logarithms, roots and powers. The values are so far from the singularity at 0 that differences
    /// resolve the slope.
    Positive,
    /// ±0.5 to ±2: away from a kink, jump or pole at 0.
    NonZero,
    /// Elements at distances of at least 0.1 from one another, within one tensor and among up to eight. Differences
    /// then do not change which element is the largest.
    Distinct,
    /// Exactly 0.
    Zero,
    /// ±1e-9 to ±1e-5.
    Tiny,
    /// −100 to 100, where tanh, sigmoids and softmaxes are flat, and `eˣ` overflows in single precision.
    Saturated,
    /// Whole and half numbers, and values within 1e-8 of them, where rectifiers, maxima and hard gates have their
    /// kinks.
    NearKinks,
    /// One of ordinary, zero, tiny, saturated and near kinks, drawn for each tensor.
    Mixed,
}

impl Domain {
    /// A tensor of this shape. The `position` among the inputs of a function keeps the elements of
    /// [`Distinct`](Self::Distinct) tensors apart.
    ///
    /// # Panics
    ///
    /// If there is not enough memory.
    #[must_use]
    pub fn draw(
        self,
        position: usize,
        shape: impl Into<Shape>,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Tensor<f64> {
        let shape = &shape.into();
        let sign = |rng: &mut _| Tensor::bernoulli(shape, 0.5, rng).map(|bit: f64| 2.0 * bit - 1.0);
        match self {
            Self::Ordinary => Tensor::uniform(shape, -1.5, 1.5, rng),
            Self::Positive => Tensor::uniform(shape, 0.5, 2.0, rng),
            Self::NonZero => sign(rng) * Tensor::uniform(shape, 0.5, 2.0, rng),
            Self::Distinct => {
                let mut ranks: Vec<usize> = (0..shape.elements()).collect();
                ranks.shuffle(rng);
                let offset = 0.1 * (position % 8) as f64 - 1.0;
                Tensor::from_fn(shape, |i| 0.8 * ranks[i] as f64 + offset)
            }
            Self::Zero => Tensor::zeros(shape),
            Self::Tiny => {
                let exponents = Tensor::uniform(shape, -9.0, -5.0, rng);
                sign(rng) * exponents.map(|exponent| 10_f64.powf(exponent))
            }
            Self::Saturated => Tensor::uniform(shape, -100.0, 100.0, rng),
            Self::NearKinks => {
                let halves = Tensor::uniform(shape, -2.5, 2.5, rng).map(|x: f64| x.round() / 2.0);
                let beside = Tensor::uniform(shape, -1e-8, 1e-8, rng);
                &halves + &beside * Tensor::bernoulli(shape, 0.5, rng)
            }
            Self::Mixed => {
                let domain = MIXED.choose(rng).expect("several domains");
                domain.draw(position, shape, rng)
            }
        }
    }
}

impl Domain {
    /// The domain of parameters for inputs of this domain. With saturated parameters, differences would resolve no
    /// slope. With zero parameters and zero inputs, a model would compute nothing.
    pub(crate) fn of_parameters(self) -> Self {
        match self {
            Self::Saturated | Self::Zero => Self::Ordinary,
            other => other,
        }
    }
}

/// The random generator for one tensor of a case. The values of other tensors do not depend on the extents of this one,
/// so a case keeps its fault when it gets smaller.
pub(crate) fn stream(seed: u64, position: usize) -> Random {
    bptt_layers::rng(seed.wrapping_add((1 + position as u64) << 32))
}

/// Always this domain.
impl Strategy for Domain {
    type Tree = Just<Self>;
    type Value = Self;

    fn new_tree(&self, _: &mut TestRunner) -> NewTree<Self> {
        Ok(Just(*self))
    }
}

const MIXED: [Domain; 5] =
    [Domain::Ordinary, Domain::Zero, Domain::Tiny, Domain::Saturated, Domain::NearKinks];

/// A random domain for a function that is defined everywhere. It is most often [`Domain::Ordinary`], to which it
/// shrinks.
pub fn domains() -> impl Strategy<Value = Domain> + Clone {
    use Domain::{Mixed, NearKinks, Ordinary, Saturated, Tiny, Zero};
    select(vec![Ordinary, Ordinary, Ordinary, Ordinary, Zero, Tiny, Saturated, NearKinks, Mixed])
}

/// The domains of a check's cases.
#[derive(Debug)]
pub(crate) enum Domains {
    /// All kinds in turn; eight cases cover all of them.
    InTurn,
    /// The domains of the caller.
    Of(BoxedStrategy<Domain>),
}

/// The domains in the order in which cases take them.
const TURNS: [Domain; 8] = [
    Domain::Ordinary,
    Domain::Saturated,
    Domain::NearKinks,
    Domain::Mixed,
    Domain::Ordinary,
    Domain::Tiny,
    Domain::Saturated,
    Domain::Zero,
];

/// The seed of a case. Its last bits say which domain has its turn.
pub(crate) fn seed_of_case(random: u64, case: u64) -> u64 {
    let turns = TURNS.len() as u64;
    random - random % turns + case % turns
}

impl Domains {
    pub(crate) fn of(domains: impl Strategy<Value = Domain> + 'static) -> Self {
        Self::Of(domains.boxed())
    }

    /// The domain of the case with this seed.
    pub(crate) fn of_case(&self, seed: u64) -> BoxedStrategy<Domain> {
        match self {
            Self::InTurn => Turn(TURNS[seed as usize % TURNS.len()]).boxed(),
            Self::Of(domains) => domains.clone(),
        }
    }
}

/// A domain that shrinks to the ordinary one.
#[derive(Clone, Copy, Debug)]
struct Turn(Domain);

impl Strategy for Turn {
    type Tree = TurnTree;
    type Value = Domain;

    fn new_tree(&self, _: &mut TestRunner) -> NewTree<Self> {
        Ok(TurnTree { turn: self.0, current: self.0 })
    }
}

struct TurnTree {
    turn: Domain,
    current: Domain,
}

impl ValueTree for TurnTree {
    type Value = Domain;

    fn current(&self) -> Domain {
        self.current
    }

    fn simplify(&mut self) -> bool {
        std::mem::replace(&mut self.current, Domain::Ordinary) != Domain::Ordinary
    }

    fn complicate(&mut self) -> bool {
        std::mem::replace(&mut self.current, self.turn) != self.turn
    }
}
