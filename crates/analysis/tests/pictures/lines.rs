//! Lines over steps and lags.

use bptt_analysis::plot::Lines;

use crate::support::{Svg, points};

const BLUE: &str = "0072B2";
const VERMILION: &str = "D55E00";
const BLACK: &str = "000000";
const GREY: &str = "B0B0B0";

fn count(n: u32) -> impl Iterator<Item = f64> {
    (0..n).map(f64::from)
}

#[test]
fn axes_have_units_ticks_and_lines_have_names() {
    let lines = Lines::new("Loss", "step", "nats per token");
    let svg = Svg::of(&lines.line("training", count(101).map(|at| (at, at / 100.0))).picture());
    svg.says(&["Loss", "step", "nats per token", "training", "0", "20", "100", "0.2", "1.0"]);
}

#[test]
fn a_bound_is_dashed_and_a_line_is_not() {
    let decay = |rate: f64| count(50).map(move |lag| (lag, rate.powf(lag)));
    let lines = Lines::new("", "lag (steps)", "norm").log();
    let svg = Svg::of(&lines.line("measured", decay(0.8)).dashed("bound", decay(0.9)).picture());
    let solid: Vec<_> = svg.elements("polyline", BLUE);
    assert_eq!(solid.iter().filter(|line| points(line).len() == 50).count(), 1, "{solid:?}");
    let dashes = svg.elements("polyline", BLACK);
    let dashes = dashes.iter().filter(|line| points(line).iter().all(|&(_, y)| y > 160.0));
    assert!(dashes.count() > 30);
    svg.says(&["10⁰", "10⁻²", "10⁻⁴"]);
}

#[test]
fn a_bound_that_is_far_off_does_not_flatten_the_line() {
    let lines = Lines::new("", "", "").log().line("measured", [(0.0, 1.0), (9.0, 0.1)]);
    let svg = Svg::of(&lines.dashed("bound", [(0.0, 1.0), (9.0, 1e80)]).picture());
    let ticks: Vec<_> = svg.texts().into_iter().filter(|text| text.starts_with("10")).collect();
    assert_eq!(ticks, ["10⁻¹", "10⁰", "10¹", "10²", "10³"]);
}

#[test]
fn a_logarithmic_scale_is_straight_for_powers() {
    let lines = Lines::new("", "", "").log().line("", count(7).map(|at| (at, 10_f64.powf(-at))));
    let svg = Svg::of(&lines.picture());
    let line = points(svg.elements("polyline", BLUE)[0]);
    let steps: Vec<_> = line.windows(2).map(|ends| ends[1].1 - ends[0].1).collect();
    assert!(steps.iter().all(|step| (step - steps[0]).abs() <= 1.0), "{steps:?}");
}

#[test]
fn positions_on_a_logarithmic_scale_are_even_for_powers() {
    let rates = || (0..5).map(|power| 10_f64.powi(power - 3));
    let lines = || Lines::new("", "learning rate", "").line("", rates().zip(count(5)));
    let svg = Svg::of(&lines().log_x().picture());
    let line = points(svg.elements("polyline", BLUE)[0]);
    let steps: Vec<_> = line.windows(2).map(|ends| ends[1].0 - ends[0].0).collect();
    assert!(steps.iter().all(|step| (step - steps[0]).abs() <= 1.0), "{steps:?}");
    svg.says(&["0.001", "0.01", "0.1", "1", "10"]);
    let few = Lines::new("", "batch size", "").log_x().line("", [(4.0, 1.0), (60.0, 2.0)]);
    Svg::of(&few.picture()).says(&["5", "10", "20", "50"]);
    let far = Lines::new("", "steps", "").log_x().line("", [(1e-5, 1.0), (1e9, 2.0)]);
    Svg::of(&far.picture()).says(&["10⁻⁴", "1", "100", "10⁶"]);
}

#[test]
fn positions_that_have_no_logarithm_are_left_out() {
    let line = [(-1.0, 5.0), (0.0, 6.0), (1.0, 1.0), (10.0, 2.0)];
    let svg = Svg::of(&Lines::new("", "", "").log_x().line("", line).picture());
    assert_eq!(points(svg.elements("polyline", BLUE)[0]).len(), 2);
    assert!(svg.elements("rect", GREY).is_empty(), "there is no gap");
}

/// Returns the corners of the polygons of a colour.
fn polygons(svg: &Svg, color: &str) -> Vec<Vec<(f64, f64)>> {
    svg.elements("polygon", color).into_iter().map(points).collect()
}

