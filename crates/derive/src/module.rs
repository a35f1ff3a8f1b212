//! `#[derive(Module)]`.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Fields, GenericArgument, Ident, Member, PathArguments, Result, Type,
    parse_quote,
};

use crate::{attributes, scalar};

/// Implements `Module`: each method is a `match` with one arm per variant (a struct counts as
/// one), which visits the fields in the order of their declaration.
pub(crate) fn expand(input: DeriveInput) -> Result<TokenStream> {
    let DeriveInput { attrs, ident: name, mut generics, data, .. } = input;
    let variants = variants(&data)?;
    let arguments = generics.split_for_impl().1.to_token_stream();

    let is_part = |parameter: &Ident| {
        let mut fields = variants.iter().flat_map(|variant| &variant.fields);
        fields.any(|field| has_part(field.ty, parameter))
    };
    let scalar = scalar::resolve(&name, &attrs, "module", is_part, &mut generics)?;
    let module = parse_quote!(::bptt::__derive::Module<#scalar>);
    let is_visited = |parameter: &Ident| {
        let mut fields = variants.iter().flat_map(|variant| &variant.fields);
        fields.any(|field| mentions(field.ty.to_token_stream(), parameter))
    };
    scalar::bound_others(&mut generics, &scalar, &module, is_visited);

    let (parameters, _, bounds) = generics.split_for_impl();
    let visit = method("visit", &TokenStream::new(), &scalar, &variants);
    let visit_mut = method("visit_mut", &quote!(mut), &scalar, &variants);
    Ok(quote! {
        #[automatically_derived]
        impl #parameters #module for #name #arguments #bounds {
            #visit
            #visit_mut
        }
    })
}

/// A struct, or one variant of an enum.
struct Variant<'a> {
    /// `Self` or `Self::Name`.
    path: TokenStream,
    fields: Vec<Field<'a>>,
}

/// A field to visit.
struct Field<'a> {
    member: Member,
    ty: &'a Type,
}

