//! Leaves: the values of a tape that no operation computed.

use std::cell::RefCell;

use bptt_tensor::{Scalar, Tensor};

use super::context::{Mode, Step};
use super::graph::{Tape, Var};
use super::id_map::IdMap;
use super::operand::Operand;
use super::operation::{Leaf, Op};
use super::param::{Param, ParamId};
use super::substitution::Substitution;

impl<T: Scalar> Tape<T> {
    /// A constant: data, for which no gradient is computed.
    #[track_caller]
    pub fn constant(&self, value: Tensor<T>) -> Var<'_, T> {
        self.leaf(Leaf::Constant, value)
    }

    /// A differentiable input: a leaf for which gradients can be computed.
    #[track_caller]
    pub fn variable(&self, value: Tensor<T>) -> Var<'_, T> {
        self.leaf(Leaf::Variable(ParamId::fresh()), value)
    }

    /// The parameter's variable on this tape, which is the same at every call. Its value is the
    /// parameter's value at the first call. So change parameters between tapes, not while one is in
    /// use.
    #[track_caller]
    #[inline(never)]
    pub fn param(&self, param: &Param<T>) -> Var<'_, T> {
        if let Some(id) = self.substitutions.of(param.id()) {
            return Var { tape: self, id };
        }
        if self.untied.is_by_step() {
            return self.own_of_step(param);
        }
        self.unique_leaf(&self.params, param.id().bits(), Leaf::Param(param.id()), || {
            param.value().clone()
        })
    }

    /// Returns the variables that stand for a parameter on a tape made by [`untied`](Self::untied): one for each time
    /// step at which an equation names it, in the order of the steps. A use outside of steps comes first. On any other
    /// tape there are none.
    ///
    /// A step is known by its number. So steps of the same number in several loops share a variable. Of a loop within a
    /// loop, the inner number counts.
    #[must_use]
    pub fn uses(&self, param: &Param<T>) -> Vec<Var<'_, T>> {
        let uses = self.untied.all().into_iter().filter(|&(of, _)| of == param.id());
        uses.map(|(_, id)| Var { tape: self, id }).collect()
    }

    /// The variable of the present step for a parameter, on a tape whose steps have parameters of their own.
    #[track_caller]
    fn own_of_step(&self, param: &Param<T>) -> Var<'_, T> {
        let step = self.step.get().map(|step| step.time);
        if let Some(id) = self.untied.at(param.id(), step) {
            return Var { tape: self, id };
        }
        let own = self.leaf(Leaf::Variable(ParamId::fresh()), param.value().clone());
        if self.mode.get() == Mode::Recording {
            self.untied.insert(param.id(), step, own.id);
        }
        own
    }

    /// Replaces a parameter by a variable, such as the parameter with noise on it, until the guard
    /// is dropped. Equations that name the parameter then read the variable. Gradients flow through
    /// the variable to the values from which it was computed, which may include the parameter
    /// itself. Of several variables for one parameter, the last counts, in whatever order their
    /// guards are dropped.
    ///
    /// ```
    /// # use bptt_autodiff::{Param, Tape};
    /// # use bptt_tensor::Tensor;
    /// let w = Param::new(Tensor::from_vec([1], vec![3.0]));
    /// let tape = Tape::new();
    /// let doubled = tape.param(&w) * 2.0;
    /// let y = {
    ///     let _doubled = tape.substitute(&w, doubled);
    ///     tape.param(&w) + 1.0
    /// };
    /// assert_eq!(y.value().to_vec(), [7.0]);
    /// assert_eq!(tape.backward(y.sum_all())[&w].to_vec(), [2.0]);
    /// assert_eq!(tape.param(&w).value().to_vec(), [3.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// If the variable has another shape than the parameter, or lives on another tape.
    #[track_caller]
    #[inline(never)]
    pub fn substitute<'t>(&'t self, param: &Param<T>, variable: Var<'t, T>) -> Substitution<'t> {
        let (id, shape) = (variable.on_tape(self), variable.shape());
        assert!(
            shape == *param.shape(),
            "substitute: a variable of shape {shape} cannot replace a parameter of shape {}",
            param.shape()
        );
        self.substitutions.begin(param.id(), id)
    }

    /// A literal of an equation: a constant without axes.
    #[track_caller]
    #[inline(never)]
    pub fn scalar(&self, value: f64) -> Var<'_, T> {
        self.unique_leaf(&self.literals, value.to_bits(), Leaf::Scalar, || {
            Tensor::scalar(T::of(value))
        })
    }

    /// Returns this step's entry `[..]` of a sequence `[T, ..]`, within a step of a
    /// [scan](Self::scan) or of another loop over time. By it, an equation reads a sequence that is
    /// not an input of the loop, such as noise. Gradients flow to a variable or a parameter.
    ///
    /// Beside values `[B, F]`, entries that all rows of a batch share broadcast as usual: a number
    /// for each step `[T]`, a vector `[T, F]` or `[T, 1, F]`. The scan stays compiled if the
    /// equations apply only elementwise functions to such entries.
    ///
    /// A scan of `T` steps reads the first `T` entries of a longer sequence. Whoever cuts a sequence
    /// into several scans therefore cuts this one too, by `slice(0, start..end)`. In a
    /// [stepper](crate::Scan::stepper), steps are counted from 0.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let decay = Tensor::from_vec([3], vec![1.0, 0.5, 0.25]); // a number for each step
    /// let tape = Tape::new();
    /// let xs = tape.constant(Tensor::<f64>::ones([3, 2, 1])); // [T, B, F]
    /// let sum = tape.constant(Tensor::zeros([2, 1]));
    /// let scanned = tape.scan(xs, sum).run(|x, sum| ((), sum + x * tape.at_step(&decay)));
    /// assert_eq!(scanned.state.value().to_vec(), [1.75, 1.75]);
    /// ```
    ///
    /// # Panics
    ///
    /// If the sequence has no axes or no entry for the step; if the step of a scan itself computes
    /// the sequence; or if no step is being run (see [`set_step`](Self::set_step)).
    #[track_caller]
    pub fn at_step<'t>(&'t self, sequence: impl Operand<'t, T>) -> Var<'t, T> {
        self.entry(sequence.on(self))
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn entry<'t>(&'t self, sequence: Var<'t, T>) -> Var<'t, T> {
        let shape = sequence.shape();
        assert!(!shape.is_empty(), "at_step: a sequence is [T, ..], not {shape}");
        if let Some(Step { of: Some(steps), .. }) = self.step.get() {
            steps.check_entries(&shape);
        }
        match self.step.get() {
            // a loop over zero steps may still compute the shapes of a step
            Some(_) if shape[0] == 0 => self.constant(Tensor::zeros(shape.without(0))),
            Some(Step { time, .. }) => {
                let time = time as usize;
                assert!(
                    time < shape[0],
                    "at_step: a sequence {shape} has no entry for step {time}"
                );
                sequence.index_first(time)
            }
            None if self.is_tracing() => {
                self.push(Op::Entry, &[sequence], Tensor::unknown(shape.without(0)))
            }
            None => panic!("at_step: no step is being run; announce it by set_step"),
        }
    }

    /// Returns the number of this step, counted from 0, as a value without axes. It is the position
    /// in time, also in a [reversed](crate::Scan::reversed) scan. As for [`at_step`](Self::at_step),
    /// a scan stays compiled if equations apply only elementwise functions to it.
    ///
    /// The number belongs to the loop, not to the sequences: it begins at 0 in every scan. A cell
    /// whose equations depend on the age of its sequence counts in its state instead, by
    /// `age + 1.0`: the count is then carried, reset and truncated with the state.
    ///
    /// ```
    /// # use bptt_autodiff::Tape;
    /// # use bptt_tensor::Tensor;
    /// let tape = Tape::new();
    /// let xs = tape.constant(Tensor::<f64>::ones([4, 1, 1]));
    /// let scanned = tape.scan(xs, ()).run(|x, ()| (x * tape.step_index(), ()));
    /// assert_eq!(scanned.outputs.value().to_vec(), [0.0, 1.0, 2.0, 3.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// If no step is being run (see [`set_step`](Self::set_step)), or in windows of a truncated run,
    /// which are sequences of one batch.
    #[track_caller]
    #[must_use]
    #[inline(never)]
    pub fn step_index(&self) -> Var<'_, T> {
        match self.step.get() {
            Some(Step { time, of }) => {
                if let Some(steps) = of {
                    steps.check_index();
                }
                self.constant(Tensor::scalar(T::of(f64::from(time))))
            }
            None if self.is_tracing() => self.push(Op::StepIndex, &[], Tensor::unknown([])),
            None => panic!("step_index: no step is being run; announce it by set_step"),
        }
    }

    /// The number of a literal of an equation; `None` for any other value.
    pub(crate) fn literal(&self, id: u32) -> Option<f64> {
        let node = &self.nodes()[id as usize];
        matches!(node.op, Op::Leaf(Leaf::Scalar)).then(|| node.value.item().as_f64())
    }

    #[track_caller]
    #[inline(never)]
    pub(crate) fn leaf(&self, leaf: Leaf, value: Tensor<T>) -> Var<'_, T> {
        self.push(Op::Leaf(leaf), &[], value)
    }

    #[track_caller]
    fn unique_leaf(
        &self,
        known: &RefCell<IdMap>,
        key: u64,
        leaf: Leaf,
        value: impl FnOnce() -> Tensor<T>,
    ) -> Var<'_, T> {
        if let Some(&id) = known.borrow().get(&key) {
            return Var { tape: self, id };
        }
        let var = self.leaf(leaf, value());
        if self.mode.get() == Mode::Recording {
            known.borrow_mut().insert(key, var.id);
        }
        var
    }

    /// Puts a leaf that a step of a scan recorded on the tape. A parameter that is already on the
    /// tape stays one leaf.
    #[track_caller]
    pub(crate) fn known_leaf(&self, leaf: Leaf, value: Tensor<T>) -> Var<'_, T> {
        match leaf {
            Leaf::Param(id) => self.unique_leaf(&self.params, id.bits(), leaf, || value),
            _ => self.leaf(leaf, value),
        }
    }
}
