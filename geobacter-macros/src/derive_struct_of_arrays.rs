//! `#[derive(StructOfArrays)]`: a handle for each field, and how a struct is taken apart and put together again.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Data, DeriveInput, Error, Fields, Ident, Lifetime, LifetimeParam, Result, parse_quote, spanned::Spanned};

use crate::derive_fields::{self as derive, Field};

/// The three structs of handles, and the implementation.
///
/// # Errors
/// If the type cannot be stored so.
pub fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let fields = derive::of_struct(
        input,
        "StructOfArrays",
        "an array for each field needs a struct: store the number of the variant (`u32`) as a field of one",
    )?;
    let Data::Struct(data) = &input.data else { return Err(Error::new_spanned(&input.ident, "not a struct")) };
    if fields.is_empty() {
        return Err(Error::new_spanned(&input.ident, "a struct without fields has nothing to store"));
    }
    let name = &input.ident;
    let lang = quote!(::geobacter::__private::lang);
    let element = quote!(#lang::Element);
    let generics = derive::bounded(&input.generics, &fields, &element);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();

    let handles = [Handle::new(name, "In"), Handle::new(name, "Out"), Handle::new(name, "InOut")];
    let structs = handles.iter().map(|handle| handle.definition(input, &data.fields, &fields));
    let own_types = handles.iter().map(|handle| {
        let (kind, handle_name) = (&handle.kind, &handle.name);
        let arguments = type_arguments(input);
        quote!(type #kind<'k> = #handle_name<'k, #arguments>;)
    });
    let loads = handles.iter().map(|handle| handle.load(&fields));

    let count = fields.len();
    let sizes = fields.iter().map(|field| {
        let ty = &field.ty;
        quote_spanned!(ty.span()=> ::geobacter::__private::lang::soa::field_size::<#ty>())
    });
    let members: Vec<_> = fields.iter().map(|field| &field.member).collect();
    let zeroed = derive::construct(
        quote!(Self),
        fields.iter().map(|field| (field, quote!(::geobacter::bytemuck::Zeroable::zeroed()))),
    );
    let read = derive::construct(
        quote!(Self),
        fields.iter().map(|field| {
            let member = &field.member;
            (field, quote!(fields.#member[item]))
        }),
    );
    let read_at = derive::construct(
        quote!(Self),
        fields.iter().map(|field| {
            let member = &field.member;
            (field, quote!(fields.#member[index]))
        }),
    );
    let read_own = derive::construct(
        quote!(Self),
        fields.iter().map(|field| {
            let member = &field.member;
            (field, quote!(fields.#member.get(item)))
        }),
    );
    let numbers: Vec<_> = (0..count).collect();
    Ok(quote! {
        const _: () = {
            #(#structs)*

            #[automatically_derived]
            // SAFETY: `FIELDS` and the handles are both written from the fields, in their order.
            unsafe impl #impl_generics #lang::StructOfArrays for #name #type_generics #where_clause {
                #(#own_types)*
                type Pointers = [*mut ::core::primitive::u8; #count];
                const FIELDS: &'static [::core::primitive::usize] = &[#(#sizes),*];

                fn zeroed() -> Self {
                    #zeroed
                }

                fn gather(elements: &[Self], field: ::core::primitive::usize, array: &mut [::core::primitive::u8]) {
                    match field {
                        #(#numbers => #lang::soa::gather(elements, array, |element| element.#members),)*
                        _ => {}
                    }
                }

                fn scatter(elements: &mut [Self], field: ::core::primitive::usize, array: &[::core::primitive::u8]) {
                    match field {
                        #(#numbers => #lang::soa::scatter(elements, array, |element, value| element.#members = value),)*
                        _ => {}
                    }
                }

                #(#loads)*

                #[inline(always)]
                fn read<const __D: ::core::primitive::usize>(fields: &Self::In<'_>, item: &#lang::Item<'_, __D>) -> Self {
                    #read
                }

                #[inline(always)]
                #[track_caller]
                fn read_at(fields: &Self::In<'_>, index: ::core::primitive::usize) -> Self {
                    #read_at
                }

                #[inline(always)]
                fn read_own<const __D: ::core::primitive::usize>(
                    fields: &Self::InOut<'_>,
                    item: &#lang::Item<'_, __D>,
                ) -> Self {
                    #read_own
                }

                #[inline(always)]
                fn write<const __D: ::core::primitive::usize>(self, fields: &Self::Out<'_>, item: &#lang::Item<'_, __D>) {
                    #(fields.#members.set(item, self.#members);)*
                }

                #[inline(always)]
                fn write_own<const __D: ::core::primitive::usize>(
                    self,
                    fields: &Self::InOut<'_>,
                    item: &#lang::Item<'_, __D>,
                ) {
                    #(fields.#members.set(item, self.#members);)*
                }
            }
        };
    })
}

/// One of the three structs of handles.
struct Handle {
    /// `In`, `Out` or `InOut`.
    kind: Ident,
    /// What the struct is called. It shows in messages.
    name: Ident,
}

impl Handle {
    fn new(of: &Ident, kind: &str) -> Self {
        Self { kind: Ident::new(kind, Span::call_site()), name: format_ident!("__{of}{kind}") }
    }

    /// The struct: the same fields, each of them a handle, seen by those who see the field.
    fn definition(&self, input: &DeriveInput, kind: &Fields, fields: &[Field]) -> TokenStream {
        let (handle, name) = (&self.kind, &self.name);
        let doc = format!("The fields of [`{}`], each of them an array.", input.ident);
        let mut generics = input.generics.clone();
        let lifetime: LifetimeParam = parse_quote!('k);
        generics.params.insert(0, lifetime.into());
        let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
        let definitions = fields.iter().map(|field| {
            let (vis, ty) = (&field.vis, &field.ty);
            let member = match &field.member {
                syn::Member::Named(name) => Some(quote!(#name:)),
                syn::Member::Unnamed(_) => None,
            };
            let doc = "One for each item.";
            quote!(#[doc = #doc] #vis #member ::geobacter::__private::lang::#handle<'k, #ty>)
        });
        let body = match kind {
            Fields::Named(_) => quote!(#where_clause { #(#definitions),* }),
            _ => quote!((#(#definitions),*) #where_clause;),
        };
        let copy = (self.kind == "In").then(|| {
            quote! {
                impl #impl_generics ::core::clone::Clone for #name #type_generics #where_clause {
                    #[inline(always)]
                    fn clone(&self) -> Self {
                        *self
                    }
                }

                impl #impl_generics ::core::marker::Copy for #name #type_generics #where_clause {}
            }
        });
        quote! {
            #[doc = #doc]
            #[allow(dead_code, non_camel_case_types, reason = "not every kernel uses every field")]
            pub struct #name #generics #body
            #copy
        }
    }

    /// The function that makes the struct from pointers.
    fn load(&self, fields: &[Field]) -> TokenStream {
        let lang = quote!(::geobacter::__private::lang);
        let (handle, name) = (&self.kind, &self.name);
        let function = match &*self.kind.to_string() {
            "In" => quote!(load_in),
            "Out" => quote!(load_out),
            _ => quote!(load_in_out),
        };
        let value = derive::construct(
            quote!(#name),
            fields.iter().enumerate().map(|(i, field)| {
                let ty = &field.ty;
                let load = quote!(#lang::soa::field::<#lang::#handle<'_, #ty>>(repr.pointers[#i], repr.length, scope));
                (field, load)
            }),
        );
        quote! {
            #[inline(always)]
            unsafe fn #function<'k>(
                repr: #lang::soa::SoaRepr<Self::Pointers>,
                scope: &'k #lang::entry::Scope,
            ) -> Self::#handle<'k> {
                // SAFETY: this function's contract, pointer by pointer.
                unsafe { #value }
            }
        }
    }
}

/// The type's own arguments, as they are handed on.
fn type_arguments(input: &DeriveInput) -> TokenStream {
    let arguments = input.generics.params.iter().map(|param| match param {
        syn::GenericParam::Type(param) => {
            let ident = &param.ident;
            quote!(#ident)
        }
        syn::GenericParam::Const(param) => {
            let ident = &param.ident;
            quote!(#ident)
        }
        syn::GenericParam::Lifetime(param) => {
            let lifetime: &Lifetime = &param.lifetime;
            quote!(#lifetime)
        }
    });
    quote!(#(#arguments),*)
}
