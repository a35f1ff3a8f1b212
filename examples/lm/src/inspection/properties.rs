//! Properties of a text with which the outputs of units are compared.

/// The names of the properties of a place in a text, just after a token's last character.
pub const PROPERTIES: [&str; 8] = [
    "inside quotes",
    "position in line",
    "line break",
    "indentation",
    "upper case",
    "white space",
    "digit",
    "depth of brackets",
];

/// Returns the value of each [property](PROPERTIES) after each token, `[8][N]`. It is 0 or 1 for no or yes, or a count.
#[must_use]
pub fn properties(tokens: &[String]) -> [Vec<f64>; PROPERTIES.len()] {
    let mut place = Place::default();
    let mut values: [Vec<f64>; PROPERTIES.len()] = Default::default();
    for token in tokens {
        token.chars().for_each(|character| place.read(character));
        for (values, value) in values.iter_mut().zip(place.values()) {
            values.push(value);
        }
    }
    values
}

/// A place in a text.
#[derive(Debug, Default)]
struct Place {
    last: char,
    is_quoted: bool,
    /// The characters since the last line break.
    column: u32,
    /// Whether all of them are white space.
    is_indented: bool,
    /// The number of open brackets.
    depth: u32,
}

impl Place {
    fn read(&mut self, character: char) {
        self.last = character;
        match character {
            '"' => self.is_quoted = !self.is_quoted,
            '“' | '”' => self.is_quoted = character == '“',
            '(' | '[' | '{' => self.depth += 1,
            ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if character == '\n' {
            (self.column, self.is_indented) = (0, false);
        } else {
            self.is_indented = (self.column == 0 || self.is_indented) && character.is_whitespace();
            self.column += 1;
        }
    }

    /// Returns the values in the order of [`PROPERTIES`].
    fn values(&self) -> [f64; PROPERTIES.len()] {
        [
            f64::from(self.is_quoted),
            f64::from(self.column),
            f64::from(self.last == '\n'),
            f64::from(self.is_indented),
            f64::from(self.last.is_uppercase()),
            f64::from(self.last.is_whitespace()),
            f64::from(self.last.is_numeric()),
            f64::from(self.depth),
        ]
    }
}
