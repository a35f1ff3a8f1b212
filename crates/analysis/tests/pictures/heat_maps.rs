//! Tables of values as colours.

use bptt_analysis::plot::HeatMap;
use bptt_tensor::Tensor;

use crate::support::{Svg, attribute, number};

const GREY: &str = "B0B0B0";
/// The slices of the colour bar.
const BAR: usize = 64;

/// Values that all differ, from 0 to 1.
fn ramp(steps: usize, units: usize) -> Tensor<f64> {
    let last = (steps * units - 1) as f64;
    Tensor::from_fn([steps, units], |index| index as f64 / last)
}

#[test]
fn each_value_is_a_cell_in_its_place() {
    let svg = Svg::of(&HeatMap::over_time("gate", &ramp(5, 3)).between(0.0, 1.0).picture());
    svg.says(&["gate", "step", "unit", "value", "0.0", "1.0"]);
    let fills = svg.fills();
    assert_eq!(fills.len(), BAR + 15);
    let cells = &fills[BAR..];
    // unit 0 above: its steps 0 to 4 are every third value
    assert_eq!((cells[0], cells[14]), ("#440154", "#FDE725"));
    let lightness = |fill: &str| i64::from_str_radix(&fill[3..5], 16).expect("a colour");
    let first_row: Vec<_> = cells[..5].iter().map(|it| lightness(it)).collect();
    assert!(first_row.is_sorted_by(|a, b| a < b), "{first_row:?}");
    // the values in their order: unit 0, 1 and 2 of step 0, then unit 0 of step 1
    let first_values = [cells[0], cells[5], cells[10], cells[1]].map(lightness);
    assert!(first_values.is_sorted_by(|a, b| a < b), "{first_values:?}");
}

#[test]
fn a_matrix_is_drawn_as_it_is_written() {
    let matrix = Tensor::from_vec([2, 2], vec![0.0_f32, 1.0, 0.5, 0.25]);
    let svg = Svg::of(&HeatMap::matrix("", "loss at step t", "state at step k", &matrix).picture());
    svg.says(&["loss at step t", "state at step k"]);
    let fills = svg.fills();
    assert_eq!(fills[BAR..], ["#440154", "#FDE725", "#21908C", "#3B528A"]);
}

#[test]
fn values_of_both_signs_have_white_at_zero() {
    let values = Tensor::from_vec([3, 1], vec![-0.5, 0.0, 1.0]);
    let svg = Svg::of(&HeatMap::over_time("", &values).picture());
    svg.says(&["−1.0", "0.0", "1.0"]);
    assert_eq!(svg.fills()[BAR..], ["#5BA3CF", "#FAFAFA", "#A03C00"]);
}

#[test]
fn cells_of_one_color_are_drawn_as_one() {
    let svg = Svg::of(&HeatMap::over_time("", &Tensor::<f64>::ones([100, 4])).picture());
    assert_eq!(svg.fills().len(), BAR + 4);
}

#[test]
fn no_page_shows_through_between_cells() {
    let svg = HeatMap::over_time("", &ramp(3, 2)).picture().svg();
    let cells = svg.lines().filter(|line| line.starts_with("<rect ")).skip(1 + BAR);
    let edges = |cell: &str| {
        let [x, y] = ["x", "y"].map(|name| number(cell, name));
        let [width, height] = ["width", "height"].map(|name| number(cell, name));
        ((x, x + width), (y, y + height))
    };
    let cells: Vec<_> = cells.map(edges).collect();
    let [first, second, third, below] = [cells[0], cells[1], cells[2], cells[3]];
    assert!(first.0.1 > second.0.0 + 4.0 && first.1.1 > below.1.0 + 4.0, "they overlap");
    assert!(first.0.1 < second.0.1 && first.1.1 < below.1.1, "and are seen");
    assert_eq!((third.0.1, below.1.1), (cells[5].0.1, cells[5].1.1), "within the table");
}

#[test]
fn missing_values_are_grey() {
    let values = Tensor::from_vec([4, 1], vec![1.0, f64::NAN, f64::INFINITY, 0.0]);
    let svg = Svg::of(&HeatMap::over_time("", &values).picture());
    svg.says(&["not finite"]);
    // both cells as one, and the mark in the legend
    assert_eq!(svg.elements("rect", GREY).len(), 2);
    let all = Svg::of(&HeatMap::over_time("", &Tensor::full([4, 1], f64::NAN)).picture());
    all.says(&["not finite"]);
}

#[test]
fn a_logarithmic_scale_leaves_zeros_white() {
    let values = Tensor::from_vec([2, 2], vec![1.0, 0.0, 1e-4, 1.0]);
    let svg = Svg::of(&HeatMap::matrix("", "t", "k", &values).log().quantity("norm").picture());
    svg.says(&["norm", "10⁰", "10⁻²", "10⁻⁴"]);
    assert_eq!(svg.fills()[BAR..], ["#FDE725", "#FFFFFF", "#440154", "#FDE725"]);
    let deep = Tensor::from_vec([1, 3], vec![1.0, 1e-16, 1e-300]);
    let svg = Svg::of(&HeatMap::matrix("", "t", "k", &deep).log().picture());
    assert_eq!(svg.fills()[BAR..], ["#FDE725", "#440154"], "16 decades");
    let signs = Tensor::from_vec([1, 2], vec![1.0, -1.0]);
    let svg = Svg::of(&HeatMap::matrix("", "t", "k", &signs).log().picture());
    svg.says(&["negative or not finite"]);
}

