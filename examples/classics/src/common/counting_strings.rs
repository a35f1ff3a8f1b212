//! Strings such as `aⁿbⁿcⁿ`, between a sign of the beginning and one of the end.

use bptt::prelude::*;

use crate::common::legal::are_legal_first;

type Net = (BoxedLayer<f64>, Linear<f64>);

/// Strings of one language, one for each of some numbers `n`. A symbol is its place in the alphabet: the letters, the beginning, the
/// end.
pub(crate) struct Strings {
    letters: usize,
    /// `[T, B, K]`
    inputs: Tensor<f64>,
    /// The numbers, in ascending order.
    numbers: Vec<usize>,
    /// The places in `[T, B]` that a string has, string by string.
    places: Vec<usize>,
    /// The symbol that follows at each of these places.
    next: Vec<usize>,
}

impl Strings {
    pub(crate) fn new(numbers: &[usize], letters: usize) -> Self {
        let batch = numbers.len();
        let length = |n: usize| 1 + letters * n; // without the end
        let steps = numbers.iter().copied().map(length).max().unwrap_or(0);
        let mut inputs = Tensor::zeros([steps, batch, letters + 2]);
        let (mut places, mut next) = (Vec::new(), Vec::new());
        for (string, &n) in numbers.iter().enumerate() {
            let symbol = |step: usize| match step {
                0 => letters,
                _ if step <= letters * n => (step - 1) / n,
                _ => letters + 1,
            };
            for step in 0..length(n) {
                let place = step * batch + string;
                inputs.as_mut_slice()[place * (letters + 2) + symbol(step)] = 1.0;
                places.push(place);
                next.push(symbol(step + 1));
            }
        }
        Self { letters, inputs, numbers: numbers.to_vec(), places, next }
    }

    /// Returns the logits at the places of strings, `[N, K]`.
    fn logits<'t>(&self, net: &Net, tape: &'t Tape<f64>) -> Var<'t, f64> {
        let ys = net.forward(tape.constant(self.inputs.clone())).0;
        let [steps, batch] = [0, 1].map(|axis| ys.shape()[axis]);
        ys.reshape([steps * batch, self.letters + 2]).gather_rows(&self.places)
    }

    /// Returns the mean cross-entropy of the next symbol.
    pub(crate) fn loss<'t>(&self, net: &Net, tape: &'t Tape<f64>) -> Var<'t, f64> {
        loss::cross_entropy(self.logits(net, tape), &self.next).mean()
    }

    /// Returns the errors of logistic outputs, `[N, K]`.
    pub(crate) fn errors<'t>(&self, net: &Net, tape: &'t Tape<f64>) -> Var<'t, f64> {
        let symbols = self.letters + 2;
        let is_next = |i: usize| f64::from(u8::from(self.next[i / symbols] == i % symbols));
        let targets = Tensor::from_fn([self.next.len(), symbols], is_next);
        self.logits(net, tape).sigmoid() - &targets
    }

    /// Returns the number of strings that are right before the first that is not.
    pub(crate) fn right(&self, net: &Net) -> usize {
        let symbols = self.letters + 2;
        let logits = self.logits(net, &Tape::inference()).value();
        let mut rows = logits.as_slice().chunks_exact(symbols).zip(&self.next);
        let mut is_right = |&n: &usize| {
            let steps = rows.by_ref().take(1 + self.letters * n);
            // after an `a` comes another, or the first `b`; all else is certain
            let is_legal = |step: usize, symbol: usize, next: usize| {
                symbol == next || (1..=n).contains(&step) && symbol <= 1
            };
            steps.enumerate().fold(true, |right, (step, (logits, &next))| {
                let legal = (0..symbols).map(move |symbol| is_legal(step, symbol, next));
                right && are_legal_first(&logits.iter().copied().zip(legal))
            })
        };
        self.numbers.iter().take_while(|n| is_right(n)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_written_out() {
        let strings = Strings::new(&[1, 2], 2);
        // the beginning, a, b, then the end; the beginning, a, a, b, b, then the end
        assert_eq!(strings.next, [0, 1, 3, 0, 0, 1, 1, 3]);
        assert_eq!(strings.places, [0, 2, 4, 1, 3, 5, 7, 9]);
        let symbols = strings.inputs.argmax(-1);
        let of = |string: usize| (0..5).map(|t| symbols[2 * t + string]).collect::<Vec<_>>();
        assert_eq!(of(0)[..3], [2, 0, 1]);
        assert_eq!(of(1), [2, 0, 0, 1, 1]);
    }
}
