//! Recipes of reinforcement learning: their gradients against the score function, their values against dynamic
//! programming.

use bptt_autodiff::{Tape, Var};
use bptt_layers::{CarriedState, Linear, Optimizer, Sgd, rng};
use bptt_tasks::agents::{Policy, PolicyGradient, QLearning};
use bptt_tasks::environments::{Environment, Environments, Outcome, Rollout};
use bptt_tensor::Tensor;
use rand::Rng;

/// A rollout of one environment whose observation is always 1.
fn rollout(actions: &[usize], rewards: &[f64], begins: &[f64]) -> Rollout<f64> {
    let steps = actions.len();
    Rollout {
        start: CarriedState::new(),
        observations: Tensor::ones([steps + 1, 1, 1]),
        begins: Tensor::from_slice([steps + 1, 1], begins),
        actions: actions.into(),
        rewards: Tensor::from_slice([steps, 1], rewards),
    }
}

/// Logits and a baseline for each step of an episode, `[T + 1, A + 1]`.
fn outputs<'t>(tape: &'t Tape<f64>, rows: &[[f64; 3]]) -> Var<'t, f64> {
    tape.variable(Tensor::from_vec([rows.len(), 1, 3], rows.concat()))
}

fn assert_near(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance), "{a:?}\n{b:?}");
}

/// Two steps with `γ = ½` whose rest is worth the last baseline, by hand: `G = (2 + ½ 5, 4 + ½ 2) = (4.5, 5)`,
/// `G − b = (1.5, 4)`. The gradient of a logit is `−(G − b) (1_a − π) / T`, that of a baseline `−(G − b) / T`.
#[test]
fn the_gradient_is_that_of_the_score_function() {
    let tape = Tape::new();
    let ln3 = 3_f64.ln(); // π = (¾, ¼)
    let outputs = outputs(&tape, &[[ln3, 0.0, 3.0], [0.0, 0.0, 1.0], [7.0, 9.0, 2.0]]);
    let rollout = rollout(&[0, 1], &[2.0, 4.0], &[1.0, 0.0, 0.0]);
    let loss = PolicyGradient::new(0.5).loss(outputs, &rollout);
    let by_hand = (1.5 * (4.0 / 3.0_f64).ln() + 4.0 * 2_f64.ln() + (2.25 + 16.0) / 2.0) / 2.0;
    assert_near(&[loss.item()], &[by_hand], 1e-12);
    let by_hand = [-0.1875, 0.1875, -0.75, 1.0, -1.0, -2.0, 0.0, 0.0, 0.0];
    assert_near(&tape.backward(loss).wrt(outputs).to_vec(), &by_hand, 1e-12);
}

/// The expectation over all sequences of actions is the gradient of the expected return, with any baseline.
#[test]
fn the_expected_gradient_is_that_of_the_return() {
    let reward = |actions: [usize; 2]| {
        [[0.5, -1.0][actions[0]], [[2.0, -3.0], [0.25, 1.5]][actions[0]][actions[1]]]
    };
    let logits = [[0.3, -0.4], [-0.7, 0.2]];
    for baselines in [[0.0, 0.0], [1.0, -2.0]] {
        let tape = Tape::new();
        let rows = [0, 1].map(|t| [logits[t][0], logits[t][1], baselines[t]]);
        let outputs = outputs(&tape, &[rows[0], rows[1], [0.0; 3]]);
        let log_policy = outputs.slice(-1, 0..2).log_softmax(-1).reshape([6]);
        let mut expected_return = tape.constant(Tensor::scalar(0.0));
        let mut expectation = [0.0; 9];
        for actions in [[0, 0], [0, 1], [1, 0], [1, 1]] {
            let taken = log_policy.gather_rows(&[actions[0], 2 + actions[1]]);
            let probability = taken.sum_all().exp();
            let rewards = reward(actions);
            expected_return = expected_return + probability * (rewards[0] + rewards[1]);
            let rollout = rollout(&actions, &rewards, &[1.0, 0.0, 1.0]);
            let loss = PolicyGradient::new(1.0).loss(outputs, &rollout);
            let gradient = tape.backward(loss).wrt(outputs).to_vec();
            for (sum, gradient) in expectation.iter_mut().zip(gradient) {
                *sum -= probability.item() * gradient * 2.0; // of the sum over two steps
            }
        }
        let exact = tape.backward(expected_return).wrt(outputs).to_vec();
        for t in 0..2 {
            assert_near(&expectation[3 * t..3 * t + 2], &exact[3 * t..3 * t + 2], 1e-12);
        }
    }
}

/// The gradient of `−β H` vanishes at the uniform policy alone, and raises the entropy elsewhere.
#[test]
fn entropy_pulls_the_policy_toward_uniform() {
    let gradient = |logit: f64| {
        let tape = Tape::new();
        let outputs = outputs(&tape, &[[logit, 0.0, 0.0], [0.0; 3]]);
        let rollout = rollout(&[0], &[0.0], &[1.0, 1.0]);
        let loss = PolicyGradient::new(1.0).entropy(2.0).loss(outputs, &rollout);
        tape.backward(loss).wrt(outputs).to_vec()[0]
    };
    // −β ∂H/∂z = β π (1 − π) z for two actions
    let slope = |z: f64| 2.0 * z.exp() / (1.0 + z.exp()).powi(2) * z;
    assert_near(
        &[gradient(0.0), gradient(1.5), gradient(-0.5)],
        &[0.0, slope(1.5), slope(-0.5)],
        1e-12,
    );
}

