//! Tables in Markdown with aligned columns.

use std::fmt;

/// A table. The first column is text, the others are numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Returns a table with these columns and no rows.
    #[must_use]
    pub fn new(columns: impl IntoIterator<Item: Into<String>>) -> Self {
        Self { rows: vec![columns.into_iter().map(Into::into).collect()] }
    }

    /// Adds a row.
    ///
    /// # Panics
    ///
    /// If it has not one entry for each column.
    pub fn push(&mut self, row: Vec<String>) {
        assert_eq!(row.len(), self.rows[0].len(), "one entry for each column");
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let widths = self.rows.iter().map(|row| row[column].chars().count());
            widths.max().unwrap_or(0).max(3)
        };
        let widths: Vec<_> = (0..self.rows[0].len()).map(width).collect();
        for (number, row) in self.rows.iter().enumerate() {
            for (column, (entry, &width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "| {entry:<width$} |")?,
                    _ => write!(f, " {entry:>width$} |")?,
                }
            }
            writeln!(f)?;
            if number == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let line = "-".repeat(width - 1);
                    match column {
                        0 => write!(f, "| {line}- |")?,
                        _ => write!(f, " {line}: |")?,
                    }
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

/// Returns a time as a table shows it.
#[must_use]
pub fn duration(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.1} s"),
        ..7200.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_the_first_is_text() {
        let mut table = Table::new(["cell", "nats"]);
        table.push(vec!["lstm".into(), "1.25 ± 0.01".into()]);
        table.push(vec!["Kneser–Ney".into(), "2".into()]);
        let expected = "\
            | cell       |        nats |\n\
            | ---------- | ----------: |\n\
            | lstm       | 1.25 ± 0.01 |\n\
            | Kneser–Ney |           2 |\n";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn times_have_the_unit_that_suits() {
        let times = [0.04, 119.94, 120.0, 7199.0, 9000.0].map(duration);
        assert_eq!(times, ["0.0 s", "119.9 s", "2.0 min", "120.0 min", "2.5 h"]);
    }
}
