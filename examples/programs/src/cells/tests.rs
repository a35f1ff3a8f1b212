//! Equations on a page are those of the cells: of their documentation, their probes and their parameters.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bptt::prelude::*;
use clap::ValueEnum;

use super::{AnyCell, CellKind, Sizes, Visitor};

/// What is known of a cell's type.
struct Facts {
    /// Its path, such as `bptt_layers::cells::lstm::Lstm<f64>`.
    path: &'static str,
    parameters: Vec<String>,
    probes: BTreeSet<String>,
    outputs: Vec<usize>,
}

/// Runs a cell, to find out.
struct Run;

impl Visitor<f64> for Run {
    type Output = Facts;

    fn cell<C: AnyCell<f64>>(self, cell: C) -> Facts {
        let tape = Tape::new();
        let probes = tape.probes();
        let (ys, _) = cell.forward(tape.constant(Tensor::ones([5, 2, 3])));
        Facts {
            path: std::any::type_name::<C>(),
            parameters: cell.parameters().into_iter().map(|(name, _)| name).collect(),
            probes: probes.names().into_iter().collect(),
            outputs: ys.shape().to_vec(),
        }
    }
}

fn facts(kind: CellKind) -> Facts {
    kind.build(&mut bptt::rng(0), Sizes { input_size: 3, hidden_size: 4, window: 2 }, Run)
}

/// The cells of the library.
fn library() -> impl Iterator<Item = CellKind> {
    CellKind::value_variants().iter().copied().filter(|&kind| kind != CellKind::Mine)
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the equations of a type's documentation, without the notes beside them.
fn documented(path: &str) -> Vec<String> {
    let module = path.split("::").nth(2).expect("a cell has a module of its own");
    let source = read(&format!("crates/layers/src/cells/{module}.rs"));
    let lines = source.lines().filter_map(|line| line.strip_prefix("/// "));
    let block =
        lines.skip_while(|&line| line != "```text").skip(1).take_while(|&line| line != "```");
    let parts = block.flat_map(|line| line.split("  ").map(str::trim));
    parts.filter(|part| part.contains(" = ")).map(str::to_owned).collect()
}

/// Returns what the options of a cell put in place of parts of its documentation.
fn options(kind: CellKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        CellKind::Elman => &[("f_h(", "tanh(")],
        CellKind::Irnn => &[("f_h(", "relu(")],
        CellKind::FullyRecurrent => {
            &[("f(", "tanh("), ("(W_ih ⊙ M_ih)", "W_ih"), ("(W_hh ⊙ M_hh)", "W_hh")]
        }
        CellKind::IndRnn => &[("f(", "relu(")],
        CellKind::EchoState => &[("(1 − a) h₋ + a tanh", "tanh")],
        CellKind::Window => &[("f(", "tanh(")],
        CellKind::MemoryBlocks => &[(" + b_g", ""), (" + b_{i,o}", "")],
        CellKind::LayerNormLstm => &[(" + p_{i,f} ⊙ c₋", ""), (" + p_o ⊙ c", "")],
        _ => &[],
    }
}

#[test]
fn equations_are_those_of_the_documentation() {
    for kind in library() {
        let documented: Vec<_> = documented(facts(kind).path)
            .iter()
            .map(|line| {
                let put = |line: String, &(part, other): &(&str, &str)| line.replace(part, other);
                options(kind).iter().fold(line.clone(), put)
            })
            .collect();
        for line in kind.equations().into_iter().filter(|line| line.contains(" = ")) {
            assert!(
                documented.iter().any(|it| it == line),
                "{kind}: `{line}` is not in {documented:#?}"
            );
        }
    }
}

/// Equations and probes name the same values.
#[test]
fn equations_define_what_is_probed() {
    for kind in library() {
        let never_computed: &[_] = match kind {
            CellKind::MinLstm => &["f", "i"], // their shares are, in a form that does not divide 0 by 0
            _ => &[],
        };
        let defined = kind.variables().into_iter().filter(|name| !never_computed.contains(name));
        let defined: BTreeSet<_> = defined.map(str::to_owned).collect();
        assert_eq!(facts(kind).probes, defined, "{kind}");
    }
}

/// Equations read the parameters of the cell as it is built, and no others.
#[test]
fn equations_read_the_parameters() {
    for kind in library() {
        let parameters = facts(kind).parameters;
        let parameters = parameters.iter().map(|name| {
            let name = name.strip_prefix("peepholes.").unwrap_or(name);
            name.split('.').next().expect("a name has a part") // of `norm_c.gain`
        });
        let parameters: BTreeSet<_> = parameters.collect();
        let symbols: Vec<_> = kind.equations().into_iter().flat_map(symbols).collect();
        for symbol in &symbols {
            let is_there = parameters.iter().any(|parameter| is_of(symbol, parameter));
            assert!(is_there, "{kind}: {symbol} is no parameter");
        }
        for parameter in parameters {
            let is_read = symbols.iter().any(|symbol| is_of(symbol, parameter));
            assert!(is_read, "{kind}: {parameter} is not read");
        }
    }
}

