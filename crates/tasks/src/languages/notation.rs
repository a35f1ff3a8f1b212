//! The notation of grammars, as the [module's documentation](super) describes it.

use std::collections::BTreeMap;

use super::grammar::{Alternative, Rule};
use super::{GrammarFault, LanguageError};

/// Parses a grammar. A terminal behind the first symbol of an alternative becomes a rule of its own, `'x' -> x`.
pub(super) fn parse(text: &str) -> Result<Vec<Rule>, LanguageError> {
    let mut names = BTreeMap::default();
    let mut lines = Vec::new();
    for (line, text) in (1..).zip(text.lines().map(str::trim)) {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let at = |fault| LanguageError::Grammar { line, fault };
        let (name, body) = text.split_once("->").ok_or(at(GrammarFault::NoArrow))?;
        let name = name.trim();
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || "'\"[]|".contains(c)) {
            return Err(at(GrammarFault::Name { name: name.to_owned() }));
        }
        if names.insert(name, lines.len()).is_some() {
            return Err(at(GrammarFault::Twice { name: name.to_owned() }));
        }
        lines.push((line, body));
    }
    if lines.is_empty() {
        return Err(LanguageError::NoRule);
    }
    let mut symbols = Symbols { names, terminals: Vec::new() };
    let mut rules = Vec::new();
    for (line, body) in lines {
        let rule = rule(body, &mut symbols);
        rules.push(rule.map_err(|fault| LanguageError::Grammar { line, fault })?);
    }
    rules.extend(symbols.terminals.iter().map(|&symbol| vec![Alternative::new(1.0, symbol, [])]));
    Ok(rules)
}

/// The numbers of rules.
struct Symbols<'a> {
    /// Those that have a line.
    names: BTreeMap<&'a str, usize>,
    /// The terminals of the rules behind them.
    terminals: Vec<char>,
}

impl Symbols<'_> {
    fn number(&mut self, word: &str) -> Result<usize, GrammarFault> {
        let Some(symbol) = terminal(word)? else {
            let number = self.names.get(word).copied();
            return number.ok_or_else(|| GrammarFault::Undefined { name: word.to_owned() });
        };
        let known = self.terminals.iter().position(|&terminal| terminal == symbol);
        let number = known.unwrap_or_else(|| {
            self.terminals.push(symbol);
            self.terminals.len() - 1
        });
        Ok(self.names.len() + number)
    }
}

/// Returns the character of a word in quotes, and `None` for a word without.
fn terminal(word: &str) -> Result<Option<char>, GrammarFault> {
    let quotes = ['\'', '"'];
    if !word.starts_with(quotes) && !word.ends_with(quotes) {
        return Ok(None);
    }
    match *word.chars().collect::<Vec<_>>() {
        [open, symbol, close] if open == close && quotes.contains(&open) => Ok(Some(symbol)),
        _ => Err(GrammarFault::Terminal { word: word.to_owned() }),
    }
}

fn rule(body: &str, symbols: &mut Symbols<'_>) -> Result<Rule, GrammarFault> {
    let words: Vec<&str> = body.split_whitespace().collect();
    let mut rule = Rule::new();
    let mut stated = 0;
    for words in words.split(|&word| word == "|") {
        let (words, probability) = match words.split_last() {
            Some((last, words)) if last.starts_with('[') => (words, Some(self::probability(last)?)),
            _ => (words, None),
        };
        stated += usize::from(probability.is_some());
        let (first, rest) = words.split_first().ok_or(GrammarFault::Empty)?;
        let symbol =
            terminal(first)?.ok_or_else(|| GrammarFault::First { word: (*first).to_owned() })?;
        if rule.iter().any(|a| a.symbol == symbol) {
            return Err(GrammarFault::SameFirst { symbol });
        }
        let rest = rest.iter().map(|word| symbols.number(word)).collect::<Result<Vec<_>, _>>()?;
        rule.push(Alternative::new(probability.unwrap_or(1.0), symbol, rest));
    }
    if stated != 0 && stated != rule.len() {
        return Err(GrammarFault::SomeProbabilities);
    }
    normalize(&mut rule, stated == 0)?;
    Ok(rule)
}

fn probability(word: &str) -> Result<f64, GrammarFault> {
    let number = word.strip_prefix('[').and_then(|word| word.strip_suffix(']'));
    let probability = number.and_then(|number| number.parse().ok());
    let valid = probability.filter(|&probability| probability > 0.0 && probability <= 1.0);
    valid.ok_or_else(|| GrammarFault::Probability { word: word.to_owned() })
}

/// Divides the probabilities of a rule by their sum. It is not 1 for `even` weights, nor for rounded probabilities such
/// as three times 0.333333.
fn normalize(rule: &mut Rule, even: bool) -> Result<(), GrammarFault> {
    let sum: f64 = rule.iter().map(|a| a.probability).sum();
    if !even && (sum - 1.0).abs() > 1e-5 {
        return Err(GrammarFault::Sum { sum });
    }
    rule.iter_mut().for_each(|a| a.probability /= sum);
    Ok(())
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::parse;
    use crate::languages::grammar::Grammar;

    /// No text makes the parser or the equations panic.
    #[test]
    fn any_text_is_a_grammar_or_an_error() {
        let words = [
            "s", "t", " -> ", " -> ", " | ", " 'a' ", " 'b' ", " 's ", " \"é\" ", " [0.5] ", " [",
            "] ", "\n", "#", "->",
        ];
        let mut rng = bptt_layers::rng(0);
        let mut grammars = 0;
        for start in ["", "s -> 'a' "].into_iter().cycle().take(50_000) {
            let length = rng.random_range(0..9);
            let text: String =
                (0..length).map(|_| words[rng.random_range(0..words.len())]).collect();
            let text = start.to_owned() + &text;
            grammars += usize::from(parse(&text).and_then(Grammar::new).is_ok());
        }
        assert!(grammars > 1000, "{grammars}");
    }
}
