//! A table of values as colours.

mod cells;
mod color_scale;

use std::ops::Range;

use bptt_tensor::{Scalar, Tensor};
use plotters::element::{Rectangle, Text};
use plotters::style::text_anchor::HPos;
use plotters::style::{Color, RGBColor, WHITE};

use crate::plot::axis::{Axis, minus};
use crate::plot::canvas::{Area, Drawn};
use crate::plot::frame::{Aspect, Key, Labels, Mark, Plot, frame, pixels, title};
use crate::plot::picture::{Chart, Picture};
use crate::plot::style::{BLACK, MISSING, TICK, fitted, placed, px};
use cells::Cells;
use color_scale::{ColorScale, Span};

/// A table of values as colours: a gate over time and text, attention, norms of gradients between pairs of steps.
///
/// Values from 0 on go from dark to light. If there are negative ones, colours go from blue over white at 0 to orange. A
/// value that is not finite is grey. Of a table that is too large for its pixels, means of blocks are drawn.
///
/// A table whose columns are single characters is broken into rows, like the lines of a page.
///
/// ```
/// use bptt_analysis::plot::HeatMap;
/// use bptt_tensor::Tensor;
///
/// let gate = Tensor::<f32>::full([5, 3], 0.5); // [T, F]
/// let picture = HeatMap::over_time("forget gate", &gate)
///     .columns("hello".chars())
///     .between(0.0, 1.0)
///     .quantity("activation")
///     .picture();
/// # assert!(picture.svg().contains("forget gate"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct HeatMap {
    labels: Labels,
    /// What the colours stand for.
    quantity: String,
    /// `[rows][columns]`
    values: Vec<Vec<f64>>,
    columns: Vec<String>,
    rows: Vec<String>,
    span: Span,
    has_numbers: bool,
}

/// The most characters of a text in one row.
const LINE: usize = 48;
/// The most rows of a text.
const MOST_LINES: usize = 8;
/// The length of the longest name of a row in pixels.
const LONGEST: f64 = 150.0;
/// The width of the colour bar with its labels, in pixels.
const BAR: f64 = 84.0;

impl HeatMap {
    /// Creates a chart of values over time, `[T, F]`: time runs to the right, and units downwards.
    ///
    /// # Panics
    ///
    /// If the values have another number of axes.
    #[track_caller]
    pub fn over_time<T: Scalar>(title: &str, values: &Tensor<T>) -> Self {
        let [steps, units] = two_axes(values);
        let values = values.as_slice();
        let row =
            |unit: usize| (0..steps).map(|step| values[step * units + unit].as_f64()).collect();
        Self::of(Labels::new(title, "step", "unit"), (0..units).map(row).collect())
    }

    /// Creates a chart of a matrix, `[rows, columns]`, as it is written. The labels name what is counted along its axes.
    ///
    /// # Panics
    ///
    /// If the values have another number of axes.
    #[track_caller]
    pub fn matrix<T: Scalar>(title: &str, rows: &str, columns: &str, values: &Tensor<T>) -> Self {
        let [_, width] = two_axes(values);
        let values: Vec<_> = values.iter().map(|value| value.as_f64()).collect();
        let rows_of_values = values.chunks_exact(width.max(1)).map(<[f64]>::to_vec).collect();
        Self::of(Labels::new(title, columns, rows), rows_of_values)
    }

    /// Creates a chart of attention, `[outputs, inputs]`: what part of its attention an output pays to an input.
    ///
    /// # Panics
    ///
    /// If the weights have another number of axes.
    #[track_caller]
    pub fn attention<T: Scalar>(title: &str, weights: &Tensor<T>) -> Self {
        Self::matrix(title, "output", "input", weights).between(0.0, 1.0).quantity("weight")
    }

    fn of(labels: Labels, values: Vec<Vec<f64>>) -> Self {
        let quantity = "value".into();
        Self {
            labels,
            quantity,
            values,
            columns: vec![],
            rows: vec![],
            span: Span::Values,
            has_numbers: false,
        }
    }

