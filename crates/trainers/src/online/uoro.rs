//! Unbiased online recurrent optimization.

use bptt_layers::weights::WeightsError;
use bptt_layers::{Xoshiro256PlusPlus, rng};
use bptt_tensor::{Scalar, Shape, Tensor};
use rand::Rng;

use super::delegation::learner_by_engine;
use super::engine::Engine;
use super::error::OnlineError;
use super::method::Method;
use super::recorded_step::{ByParameter, RecordedStep, add};
use super::saved::{Saved, Saving};

/// Unbiased online recurrent optimization or UORO: a random estimate of rank one of the influence, for any layer.
///
/// ```text
/// Π_t ≈ ŝ_t θ̂_tᵀ      E[ŝ_t θ̂_tᵀ] = Π_t
/// ŝ_t = ρ₀ J_t ŝ_{t−1} + ρ₁ ν_t            ν_t: signs ±1 at random, [S]
/// θ̂_t = θ̂_{t−1} / ρ₀ + ν_tᵀ I_t / ρ₁
/// ρ₀ = √(‖θ̂_{t−1}‖ / ‖J_t ŝ_{t−1}‖),      ρ₁ = √(‖ν_tᵀ I_t‖ / ‖ν_t‖)
/// ∇L_t ≈ (∂L_t/∂s_{t−1} · ŝ_{t−1}) θ̂_{t−1} + ∂L_t/∂θ
/// ```
///
/// `ŝ: [S]`, `θ̂: [P]`; `J: [S, S]` and `I: [S, P]` are those of [`RealTime`](super::RealTime). While the parameters do
/// not change, the expectation of the gradient is the exact one, whatever the layer. The factors `ρ` make the variance
/// small. It is large nevertheless, and grows with `S`, so that learning needs small steps. A term whose norm is zero
/// is left out, where the authors' program adds a small number to the norms.
///
/// For each sequence, a step costs a reverse pass for `νᵀ I`, one for the loss, and a Jacobian-vector product for `J ŝ`
/// (two reverse passes). Memory is `S + P` numbers.
///
/// Tallec and Ollivier, *Unbiased online recurrent optimization* (2018).
///
/// ```
/// use bptt_layers::Elman;
/// use bptt_tensor::Tensor;
/// use bptt_trainers::online::{OnlineLearner, RealTime, Uoro};
///
/// let cell = Elman::<f64>::new(&mut bptt_layers::rng(0), 1, 2);
/// // the gradient of the loss of the third step
/// let gradient = |learner: &mut dyn OnlineLearner<f64, Elman<f64>>| {
///     let mut last = Tensor::zeros([2, 2]);
///     for x in [1.0, -0.5, 0.3] {
///         let x = Tensor::full([1, 1], x);
///         let step = learner.step(&cell, &x, &|y| y.square().sum_all())?;
///         last = step.gradients[&cell.w_hh].clone();
///     }
///     Ok::<_, bptt_trainers::online::OnlineError>(last)
/// };
/// let mut mean = Tensor::zeros([2, 2]);
/// for seed in 0..1000 {
///     mean += &(gradient(&mut Uoro::new().seed(seed))? / 1000.0);
/// }
/// let exact = gradient(&mut RealTime::new())?;
/// let distance = (&mean - &exact).square().sum_all().item().sqrt();
/// assert!(distance < 0.2 * exact.square().sum_all().item().sqrt());
/// # Ok::<(), bptt_trainers::online::OnlineError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Uoro<T: Scalar> {
    engine: Engine<T, RankOne>,
}

impl<T: Scalar> Uoro<T> {
    /// Creates a learner with the seed 0.
    #[must_use]
    pub fn new() -> Self {
        Self { engine: Engine::new(RankOne { rng: rng(0) }) }
    }

    /// Sets the seed of the signs. The state of the learner includes the generator.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.engine.method.rng = rng(seed);
        self
    }
}

impl<T: Scalar> Default for Uoro<T> {
    fn default() -> Self {
        Self::new()
    }
}

learner_by_engine!(Uoro);

/// Keeps a product of two vectors.
#[derive(Clone, Debug)]
struct RankOne {
    rng: Xoshiro256PlusPlus,
}

