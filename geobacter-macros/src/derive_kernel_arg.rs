//! `#[derive(KernelArg)]`: how a struct or an enum becomes bytes without padding, and a value again.
//!
//! `geobacter_lang::arg` says how, and why so. A struct and an enum with data have a `Repr` of their own, which wraps nested
//! `Packed`s: as an associated type, these would show the fields' types to everyone who sees the struct.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Data, DataEnum, DeriveInput, Error, Fields, Ident, Result};

use crate::derive_fields::{self as derive, Field};

/// The implementation for a struct or an enum.
///
/// # Errors
/// If there is none for such a type.
pub fn expand(input: &DeriveInput) -> Result<TokenStream> {
    derive::no_lifetimes(input, "KernelArg")?;
    match &input.data {
        Data::Struct(data) => structure(input, &derive::fields(&data.fields)?),
        Data::Enum(data) if data.variants.is_empty() => Err(Error::new_spanned(
            &input.ident,
            "an enum without variants has no values, so none could be passed to a kernel",
        )),
        Data::Enum(data) if data.variants.iter().all(|variant| matches!(variant.fields, Fields::Unit)) => {
            numbers(input)
        }
        Data::Enum(data) => variants(input, data),
        Data::Union(data) => Err(derive::union(data.union_token.span, "KernelArg")),
    }
}

fn lang() -> TokenStream {
    quote!(::geobacter::__private::lang)
}

