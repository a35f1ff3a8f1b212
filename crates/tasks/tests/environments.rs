//! Environments, batches of them, and what they record.

use bptt_autodiff::{Param, Tape};
use bptt_layers::{CarriedState, LearnedStart, Linear, Lstm, Stack, rng};
use bptt_tasks::agents::Policy;
use bptt_tasks::environments::{Environment, Environments, Outcome, Rollout, TMaze};
use bptt_tensor::Tensor;
use rand::Rng;

/// What the agent sees, and the reward, on a walk that meets every wall.
#[test]
fn a_maze_tells_the_turn_only_at_its_start() {
    let rng = &mut rng(0);
    let mut maze = TMaze::new(2);
    let (mut signs, mut goals) = ([0, 0], [0, 0]);
    for _ in 0..40 {
        maze.begin(rng);
        let is_south = usize::from(maze.observation() == [1.0, 1.0, 0.0]);
        signs[is_south] += 1;
        let sign = [[0.0, 1.0, 1.0], [1.0, 1.0, 0.0]][is_south];
        let (corridor, junction) = ([1.0, 0.0, 1.0], [0.0, 1.0, 0.0]);
        let walk = [
            (TMaze::WEST, -0.1, sign),
            (TMaze::NORTH, -0.1, sign),
            (TMaze::EAST, 0.0, corridor),
            (TMaze::SOUTH, -0.1, corridor),
            (TMaze::WEST, 0.0, sign),
            (TMaze::EAST, 0.0, corridor),
            (TMaze::EAST, 0.0, junction),
            (TMaze::EAST, -0.1, junction),
        ];
        assert_eq!(maze.observation(), sign);
        for (action, reward, seen) in walk {
            assert_eq!(maze.act(action, rng), Outcome { reward, is_last: false });
            assert_eq!(maze.observation(), seen);
        }
        let turn = [TMaze::NORTH, TMaze::SOUTH][signs[0] % 2];
        let is_goal = turn == [TMaze::NORTH, TMaze::SOUTH][is_south];
        goals[usize::from(is_goal)] += 1;
        let reward = if is_goal { 4.0 } else { -0.1 };
        assert_eq!(maze.act(turn, rng), Outcome { reward, is_last: true });
    }
    assert!(signs.iter().chain(&goals).all(|&count| count > 5), "{signs:?} {goals:?}");
}

/// Of four agents in a corridor of one step, one reaches the goal, one turns wrong, one reaches the goal only in its second
/// episode, and one never turns.
#[test]
fn goals_are_reached_in_the_first_episode() {
    let goal = TMaze::GOAL as f32;
    let all = [1.0; 4];
    let begins = [all, [0.0; 4], [1.0, 1.0, 1.0, 0.0], [0.0; 4], [0.0, 1.0, 1.0, 0.0]];
    let rollout = Rollout {
        start: CarriedState::new(),
        observations: Tensor::zeros([5, 4, 3]),
        begins: Tensor::from_vec([5, 4], begins.concat()),
        actions: vec![1; 16],
        rewards: Tensor::from_vec(
            [4, 4],
            [[0.0; 4], [goal, -0.1, -0.1, -0.1], [0.0; 4], [0.0, -0.1, goal, -0.1]].concat(),
        ),
    };
    assert_eq!(TMaze::goals(&rollout), 0.25);
}

