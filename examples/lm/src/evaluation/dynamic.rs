//! Dynamic evaluation: the model goes on learning from text that it has already been scored on.

use bptt::Module;
use bptt::prelude::*;

use super::Score;
use crate::model::{Carried, LanguageModel};
use crate::text::{Part, Streams, Window};

/// Keeps the steps of parameters with small gradients finite.
const EPSILON: f32 = 2e-5;

/// Dynamic evaluation (Mikolov et al. 2010; Krause et al. 2018). After each window has been scored, the parameters `θ`
/// move along its gradient `g`, and back towards the trained parameters `θ₀`:
///
/// ```text
/// θ ← θ − η g / (√m + ε) + λ r (θ₀ − θ)      r = min(√m / mean(√m), 1/λ)
/// ```
///
/// `m` is the mean square of a parameter's gradient over windows of the training text. No token influences its own
/// score, since a window is scored before the parameters move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dynamic {
    /// `η`
    pub learning_rate: f64,
    /// `λ`
    pub decay: f64,
}

impl Dynamic {
    /// Returns the score of a part whose streams are read in these windows. Afterwards, the model has the adapted
    /// parameters.
    ///
    /// `training` gives the windows over which `m` is taken.
    #[must_use]
    pub fn score(
        &self,
        model: &mut LanguageModel,
        part: &Part,
        streams: &Streams,
        window: usize,
        training: impl IntoIterator<Item = Window>,
    ) -> Score {
        let mut rule = Rule::new(self, model, training);
        let mut carried = model.start();
        let (mut total, mut tokens) = (0.0, 0);
        for window in streams.windows(window) {
            let (loss, gradients) = gradients(model, &window, &mut carried);
            total += loss * window.targets.len() as f64;
            tokens += window.targets.len() as u64;
            rule.apply(model, &gradients);
        }
        Score::new(total / tokens as f64, tokens, part)
    }
}

/// The update of all parameters.
struct Rule {
    learning_rate: f32,
    /// For each parameter: `θ₀`, `√m`, and `λ r`.
    parameters: Vec<[Vec<f32>; 3]>,
}

impl Rule {
    fn new(
        settings: &Dynamic,
        model: &LanguageModel,
        training: impl IntoIterator<Item = Window>,
    ) -> Self {
        let roots = root_mean_squares(model, training);
        let count = roots.iter().map(Vec::len).sum::<usize>() as f64;
        let sum: f64 = roots.iter().flatten().map(|&root| f64::from(root)).sum();
        let pull = |root: f32| {
            let normalized = f64::from(root) * count / sum.max(f64::MIN_POSITIVE);
            (settings.decay * normalized).min(1.0) as f32
        };
        let parameters =
            model.parameters().into_iter().zip(roots).map(|((_, parameter), roots)| {
                let pulls = roots.iter().map(|&root| pull(root)).collect();
                [parameter.value().to_vec(), roots, pulls]
            });
        Self { learning_rate: settings.learning_rate as f32, parameters: parameters.collect() }
    }

    fn apply(&mut self, model: &mut LanguageModel, gradients: &Gradients<f32>) {
        let mut parameters = self.parameters.iter();
        model.for_each_parameter_mut(|_, parameter| {
            let [trained, roots, pulls] = parameters.next().expect("one for each parameter");
            // A softmax in clusters has no gradient for a cluster without targets.
            let zeros = || Tensor::zeros(parameter.value().shape().clone());
            let gradient = gradients.get(parameter).cloned().unwrap_or_else(zeros);
            let values = parameter.value_mut().as_mut_slice().iter_mut();
            let rest = gradient.as_slice().iter().zip(trained).zip(roots.iter().zip(pulls));
            for (value, ((&gradient, &trained), (&root, &pull))) in values.zip(rest) {
                *value +=
                    pull * (trained - *value) - self.learning_rate * gradient / (root + EPSILON);
            }
        });
    }
}

/// Returns the root of the mean square of each parameter's gradient, over windows that follow one another.
fn root_mean_squares(
    model: &LanguageModel,
    windows: impl IntoIterator<Item = Window>,
) -> Vec<Vec<f32>> {
    let sizes = model.parameters().into_iter().map(|(_, it)| vec![0.0; it.value().len()]);
    let mut sums: Vec<Vec<f32>> = sizes.collect();
    let mut carried = model.start();
    let mut count = 0.0;
    for window in windows {
        let (_, gradients) = gradients(model, &window, &mut carried);
        for ((_, parameter), sums) in model.parameters().into_iter().zip(&mut sums) {
            let Some(gradient) = gradients.get(parameter) else { continue };
            for (sum, &g) in sums.iter_mut().zip(gradient.as_slice()) {
                *sum += g * g;
            }
        }
        count += 1.0;
    }
    let root = |sum: f32| (sum / f32::max(count, 1.0)).sqrt();
    sums.into_iter().map(|sums| sums.into_iter().map(root).collect()).collect()
}

/// Returns the mean loss of a window and its gradients, without noise.
fn gradients(
    model: &LanguageModel,
    window: &Window,
    carried: &mut Carried,
) -> (f64, Gradients<f32>) {
    let tape = Tape::new();
    let batch = window.inputs.len() / window.steps;
    let hs = model.evaluate(&tape, &window.inputs, batch, carried);
    let loss = model.loss(hs, &window.targets).mean();
    (f64::from(loss.item()), tape.backward(loss))
}
