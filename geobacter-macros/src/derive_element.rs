//! `#[derive(Element)]`: what makes a struct plain data.
//!
//! `bytemuck`'s traits are implemented here and not by its own derive, so that nobody needs `bytemuck` as a dependency, and so
//! that what is wrong is said in this language's words. What makes them sound: every field is an `Element` (where clause),
//! and there is no padding (a constant for structs without parameters, the rule of `uniform` for generic ones, which holds
//! whatever the parameters are).

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{DeriveInput, Error, Result, Type};

use crate::derive_fields::{self as derive, Field};

/// The implementations for a struct.
///
/// # Errors
/// If it cannot be an element.
pub fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let fields = derive::of_struct(
        input,
        "Element",
        "an enum cannot be an element of a buffer: a device could leave a number there that is none of its variants. Store the \
         number (`u32`) and convert it in the kernel; as an argument an enum can be passed with `#[derive(KernelArg)]`",
    )?;
    let name = &input.ident;
    let lang = quote!(::geobacter::__private::lang);
    let generic = derive::is_generic(&input.generics);
    if generic {
        uniform(input, &fields)?;
    }
    let bounded = derive::bounded(&input.generics, &fields, &quote!(#lang::Element));
    // A field that is no element is one error, from `impl Element`; the others then need not repeat it. With parameters, each
    // implementation depends on them.
    let others = if generic { &bounded } else { &input.generics };
    let (impl_generics, type_generics, where_clause) = others.split_for_impl();
    let element_where = &bounded.where_clause;
    let no_padding = derive::no_padding(input, &fields);
    let check = (!generic).then(|| quote!(const _: () = #no_padding;));
    Ok(quote! {
        #[automatically_derived]
        // SAFETY: zero is a value of every field, since each of them is an `Element`.
        unsafe impl #impl_generics ::geobacter::bytemuck::Zeroable for #name #type_generics #where_clause {}
        #[automatically_derived]
        // SAFETY: every field is an `Element`, and so `Pod`, and there is no padding (see the module of this derive).
        unsafe impl #impl_generics ::geobacter::bytemuck::Pod for #name #type_generics #where_clause {}
        #[automatically_derived]
        // SAFETY: `Repr` is the type itself, which is `Pod`, and both functions are the identity.
        unsafe impl #impl_generics #lang::KernelArg for #name #type_generics #where_clause {
            type Repr = Self;
            const SAME_BYTES: bool = true;

            #[inline(always)]
            fn into_repr(self) -> Self {
                self
            }

            #[inline(always)]
            unsafe fn from_repr(repr: Self) -> Self {
                repr
            }
        }
        #[automatically_derived]
        impl #impl_generics #lang::Element for #name #type_generics #element_where {}

        impl #impl_generics ::geobacter::__private::lds::LdsElement for #name #type_generics #element_where {}
        #check
    })
}

/// Refuses a generic struct that could have padding for some parameters.
///
/// In C layout there is none between values of one type, as a type's size is a multiple of its alignment; nor in a packed
/// struct, nor in one that wraps a single field.
fn uniform(input: &DeriveInput, fields: &[Field]) -> Result<()> {
    let reprs = derive::reprs(&input.attrs)?;
    let has = |word: &str| reprs.iter().any(|repr| repr == word);
    let Some(first) = fields.first() else { return Ok(()) };
    let base = base(&first.ty);
    let one_type = fields.iter().all(|field| self::base(&field.ty) == base) && !has("align");
    if (has("C") && (one_type || has("packed"))) || has("transparent") {
        return Ok(());
    }
    let message = if one_type {
        "the layout of a generic element has to be fixed: add `#[repr(C)]` to the struct"
    } else {
        "with fields of several types, whether this generic struct has padding depends on its parameters: use one type for all \
         fields (`T`, `[T; N]`), or a struct without type parameters"
    };
    Err(Error::new_spanned(&input.ident, message))
}

/// What arrays are made of in the end, as tokens.
fn base(ty: &Type) -> String {
    match ty {
        Type::Array(array) => base(&array.elem),
        Type::Paren(inner) => base(&inner.elem),
        Type::Group(inner) => base(&inner.elem),
        other => other.to_token_stream().to_string(),
    }
}
