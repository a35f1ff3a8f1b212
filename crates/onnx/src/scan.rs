//! Emits a recurrence.

use std::collections::{HashMap, HashSet};

use bptt_autodiff::{Graph, Operator, ScanGraph};

use crate::dims::value_info_of_step;
use crate::emitter::Emitter;
use crate::error::ExportError;
use crate::hoist::Hoisted;
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
        let (line, operation) = (self.line.clone(), self.operation.clone());
        let Hoisted { step, products, nodes } = Hoisted::of(scan, inputs.len());
        let products_of_all_steps = self.products(scan, inputs, &products, &nodes)?;
        let (sequences, rest) = inputs.split_at(scan.sequences);
        let (first, read_by_all) = rest.split_at(scan.states);
        let mut fresh = |kind: &str, count| -> Vec<String> {
            (0..count).map(|_| self.shared.fresh(kind)).collect()
        };
        let entries = fresh("entry", sequences.len());
        let states = fresh("state", first.len());
        let further = fresh("entry", products.len());
        let all = [&entries[..], &states, read_by_all, &further].concat();
        let mut graph = self.step(&step, &all, scan.states)?;
        let stacked = graph.output.len() - scan.states;
        // what the step still reads
        let of_sequences =
            (0..).zip(&entries).map(|(i, entry)| (entry, &sequences[i], &shapes[i][1..]));
        let of_products = products.iter().zip(&further).zip(&products_of_all_steps);
        let of_products = of_products
            .map(|((&id, entry), product)| (entry, product, &scan.step.nodes[id].shape[..]));
        let mut names = HashSet::new();
        graph.node.iter().for_each(|node| node.reads(&mut names));
        let mut read: Vec<_> = of_sequences.chain(of_products).collect();
        let first_sequence = read[0];
        read.retain(|(entry, ..)| names.contains(*entry));
        if read.is_empty() {
            read.push(first_sequence); // it has the number of steps
        }
        let traced = self.shared.traced;
        let of_states = states.iter().zip(&shapes[scan.sequences..]);
        let declared = of_states
            .map(|(name, shape)| (name, *shape))
            .chain(read.iter().map(|&(entry, _, shape)| (entry, shape)));
        graph.input =
            declared.map(|(name, shape)| value_info_of_step(name, shape, traced)).collect();
        let mut attributes = vec![
            Attribute::graph("body", graph),
            Attribute::int("num_scan_inputs", read.len() as i64),
        ];
        if scan.is_reversed {
            attributes.push(Attribute::ints("scan_input_directions", vec![1; read.len()]));
            attributes.push(Attribute::ints("scan_output_directions", vec![1; stacked]));
        }
        let operands = first.iter().chain(read.iter().map(|&(_, sequence, _)| sequence));
        let operands: Vec<&str> = operands.map(String::as_str).collect();
        let results: Vec<String> =
            (0..stacked + scan.states).map(|_| self.shared.fresh("scan")).collect();
        (self.line, self.operation) = (line, operation);
        self.add("Scan", &operands, results.clone(), attributes);
        let (states, stacked) = results.split_at(scan.states);
        Ok(stacked.iter().chain(states).cloned().collect())
    }

    /// Emits the step as a graph without inputs. Its outputs are the next states, then the outputs of the step.
    fn step(
        &mut self,
        step: &Graph<f32>,
        inputs: &[String],
        states: usize,
    ) -> Result<proto::Graph, ExportError> {
        let mut body = Emitter::new(self.shared);
        let outputs = body.graph(step, inputs)?;
        let stacked = outputs.len() - states;
        let mut own: HashSet<String> =
            body.nodes.iter().flat_map(|node| node.output.clone()).collect();
        let mut declared = Vec::new();
        for output in (stacked..outputs.len()).chain(0..stacked) {
            let mut name = outputs[output].clone();
            if !own.remove(&name) {
                name = body.node("Identity", &[&name], Vec::new());
            }
            let shape = &step.nodes[step.outputs[output]].shape;
            declared.push(value_info_of_step(&name, shape, body.shared.traced));
        }
        let graph = proto::Graph {
            node: body.nodes,
            name: self.shared.fresh("step"),
            output: declared,
            ..Default::default()
        };
        Ok(graph.pruned())
    }

    /// Emits products for all steps, and the nodes that they need. Returns their names.
    fn products(
        &mut self,
        scan: &ScanGraph<f32>,
        inputs: &[String],
        products: &[usize],
        nodes: &[usize],
    ) -> Result<Vec<String>, ExportError> {
        let mut names: HashMap<usize, String> = HashMap::new();
        for &id in nodes {
            let node = &scan.step.nodes[id];
            (self.operation, self.line) = (node.operator.name().into_owned(), node.line.clone());
            let name = match &node.operator {
                Operator::Input(input) => inputs[*input].clone(),
                Operator::Literal(number) => self.number(*number)?,
                _ => {
                    let of = |input: &usize| &scan.step.nodes[*input].shape[..];
                    let shapes: Vec<&[usize]> = node.inputs.iter().map(of).collect();
                    let operands: Vec<String> =
                        node.inputs.iter().map(|input| names[input].clone()).collect();
                    self.operator(node, &operands, &shapes)?
                }
            };
            names.insert(id, name);
        }
        Ok(products.iter().map(|product| names[product].clone()).collect())
    }
}