/// A row of four places with its goal at the right end, worth 1, and a lesser one at the left end.
#[derive(Clone)]
struct Row(usize);

const DISCOUNT: f64 = 0.9;

impl Environment for Row {
    fn observation_size(&self) -> usize {
        4
    }

    fn action_count(&self) -> usize {
        2
    }

    fn begin(&mut self, _: &mut impl Rng) {
        self.0 = 1;
    }

    fn observation(&self) -> Vec<f64> {
        (0..4).map(|place| f64::from(place == self.0)).collect()
    }

    fn act(&mut self, action: usize, _: &mut impl Rng) -> Outcome {
        let (reward, is_last) = [(0.3, self.0 == 0), (1.0, self.0 == 3)][action];
        if is_last {
            return Outcome { reward, is_last };
        }
        self.0 = if action == 1 { self.0 + 1 } else { self.0 - 1 };
        Outcome { reward: 0.0, is_last }
    }
}

/// By dynamic programming: `V_3 = 1`, `V_2 = γ`, `V_1 = γ²`, `V_0 = γ³ = 0.729 > 0.3`; `Q(p, left)` and `Q(p, right)`.
fn optimum() -> [[f64; 2]; 4] {
    let [one, two, three] = [1, 2, 3].map(|power| DISCOUNT.powi(power));
    let four = DISCOUNT.powi(4);
    [[0.3, three], [four, two], [three, one], [two, 1.0]]
}

#[test]
fn q_learning_reaches_the_values_of_dynamic_programming() {
    let rng = &mut rng(0);
    let mut table = Linear::<f64>::new(rng, 4, 2).bias(false); // one row for each place
    let mut target = table.clone();
    let mut rows = Environments::new(vec![Row(0); 8], rng);
    let (recipe, mut optimizer) = (QLearning::new(DISCOUNT), Sgd::new(4.0));
    for update in 0..600 {
        if update % 5 == 0 {
            target = table.clone();
        }
        let rollout = rows.rollout(&table, Policy::EpsilonGreedy(0.5), 10, rng);
        let target_values = rollout.run(&target, &Tape::inference()).value();
        let tape = Tape::new();
        let loss = recipe.loss(rollout.run(&table, &tape), &target_values, &rollout);
        let gradients = tape.backward(loss);
        drop(tape);
        optimizer.step(&mut table, &gradients);
    }
    assert_near(&table.w.value().to_vec(), &optimum().concat(), 1e-9);
}

/// An episode that ends has no value after its last step, however large that of the next episode.
#[test]
fn targets_do_not_cross_the_end_of_an_episode() {
    let rollout = rollout(&[0, 1], &[2.0, 3.0], &[1.0, 0.0, 1.0]);
    let values = Tensor::from_vec([3, 1, 2], vec![50.0, 60.0, 7.0, 4.0, 80.0, 90.0]);
    assert_eq!(QLearning::new(0.5).targets(&values, &rollout).to_vec(), [5.5, 3.0]);
    let tape = Tape::new();
    let q = tape.variable(Tensor::from_vec([3, 1, 2], vec![1.0, 9.0, 9.0, 1.0, 9.0, 9.0]));
    let loss = QLearning::new(0.5).loss(q, &values, &rollout);
    assert_eq!(loss.item(), (4.5 * 4.5 + 2.0 * 2.0) / 4.0);
    assert_eq!(tape.backward(loss).wrt(q).to_vec(), [-2.25, 0.0, 0.0, -1.0, 0.0, 0.0]);
}

#[test]
fn policies_choose_as_they_say() {
    let rng = &mut rng(1);
    let mut counts = |policy: Policy, outputs: [f64; 3]| {
        let mut counts = [0; 3];
        (0..6000).for_each(|_| counts[policy.choose(&outputs, rng)] += 1);
        counts
    };
    assert_eq!(counts(Policy::GREEDY, [1.0, 2.0, 2.0]), [0, 6000, 0]);
    let near = |counts: [i32; 3], expected: [i32; 3]| {
        // five standard deviations of a binomial count
        assert!(counts.iter().zip(expected).all(|(a, b)| (a - b).abs() < 194), "{counts:?}");
    };
    near(counts(Policy::EpsilonGreedy(0.3), [0.0, 1.0, 0.5]), [600, 4800, 600]);
    near(counts(Policy::Softmax, [0.0, 2_f64.ln(), 3_f64.ln()]), [1000, 2000, 3000]);
}

#[test]
#[should_panic(expected = "a discount is between 0 and 1, not 1.5")]
fn a_discount_is_a_share() {
    let _ = QLearning::new(1.5);
}

/// A layer without the baseline has a logit too few.
#[test]
#[should_panic(
    expected = "policy gradient: action 1 has no output, since the outputs [2, 1, 2] are of 1 actions"
)]
fn a_policy_gradient_needs_a_baseline() {
    let tape = Tape::new();
    let outputs = tape.constant(Tensor::zeros([2, 1, 2]));
    let _ = PolicyGradient::new(1.0).loss(outputs, &rollout(&[1], &[0.0], &[1.0, 0.0]));
}

#[test]
#[should_panic(
    expected = "Q-learning, target values: a rollout of 1 steps has outputs [2, 1, ..], not [1, 1, 2]"
)]
fn values_are_of_all_steps_and_one_more() {
    let tape = Tape::new();
    let values = tape.constant(Tensor::zeros([2, 1, 2]));
    let targets = Tensor::zeros([1, 1, 2]);
    let _ = QLearning::new(1.0).loss(values, &targets, &rollout(&[1], &[0.0], &[1.0, 0.0]));
}