#[test]
fn a_band_surrounds_its_line_in_the_same_colour() {
    let square = |at: f64| (at, at * at);
    let around = |at: f64| (at, at * at - at, at * at + at);
    let lines = Lines::new("", "", "").line("", count(9).map(|at| (at, 0.0)));
    let lines = lines.line("", count(9).map(square)).band(count(9).map(around));
    let svg = Svg::of(&lines.picture());
    assert!(polygons(&svg, BLUE).is_empty());
    let [band] = &polygons(&svg, VERMILION)[..] else { panic!("one band") };
    let line = points(svg.elements("polyline", VERMILION)[0]);
    let (upper, lower) = band.split_at(9);
    for (at, &(x, y)) in line.iter().enumerate() {
        let (high, low) = (upper[at], lower[8 - at]);
        assert_eq!((high.0, low.0), (x, x));
        assert!(((y - high.1) - (low.1 - y)).abs() <= 1.0 && low.1 >= high.1, "{low:?} {high:?}");
    }
    svg.says(&["60"]); // the axis holds the band's highest end, 72
}

#[test]
fn a_band_that_reaches_zero_is_cut_off_on_a_logarithmic_scale() {
    let lines = || Lines::new("", "", "").log().line("", [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)]);
    let picture = lines().band([(0.0, 0.5, 2.0), (1.0, -1.0, 2.0), (2.0, 1e-90, 2.0)]).picture();
    let svg = Svg::of(&picture);
    svg.says(&["10⁻³", "10¹"]);
    let band = &polygons(&svg, BLUE)[0];
    let bottom = band.iter().map(|at| at.1).fold(0.0, f64::max);
    let cut = band.iter().filter(|at| at.1 == bottom).count();
    assert_eq!((band.len(), cut), (6, 2));
}

#[test]
fn a_band_has_gaps_where_an_interval_is_missing() {
    let high = |at: f64| if at == 3.0 { f64::NAN } else { 1.0 };
    let lines = Lines::new("", "", "").line("", count(9).map(|at| (at, 0.0)));
    let svg = Svg::of(&lines.band(count(9).map(|at| (at, -1.0, high(at)))).picture());
    assert_eq!(polygons(&svg, BLUE).iter().map(Vec::len).collect::<Vec<_>>(), [6, 10]);
    let long = Lines::new("", "", "").line("", [(0.0, 0.0), (1e5, 0.0)]);
    let svg = Svg::of(&long.band(count(100_000).map(|at| (at, -1.0, 1.0))).picture());
    assert!(polygons(&svg, BLUE)[0].len() <= 2000);
}

#[test]
fn values_that_are_missing_are_gaps_with_a_band() {
    for missing in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
        let value = |at: f64| if (4.0..6.0).contains(&at) { missing } else { at };
        let lines = Lines::new("", "step", "").line("", count(10).map(|at| (at, value(at))));
        let svg = Svg::of(&lines.picture());
        svg.says(&["not finite"]);
        let runs = svg.elements("polyline", BLUE);
        assert_eq!(runs.iter().map(|run| points(run).len()).collect::<Vec<_>>(), [4, 4]);
        // one band, and the mark in the legend
        assert_eq!(svg.elements("rect", GREY).len(), 2);
    }
    let whole = Lines::new("", "", "").line("", count(10).map(|at| (at, at))).picture();
    assert!(Svg::of(&whole).elements("rect", GREY).is_empty());
}

#[test]
fn zeros_are_missing_on_a_logarithmic_scale_only() {
    let zero = || Lines::new("", "", "").line("", [(0.0, 1.0), (1.0, 0.0), (2.0, 1.0)]);
    Svg::of(&zero().log().picture()).says(&["not positive or not finite"]);
    assert_eq!(Svg::of(&zero().picture()).elements("rect", GREY).len(), 0);
}

#[test]
fn a_long_line_is_thinned_and_keeps_its_extremes() {
    let value = |at: f64| match at {
        7_777.0 => 5.0,
        123_456.0 => f64::NAN,
        _ => (at * 0.1).sin(),
    };
    let long = Lines::new("", "", "").line("", count(1_000_000).map(|at| (at, value(at))));
    let svg = Svg::of(&long.picture());
    assert!(svg.len() < 40_000, "{}", svg.len());
    svg.says(&["not finite", "4"]);
    let runs = svg.elements("polyline", BLUE);
    let all: Vec<_> = runs.iter().flat_map(|run| points(run)).collect();
    let top = |points: &[(f64, f64)]| points.iter().map(|at| at.1).fold(f64::MAX, f64::min);
    let others: Vec<_> = all.iter().copied().filter(|at| at.1 > top(&all)).collect();
    assert!(top(&all) + 400.0 < top(&others), "the one peak stands alone");
}

