//! `#[derive(State)]`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Field, Fields, Generics, Ident, Lifetime, Member, Result, parse_quote,
};

use crate::{attributes, scalar};

/// Implements `Tree` and `State`: the leaves are those of the fields, in the order of their declaration.
pub(crate) fn expand(input: DeriveInput) -> Result<TokenStream> {
    let DeriveInput { attrs, ident: name, mut generics, data, .. } = input;
    let fields = fields(&name, &data)?;
    let arguments = generics.split_for_impl().1.to_token_stream();

    let tape = tape_lifetime(&name, &generics)?;
    let scalar = scalar::resolve(&name, &attrs, "state", |_| false, &mut generics)?;
    let (state, tree) = (
        parse_quote!(::bptt::__derive::State<#tape, #scalar>),
        quote!(::bptt::__derive::Tree<#tape, #scalar>),
    );
    scalar::bound_others(&mut generics, &scalar, &state, |_| true);

    // The compiler reports a field that is no state where its type is written.
    let parts_as = |implements: &dyn Fn(Span) -> TokenStream| -> Vec<TokenStream> {
        let part = |field: &Field| {
            let (ty, at_type) = (&field.ty, Span::mixed_site().located_at(field.ty.span()));
            let implements = implements(at_type);
            quote_spanned!(at_type=> <#ty as #implements>)
        };
        fields.iter().map(part).collect()
    };
    let field_states = parts_as(&|at| quote_spanned!(at=> ::bptt::__derive::State<#tape, #scalar>));
    let field_trees = parts_as(&|at| quote_spanned!(at=> ::bptt::__derive::Tree<#tape, #scalar>));
    let members: Vec<_> = fields.members().collect();
    let names: Vec<_> = members.iter().map(name_of).collect();

    let (parameters, _, bounds) = generics.split_for_impl();
    let var = quote!(::bptt::__derive::Var<#tape, #scalar>);
    let path = quote!(&::bptt::__derive::LeafPath<'_>);
    Ok(quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        impl #parameters #tree for #name #arguments #bounds {
            fn map_leaves(
                &self,
                path: #path,
                map: &mut dyn ::core::ops::FnMut(#path, #var) -> #var,
            ) -> Self {
                Self { #(#members: #field_trees::map_leaves(&self.#members, &path.field(#names), map),)* }
            }
        }

        #[automatically_derived]
        impl #parameters #state for #name #arguments #bounds {
            const LEAVES: ::core::option::Option<::core::primitive::usize> =
                ::bptt::__derive::leaves_of_parts(&[#(#field_states::LEAVES),*]);

            fn rebuild(leaves: &mut dyn ::core::iter::Iterator<Item = #var>) -> Self {
                Self { #(#members: #field_states::rebuild(leaves),)* }
            }
        }
    })
}

/// A field's name in paths, or its position.
fn name_of(member: &Member) -> String {
    match member {
        Member::Named(name) => name.unraw().to_string(),
        Member::Unnamed(position) => position.index.to_string(),
    }
}

fn fields<'a>(name: &Ident, data: &'a Data) -> Result<&'a Fields> {
    let Data::Struct(data) = data else {
        let message = format!(
            "`State` can be derived for structs only: \
             `{name}` would have another number of leaves from step to step"
        );
        return Err(Error::new_spanned(name, message));
    };
    for field in &data.fields {
        let reason = "`#[state]` goes on the struct: every field of a state is carried";
        attributes::refuse(&field.attrs, "state", reason)?;
    }
    Ok(&data.fields)
}

/// The lifetime of the tape: the first lifetime parameter.
fn tape_lifetime(name: &Ident, generics: &Generics) -> Result<Lifetime> {
    match generics.lifetimes().next() {
        Some(parameter) => Ok(parameter.lifetime.clone()),
        None => {
            let message = format!(
                "a state lives on a tape: give `{name}` its lifetime, as in `{name}<'t, T>`"
            );
            Err(Error::new_spanned(name, message))
        }
    }
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
    fn a_state_needs_the_lifetime_of_its_tape() {
        assert_refused(
            parse_quote!(
                struct Memory<T> {
                    h: Var<T>,
                }
            ),
            "give `Memory` its lifetime, as in `Memory<'t, T>`",
        );
    }

    #[test]
    fn a_state_without_type_parameters_must_name_its_scalar() {
        assert_refused(
            parse_quote!(
                struct Memory<'t> {
                    h: Var<'t, f32>,
                }
            ),
            "name it as in `#[state(scalar = f32)]`",
        );
    }

    #[test]
    fn only_structs_are_states() {
        assert_refused(
            parse_quote!(
                enum Memory<'t, T> {
                    Short(Var<'t, T>),
                }
            ),
            "`State` can be derived for structs only",
        );
    }

    #[test]
    fn no_field_can_be_left_out() {
        assert_refused(
            parse_quote!(
                struct Memory<'t, T> {
                    #[state(skip)]
                    h: Var<'t, T>,
                }
            ),
            "every field of a state is carried",
        );
    }
}
