//! Spectra, phase portraits and histograms.

use bptt_analysis::plot::{Histogram, PhasePortrait, Spectrum};

use crate::support::{Svg, UNIT, number, points};

const BLUE: &str = "0072B2";
const VERMILION: &str = "D55E00";
const GREY: &str = "6E6E6E";
const BLACK: &str = "000000";

/// Returns the width and height of a line.
fn extent(line: &str) -> (f64, f64) {
    let points = points(line);
    let span = |values: Vec<f64>| {
        values.iter().copied().fold(f64::MIN, f64::max)
            - values.iter().copied().fold(f64::MAX, f64::min)
    };
    (span(points.iter().map(|at| at.0).collect()), span(points.iter().map(|at| at.1).collect()))
}

#[test]
fn the_unit_circle_is_round_at_any_size() {
    for (width, height) in [(600, 480), (300, 700), (900, 250)] {
        for eigenvalues in [vec![], vec![(0.5, 0.0)], vec![(-120.0, 33.0)]] {
            let picture = Spectrum::new("spectrum", eigenvalues).picture().sized(width, height);
            let svg = Svg::of(&picture);
            let (x, y) = extent(svg.elements("polyline", GREY)[0]);
            assert!((x - y).abs() <= 0.01 * x + 3.0, "{x} × {y} of {width} × {height}");
        }
    }
}

#[test]
fn eigenvalues_within_and_outside_have_their_own_marks() {
    let eigenvalues = [(0.0, 0.0), (0.6, 0.8), (0.9, 0.9), (-1.1, 0.0), (f64::NAN, 0.0)];
    let svg = Svg::of(&Spectrum::new("J", eigenvalues).picture());
    svg.says(&["J", "Re λ", "Im λ", "2 within the unit circle", "2 outside", "1 not finite"]);
    // marks in the legend are one more
    assert_eq!(svg.elements("circle", BLUE).len(), 3);
    assert_eq!(svg.elements("rect", VERMILION).len(), 3);
}

#[test]
fn the_origin_is_the_centre_of_the_circle() {
    let svg = Svg::of(&Spectrum::new("", [(0.0, 0.0)]).picture());
    let origin = svg.elements("circle", BLUE)[1];
    let circle = points(svg.elements("polyline", GREY)[0]);
    let middle = (circle[0].0 + circle[180].0) / 2.0;
    assert!((number(origin, "cx") - middle).abs() <= 1.0);
}

#[test]
fn fixed_points_are_filled_if_stable_and_open_if_saddles() {
    let portrait = PhasePortrait::new("flip-flop", "PC 1", "PC 2")
        .trajectory("input 1", [(0.0, 0.0), (0.5, 0.2), (1.0, 0.1)])
        .stable([(1.0, 0.0), (-1.0, 0.0)])
        .saddles([(0.0, 0.0), (f64::NAN, 1.0)])
        .unstable([(0.0, 1.0)]);
    let svg = Svg::of(&portrait.picture());
    svg.says(&[
        "PC 1",
        "PC 2",
        "input 1",
        "2 stable fixed points",
        "2 saddles",
        "1 unstable fixed point",
    ]);
    let is_filled = |circle: &&&str| circle.contains("fill=\"#000000\"");
    let circles = svg.elements("circle", BLACK);
    let filled = circles.iter().filter(is_filled).count();
    // with those in the legend; a saddle that is not finite has no place
    assert_eq!((filled, circles.len() - filled), (3, 2));
    let path = svg.elements("polyline", BLUE);
    assert_eq!(points(path[1]).len(), 3);
}

#[test]
fn a_trajectory_that_diverges_ends_where_it_does() {
    let diverging = [(0.0, 0.0), (1.0, 1.0), (f64::INFINITY, 2.0), (f64::NAN, f64::NAN)];
    let svg = Svg::of(&PhasePortrait::new("", "", "").trajectory("h", diverging).picture());
    assert_eq!(points(svg.elements("polyline", BLUE)[1]).len(), 2);
}

#[test]
fn long_trajectories_and_clouds_stay_small() {
    let orbit = || (0..1_000_000).map(|t| f64::from(t).sin_cos());
    for portrait in [
        PhasePortrait::new("", "", "").trajectory("", orbit()),
        PhasePortrait::new("", "", "").cloud("attractor", orbit()),
    ] {
        let svg = Svg::of(&portrait.picture());
        assert!(svg.len() < 700_000, "{}", svg.len());
    }
}

#[test]
fn a_histogram_counts_each_value_once() {
    let values = [0.0, 0.1, 0.1, 0.45, 1.0, f64::NAN, f64::INFINITY];
    let svg = Svg::of(&Histogram::new("gate", "activation", values).bins(4).picture());
    svg.says(&["gate", "activation", "count", "2 not finite"]);
    let bars = svg.elements("rect", BLUE);
    let heights: Vec<_> = bars.iter().map(|bar| number(bar, "height")).collect();
    let unit = heights[1];
    assert!(unit > UNIT * 20.0);
    let counts: Vec<_> = heights.iter().map(|height| (height / unit).round()).collect();
    assert_eq!(counts, [3.0, 1.0, 1.0], "bins 0, 1 and 3");
    let left: Vec<_> = bars.iter().map(|bar| number(bar, "x")).collect();
    assert_eq!(((left[2] - left[0]) / (left[1] - left[0])).round(), 3.0);
}

#[test]
fn histograms_of_one_value_and_of_none_are_drawn() {
    for values in
        [vec![], vec![3.0; 5], vec![f64::NAN], vec![-1e300, 1e300], vec![1e17], vec![1e300]]
    {
        Svg::of(&Histogram::new("", "", values).picture());
    }
}
