//! Recognisers written by hand. Each removes one sentence from the beginning of a text, or finds none.

/// Returns the recogniser of a language. Every text belongs to a Markov chain; one symbol is its shortest sentence.
pub(crate) fn recogniser(language: &str) -> fn(&str) -> Option<&str> {
    match language.split(':').next() {
        Some("reber") => reber,
        Some("embedded-reber") => embedded_reber,
        Some("anbn") => |text| counting(text, "ab", 7),
        Some("anbncn") => |text| counting(text, "abc", 12),
        Some("dyck") if language.contains("kinds=3") => |text| dyck(text, "([{", ")]}", 5),
        Some("dyck") => |text| dyck(text, "(", ")", 1),
        Some("pcfg") => agreement,
        _ => panic!("{language} has no recogniser"),
    }
}

/// `B`, a way through the graph, `E`. Its upper half is `T S* X`, its lower one `T* V`; `X` and `P` lead from one to
/// the other.
pub(crate) fn reber(text: &str) -> Option<&str> {
    let text = text.strip_prefix('B')?;
    let (mut is_upper, mut text) = match text.split_at_checked(1)? {
        ("T", text) => (true, text.trim_start_matches('S').strip_prefix('X')?),
        ("P", text) => (false, text),
        _ => return None,
    };
    loop {
        if !is_upper {
            text = text.trim_start_matches('T').strip_prefix('V')?;
        }
        let (crosses, ends) = if is_upper { ('X', 'S') } else { ('P', 'V') };
        if let Some(text) = text.strip_prefix(ends) {
            return text.strip_prefix('E');
        }
        text = text.strip_prefix(crosses)?;
        is_upper = !is_upper;
    }
}

pub(crate) fn embedded_reber(text: &str) -> Option<&str> {
    let text = text.strip_prefix('B')?;
    let frame = text.chars().next().filter(|frame| "TP".contains(*frame))?;
    reber(text.strip_prefix(frame)?)?.strip_prefix(frame)?.strip_prefix('E')
}

/// As many of each of the `letters`, `most` at most.
pub(crate) fn counting<'a>(text: &'a str, letters: &str, most: usize) -> Option<&'a str> {
    let n = text.len() - text.trim_start_matches('a').len();
    let sentence: String =
        letters.chars().flat_map(|letter| std::iter::repeat_n(letter, n)).collect();
    text.strip_prefix(&sentence).filter(|_| (1..=most).contains(&n))
}

pub(crate) fn dyck<'a>(text: &'a str, opens: &str, closes: &str, depth: usize) -> Option<&'a str> {
    let mut expected = Vec::new();
    for (index, symbol) in text.char_indices() {
        if let Some(kind) = opens.find(symbol) {
            expected.push(closes[kind..].chars().next()?);
            if expected.len() > depth {
                return None;
            }
        } else if expected.is_empty() {
            return (symbol == '.').then(|| &text[index + 1..]);
        } else if expected.pop() != Some(symbol) {
            return None;
        }
    }
    None
}

/// A noun, its clauses and its verb, then a full stop.
pub(crate) fn agreement(text: &str) -> Option<&str> {
    subject(text, true)?.strip_prefix('.')
}

/// A noun with its relative clauses and a verb of the same number. An object follows a transitive verb, unless the noun
/// before the clause is it; the verb must then be a transitive one.
fn subject(text: &str, has_object: bool) -> Option<&str> {
    let noun = text.chars().next().filter(|noun| "nN".contains(*noun))?;
    let mut text = &text[1..];
    while let Some(clause) = text.strip_prefix('w') {
        text = subject(clause, false).or_else(|| verb(clause, noun, true))?;
    }
    verb(text, noun, has_object)
}

fn verb(text: &str, noun: char, has_object: bool) -> Option<&str> {
    let (intransitive, transitive) = if noun == 'n' { ('i', 't') } else { ('I', 'T') };
    match text.strip_prefix(transitive) {
        Some(text) if has_object => text.strip_prefix(['n', 'N']),
        Some(text) => Some(text),
        None => text.strip_prefix(intransitive).filter(|_| has_object),
    }
}