fn variants(data: &Data) -> Result<Vec<Variant<'_>>> {
    match data {
        Data::Struct(data) => Ok(vec![Variant::new(quote!(Self), &data.fields)?]),
        Data::Enum(data) => data
            .variants
            .iter()
            .map(|variant| {
                let reason = "`#[module]` goes on the enum or on a field, not on a variant";
                attributes::refuse(&variant.attrs, "module", reason)?;
                let name = &variant.ident;
                Variant::new(quote!(Self::#name), &variant.fields)
            })
            .collect(),
        Data::Union(data) => {
            let message = "`Module` cannot be derived for a union: its active field is unknown";
            Err(Error::new_spanned(data.union_token, message))
        }
    }
}

impl<'a> Variant<'a> {
    fn new(path: TokenStream, fields: &'a Fields) -> Result<Self> {
        let mut visited = Vec::new();
        for (member, field) in fields.members().zip(fields) {
            if !attributes::is_skipped(field)? {
                visited.push(Field { member, ty: &field.ty });
            }
        }
        Ok(Self { path, fields: visited })
    }

    /// `Self { w: ref field_0, .. } => { visit w; … }`
    fn arm(&self, method: &Ident, mutability: &TokenStream, scalar: &Type) -> TokenStream {
        let hygienic = Span::mixed_site();
        let (patterns, visits): (Vec<_>, Vec<_>) = self
            .fields
            .iter()
            .enumerate()
            .map(|(index, Field { member, ty })| {
                // The compiler reports a field that is no module where its type is written.
                let at_type = hygienic.located_at(ty.span());
                let binding = format_ident!("field_{index}", span = at_type);
                let segment = segment(member);
                let visit = quote_spanned! {at_type=>
                    <#ty as ::bptt::__derive::Module<#scalar>>::#method(#binding, path, visitor)
                };
                let pattern = quote!(#member: ref #mutability #binding);
                (pattern, quote_spanned!(hygienic=> path.within(#segment, |path| #visit);))
            })
            .unzip();
        let path = &self.path;
        quote!(#path { #(#patterns,)* .. } => { #(#visits)* })
    }
}

/// `fn visit` or, with `mut` as the mutability, `fn visit_mut`.
fn method(
    name: &str,
    mutability: &TokenStream,
    scalar: &Type,
    variants: &[Variant<'_>],
) -> TokenStream {
    let name = Ident::new(name, Span::mixed_site());
    let arms = variants.iter().map(|variant| variant.arm(&name, mutability, scalar));
    quote_spanned! {Span::mixed_site()=>
        fn #name<'__module>(
            &'__module #mutability self,
            path: &mut ::bptt::__derive::ParameterPath,
            visitor: &mut dyn ::core::ops::FnMut(
                &::core::primitive::str,
                &'__module #mutability ::bptt::__derive::Param<#scalar>,
            ),
        ) {
            match *self { #(#arms)* }
        }
    }
}

/// The part that a field adds to the names of its parameters.
fn segment(member: &Member) -> String {
    match member {
        Member::Named(name) => name.unraw().to_string(),
        Member::Unnamed(position) => position.index.to_string(),
    }
}

/// Whether a type is this type parameter, or a list of it, so that the parameter is a module and not a scalar type.
fn has_part(ty: &Type, parameter: &Ident) -> bool {
    let has_part = |ty: &Type| has_part(ty, parameter);
    match ty {
        Type::Array(array) => has_part(&array.elem),
        Type::Tuple(tuple) => tuple.elems.iter().any(has_part),
        Type::Path(path) if path.path.is_ident(parameter) => true,
        Type::Path(path) => path.path.segments.last().is_some_and(|segment| {
            let is_list = ["Box", "Option", "Vec"].iter().any(|list| segment.ident == list);
            let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return false };
            let mut types = arguments.args.iter().filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            });
            is_list && types.any(has_part)
        }),
        _ => false,
    }
}

fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_refused(input: DeriveInput, message: &str) {
        let error = expand(input).expect_err("should be refused").to_string();
        assert!(error.contains(message), "{error:?} does not contain {message:?}");
    }

    #[test]
    fn a_type_without_parameters_must_name_its_scalar() {
        assert_refused(
            parse_quote!(
                struct Model {
                    w: Param<f32>,
                }
            ),
            "the scalar type of `Model` is unknown, for it has no type parameter: \
             name it as in `#[module(scalar = f32)]`",
        );
    }

    #[test]
    fn unions_are_refused() {
        assert_refused(
            parse_quote!(
                union Either<T> {
                    a: Param<T>,
                }
            ),
            "cannot be derived for a union",
        );
    }

    #[test]
    fn unknown_arguments_are_refused() {
        assert_refused(
            parse_quote!(
                struct Model<T> {
                    #[module(skpi)]
                    size: usize,
                    w: Param<T>,
                }
            ),
            "a field takes `#[module(skip)]` only",
        );
        assert_refused(
            parse_quote!(
                #[module(skip)]
                struct Model<T>(Param<T>);
            ),
            "a type takes `#[module(scalar = …)]` only",
        );
        assert_refused(
            parse_quote!(
                #[module(scalar = f32, scalar = f64)]
                struct Model(Param<f32>);
            ),
            "`scalar` is given twice",
        );
        assert_refused(
            parse_quote!(
                enum Model<T> {
                    #[module(skip)]
                    Variant(Param<T>),
                }
            ),
            "not on a variant",
        );
    }

    #[test]
    fn what_is_a_part_is_no_scalar() {
        let of = |input: DeriveInput| expand(input).expect("a valid type").to_string();
        let model = of(parse_quote!(
            struct Model<C, T> {
                cells: Vec<(C, Option<Box<[C; 2]>>)>,
                w: Param<T>,
            }
        ));
        assert!(model.contains("Module < T > for Model"), "{model}");
        let wrapper = of(parse_quote!(
            struct Wrapper<A, B>(A, #[module(skip)] B);
        ));
        assert!(wrapper.contains("Module < B > for Wrapper"), "{wrapper}");
        let wrapper = of(parse_quote!(
            struct Wrapper<C>(C);
        ));
        assert!(wrapper.contains("C : :: bptt :: __derive :: Module < __Scalar >"), "{wrapper}");
    }

    #[test]
    fn only_parameters_of_visited_fields_are_bounded() {
        let expanded = expand(parse_quote!(
            struct Gated<T, C, F> {
                w: Param<T>,
                cells: Vec<(C, C)>,
                #[module(skip)]
                activation: F,
            }
        ));
        let expanded = expanded.expect("a valid struct").to_string();
        assert!(expanded.contains("C : :: bptt :: __derive :: Module < T >"), "{expanded}");
        assert!(!expanded.contains("F :"), "{expanded}");
    }
}