#[test]
fn a_long_run_is_drawn_as_means() {
    let svg = Svg::of(&HeatMap::over_time("", &ramp(10_000, 128)).picture());
    svg.says(&["step (means of 42)", "unit (means of 2)", "8000", "120"]);
    assert!(svg.len() < 2_000_000, "{}", svg.len());
    let one_fault = Tensor::from_fn([10_000, 1], |at| if at == 5_000 { f64::NAN } else { 1.0 });
    let svg = Svg::of(&HeatMap::over_time("", &one_fault).picture());
    let (_, cell) = (svg.elements("rect", GREY)[0], svg.elements("rect", GREY)[1]);
    assert!(number(cell, "width") >= 4.0, "one missing value of 10 000 is seen: {cell}");
}

#[test]
fn a_text_is_broken_into_lines() {
    let text = "To be, or not to be, that is the question:\n\tWhether 'tis nobler in the mind";
    let count = text.chars().count();
    let map = HeatMap::over_time("gate", &ramp(count, 2)).columns(text.chars());
    let svg = Svg::of(&map.picture());
    let said = svg.texts();
    let characters: String = said.iter().filter(|it| it.chars().count() == 1).copied().collect();
    let expected = text.replace(' ', "␣").replace("\n", "↵").replace('\t', "⇥");
    let expected = expected.replace('\'', "");
    let letters = |text: &str| text.chars().filter(|it| !it.is_numeric()).collect::<String>();
    assert_eq!(letters(&characters), letters(&expected));
    assert_eq!(said.iter().filter(|it| **it == "unit").count(), 2, "two lines");
    assert_eq!(svg.fills().len(), BAR + 2 * count);
}

#[test]
fn attention_names_both_tokens() {
    let weights = Tensor::from_vec([2, 3], vec![0.9_f32, 0.1, 0.0, 0.2, 0.3, 0.5]);
    let map = HeatMap::attention("attention", &weights);
    let svg = Svg::of(&map.columns(["a", "blue", "house"]).rows(["une", "maison"]).picture());
    svg.says(&["attention", "a", "blue", "house", "une", "maison", "weight", "1.0"]);
    svg.says(&["input", "output"]);
}

#[test]
fn spaces_at_the_ends_of_a_word_are_seen() {
    let names = [" two words ", "  ", "\r", "é ü"];
    let svg = Svg::of(&HeatMap::over_time("", &ramp(4, 1)).columns(names).picture());
    svg.says(&["␣two words␣", "␣␣", "·", "é ü"]);
}

#[test]
fn numbers_stand_in_their_cells() {
    let values = Tensor::from_vec([2, 2], vec![0.0, 1.0, 0.255, f64::NAN]);
    let svg = Svg::of(&HeatMap::matrix("", "", "", &values).numbers().picture());
    svg.says(&["0.00", "1.00", "0.26", "–"]);
}

#[test]
fn long_names_are_turned_and_cut() {
    let long = "a very long token that has no end and would leave the picture";
    let svg = HeatMap::over_time("", &ramp(20, 2)).columns([long; 20]).picture().svg();
    let turned: Vec<_> = svg.lines().filter(|it| it.contains("rotate(270, ")).collect();
    assert!(turned.iter().filter(|it| attribute(it, "text-anchor") == "end").count() == 20);
    assert!(svg.contains('…') && !svg.contains(long));
}

#[test]
fn long_names_of_rows_leave_half_of_the_width() {
    let long = "a very long name of a parameter of a layer of a stack of an encoder of a model";
    let svg = HeatMap::over_time("", &ramp(3, 2)).rows([long; 2]).picture().svg();
    assert!(svg.contains('…') && !svg.contains(long));
    let cell = svg.lines().rfind(|line| line.starts_with("<rect ")).expect("a cell");
    assert!(number(cell, "x") + number(cell, "width") > 4.0 * 480.0, "{cell}");
}

#[test]
fn empty_tables_are_drawn() {
    for shape in [[0, 0], [0, 3], [3, 0], [1, 1]] {
        let picture = HeatMap::over_time("empty", &Tensor::<f32>::zeros(shape)).picture();
        Svg::of(&picture).says(&["empty"]);
    }
}

#[test]
#[should_panic(expected = "heat map: 2 names for 3 columns; give one each")]
fn names_must_be_as_many_as_columns() {
    let _ = HeatMap::over_time("", &ramp(3, 2)).columns(["a", "b"]);
}

#[test]
#[should_panic(
    expected = "heat map of [4, 2, 3]: it has rows and columns; choose one sequence of the batch"
)]
fn a_batch_is_refused() {
    let _ = HeatMap::over_time("", &Tensor::<f32>::zeros([4, 2, 3]));
}