    /// Names the columns, for instance by the characters or tokens that were read. White space becomes visible.
    ///
    /// # Panics
    ///
    /// If there is not one name for each column.
    #[track_caller]
    pub fn columns(mut self, names: impl IntoIterator<Item = impl ToString>) -> Self {
        self.columns = names.into_iter().map(|name| visible(&name.to_string())).collect();
        let (names, columns) = (self.columns.len(), self.width());
        assert_eq!(names, columns, "heat map: {names} names for {columns} columns; give one each");
        self
    }

    /// Names the rows.
    ///
    /// # Panics
    ///
    /// If there is not one name for each row.
    #[track_caller]
    pub fn rows(mut self, names: impl IntoIterator<Item = impl ToString>) -> Self {
        self.rows = names.into_iter().map(|name| visible(&name.to_string())).collect();
        let (names, rows) = (self.rows.len(), self.values.len());
        assert_eq!(names, rows, "heat map: {names} names for {rows} rows; give one each");
        self
    }

    /// Sets the range of the colours. By default it spans zero and the values. A range with negative values is widened
    /// until zero is its middle.
    ///
    /// # Panics
    ///
    /// If the range is empty or not finite.
    #[track_caller]
    pub fn between(mut self, low: f64, high: f64) -> Self {
        assert!(low < high && (high - low).is_finite(), "heat map: no values from {low} to {high}");
        self.span = Span::Given(low..high);
        self
    }

    /// Gives the colours a logarithmic scale, of the 16 highest decades at most. Zeros stay white, and negative values are
    /// grey.
    pub fn log(mut self) -> Self {
        self.span = Span::Decades;
        self
    }

    /// Writes each value into its cell, with two decimals. Use it for small tables.
    pub fn numbers(mut self) -> Self {
        self.has_numbers = true;
        self
    }

    /// Names the quantity that the colours stand for, with its unit. By default it is "value".
    pub fn quantity(mut self, quantity: &str) -> Self {
        self.quantity = quantity.into();
        self
    }

    /// Returns the chart as a picture.
    pub fn picture(self) -> Picture {
        Picture::new(self)
    }

    fn width(&self) -> usize {
        self.values.first().map_or(0, Vec::len)
    }

    /// Returns the columns of each row of the text, or all columns.
    fn lines(&self) -> Vec<Range<usize>> {
        let width = self.width();
        let is_text = !self.columns.is_empty()
            && self.columns.iter().all(|name| name.chars().count() == 1)
            && width <= LINE * MOST_LINES;
        let count = if is_text { width.div_ceil(LINE) } else { 1 };
        let length = width.div_ceil(count);
        (0..count).map(|line| line * length..(line + 1) * length).collect()
    }

    fn draw_line(
        &self,
        area: &Area<'_>,
        columns: Range<usize>,
        scale: &ColorScale,
        keys: &[Key],
    ) -> Drawn {
        let cells = Cells::new(&self.values, columns.clone());
        let mut labels = Labels { title: String::new(), ..self.labels.clone() };
        if columns.len() < self.width() {
            labels.x.clear(); // a line of a text needs none
        }
        for (label, count) in [(&mut labels.x, cells.width), (&mut labels.y, cells.height)] {
            if count > 1 && !label.is_empty() {
                *label += &format!(" (means of {count})");
            }
        }
        let axes = (self.x_axis(columns), self.y_axis(pixels(area).1));
        let mut plot = frame(area, &labels, keys, axes, Aspect::Free)?;
        draw_cells(&mut plot, &cells, scale)?;
        if self.has_numbers { draw_numbers(&mut plot, &cells, scale) } else { Ok(()) }
    }

    fn x_axis(&self, columns: Range<usize>) -> Axis {
        if self.columns.is_empty() {
            return Axis::whole(columns.start as f64 - 0.5..columns.end as f64 - 0.5, 8);
        }
        // the last row of a text is as long as the others
        let names =
            columns.clone().map(|column| self.columns.get(column).cloned().unwrap_or_default());
        Axis::named(columns.start, names)
    }

