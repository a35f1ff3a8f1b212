//! Parameters of a language, written `key=value,key=value`.

use std::str::FromStr;

use crate::languages::LanguageError;

/// The parameters that a text gives. Each is taken once; what is left over is refused.
pub(super) struct Parameters<'a> {
    language: &'static str,
    given: Vec<(&'a str, &'a str)>,
    known: Vec<&'static str>,
}

impl<'a> Parameters<'a> {
    /// Takes the text behind the colon, if there is one.
    pub(super) fn new(
        language: &'static str,
        text: Option<&'a str>,
    ) -> Result<Self, LanguageError> {
        let pairs = text.into_iter().flat_map(|text| text.split(','));
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let mut given: Vec<(&str, &str)> = Vec::new();
        for (key, value) in pairs {
            if given.iter().any(|&(other, _)| other == key) {
                return Err(LanguageError::RepeatedParameter { parameter: key.to_owned() });
            }
            given.push((key, value));
        }
        Ok(Self { language, given, known: Vec::new() })
    }

    /// Refuses every parameter.
    pub(super) fn none(language: &'static str, text: Option<&'a str>) -> Result<(), LanguageError> {
        Self::new(language, text)?.finish()
    }

    /// Takes the value of `key`, or its default.
    pub(super) fn take<T: FromStr>(
        &mut self,
        key: &'static str,
        default: T,
        range: &'static str,
        is_possible: impl Fn(&T) -> bool,
    ) -> Result<T, LanguageError> {
        self.known.push(key);
        let Some(index) = self.given.iter().position(|&(given, _)| given == key) else {
            return Ok(default);
        };
        let (_, value) = self.given.remove(index);
        let parsed = value.parse().ok().filter(is_possible);
        parsed.ok_or_else(|| LanguageError::Value {
            parameter: key,
            value: value.to_owned(),
            range,
        })
    }

    /// Refuses what was not taken.
    pub(super) fn finish(self) -> Result<(), LanguageError> {
        let Some(&(parameter, _)) = self.given.first() else { return Ok(()) };
        let known = if self.known.is_empty() {
            "leave the colon and what follows it out".to_owned()
        } else {
            format!("use {}, each as key=value", self.known.join(", "))
        };
        let parameter = parameter.to_owned();
        Err(LanguageError::UnknownParameter { language: self.language, parameter, known })
    }
}
