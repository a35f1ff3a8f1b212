//! The scalar type, which is the `T` of `Module<T>` and `State<'t, T>`.

use proc_macro2::Span;
use syn::{Attribute, Error, Generics, Ident, Result, Type, TypeParam, parse_quote};

use crate::attributes;

/// The scalar type of the implementation: the `scalar = …` of the attribute called `attribute`, or else the first
/// type parameter that is not a part. If all are parts, it is a new type parameter.
///
/// Adds the bound `T: Scalar` to `generics`, and for `scalar = _` the parameter itself.
pub(crate) fn resolve(
    name: &Ident,
    attributes: &[Attribute],
    attribute: &str,
    is_part: impl Fn(&Ident) -> bool,
    generics: &mut Generics,
) -> Result<Type> {
    let given = match attributes::scalar(attributes, attribute)? {
        Some(Type::Infer(_)) => None,
        Some(given) => Some(given),
        None => first_type_parameter(name, attribute, is_part, generics)?,
    };
    let scalar = given.unwrap_or_else(|| {
        let any = Ident::new("__Scalar", Span::mixed_site());
        generics.params.push(parse_quote!(#any));
        parse_quote!(#any)
    });
    if generics.type_params().any(|parameter| is_parameter(&scalar, parameter)) {
        let bound = parse_quote!(#scalar: ::bptt::__derive::Scalar);
        generics.make_where_clause().predicates.push(bound);
    }
    Ok(scalar)
}

/// Bounds each type parameter, other than the scalar, that `selected` picks.
pub(crate) fn bound_others(
    generics: &mut Generics,
    scalar: &Type,
    bound: &syn::TypeParamBound,
    selected: impl Fn(&Ident) -> bool,
) {
    let bounds: Vec<syn::WherePredicate> = generics
        .type_params()
        .filter(|parameter| !is_parameter(scalar, parameter) && selected(&parameter.ident))
        .map(|TypeParam { ident, .. }| parse_quote!(#ident: #bound))
        .collect();
    generics.make_where_clause().predicates.extend(bounds);
}

fn is_parameter(scalar: &Type, parameter: &TypeParam) -> bool {
    matches!(scalar, Type::Path(path) if path.path.is_ident(&parameter.ident))
}

/// The first type parameter that is not a part; `None` if all are parts.
fn first_type_parameter(
    name: &Ident,
    attribute: &str,
    is_part: impl Fn(&Ident) -> bool,
    generics: &Generics,
) -> Result<Option<Type>> {
    if generics.type_params().next().is_none() {
        let message = format!(
            "the scalar type of `{name}` is unknown, for it has no type parameter: \
             name it as in `#[{attribute}(scalar = f32)]`"
        );
        return Err(Error::new_spanned(name, message));
    }
    let scalar = generics.type_params().find(|parameter| !is_part(&parameter.ident));
    Ok(scalar.map(|TypeParam { ident, .. }| parse_quote!(#ident)))
}
