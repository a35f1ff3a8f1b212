//! Emits a recurrence.

use std::collections::HashSet;

use bptt_autodiff::ScanGraph;

use crate::dims::value_info_of_step;
use crate::emitter::Emitter;
use crate::error::ExportError;
use crate::proto::{self, Attribute};

impl Emitter<'_, '_> {
    /// Emits a recurrence. Returns the names of the outputs of all steps, then of the last states.
    pub(crate) fn recurrence(
        &mut self,
        scan: &ScanGraph<f32>,
        inputs: &[String],
        shapes: &[&[usize]],
    ) -> Result<Vec<String>, ExportError> {
        if self.shared.has_standard_operators
            && let Some(results) = self.standard(scan, inputs, shapes)
        {
            return Ok(results);
        }
        self.scan(scan, inputs, shapes)
    }

    /// Emits a `Scan`, whose body reads values of the graphs around it by name. Returns the names of the stacked outputs, then of
    /// the last states.
    fn scan(
        &mut self,
        scan: &ScanGraph<f32>,
        inputs: &[String],
        shapes: &[&[usize]],
    ) -> Result<Vec<String>, ExportError> {
        let (varying, read_by_all) = inputs.split_at(scan.sequences + scan.states);
        let step = &scan.step;
        let traced = self.shared.traced;
        let shape = |input: usize| {
            let without_steps = usize::from(input < scan.sequences);
            &shapes[input][without_steps..]
        };
        let kinds = (0..varying.len()).map(|i| if i < scan.sequences { "entry" } else { "state" });
        let names: Vec<String> = kinds.map(|kind| self.shared.fresh(kind)).collect();
        let (line, operation) = (self.line.clone(), self.operation.clone());
        let mut body = Emitter::new(self.shared);
        let all: Vec<String> = names.iter().chain(read_by_all).cloned().collect();
        let outputs = body.graph(step, &all)?;
        let stacked = outputs.len() - scan.states;
        let mut own: HashSet<String> =
            body.nodes.iter().flat_map(|node| node.output.clone()).collect();
        let order = (stacked..outputs.len()).chain(0..stacked); // the states come first
        let mut declared = Vec::new();
        for output in order {
            let mut name = outputs[output].clone();
            if !own.remove(&name) {
                name = body.node("Identity", &[&name], Vec::new());
            }
            declared.push(value_info_of_step(
                &name,
                &step.nodes[step.outputs[output]].shape,
                traced,
            ));
        }
        let nodes = body.nodes;
        let (entries, states) = names.split_at(scan.sequences);
        let of = |name: &String, input: usize| value_info_of_step(name, shape(input), traced);
        let states_first = states
            .iter()
            .zip(scan.sequences..)
            .chain(entries.iter().zip(0..))
            .map(|(name, input)| of(name, input));
        let graph = proto::Graph {
            node: nodes,
            name: self.shared.fresh("step"),
            input: states_first.collect(),
            output: declared,
            ..Default::default()
        };
        let mut attributes = vec![
            Attribute::graph("body", graph),
            Attribute::int("num_scan_inputs", scan.sequences as i64),
        ];
        if scan.is_reversed {
            attributes.push(Attribute::ints("scan_input_directions", vec![1; scan.sequences]));
            attributes.push(Attribute::ints("scan_output_directions", vec![1; stacked]));
        }
        let (sequences, first) = varying.split_at(scan.sequences);
        let operands: Vec<&str> = first.iter().chain(sequences).map(String::as_str).collect();
        let results: Vec<String> = (0..outputs.len()).map(|_| self.shared.fresh("scan")).collect();
        (self.line, self.operation) = (line, operation);
        self.add("Scan", &operands, results.clone(), attributes);
        let (states, stacked) = results.split_at(scan.states);
        Ok(stacked.iter().chain(states).cloned().collect())
    }
}
