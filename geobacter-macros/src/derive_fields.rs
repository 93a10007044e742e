//! What the derives have in common: the fields of a type, and what can be refused by its tokens alone.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Attribute, Data, DeriveInput, Error, Fields, GenericParam, Generics, Ident, Member, Meta, Result, Token, Type,
    Visibility, WherePredicate, parse_quote_spanned, punctuated::Punctuated, spanned::Spanned,
};

/// A field of a struct or of an enum's variant.
pub struct Field {
    /// Its name, or its index.
    pub member: Member,
    /// A name that holds it in generated code.
    pub binding: Ident,
    /// Its type.
    pub ty: Type,
    /// Who sees it.
    pub vis: Visibility,
}

impl Field {
    /// The type, as an implementation of a trait. All tokens lie where the type does, so that errors about it do, too.
    pub fn as_trait(&self, path: &TokenStream) -> TokenStream {
        let ty = &self.ty;
        quote_spanned!(ty.span()=> <#ty as #path>)
    }
}

/// The fields of a struct.
///
/// # Errors
/// If it is an enum (with `enum_message`) or a union, or if it has a field that leads to host memory.
pub fn of_struct(input: &DeriveInput, derive: &str, enum_message: &str) -> Result<Vec<Field>> {
    match &input.data {
        Data::Struct(data) => {
            no_lifetimes(input, derive)?;
            fields(&data.fields)
        }
        Data::Enum(data) => Err(Error::new(data.enum_token.span, enum_message)),
        Data::Union(data) => Err(union(data.union_token.span, derive)),
    }
}

/// Why a union has no derive.
pub fn union(at: Span, derive: &str) -> Error {
    let message = format!(
        "`{derive}` cannot be derived for a union: nothing says which of its fields is valid, and the bytes of the others may \
         be undefined. Use a struct with all fields, or an enum with `#[derive(KernelArg)]`"
    );
    Error::new(at, message)
}

/// Refuses a type that borrows.
pub fn no_lifetimes(input: &DeriveInput, derive: &str) -> Result<()> {
    match input.generics.lifetimes().next() {
        None => Ok(()),
        Some(lifetime) => Err(Error::new_spanned(
            &lifetime.lifetime,
            format!(
                "`{derive}` cannot be derived for a type that borrows: a device does not see the host's memory. Hold the data by \
                 value, or take it as a buffer beside the argument"
            ),
        )),
    }
}

/// Fields, none of which leads to host memory as far as tokens tell.
pub fn fields(fields: &Fields) -> Result<Vec<Field>> {
    let mut errors: Option<Error> = None;
    let mut found = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        if let Err(error) = host_type(&field.ty) {
            match &mut errors {
                None => errors = Some(error),
                Some(errors) => errors.combine(error),
            }
        }
        found.push(Field {
            member: match &field.ident {
                Some(name) => Member::Named(name.clone()),
                None => Member::Unnamed(syn::Index { index: index as u32, span: field.ty.span() }),
            },
            binding: quote::format_ident!("f{index}", span = Span::mixed_site()),
            ty: field.ty.clone(),
            vis: field.vis.clone(),
        });
    }
    errors.map_or(Ok(found), Err)
}

fn host_type(ty: &Type) -> Result<()> {
    let message = match ty {
        Type::Reference(_) => {
            "a host reference cannot reach a kernel: hold the value itself, or take the data as a buffer (`In<T>`, `Slice<T>`) \
             beside the argument"
        }
        Type::Ptr(_) => {
            "a pointer cannot reach a kernel: a device does not see the host's memory. Take the data as a buffer (`In<T>`, \
             `Slice<T>`) beside the argument"
        }
        Type::BareFn(_) => {
            "a function pointer cannot reach a kernel: take `f: impl Fn(..) -> ..` as a parameter of the kernel, which is \
             compiled into it"
        }
        Type::Tuple(tuple) if !tuple.elems.is_empty() => {
            "a tuple has no layout that one could rely on: make its parts fields of this struct, or of a struct with the same \
             derive"
        }
        Type::Array(array) => return host_type(&array.elem),
        Type::Paren(inner) => return host_type(&inner.elem),
        Type::Group(inner) => return host_type(&inner.elem),
        _ => return Ok(()),
    };
    Err(Error::new_spanned(ty, message))
}

/// The words in a type's `#[repr(..)]` attributes.
pub fn reprs(attributes: &[Attribute]) -> Result<Vec<Ident>> {
    let mut words = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("repr")) {
        let metas = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?;
        words.extend(metas.iter().filter_map(|meta| meta.path().get_ident().cloned()));
    }
    Ok(words)
}

/// Generics whose where clause demands a trait of every field, in the field's place: so a field that does not have it is one
/// error, and lies there.
pub fn bounded<'a>(generics: &Generics, fields: impl IntoIterator<Item = &'a Field>, path: &TokenStream) -> Generics {
    let mut generics = generics.clone();
    let clause = generics.make_where_clause();
    for field in fields {
        let ty = &field.ty;
        let path = path_at(path, ty.span());
        let predicate: WherePredicate = parse_quote_spanned!(ty.span()=> #ty: #path);
        clause.predicates.push(predicate);
    }
    generics
}

/// The same tokens in another place.
fn path_at(path: &TokenStream, at: Span) -> TokenStream {
    path.clone()
        .into_iter()
        .map(|mut token| {
            token.set_span(at);
            token
        })
        .collect()
}

/// Whether a type has type or const parameters.
pub fn is_generic(generics: &Generics) -> bool {
    generics.params.iter().any(|param| !matches!(param, GenericParam::Lifetime(_)))
}

/// The sum of the fields' sizes, as an expression.
pub fn sizes<'a>(fields: impl IntoIterator<Item = &'a Field>) -> TokenStream {
    let types = fields.into_iter().map(|field| &field.ty);
    quote!(0 #(+ ::core::mem::size_of::<#types>())*)
}

/// `Type { member: value, .. }`, for a struct of any kind or a variant.
pub fn construct<'a>(path: impl ToTokens, values: impl IntoIterator<Item = (&'a Field, TokenStream)>) -> TokenStream {
    let members = values.into_iter().map(|(field, value)| {
        let member = &field.member;
        quote!(#member: #value)
    });
    quote!(#path { #(#members),* })
}

/// A constant expression that refuses padding in a struct. The error points to the struct's name.
pub fn no_padding(input: &DeriveInput, fields: &[Field]) -> TokenStream {
    let name = &input.ident;
    let (_, type_generics, _) = input.generics.split_for_impl();
    let sizes = sizes(fields);
    quote_spanned! {name.span()=>
        ::geobacter::__private::lang::arg::no_padding(::core::mem::size_of::<#name #type_generics>(), #sizes)
    }
}
