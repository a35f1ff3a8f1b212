//! Parsing of `#[module(...)]` and `#[state(...)]`.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Field, Result, Type};

/// The type in `scalar = …` among a type's attributes called `name`, if it is given.
pub(crate) fn scalar(attributes: &[Attribute], name: &str) -> Result<Option<Type>> {
    let mut scalar = None;
    for_each_argument(attributes, name, |argument| {
        if !argument.path.is_ident("scalar") {
            let message = format!("unknown argument: a type takes `#[{name}(scalar = …)]` only");
            return Err(argument.error(message));
        }
        match scalar.replace(argument.value()?.parse()?) {
            Some(_) => Err(argument.error("`scalar` is given twice")),
            None => Ok(()),
        }
    })?;
    Ok(scalar)
}

/// Whether a field is marked `#[module(skip)]`.
pub(crate) fn is_skipped(field: &Field) -> Result<bool> {
    let mut skipped = false;
    for_each_argument(&field.attrs, "module", |argument| {
        if !argument.path.is_ident("skip") {
            return Err(argument.error("unknown argument: a field takes `#[module(skip)]` only"));
        }
        skipped = true;
        Ok(())
    })?;
    Ok(skipped)
}

/// Refuses attributes called `name` at a place where they have no effect.
pub(crate) fn refuse(attributes: &[Attribute], name: &str, reason: &str) -> Result<()> {
    match attributes.iter().find(|attribute| attribute.path().is_ident(name)) {
        Some(attribute) => Err(Error::new_spanned(attribute, reason)),
        None => Ok(()),
    }
}

fn for_each_argument(
    attributes: &[Attribute],
    name: &str,
    mut read: impl FnMut(ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident(name))
        .try_for_each(|attribute| attribute.parse_nested_meta(&mut read))
}