#[test]
fn walks_are_what_the_maze_shows_on_the_way_east() {
    let (walks, turns) = TMaze::new(3).walks::<f64>(20, &mut rng(1));
    assert_eq!(walks.shape().to_vec(), [4, 20, 3]);
    for (b, &turn) in turns.iter().enumerate() {
        let seen = |t: usize| [0, 1, 2].map(|i| walks[[t, b, i]]);
        assert_eq!(seen(0), [[0.0, 1.0, 1.0], [1.0, 1.0, 0.0]][turn]);
        assert_eq!(
            [seen(1), seen(2), seen(3)],
            [[1.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
        );
    }
    assert!(turns.contains(&0) && turns.contains(&1));
}

/// Counts its steps. Its episodes have this number of steps, and the reward is the number of the step.
#[derive(Clone)]
struct Clock(usize, usize);

impl Environment for Clock {
    fn observation_size(&self) -> usize {
        1
    }

    fn action_count(&self) -> usize {
        3
    }

    fn begin(&mut self, _: &mut impl Rng) {
        self.1 = 0;
    }

    fn observation(&self) -> Vec<f64> {
        vec![self.1 as f64 / self.0 as f64]
    }

    fn act(&mut self, _: usize, _: &mut impl Rng) -> Outcome {
        self.1 += 1;
        Outcome { reward: self.1 as f64, is_last: self.1 == self.0 }
    }
}

/// Episodes end and begin within a rollout, and go on from one to the next.
#[test]
fn episodes_go_on_through_rollouts() {
    let rng = &mut rng(2);
    let model = Linear::<f64>::new(rng, 1, 3);
    let mut clocks = Environments::new(vec![Clock(2, 0), Clock(3, 0)], rng);
    let first = clocks.rollout(&model, Policy::GREEDY, 4, rng);
    assert_eq!(first.begins.to_vec(), [1., 1., 0., 0., 1., 0., 0., 1., 1., 0.]);
    assert_eq!(first.rewards.to_vec(), [1., 1., 2., 2., 1., 3., 2., 1.]);
    let second = clocks.rollout(&model, Policy::GREEDY, 2, rng);
    assert_eq!(second.begins.to_vec(), [1., 0., 0., 0., 1., 1.]);
    assert_eq!(second.rewards.to_vec(), [1., 2., 2., 3.]);
    let last = first.observations.index_first(4);
    assert_eq!(last, second.observations.index_first(0));
}

/// `G_t = r_t + γ G_{t+1}` within an episode; the rest of an unfinished one is given.
#[test]
fn returns_stop_at_the_end_of_an_episode() {
    let rng = &mut rng(3);
    let model = Linear::<f64>::new(rng, 1, 3);
    let mut clocks = Environments::new(vec![Clock(2, 0), Clock(3, 0)], rng);
    let rollout = clocks.rollout(&model, Policy::GREEDY, 4, rng);
    // of clock 0: 1 2 | 1 2; of clock 1: 1 2 3 | 1, whose rest is 16
    let expected = [2.0, 2.75, 2.0, 3.5, 2.0, 3.0, 2.0, 9.0];
    assert_eq!(rollout.returns(0.5, &[8.0, 16.0]).to_vec(), expected);
}

/// What a layer returned while it acted, it returns again in the run of the rollout: episodes begin anew, and an
/// unfinished one continues in the next rollout from the state that it had.
#[test]
fn a_rollout_runs_as_the_agent_did() {
    let rng = &mut rng(4);
    let stack = Stack::new(vec![Lstm::<f64>::new(rng, 3, 5), Lstm::new(rng, 5, 5)]);
    let mut model = LearnedStart::new((stack, Linear::new(rng, 5, 4)));
    for initial in &mut model.initial {
        *initial = Param::new(Tensor::normal(initial.shape(), 0.0, 1.0, rng));
    }
    let mut mazes = Environments::new(vec![TMaze::new(1); 6], rng);
    let mut ended = 0;
    for _ in 0..4 {
        let rollout = mazes.rollout(&model, Policy::GREEDY, 7, rng);
        let tape = Tape::inference();
        let outputs = rollout.run(&model, &tape).value();
        assert_eq!(outputs.shape().to_vec(), [8, 6, 4]);
        assert_eq!(outputs.slice(0, 0..7).argmax(-1), rollout.actions);
        // the greedy agent of random weights may stand still; random actions end its episodes
        let random = mazes.rollout(&model, Policy::EpsilonGreedy(1.0), 5, rng);
        ended += random.begins.iter().filter(|&&begins| begins == 1.0).count();
    }
    assert!(ended > 5, "{ended}");
}

#[test]
#[should_panic(expected = "the carried state has shapes")]
fn another_agent_needs_another_batch() {
    let rng = &mut rng(5);
    let mut mazes = Environments::new(vec![TMaze::new(1); 2], rng);
    for hidden_size in [4, 5] {
        let model = (Lstm::<f32>::new(rng, 3, hidden_size), Linear::new(rng, hidden_size, 4));
        let _ = mazes.rollout(&model, Policy::Softmax, 3, rng);
    }
}

#[test]
#[should_panic(expected = "4 actions need as many outputs of the layer, which has 2")]
fn each_action_has_an_output() {
    let rng = &mut rng(6);
    let mut mazes = Environments::new(vec![TMaze::new(1); 2], rng);
    let _ = mazes.rollout(&Linear::<f32>::new(rng, 3, 2), Policy::GREEDY, 3, rng);
}