/// Returns the symbols of parameters that an equation reads, in small letters: `w_hh_r` and `w_hh_z` of `W_hh_{r,z}`, and
/// `norm_c` of `N_c`.
fn symbols(equation: &str) -> Vec<String> {
    let right = equation.split_once(" = ").map_or("", |(_, right)| right);
    let words = right.split(|it: char| !(it.is_alphanumeric() || "_{,}".contains(it)));
    let names = words.flat_map(|word| match word.trim_end_matches('}').split_once('{') {
        Some((of, gates)) => gates.split(',').map(|gate| format!("{of}{gate}")).collect(),
        None => vec![word.to_owned()],
    });
    let names = names.map(|name| match name.strip_prefix("N_") {
        Some(of) => format!("norm_{of}"),
        None => name.to_lowercase(),
    });
    let is_parameter = |name: &String| {
        name == "b" || ["w_", "b_", "p_", "norm_"].iter().any(|kind| name.starts_with(kind))
    };
    names.filter(is_parameter).collect()
}

/// Returns whether a symbol such as `w_hh_r` is of a parameter: `w_hh_r` itself, or columns of `w_hh_rz` or `w_hh`.
fn is_of(symbol: &str, parameter: &str) -> bool {
    let columns =
        |name: &str| name.rsplit_once('_').map(|(of, gates)| (of.to_owned(), gates.to_owned()));
    let is_gate_of = match (columns(symbol), columns(parameter)) {
        (Some((of, gate)), Some((all, gates))) => of == all && gates.contains(&gate),
        _ => false,
    };
    is_gate_of || symbol == parameter || symbol.starts_with(&format!("{parameter}_"))
}

/// The list in `docs/cells.md` has the cells in the order of their names, with equations of their documentation.
#[test]
fn the_guide_has_the_equations_of_the_documentation() {
    let guide = read("docs/cells.md");
    let list = guide.lines().skip_while(|&line| line != "## The list").skip(4);
    let mut rows = list.take_while(|line| line.starts_with('|'));
    for kind in library() {
        let path = facts(kind).path;
        let cell = format!("| `{}", path.rsplit_once("::").expect("a path").1.replace("<f64>", ""));
        // the guide has the same order, and further cells
        let is_row =
            |row: &&str| row.strip_prefix(&cell).is_some_and(|rest| rest.starts_with(['`', ':']));
        let row = rows.find(is_row).unwrap_or_else(|| panic!("{kind} does not stand in its place"));
        let columns: Vec<_> = row.split('|').map(str::trim).collect();
        let documented = documented(path);
        let code = columns[2].split('`').skip(1).step_by(2);
        for equation in code.filter(|code| code.contains(" = ")) {
            let is_there = documented.iter().any(|it| it == equation);
            assert!(is_there, "{kind}: `{equation}` is not in {documented:#?}");
        }
    }
}

#[test]
fn every_output_has_the_hidden_size() {
    for &kind in CellKind::value_variants() {
        assert_eq!(facts(kind).outputs, [5, 2, 4], "{kind}");
    }
}

#[test]
#[should_panic(expected = "memory-blocks: the hidden size 3 is not a multiple of 2")]
fn blocks_are_whole() {
    let sizes = Sizes { input_size: 3, hidden_size: 3, window: 2 };
    let _ = CellKind::MemoryBlocks.build(&mut bptt::rng(0), sizes, Run);
}

#[test]
fn a_name_is_the_same_in_flags_and_files() {
    for &kind in CellKind::value_variants() {
        let name = kind.to_string();
        let json = serde_json::to_string(&kind).expect("a name");
        assert_eq!(json, format!("\"{name}\""));
        assert_eq!(serde_json::from_str::<CellKind>(&json).expect("a name"), kind);
        assert!(!kind.about().is_empty());
    }
}

/// The source that stands for the equations of your own cell is all between the marks.
#[test]
fn the_own_cell_shows_its_source() {
    let lines = CellKind::Mine.equations();
    assert!(lines[0].starts_with("/// "), "{}", lines[0]);
    assert!(lines.contains(&"impl<T: Scalar> Cell<T> for MyCell<T> {"));
    assert_eq!(lines.last(), Some(&"}"));
}
