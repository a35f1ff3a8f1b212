//! Axes: a range of values, and where it has ticks.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// The largest magnitude that is drawn. An axis for a greater one would overflow.
const LARGEST: f64 = 1e300;

/// Whether a value has a place on an axis.
pub(super) fn is_drawable(value: f64) -> bool {
    value.abs() <= LARGEST
}

/// A range of values with ticks.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    range: Range<f64>,
    ticks: Vec<(f64, String)>,
    /// Whether the ticks are names, which may be many and long.
    pub(super) is_named: bool,
}

impl Axis {
    /// Creates an axis for exactly this range, with at most so many ticks.
    pub(super) fn exact(range: Range<f64>, most_ticks: usize) -> Self {
        let step = nice_step((range.end - range.start) / most_ticks.max(1) as f64);
        Self::with_ticks_each(step, range)
    }

    fn with_ticks_each(step: f64, range: Range<f64>) -> Self {
        let largest = range.start.abs().max(range.end.abs());
        let ticks = multiples(&range, step).map(|it| (it, number(it, step, largest))).collect();
        Self { range, ticks, is_named: false }
    }

    /// Creates an axis whose range is a little wider than the values. Zeros alone have no scale, and get an axis up to 1.
    pub(super) fn around(values: impl Iterator<Item = f64>, most_ticks: usize) -> Self {
        let Range { start, end } = bounds(values);
        let end = if start == 0.0 && end == 0.0 { 1.0 } else { end };
        let margin = (0.04 * (end - start)).max(1e-3 * end.abs()).max(1e-290);
        Self::exact(start - margin..end + margin, most_ticks)
    }

    /// Creates an axis for whole numbers, such as steps or units, which ends at exactly this range.
    pub(super) fn whole(range: Range<f64>, most_ticks: usize) -> Self {
        let step = nice_step((range.end - range.start) / most_ticks.max(1) as f64);
        Self::with_ticks_each(step.max(1.0), range)
    }

    /// Creates an axis that ends at the first and the last of some positions. If these are whole numbers, the ticks are.
    pub(super) fn of_positions(mut positions: impl Iterator<Item = f64> + Clone) -> Self {
        const MOST: usize = 8;
        let range = with_width(bounds(positions.clone()));
        let is_whole = positions.all(|it| it.fract() == 0.0);
        if is_whole { Self::whole(range, MOST) } else { Self::exact(range, MOST) }
    }

    /// Creates an axis of whole powers of ten, for logarithms of positive values to the base 10.
    pub(super) fn decades(logarithms: impl Iterator<Item = f64>, most_ticks: usize) -> Self {
        let Range { start, end } = bounds(logarithms);
        let (start, end) = (start.floor(), end.ceil().max(start.floor() + 1.0));
        let step = nice_step((end - start) / most_ticks.max(1) as f64).max(1.0);
        let ticks = multiples(&(start..end), step);
        Self {
            range: start..end,
            ticks: ticks.map(|it| (it, power_of_ten(it as i32))).collect(),
            is_named: false,
        }
    }

    /// Creates an axis that ends at the first and the last of some positions, which are logarithms to the base 10. It has a
    /// tick at each power of ten, and at twice and five times the powers if they are few.
    pub(super) fn powers(positions: impl Iterator<Item = f64>) -> Self {
        const FEW: f64 = 3.0;
        const MOST: f64 = 8.0;
        let range = with_width(bounds(positions));
        let span = range.end - range.start;
        let step = nice_step(span / MOST).max(1.0);
        let digits: &[f64] = if span <= FEW { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let powers = multiples(&(range.start.floor()..range.end), step);
        let ticks = powers.flat_map(|power| digits.iter().map(move |&digit| (power, digit)));
        let ticks = ticks.map(|(power, digit)| (power + digit.log10(), scientific(digit, power)));
        let is_inside = |at: f64| range.start - 1e-9 <= at && at <= range.end + 1e-9;
        let ticks = ticks.filter(|&(at, _)| is_inside(at)).collect();
        Self { range, ticks, is_named: false }
    }

    /// Creates an axis with a name at each whole number from the first on.
    pub(super) fn named(first: usize, names: impl IntoIterator<Item = String>) -> Self {
        let ticks: Vec<_> = (first..).map(|at| at as f64).zip(names).collect();
        let start = first as f64 - 0.5;
        Self { range: start..start + ticks.len() as f64, ticks, is_named: true }
    }

    /// Widens the range by a factor, around its middle.
    pub(super) fn widened(self, factor: f64, most_ticks: usize) -> Self {
        let Range { start, end } = self.range;
        let (middle, half) = ((start + end) / 2.0, (end - start) / 2.0 * factor);
        Self::exact(middle - half..middle + half, most_ticks)
    }

    /// Lets the axis run the other way: for rows, which are counted from the top.
    pub(super) fn reversed(self) -> Self {
        Self { range: self.range.end..self.range.start, ..self }
    }

    /// Keeps every n-th tick, from the first on.
    pub(super) fn thinned(self, each: usize) -> Self {
        Self { ticks: self.ticks.into_iter().step_by(each.max(1)).collect(), ..self }
    }

    pub(super) fn without_ticks(self) -> Self {
        Self { ticks: Vec::new(), ..self }
    }

    pub(super) fn bounds(&self) -> Range<f64> {
        self.range.clone()
    }

    pub(super) fn span(&self) -> f64 {
        self.range.end - self.range.start
    }

    pub(super) fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }

