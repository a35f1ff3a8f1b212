//! Operations that remember, guess, or ask how many threads there are.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bptt_autodiff::{Operation, Param, Pullback};
use bptt_gradcheck::{Report, cell, function};
use bptt_layers::{Cell as RecurrentCell, Module, StateSizes};
use bptt_tensor::{Shape, ShapeError, Tensor};

use crate::quick;
use crate::rule::V;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bug {
    None,
    CacheOverwritten,
    OtherAnswerTheSecondTime,
    RandomSlope,
    OrderOfFirstCall,
    OrderByThreads,
    FreedAfterUse,
    StateOutsideOfState,
}

/// What an operation keeps between its calls.
#[derive(Clone, Default)]
struct Memory {
    last: Arc<Mutex<Option<Tensor<f64>>>>,
    seen: Arc<Mutex<HashSet<Vec<u64>>>>,
    calls: Arc<AtomicU64>,
}

thread_local! {
    static CALLS_OF_THREAD: Cell<u64> = const { Cell::new(0) };
}

/// `tanh`, with a memory.
#[derive(Clone)]
struct Tanh {
    bug: Bug,
    memory: Memory,
}

impl Operation<f64> for Tanh {
    fn name(&self) -> &'static str {
        "tanh with a memory"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok(inputs[0].into())
    }

    fn forward(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let y = inputs[0].tanh();
        let mut last = self.memory.last.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.bug, &*last) {
            (Bug::FreedAfterUse, _) if !self.is_new(inputs[0]) => return y.map(|_| 0.0),
            (Bug::StateOutsideOfState, Some(before)) if before.shape() == y.shape() => {
                let y = &y + before.map(|y| 0.5 * y);
                *last = Some(y.clone());
                return y;
            }
            _ => {}
        }
        *last = Some(y.clone());
        y
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, f64>) {
        let (y, g) = (at.output(), at.cotangent());
        at.add(0, || match self.bug {
            Bug::CacheOverwritten => {
                let last = self.memory.last.lock().unwrap_or_else(PoisonError::into_inner);
                let y = g.tape().constant(last.clone().expect("the forward run was before"));
                g * (1.0 - y * y)
            }
            Bug::OtherAnswerTheSecondTime => {
                let first = self.memory.calls.fetch_add(1, Ordering::Relaxed) == 0;
                g * (1.0 - y * y) * if first { 1.0 } else { 2.0 }
            }
            Bug::RandomSlope => {
                let call = self.memory.calls.fetch_add(1, Ordering::Relaxed);
                let random = call.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40; // 24 bits
                g * (1.0 - y * y) * (1.0 + random as f64 * 1e-9)
            }
            _ => g * (1.0 - y * y),
        });
    }
}

impl Tanh {
    fn new(bug: Bug) -> Self {
        Self { bug, memory: Memory::default() }
    }

    /// Whether these values come for the first time.
    fn is_new(&self, x: &Tensor<f64>) -> bool {
        let bits = x.as_slice().iter().map(|x| x.to_bits()).collect();
        self.memory.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(bits)
    }
}

impl fmt::Debug for Tanh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tanh({:?})", self.bug)
    }
}

/// `tanh(tanh(x))`, both by one operation.
pub(crate) fn twice(bug: Bug) -> Report {
    function(move |x| {
        let (tape, tanh) = (x[0].tape(), Tanh::new(bug));
        let inner = tape.apply(tanh.clone(), x);
        tape.apply(tanh, &[inner])
    })
    .run()
}

/// The sum of all elements, in an order.
#[derive(Clone, Debug)]
struct Sum(Bug);

impl Operation<f64> for Sum {
    fn name(&self) -> &'static str {
        "sum in an order"
    }

    fn shape(&self, _: &[&[usize]]) -> Result<Shape, ShapeError> {
        Ok([1].into())
    }

    fn forward(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let parts = match self.0 {
            Bug::OrderByThreads => rayon::current_num_threads(),
            Bug::OrderOfFirstCall => {
                let calls = CALLS_OF_THREAD.get();
                CALLS_OF_THREAD.set(calls + 1);
                if calls.is_multiple_of(2) { 1 } else { 4 }
            }
            _ => 1,
        };
        let x = inputs[0].as_slice();
        let parts = x.chunks(x.len().div_ceil(parts)).map(|part| part.iter().sum::<f64>());
        Tensor::full([1], parts.sum())
    }

    fn gradient(&self, at: &mut Pullback<'_, '_, f64>) {
        let (x, g) = (at.input(0), at.cotangent());
        at.add(0, || g.broadcast_to(x.shape()));
    }
}

pub(crate) fn sum(bug: Bug) -> Report {
    bptt_gradcheck::operation(Sum(bug)).inputs([[12, 12]]).run()
}

/// `h ← tanh(x W_ih + h W_hh)`
#[derive(Module)]
#[module(scalar = f64)]
struct Remembering {
    w_ih: Param<f64>,
    w_hh: Param<f64>,
    #[module(skip)]
    bug: Bug,
    #[module(skip)]
    memory: Memory,
}

impl RecurrentCell<f64> for Remembering {
    type State<'t> = V<'t>;

    fn step<'t>(&self, x: V<'t>, h: V<'t>) -> (V<'t>, V<'t>) {
        // what is freed belongs to one operation, what is kept from step to step to the cell
        let memory = match self.bug {
            Bug::FreedAfterUse => Memory::default(),
            _ => self.memory.clone(),
        };
        let tanh = Tanh { bug: self.bug, memory };
        let h = x.tape().apply(tanh, &[x.matmul(&self.w_ih) + h.matmul(&self.w_hh)]);
        (h, h)
    }
}

impl StateSizes for Remembering {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.w_hh.shape()[0]]
    }
}

pub(crate) fn remembering(bug: Bug) -> Report {
    let make = move |input, hidden| Remembering {
        w_ih: Param::new(Tensor::zeros([input, hidden])),
        w_hh: Param::new(Tensor::zeros([hidden, hidden])),
        bug,
        memory: Memory::default(),
    };
    quick(cell(move |_, input, hidden| make(input, hidden))).run()
}