/// A struct: its fields, one after the other.
fn structure(input: &DeriveInput, fields: &[Field]) -> Result<TokenStream> {
    let lang = lang();
    let as_arg: Vec<_> = fields.iter().map(|field| field.as_trait(&quote!(#lang::KernelArg))).collect();
    let (members, bindings): (Vec<_>, Vec<_>) = fields.iter().map(|field| (&field.member, &field.binding)).unzip();

    let no_padding = derive::no_padding(input, fields);
    let check = derive::is_generic(&input.generics).then(|| quote!(const { #no_padding }));
    let check_now = (!derive::is_generic(&input.generics)).then(|| quote!(const _: () = #no_padding;));
    let same_bytes = (0..fields.len()).map(|i| {
        let (as_arg, member, before) = (&as_arg[i], &members[i], derive::sizes(&fields[..i]));
        quote!(#as_arg::SAME_BYTES && ::core::mem::offset_of!(Self, #member) == #before)
    });
    let packed = nest(as_arg.iter().zip(&members).map(|(as_arg, member)| quote!(#as_arg::into_repr(self.#member))));
    let pattern = nest(bindings.iter().map(|binding| quote!(#binding)));
    let value = derive::construct(
        quote!(Self),
        fields.iter().zip(&as_arg).map(|(field, as_arg)| {
            let binding = &field.binding;
            (field, quote!(#as_arg::from_repr(#binding)))
        }),
    );
    let body = quote! {
        const SAME_BYTES: bool =
            #(#same_bytes &&)* ::core::mem::size_of::<Self>() == ::core::mem::size_of::<Self::Repr>();

        #[inline(always)]
        fn into_repr(self) -> Self::Repr {
            #check
            __Repr(#packed)
        }

        #[inline(always)]
        unsafe fn from_repr(repr: Self::Repr) -> Self {
            let #pattern = repr.0;
            // SAFETY: each part is what `into_repr` of its field's type has returned (this function's contract).
            unsafe { #value }
        }
    };
    let repr = nest_types(as_arg.iter().map(|as_arg| quote!(#as_arg::Repr)));
    let implementation = implementation(input, fields.iter(), &repr, &body);
    Ok(quote!(#implementation #check_now))
}

/// An enum without data: its number.
fn numbers(input: &DeriveInput) -> Result<TokenStream> {
    const INTEGERS: [&str; 8] = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];
    let (name, lang) = (&input.ident, lang());
    let reprs = derive::reprs(&input.attrs)?;
    let Some(integer) = reprs.iter().find(|word| INTEGERS.iter().any(|integer| *word == integer)) else {
        return Err(Error::new_spanned(
            name,
            "an enum is passed to a kernel as its number, whose type has to be said: add `#[repr(u32)]` (or u8, u16, u64, i8 \
             to i64) to it",
        ));
    };
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        // SAFETY: `repr(integer)` gives an enum without data the layout of that integer, and both functions keep its bytes.
        unsafe impl #impl_generics #lang::KernelArg for #name #type_generics #where_clause {
            type Repr = #integer;
            const SAME_BYTES: bool = true;

            #[inline(always)]
            fn into_repr(self) -> #integer {
                self as #integer
            }

            #[inline(always)]
            unsafe fn from_repr(repr: #integer) -> Self {
                // SAFETY: same layout, and the number is one of the variants' (this function's contract).
                unsafe { ::core::mem::transmute::<#integer, Self>(repr) }
            }
        }
    })
}

/// An enum with data: the number of the variant, and the fields of all variants.
fn variants(input: &DeriveInput, data: &DataEnum) -> Result<TokenStream> {
    let lang = lang();
    let mut all: Vec<(&Ident, Vec<Field>)> = Vec::new();
    let mut errors: Option<Error> = None;
    let mut count = 0;
    for variant in &data.variants {
        match derive::fields(&variant.fields) {
            Ok(mut fields) => {
                for field in &mut fields {
                    field.binding = format_ident!("f{count}", span = Span::mixed_site());
                    count += 1;
                }
                all.push((&variant.ident, fields));
            }
            Err(error) => match &mut errors {
                None => errors = Some(error),
                Some(errors) => errors.combine(error),
            },
        }
    }
    if let Some(errors) = errors {
        return Err(errors);
    }
    let fields: Vec<&Field> = all.iter().flat_map(|(_, fields)| fields).collect();
    let path = quote!(#lang::KernelArg);

    let into_arms = all.iter().zip(0u32..).map(|((variant, own), number)| {
        let pattern = derive::construct(
            quote!(Self::#variant),
            own.iter().map(|field| {
                let binding = &field.binding;
                (field, quote!(#binding))
            }),
        );
        let parts = fields.iter().map(|field| {
            let (binding, as_arg) = (&field.binding, field.as_trait(&path));
            if own.iter().any(|own| own.binding == field.binding) {
                quote!(#as_arg::into_repr(#binding))
            } else {
                quote!(::geobacter::bytemuck::Zeroable::zeroed())
            }
        });
        let packed = nest([quote!(#number)].into_iter().chain(parts));
        quote!(#pattern => #packed)
    });
    let last = all.len() as u32 - 1;
    let from_arms = all.iter().zip(0u32..).map(|((variant, own), number)| {
        let value = derive::construct(
            quote!(Self::#variant),
            own.iter().map(|field| {
                let (binding, as_arg) = (&field.binding, field.as_trait(&path));
                (field, quote!(#as_arg::from_repr(#binding)))
            }),
        );
        // There is no other number than that of the last variant.
        let number = if number == last { quote!(_) } else { quote!(#number) };
        quote! {
            // SAFETY: the parts of the variant whose number this is are what `into_repr` of their types has returned.
            #number => unsafe { #value }
        }
    });
    let bindings = fields.iter().map(|field| {
        let binding = &field.binding;
        quote!(#binding)
    });
    let pattern = nest([quote!(number)].into_iter().chain(bindings));
    let body = quote! {
        #[inline(always)]
        fn into_repr(self) -> Self::Repr {
            __Repr(match self { #(#into_arms),* })
        }

        #[inline(always)]
        unsafe fn from_repr(repr: Self::Repr) -> Self {
            let #pattern = repr.0;
            match number { #(#from_arms),* }
        }
    };
    let reprs = fields.iter().map(|field| {
        let as_arg = field.as_trait(&path);
        quote!(#as_arg::Repr)
    });
    let repr = nest_types([quote!(::core::primitive::u32)].into_iter().chain(reprs));
    Ok(implementation(input, fields.iter().copied(), &repr, &body))
}

/// `Packed(a, Packed(b, ()))`: a pattern or an expression.
fn nest(parts: impl DoubleEndedIterator<Item = TokenStream>) -> TokenStream {
    let lang = lang();
    parts.rev().fold(quote!(()), |rest, part| quote!(#lang::arg::Packed(#part, #rest)))
}

/// `Packed<A, Packed<B, ()>>`.
fn nest_types(types: impl DoubleEndedIterator<Item = TokenStream>) -> TokenStream {
    let lang = lang();
    types.rev().fold(quote!(()), |rest, ty| quote!(#lang::arg::Packed<#ty, #rest>))
}

/// The implementation, given the nested `Packed`s and the functions.
fn implementation<'a>(
    input: &DeriveInput,
    fields: impl Iterator<Item = &'a Field>,
    packed: &TokenStream,
    body: &TokenStream,
) -> TokenStream {
    let (name, lang) = (&input.ident, lang());
    let generics = derive::bounded(&input.generics, fields, &quote!(#lang::KernelArg));
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    quote! {
        const _: () = {
            #[repr(transparent)]
            pub struct __Repr #impl_generics (#packed) #where_clause;

            impl #impl_generics ::core::clone::Clone for __Repr #type_generics #where_clause {
                #[inline(always)]
                fn clone(&self) -> Self {
                    *self
                }
            }

            impl #impl_generics ::core::marker::Copy for __Repr #type_generics #where_clause {}

            // SAFETY: `repr(transparent)` around a type that is `Zeroable`.
            unsafe impl #impl_generics ::geobacter::bytemuck::Zeroable for __Repr #type_generics #where_clause {}
            // SAFETY: `repr(transparent)` around a type that is `Pod`.
            unsafe impl #impl_generics ::geobacter::bytemuck::Pod for __Repr #type_generics #where_clause {}

            #[automatically_derived]
            // SAFETY: `SAME_BYTES` is true only if it is so for each field, and the fields lie as they do in `Packed`.
            unsafe impl #impl_generics #lang::KernelArg for #name #type_generics #where_clause {
                type Repr = __Repr #type_generics;
                #body
            }
        };
    }
}
