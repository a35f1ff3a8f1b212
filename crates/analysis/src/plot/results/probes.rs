//! Pictures of values that equations name.

use bptt_autodiff::Probes;
use bptt_tensor::Scalar;

use crate::plot::HeatMap;

impl HeatMap {
    /// Creates a chart of a probe of a run, `[T, B, F]`, for one sequence of the batch. Gates have colours from 0 to 1, and
    /// states within −1 and 1 from −1 to 1.
    ///
    /// ```
    /// use bptt_analysis::plot::{HeatMap, Picture};
    /// use bptt_autodiff::Tape;
    /// use bptt_layers::{Layer, Lstm};
    /// use bptt_tensor::Tensor;
    ///
    /// let text = "look inside";
    /// let mut rng = bptt_layers::rng(0);
    /// let lstm = Lstm::<f32>::new(&mut rng, 5, 8);
    /// let tape = Tape::inference();
    /// let probes = tape.probes();
    /// let _ = lstm.forward(tape.constant(Tensor::normal([11, 1, 5], 0.0, 1.0, &mut rng)));
    /// let gates = ["i", "f", "o"];
    /// let picture = Picture::stacked(gates.map(|gate| {
    ///     HeatMap::of_probe(&probes, gate, 0).columns(text.chars()).picture()
    /// }));
    /// # assert!(picture.svg().contains("activation"));
    /// ```
    ///
    /// # Panics
    ///
    /// If no value has the name, if it has other axes, or if there is no such sequence.
    #[track_caller]
    pub fn of_probe<T: Scalar>(probes: &Probes<'_, T>, name: &str, sequence: usize) -> Self {
        let values = probes.get(name).value();
        let shape = values.shape();
        assert!(
            shape.len() == 3 && sequence < shape[1],
            "heat map: no sequence {sequence} in `{name}` of {shape}; give a probe [T, B, F] and an index below B"
        );
        let [steps, units] = [shape[0], shape[2]];
        let one = values.slice(1, sequence..sequence + 1).reshape([steps, units]);
        let least = one.iter().map(|value| value.as_f64()).fold(f64::INFINITY, f64::min);
        let largest = one.iter().map(|value| value.as_f64().abs()).fold(0.0, f64::max);
        let map = Self::over_time(name, &one).quantity("activation");
        match (least, largest) {
            (0.0.., ..=1.0) => map.between(0.0, 1.0),
            (_, ..=1.0) => map.between(-1.0, 1.0),
            _ => map,
        }
    }
}