    /// Returns the part of the axis below a value.
    pub(super) fn part(&self, value: f64) -> f64 {
        (value - self.range.start) / self.span()
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        from + (f64::from(to - from) * self.part(*value)).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, hint: H) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new(); // lines between ticks
        }
        self.ticks.iter().map(|&(value, _)| value).collect()
    }

    fn range(&self) -> Range<f64> {
        self.bounds()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|(at, _)| at == value);
        tick.map_or_else(String::new, |(_, label)| label.clone())
    }
}

/// Returns the range of the values that can be drawn, or 0 to 1 if there are none.
pub(super) fn bounds(values: impl Iterator<Item = f64>) -> Range<f64> {
    let extend = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = values.filter(|&it| is_drawable(it)).fold(start, extend);
    if low > high { 0.0..1.0 } else { low..high }
}

/// Returns a range, or one around its value if it holds only one.
pub(super) fn with_width(range: Range<f64>) -> Range<f64> {
    let Range { start, end } = range;
    let half = (1e-3 * end.abs()).max(0.5);
    if start < end { range } else { start - half..end + half }
}

/// Returns the least step of at least this length that is 1, 2 or 5 times a power of ten.
fn nice_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|digit| digit * power).into_iter();
    steps.chain([10.0 * power]).find(|&step| step >= least * (1.0 - 1e-9)).unwrap_or(power)
}

fn multiples(range: &Range<f64>, step: f64) -> impl Iterator<Item = f64> + use<> {
    const MOST: f64 = 1000.0; // no axis has more, whatever rounding does
    let first = (range.start / step - 1e-9).ceil();
    let last = (range.end / step + 1e-9).floor().min(first + MOST);
    let count = if last >= first { (last - first) as u32 + 1 } else { 0 };
    (0..count).map(move |index| (first + f64::from(index)) * step + 0.0)
}

/// Returns a number with the digits that tell it from its neighbours. Large and small ones have a power of ten.
fn number(value: f64, step: f64, largest: f64) -> String {
    const MOST: f64 = 17.0; // no number has more digits
    let decimals = |step: f64| (-(step * 1.000_001).log10().floor()).clamp(0.0, MOST) as usize;
    if (1e-3..1e7).contains(&largest) || value == 0.0 {
        let decimals = if value == 0.0 && largest < 1e-3 { 0 } else { decimals(step) };
        return minus(&format!("{value:.decimals$}"));
    }
    let exponent = largest.log10().floor();
    let unit = 10_f64.powf(exponent);
    let decimals = decimals(step / unit);
    let power = power_of_ten(exponent as i32);
    minus(&format!("{:.decimals$}×{power}", value / unit))
}

/// Returns a digit times a power of ten, in full unless that is long.
fn scientific(digit: f64, power: f64) -> String {
    match power as i32 {
        power @ -3..0 => {
            format!("{:.*}", power.unsigned_abs() as usize, digit * 10_f64.powi(power))
        }
        power @ 0..5 => format!("{}", digit * 10_f64.powi(power)),
        power if digit == 1.0 => power_of_ten(power),
        power => format!("{digit}×{}", power_of_ten(power)),
    }
}

/// Returns a number with a minus sign in place of a hyphen.
pub(super) fn minus(number: &str) -> String {
    number.replace('-', "−")
}

/// Returns 10 to a power, with the exponent raised.
fn power_of_ten(exponent: i32) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = exponent
        .to_string()
        .chars()
        .map(|character| character.to_digit(10).map_or('⁻', |digit| RAISED[digit as usize]))
        .collect::<String>();
    format!("10{raised}")
}