/// `ŝ θ̂ᵀ`
#[derive(Clone, Debug)]
struct Factors<T: Scalar> {
    state: Vec<T>,
    parameters: ByParameter<T>,
}

impl<T: Scalar> Factors<T> {
    /// Scales `ŝ` by `ρ = √(‖θ̂‖ / ‖ŝ‖)`, and `θ̂` by `1/ρ`, so that both norms are equal. Returns zeros if one is
    /// zero.
    fn balanced(mut self) -> Self {
        let of_state = norm(self.state.iter());
        let of_parameters = norm(self.parameters.iter().flatten().flat_map(Tensor::iter));
        if of_state == 0.0 || of_parameters == 0.0 {
            self.state.fill(T::zero());
            self.parameters.fill(None);
            return self;
        }
        let factor = (of_parameters / of_state).sqrt();
        let (by, inverse) = (T::of(factor), T::of(factor.recip()));
        self.state.iter_mut().for_each(|element| *element *= by);
        for tensor in self.parameters.iter_mut().flatten() {
            tensor.as_mut_slice().iter_mut().for_each(|element| *element *= inverse);
        }
        self
    }
}

fn norm<'a, T: Scalar>(elements: impl Iterator<Item = &'a T>) -> f64 {
    elements.map(|element| element.as_f64().powi(2)).sum::<f64>().sqrt()
}

impl<T: Scalar> Method<T> for RankOne {
    type Influence = Factors<T>;

    fn advance(
        &mut self,
        before: Option<&Factors<T>>,
        step: &RecordedStep<'_, '_, T>,
    ) -> Result<Factors<T>, OnlineError> {
        let mut sign = || if self.rng.next_u64() >> 63 == 0 { T::one() } else { -T::one() };
        let signs: Vec<T> = (0..step.size()).map(|_| sign()).collect();
        let parameters = step.pull_state(&signs).parameters;
        let mut new = Factors { state: signs, parameters }.balanced();
        if let Some(Factors { state, parameters }) = before {
            let state = step.push_state(state);
            let old = Factors { state, parameters: parameters.clone() }.balanced();
            new.state.iter_mut().zip(old.state).for_each(|(new, old)| *new += old);
            for (new, old) in new.parameters.iter_mut().zip(old.parameters) {
                old.into_iter().for_each(|old| add(new, old));
            }
        }
        Ok(new)
    }

    fn add_gradients(
        &self,
        influence: &Factors<T>,
        cotangent: &[T],
        gradients: &mut ByParameter<T>,
    ) {
        let factor: T = cotangent.iter().zip(&influence.state).map(|(&a, &b)| a * b).sum();
        for (gradient, influence) in gradients.iter_mut().zip(&influence.parameters) {
            let Some(influence) = influence else { continue };
            add(gradient, influence.map(|element| element * factor));
        }
    }

    fn is_finite(&self, influence: &Factors<T>) -> bool {
        influence.state.iter().all(|element| element.is_finite())
            && influence.parameters.iter().flatten().all(Tensor::is_finite)
    }

    fn save(&self, saving: &mut Saving<'_, T>) {
        saving.rng("rng", &self.rng);
    }

    fn restored(
        &self,
        saved: &mut Saved<'_, T>,
        _start: &RecordedStep<'_, '_, T>,
    ) -> Result<Self, WeightsError> {
        Ok(Self { rng: saved.rng("rng")? })
    }

    fn save_influence(&self, influence: &Factors<T>, saving: &mut Saving<'_, T>) {
        saving
            .tensor("factor.state", Tensor::from_slice([influence.state.len()], &influence.state));
        saving.by_parameter("factor.parameters", &influence.parameters);
    }

    fn influence(
        &self,
        saved: &mut Saved<'_, T>,
        start: &RecordedStep<'_, '_, T>,
    ) -> Result<Factors<T>, WeightsError> {
        let state = saved.tensor("factor.state", &Shape::from([start.size()]))?.to_vec();
        Ok(Factors { state, parameters: saved.by_parameter("factor.parameters", None)? })
    }
}