#[test]
fn a_smoothed_line_is_as_steep_as_the_line() {
    let slope = || count(200).map(|at| (at, 2.0 - 0.5 * at));
    let svg = Svg::of(&Lines::new("", "", "").noisy("loss", slope()).picture());
    svg.says(&["loss", "loss, smoothed"]);
    let smoothed = points(svg.elements("polyline", BLUE)[1]); // the first is in the legend
    let plain = Svg::of(&Lines::new("", "", "").line("loss", slope()).picture());
    assert_eq!(smoothed, points(plain.elements("polyline", BLUE)[1]));
}

#[test]
fn a_spike_is_smoothed_over_a_fiftieth_of_the_points() {
    let spike = |at: f64| f64::from(u8::from(at == 100.0));
    let svg =
        Svg::of(&Lines::new("", "", "").noisy("", count(200).map(|at| (at, spike(at)))).picture());
    let line = points(svg.elements("polyline", BLUE)[0]);
    let base = line[0].1;
    let raised: Vec<_> = (0..200).filter(|&at| line[at].1 < base).collect();
    assert_eq!(raised, [98, 99, 100, 101, 102]);
}

#[test]
fn a_smoothed_line_recovers_from_a_huge_spike() {
    let spike = |at: f64| if at == 500.0 { 1e20 } else { 1.0 };
    let line = |value: fn(f64) -> f64| count(2000).map(move |at| (at, value(at)));
    let svg = Svg::of(
        &Lines::new("", "", "").log().noisy("", count(2000).map(|at| (at, spike(at)))).picture(),
    );
    assert!(svg.elements("rect", GREY).is_empty(), "no mean is zero");
    let smoothed = points(svg.elements("polyline", BLUE)[0]);
    assert_eq!(smoothed[0].1, smoothed[smoothed.len() - 1].1);
    let huge = Svg::of(&Lines::new("", "", "").noisy("", line(|_| 1e299)).picture());
    assert!(huge.elements("rect", GREY).is_empty(), "no mean overflows");
}

#[test]
fn a_legend_leaves_half_of_the_picture_to_the_chart() {
    let line =
        |lines: Lines, at: u32| lines.line(&format!("the line {at}"), [(0.0, f64::from(at))]);
    let svg = Svg::of(&(0..100).fold(Lines::new("", "step", ""), line).picture());
    svg.says(&["the line 0", "…", "step", "20"]);
    let named = svg.texts().iter().filter(|text| text.starts_with("the line ")).count();
    assert!((20..60).contains(&named), "{named}");
}

#[test]
fn short_flat_and_huge_lines_are_drawn() {
    let huge = [(0.0, -1e300), (1.0, 1e300)];
    for points in [
        &[] as &[_],
        &[(0.0, 0.0)],
        &[(3.0, 1e-300)],
        &[(0.0, 5.0), (1.0, 5.0)],
        &huge,
        &[(0.0, f64::NAN)],
        &[(f64::NAN, 1.0)],
        &[(1e15, 1.0), (1e15 + 1.0, 2.0)],
    ] {
        let new = || Lines::new("", "", "");
        for picture in [new(), new().log(), new().log_x()] {
            let around = points.iter().map(|&(x, y)| (x, y / 2.0, y));
            Svg::of(&picture.line("line", points.iter().copied()).band(around).picture());
        }
    }
    Svg::of(&Lines::new("", "", "").picture());
}

#[test]
fn numbers_on_axes_have_the_digits_that_tell_them_apart() {
    let ticks = |low: f64, high: f64| {
        let svg = Svg::of(&Lines::new("", "", "").line("", [(0.5, low), (0.5, high)]).picture());
        svg.texts().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let says = |low, high, text: &str| {
        let said = ticks(low, high);
        assert!(said.iter().any(|it| it == text), "{text} is not in {said:?}");
    };
    says(0.0, 1.0, "0.2");
    says(0.0, 0.05, "0.01");
    says(0.0, 2e6, "500000");
    says(-2.0, 2.0, "−1");
    says(1000.0, 5000.0, "2000");
    says(0.0, 5e-7, "2×10⁻⁷");
    says(0.0, 3e12, "1×10¹²");
    says(100.0, 100.5, "100.2");
    let zeros = ticks(0.0, 0.0);
    assert_eq!(zeros.iter().filter(|it| *it == "0.4").count(), 2, "both axes end at 1: {zeros:?}");
    let svg = Svg::of(&Lines::new("", "", "").line("", [(0.0, 0.0), (1e300, 1.0)]).picture());
    svg.says(&["0.2×10³⁰⁰"]);
}