    fn y_axis(&self, height: f64) -> Axis {
        let count = self.values.len();
        let most = (height / (TICK + 6.0)) as usize;
        let axis = if self.rows.is_empty() {
            Axis::whole(-0.5..count as f64 - 0.5, most.min(8))
        } else {
            let name = |name: &String| fitted(name, TICK, LONGEST).0;
            Axis::named(0, self.rows.iter().map(name)).thinned(count.div_ceil(most.max(1)))
        };
        axis.reversed()
    }
}

impl Chart for HeatMap {
    fn size(&self) -> (u32, u32) {
        let rows = self.values.len() as u32;
        let height_of_row = if self.rows.is_empty() { 12 } else { 20 };
        let lines = self.lines().len() as u32;
        let cells = (rows * height_of_row).clamp(80, if lines > 1 { 160 } else { 320 });
        let names = if self.columns.is_empty() || lines > 1 { 44 } else { 76 };
        (600, 28 + lines * (cells + names))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let below = title(area, &self.labels.title)?;
        let scale = ColorScale::new(&self.span, self.values.iter().flatten().copied());
        let values = || self.values.iter().flatten();
        let has_missing = values().any(|&value| scale.is_missing(value));
        let mut keys = has_missing.then(|| Key {
            name: scale.missing().into(),
            mark: Mark::Square,
            color: MISSING.to_rgba(),
        });
        let (width, height) = pixels(&below);
        let (mut left, right) = below.split_horizontally(px(width - BAR));
        scale.draw_bar(&right, &self.quantity)?;
        let lines = self.lines();
        let height = height / lines.len() as f64;
        for columns in lines {
            let (line, rest) = left.split_vertically(px(height));
            self.draw_line(&line, columns, &scale, keys.take().as_slice())?;
            left = rest;
        }
        Ok(())
    }
}

/// Draws cells, those of one colour that stand beside each other as one. Each reaches below its neighbours to the right
/// and below, which are drawn later, so that no page shows through between them.
fn draw_cells(plot: &mut Plot<'_, '_>, cells: &Cells, scale: &ColorScale) -> Drawn {
    for (row, values) in cells.rows() {
        let mut from = 0;
        while from < values.len() {
            let color = scale.color(values[from]);
            let same = values[from..].iter().take_while(|&&it| scale.color(it) == color).count();
            let (left, right) = (cells.column(from).start, cells.column(from + same - 1).end);
            let corners = [(left, row.start), cells.below((right, row.end))];
            plot.draw_series([Rectangle::new(corners, color.filled())])?;
            from += same;
        }
    }
    Ok(())
}

/// Writes the values of cells into them, in black or white.
fn draw_numbers(plot: &mut Plot<'_, '_>, cells: &Cells, scale: &ColorScale) -> Drawn {
    for (row, values) in cells.rows() {
        for (column, &value) in values.iter().enumerate() {
            let place = cells.column(column);
            let at = ((place.start + place.end) / 2.0, (row.start + row.end) / 2.0);
            let RGBColor(r, g, b) = scale.color(value);
            let luminance = 0.3 * f64::from(r) + 0.6 * f64::from(g) + 0.1 * f64::from(b);
            let color = if luminance > 130.0 { BLACK } else { WHITE };
            let style = placed(TICK, HPos::Center).color(&color);
            let number =
                if scale.is_missing(value) { "–".into() } else { minus(&format!("{value:.2}")) };
            plot.draw_series([Text::new(number, at, style)])?;
        }
    }
    Ok(())
}

/// Returns the lengths of the two axes.
#[track_caller]
fn two_axes<T: Scalar>(values: &Tensor<T>) -> [usize; 2] {
    let shape = values.shape();
    shape[..].try_into().unwrap_or_else(|_| {
        panic!("heat map of {shape}: it has rows and columns; choose one sequence of the batch")
    })
}

/// Returns a name in which white space is seen, but for spaces between words.
fn visible(name: &str) -> String {
    let first = name.find(|character| character != ' ').unwrap_or(name.len());
    let last = name.rfind(|character| character != ' ').unwrap_or(0);
    name.char_indices()
        .map(|(at, character)| match character {
            ' ' if at < first || last < at => '␣',
            '\n' => '↵',
            '\t' => '⇥',
            control if control.is_control() => '·',
            character => character,
        })
        .collect()
}
