//! A recurrent net with a differentiable stack.

use bptt::prelude::*;

/// The stack-augmented net (Joulin and Mikolov 2015). Beside its state `h` it has a stack `s` of vectors. It reads the top,
/// and moves the whole stack by a mixture of three actions, so that gradients reach the actions:
///
/// ```text
/// h = tanh([x, h₋, top(s₋)] W + b)
/// (push, pop, keep) = softmax(h A + a)
/// s = push · [tanh(h V + v), s₋ without its bottom] + pop · [s₋ without its top, 0] + keep · s₋
/// ```
///
/// The output is `h`. The state is `h: [B, H]` and the stack `[B, D·F]`: `D` entries of `F` features, the top first. `D` is no
/// part of any weight, so it may change after training.
#[derive(Clone, Debug, Module)]
pub(crate) struct StackNet<T> {
    /// `W` and `b`
    control: Linear<T>,
    /// `A` and `a`
    actions: Linear<T>,
    /// `V` and `v`
    written: Linear<T>,
    #[module(skip)]
    depth: usize,
}

impl<T: Scalar> StackNet<T> {
    /// Creates a net whose stack has `depth` entries of `width` features.
    pub(crate) fn new(
        rng: &mut impl Rng,
        input_size: usize,
        hidden_size: usize,
        [depth, width]: [usize; 2],
    ) -> Self {
        Self {
            control: Linear::new(rng, input_size + hidden_size + width, hidden_size),
            actions: Linear::new(rng, hidden_size, 3),
            written: Linear::new(rng, hidden_size, width),
            depth,
        }
    }

    /// Sets the number of entries of the stack. The stack begins empty, so a deeper one computes the same until the
    /// shallower one is full.
    pub(crate) fn set_depth(&mut self, depth: usize) {
        self.depth = depth;
    }

    fn width(&self) -> usize {
        self.written.w.shape()[1]
    }
}

impl<T: Scalar> Cell<T> for StackNet<T> {
    type State<'t> = (Var<'t, T>, Var<'t, T>);

    fn step<'t>(&self, x: Var<'t, T>, (h, s): Self::State<'t>) -> (Var<'t, T>, Self::State<'t>) {
        let (width, end) = (self.width(), self.width() * self.depth);
        let top = s.slice(-1, 0..width);
        let h = self.control.forward(Var::concat(&[x, h, top], -1)).tanh();
        let actions = self.actions.forward(h).softmax(-1).probe("actions");
        let [push, pop, keep] = actions.split(-1);
        let entry = self.written.forward(h).tanh();
        let pushed = Var::concat(&[entry, s.slice(-1, 0..end - width)], -1);
        let popped = Var::concat(&[s.slice(-1, width..end), top * 0.0], -1);
        (h, (h, push * pushed + pop * popped + keep * s))
    }
}

impl<T: Scalar> StateSizes for StackNet<T> {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.actions.w.shape()[0], self.width() * self.depth]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_gradients_are_right() {
        let cell = |rng: &mut _, input, hidden| StackNet::new(rng, input, hidden, [3, 2]);
        bptt_gradcheck::cell(cell).check();
    }

    /// A net whose actions are wired: pushes its input while the second input is 1, pops while it is −1.
    #[test]
    fn it_pushes_and_pops() {
        let mut net = StackNet::<f64>::new(&mut bptt::rng(0), 2, 2, [4, 1]);
        // h = tanh(x / 100) but for the second, which is ±1; an action of ±50 is certain
        net.control.w.set(Tensor::from_fn([5, 2], |at| {
            [0.01, 0.0, 0.0, 30.0].get(at).copied().unwrap_or(0.0)
        }));
        net.actions.w.set(Tensor::from_vec([2, 3], vec![0.0, 0.0, 0.0, 50.0, -50.0, 0.0]));
        net.written.w.set(Tensor::from_vec([2, 1], vec![1.0, 0.0]));
        let mut online = stepper(&net, [1, 2]);
        let stored = |value: f64| (0.01 * value).tanh().tanh();
        for (value, action, stack) in [
            (3.0, 1.0, [3.0, 0.0, 0.0, 0.0]),
            (5.0, 1.0, [5.0, 3.0, 0.0, 0.0]),
            (7.0, 1.0, [7.0, 5.0, 3.0, 0.0]),
            (9.0, -1.0, [5.0, 3.0, 0.0, 0.0]),
            (8.0, 1.0, [8.0, 5.0, 3.0, 0.0]),
            (1.0, 1.0, [1.0, 8.0, 5.0, 3.0]),
            (2.0, 1.0, [2.0, 1.0, 8.0, 5.0]),
            (9.0, -1.0, [1.0, 8.0, 5.0, 0.0]),
        ] {
            online.step(&[&[value, action]]);
            let expected = stack.map(stored);
            let near = online.state(1).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(near, "{:?} is not {expected:?}", online.state(1));
        }
    }
}
