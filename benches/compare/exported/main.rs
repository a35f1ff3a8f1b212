//! Cells that run here and, exported to ONNX, elsewhere: the side of the library in `exported.py` and `exporters.py`.

mod custom;

#[path = "../blocks.rs"]
mod blocks;

use std::fs;
use std::path::{Path, PathBuf};

use bptt::onnx::{Dim, ExportError, FunctionExport, LayerExport, OnnxModel};
use bptt::prelude::*;
use clap::{Parser, ValueEnum};

use blocks::{answer, warm_up};
use custom::Custom;

/// Writes cells to ONNX, and runs them for another program, on one thread.
#[derive(Debug, Parser)]
#[command(name = "exported")]
enum Command {
    /// Write each cell as a layer and as a single step, standard cells as operators, and what the layer computes
    Write {
        /// The folder to write to
        folder: PathBuf,
        /// The sizes of the cells
        #[arg(long, num_args = 1.., required = true)]
        hidden: Vec<usize>,
    },
    /// Run a cell on request, by the protocol of `peers/shared.py`
    Serve {
        /// The cell
        cell: CellName,
        /// One step in a call, or a sequence
        mode: Mode,
        /// The size of the cell
        hidden: usize,
        /// The number of sequences
        batch: usize,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CellName {
    Lstm,
    Gru,
    LayerNormLstm,
    MinimalGatedUnit,
    PeepholeLstm,
    Custom,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    Step,
    Sequence,
}

/// The steps of a sequence, and those of one timing.
const STEPS: usize = 100;

/// The features of an input.
const INPUT: usize = 64;

/// Numbers of steps and sequences for which outputs are written, as in `peers/exports.py`.
const CASES: [[usize; 2]; 3] = [[STEPS, 1], [37, 1], [STEPS, 3]];

fn main() -> Result<(), Failure> {
    let command = Command::parse();
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global()?;
    rayon::scope(|_| match command {
        Command::Write { folder, hidden } => {
            for hidden in hidden {
                for &name in CellName::value_variants() {
                    with_cell(name, hidden, Writer { folder: &folder, name, hidden })?;
                }
            }
            Ok(())
        }
        Command::Serve { cell, mode, hidden, batch } => {
            with_cell(cell, hidden, Server { mode, batch })
        }
    })
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is done with a cell, whichever it is.
trait WithCell {
    fn run<C: Cell<f32> + StateSizes + Module<f32>>(self, cell: C) -> Result<(), Failure>;
}

fn with_cell(name: CellName, hidden: usize, then: impl WithCell) -> Result<(), Failure> {
    let rng = &mut bptt::rng(0);
    match name {
        CellName::Lstm => then.run(Lstm::new(rng, INPUT, hidden)),
        CellName::Gru => then.run(Gru::new(rng, INPUT, hidden)),
        CellName::LayerNormLstm => then.run(LayerNormLstm::new(rng, INPUT, hidden)),
        CellName::MinimalGatedUnit => then.run(MinimalGatedUnit::new(rng, INPUT, hidden)),
        CellName::PeepholeLstm => then.run(PeepholeLstm::new(rng, INPUT, hidden)),
        CellName::Custom => then.run(Custom::new(rng, INPUT, hidden)),
    }
}

/// Inputs `[T, B, I]` between −1 and 1, which `peers/exports.py` computes too.
fn entries(steps: usize, batch: usize) -> Tensor<f32> {
    let entry = |k: usize| (7 * k % 23) as f32 / 11.0 - 1.0;
    Tensor::from_vec([steps, batch, INPUT], (0..steps * batch * INPUT).map(entry).collect())
}

/// The outputs `[T, B, H]` of a sequence, from zeros.
fn outputs<C: Cell<f32> + StateSizes>(cell: &C, xs: &Tensor<f32>) -> Tensor<f32> {
    let tape = Tape::inference();
    scan(cell, tape.constant(xs.clone()), cell.zero_state(&tape, xs.shape()[1])).0.value()
}

struct Writer<'f> {
    folder: &'f Path,
    name: CellName,
    hidden: usize,
}

impl WithCell for Writer<'_> {
    fn run<C: Cell<f32> + StateSizes + Module<f32>>(self, cell: C) -> Result<(), Failure> {
        let name = self.name.to_possible_value().expect("no name is skipped");
        let path =
            |kind: &str| self.folder.join(format!("{}_{}{kind}", name.get_name(), self.hidden));
        let layer = LayerExport::new(&cell, INPUT);
        layer.export()?.save(path(".onnx"))?;
        if matches!(self.name, CellName::Lstm | CellName::Gru) {
            layer.standard_operators().export()?.save(path("_operator.onnx"))?;
        }
        export_step(&cell)?.save(path("_step.onnx"))?;
        for [steps, batch] in CASES {
            let ys = outputs(&cell, &entries(steps, batch));
            let bytes: Vec<u8> = ys.as_slice().iter().flat_map(|y| y.to_le_bytes()).collect();
            fs::write(path(&format!(".{steps}x{batch}.f32")), bytes)?;
        }
        Ok(())
    }
}

/// A model of one step, without a loop: `(x, state) → (y, state)`.
fn export_step<C: Cell<f32> + StateSizes + Module<f32>>(
    cell: &C,
) -> Result<OnnxModel, ExportError> {
    let input = |size| [Dim::BATCH, Dim::Of(size)];
    let mut function = FunctionExport::new().numbers("x", input(INPUT)).outputs(["y"]);
    for (k, &size) in cell.state_sizes().iter().enumerate() {
        let [first, last] = ["first", "last"].map(|kind| format!("{kind}.{k}"));
        function = function.numbers(first, input(size)).outputs([last]);
    }
    function.parameters(cell).export(|tape, inputs| {
        let state: Vec<_> = inputs.all_numbers().skip(1).collect();
        let state = cell.zero_state(tape, 1).with_leaves(&state);
        let (y, state) = cell.step(inputs.numbers("x"), state);
        [y].into_iter().chain(state.leaves()).collect()
    })
}

struct Server {
    mode: Mode,
    batch: usize,
}

impl WithCell for Server {
    fn run<C: Cell<f32> + StateSizes + Module<f32>>(self, cell: C) -> Result<(), Failure> {
        let xs = entries(STEPS, self.batch);
        match self.mode {
            Mode::Step => {
                let mut online = stepper(&cell, [self.batch, INPUT]);
                let all: Vec<usize> = (0..self.batch).collect();
                serve("stepper", || {
                    online.reset(&all); // a long run of random weights may be chaotic
                    for x in xs.as_slice().chunks_exact(self.batch * INPUT) {
                        online.step(&[x]);
                    }
                    Tensor::from_slice([online.output(0).len()], online.output(0))
                })
            }
            Mode::Sequence => serve("scan", || outputs(&cell, &xs)),
        }
    }
}

/// Serves one way of running a cell.
fn serve(variant: &str, mut run: impl FnMut() -> Tensor<f32>) -> Result<(), Failure> {
    let last = warm_up(&mut run);
    let figure = last.as_slice().iter().map(|&y| f64::from(y).powi(2)).sum::<f64>().sqrt();
    println!("variant\t{figure}\t{variant}\nready");
    Ok(answer(&mut [run])?)
}
