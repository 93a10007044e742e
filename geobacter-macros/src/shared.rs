//! `#[workgroup_shared]`: LDS as a kernel's parameter and as a declaration in its body.

use quote::{quote, quote_spanned};
use syn::{
    Attribute, Block, Error, Expr, GenericArgument, Ident, Local, Meta, Pat, PatIdent, PatType, PathArguments, Result,
    Stmt, Token, Type, parse_quote_spanned,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::{
    expand::lang,
    signature::{Errors, Scope, Shared, text},
};

/// LDS that a kernel's body declares.
pub struct SharedLocal {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Type,
    /// Its type as written, as text.
    pub written: String,
}

/// Takes `#[workgroup_shared]` off a parameter and says what it is.
///
/// `flat` is the number of dimensions if the kernel is a flat one.
pub fn parameter(input: &mut PatType, flat: Option<usize>, names: &[Ident]) -> Result<Option<Shared>> {
    let mut found = None;
    for attribute in std::mem::take(&mut input.attrs) {
        if !is_ours(&attribute) {
            return Err(Error::new_spanned(
                attribute,
                "a kernel's parameters have no attribute but `#[workgroup_shared]`",
            ));
        }
        check_plain(&attribute)?;
        found = Some(attribute);
    }
    let lds = lds(&input.ty);
    let Some(attribute) = found else {
        return match lds {
            Some(_) => Err(Error::new_spanned(
                &input.ty,
                format!("LDS belongs to the work-group: write `#[workgroup_shared] {}`", tokens(input)),
            )),
            None => Ok(None),
        };
    };
    if let Some(dimensions) = flat {
        return Err(not_at_group_scope(&attribute, dimensions));
    }
    let shared = lds.ok_or_else(|| Error::new_spanned(&input.ty, NOT_LDS))?;
    constant_size(&input.ty, names)?;
    make_mutable(&mut input.pat);
    let at = input.ty.span();
    input.attrs.push(parse_quote_spanned!(at=> #[allow(unused_mut, reason = "not every kernel fills it where it is")]));
    Ok(Some(shared))
}

/// Replaces the declarations of LDS in a kernel's body by what makes their handles.
///
/// Only at the top level of the body: there, each is reached once in a group's run, so no two handles are alive for one
/// allocation.
///
/// `first` is the kernel's scope, dimensions and first parameter.
pub fn declarations(
    block: &mut Block,
    first: Option<&(Scope, usize, Ident)>,
    names: &[Ident],
) -> Result<Vec<SharedLocal>> {
    let mut errors = Errors(None);
    let mut locals = Vec::new();
    for statement in &mut block.stmts {
        if let Stmt::Local(local) = statement
            && let Some(at) = local.attrs.iter().position(is_ours)
        {
            let attribute = local.attrs.remove(at);
            match declaration(local, &attribute, first, names) {
                Ok((name, ty)) => locals.push(SharedLocal { name, written: text(&ty), ty }),
                Err(error) => errors.add(error),
            }
        }
    }
    let mut misplaced = Misplaced(Vec::new());
    misplaced.visit_block(block);
    for attribute in misplaced.0 {
        errors.add(Error::new_spanned(
            attribute,
            "LDS is declared at the top level of a kernel's body, not in a block, loop or closure: move the declaration there",
        ));
    }
    errors.0.map_or(Ok(locals), Err)
}

fn declaration(
    local: &mut Local,
    attribute: &Attribute,
    first: Option<&(Scope, usize, Ident)>,
    names: &[Ident],
) -> Result<(Ident, Type)> {
    check_plain(attribute)?;
    let group = match first {
        Some((Scope::Item, dimensions, _)) => return Err(not_at_group_scope(attribute, *dimensions)),
        Some((Scope::Group, _, group)) => group,
        // That is an error of its own, and there will be no kernel; this is as good as any.
        None => &Ident::new("_workgroup", attribute.span()),
    };
    let form = "write `#[workgroup_shared] let tile: Lds<[f32; 256]>;`";
    if let Some(init) = &local.init {
        return Err(Error::new_spanned(
            &init.expr,
            format!("LDS has no value before it is filled: {form}, and then `tile.fill(&wg, |item| ..)`"),
        ));
    }
    let Pat::Type(pat) = &mut local.pat else {
        return Err(Error::new_spanned(&local.pat, format!("LDS is declared with its type: {form}")));
    };
    let name = match &*pat.pat {
        Pat::Ident(PatIdent { by_ref: None, subpat: None, ident, .. }) => ident.clone(),
        other => return Err(Error::new_spanned(other, format!("LDS is declared with a plain name: {form}"))),
    };
    match lds(&pat.ty) {
        Some(Shared::Sized) => {}
        Some(Shared::AtLaunch) => {
            return Err(Error::new_spanned(
                &pat.ty,
                "LDS that is sized at launch is a parameter of the kernel: `#[workgroup_shared] tile: Lds<[f32]>`",
            ));
        }
        None => return Err(Error::new_spanned(&pat.ty, NOT_LDS)),
    }
    constant_size(&pat.ty, names)?;
    make_mutable(&mut pat.pat);
    let ty = (*pat.ty).clone();
    let at = ty.span();
    let lang = lang(at);
    let group = Ident::new(&group.to_string(), group.span());
    let declare = quote_spanned!(at=> <#ty as #lang::param::WorkgroupShared>::declare(&#group));
    // The block is the macro's own, so that it does not count as unsafe code of the user's.
    let value: Expr = syn::parse2(quote! {
        // SAFETY: the declaration stands at the top level of a kernel's body, so it is reached once in a group's run, and what
        // it gives cannot outlive that.
        unsafe { #declare }
    })?;
    local
        .attrs
        .push(parse_quote_spanned!(at=> #[allow(unused_mut, reason = "not every kernel fills all that it declares")]));
    local.init = Some(syn::LocalInit { eq_token: Token![=](at), expr: Box::new(value), diverge: None });
    Ok((name, ty))
}

fn not_at_group_scope(attribute: &Attribute, dimensions: usize) -> Error {
    Error::new_spanned(
        attribute,
        format!(
            "LDS is filled and read at group scope: take `wg: Workgroup<{dimensions}>` as the kernel's first parameter in place of the item, and `wg.each(|item| ..)` for what each item does"
        ),
    )
}

/// Refuses an array whose length is a parameter of the kernel: rustc's own error would point into what the macro writes, too.
fn constant_size(ty: &Type, names: &[Ident]) -> Result<()> {
    struct Lengths<'n>(&'n [Ident], Option<Error>);
    impl<'a> Visit<'a> for Lengths<'_> {
        fn visit_type_array(&mut self, array: &'a syn::TypeArray) {
            if let Expr::Path(length) = &array.len
                && let Some(name) = length.path.get_ident()
                && self.0.contains(name)
            {
                self.1 = Some(Error::new_spanned(
                    &array.len,
                    format!(
                        "the size of LDS is a constant, `{name}` is known at launch: make it a const parameter of the kernel (`const N: usize`), or take `#[workgroup_shared] tile: Lds<[f32]>`, whose length is passed at launch"
                    ),
                ));
            }
            visit::visit_type_array(self, array);
        }
    }
    let mut lengths = Lengths(names, None);
    lengths.visit_type(ty);
    lengths.1.map_or(Ok(()), Err)
}

const NOT_LDS: &str = "only LDS is shared by a work-group: `Lds<[f32; 256]>`, `Lds<[[f32; 16]; 16]>`, or `Lds<[f32]>` for a parameter that is sized at launch";

/// Whether a type is LDS, by its name, and how its size is known.
fn lds(ty: &Type) -> Option<Shared> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == "Lds")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Some(Shared::Sized) };
    let slice = arguments.args.iter().any(|argument| matches!(argument, GenericArgument::Type(Type::Slice(_))));
    Some(if slice { Shared::AtLaunch } else { Shared::Sized })
}

fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == "workgroup_shared")
}

fn check_plain(attribute: &Attribute) -> Result<()> {
    match &attribute.meta {
        Meta::Path(_) => Ok(()),
        other => Err(Error::new_spanned(other, "`#[workgroup_shared]` takes no options")),
    }
}

/// A handle to LDS is exclusive; nobody should have to say `mut` as well.
fn make_mutable(pat: &mut Pat) {
    if let Pat::Ident(PatIdent { by_ref: None, mutability, ident, .. }) = pat {
        mutability.get_or_insert(Token![mut](ident.span()));
    }
}

fn tokens(input: &PatType) -> String {
    let pat = &input.pat;
    format!("{}: {}", quote!(#pat), text(&input.ty))
}

/// Attributes of ours that are left where none may be.
struct Misplaced(Vec<Attribute>);

impl<'a> Visit<'a> for Misplaced {
    fn visit_attribute(&mut self, attribute: &'a Attribute) {
        if is_ours(attribute) {
            self.0.push(attribute.clone());
        }
        visit::visit_attribute(self, attribute);
    }
}
