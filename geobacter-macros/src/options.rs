//! What stands in the attribute's parentheses.

use proc_macro2::Span;
use syn::{
    Error, Expr, ExprArray, ExprLit, Ident, Lit, Result, Token, parenthesized,
    parse::{Parse, ParseStream},
    spanned::Spanned,
    token::Paren,
};

use crate::signature::{Kernel, Scope};

/// The most work-items that any supported device takes in a work-group.
const MAX_WORKGROUP: u64 = 1024;

/// The attribute's options.
pub struct Options {
    /// Work-items of a work-group along each dimension that was given.
    pub workgroup: Vec<u32>,
    /// What a device may do with floating-point arithmetic.
    pub floating_point: FloatingPoint,
    span: Span,
}

/// `fp(..)`: a variant of `geobacter_lang`'s `FloatingPoint`.
#[derive(Clone, Copy)]
pub enum FloatingPoint {
    Strict,
    Contract,
    Fast,
}

impl FloatingPoint {
    const HOW: &str = "write `fp(strict)`, `fp(contract)` or `fp(fast)`";

    /// The variant's name.
    pub fn variant(self) -> Ident {
        let name = match self {
            Self::Strict => "Strict",
            Self::Contract => "Contract",
            Self::Fast => "Fast",
        };
        Ident::new(name, Span::call_site())
    }

    /// Reads what follows the word `fp`, which stands at `key`.
    fn parse(key: &Ident, input: ParseStream<'_>) -> Result<Self> {
        if !input.peek(Paren) {
            return Err(Error::new(key.span(), Self::HOW));
        }
        let inside;
        let parentheses = parenthesized!(inside in input);
        if inside.is_empty() {
            return Err(Error::new(parentheses.span.join(), format!("`fp` without an option: {}", Self::HOW)));
        }
        let name: Ident = inside.parse().map_err(|error| Error::new(error.span(), Self::HOW))?;
        let option = match name.to_string().as_str() {
            "strict" => Self::Strict,
            "contract" => Self::Contract,
            "fast" => Self::Fast,
            _ => {
                return Err(Error::new(name.span(), format!("unknown floating-point option `{name}`: {}", Self::HOW)));
            }
        };
        inside.parse::<Option<Token![,]>>()?;
        if !inside.is_empty() {
            return Err(inside.error(format!("`fp` takes one option, and `fast` includes `contract`: {}", Self::HOW)));
        }
        Ok(option)
    }
}

impl Options {
    /// The work-group size along x, y and z.
    pub fn workgroup(&self) -> [u32; 3] {
        std::array::from_fn(|axis| self.workgroup.get(axis).copied().unwrap_or(1))
    }

    /// Whether the work-group has the dimensions of the kernel's items.
    pub fn check(&self, kernel: &Kernel) -> Result<()> {
        if self.workgroup.len() == kernel.dimensions {
            return Ok(());
        }
        let example = ["256", "[16, 16]", "[8, 8, 4]"][kernel.dimensions - 1];
        let token = match kernel.scope {
            Scope::Item => "Item",
            Scope::Group => "Workgroup",
        };
        Err(Error::new(
            self.span,
            format!(
                "the work-group has {} {}, the kernel's `{token}<{}>` has {}: write for example `workgroup = {example}`",
                self.workgroup.len(),
                if self.workgroup.len() == 1 { "dimension" } else { "dimensions" },
                kernel.dimensions,
                kernel.dimensions,
            ),
        ))
    }
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut workgroup, mut floating_point) = (None, None);
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            let twice = |given: bool| match given {
                true => Err(Error::new(key.span(), format!("`{key}` is given twice"))),
                false => Ok(()),
            };
            if key == "workgroup" {
                twice(workgroup.is_some())?;
                if !input.peek(Token![=]) {
                    return Err(Error::new(key.span(), "write `workgroup = 256`, or `workgroup = [16, 16]`"));
                }
                input.parse::<Token![=]>()?;
                let value: Expr = input.parse()?;
                workgroup = Some((sizes(&value)?, value.span()));
            } else if key == "fp" {
                twice(floating_point.is_some())?;
                floating_point = Some(FloatingPoint::parse(&key, input)?);
            } else {
                return Err(Error::new(
                    key.span(),
                    format!("unknown option `{key}`: a kernel has the options `workgroup` and `fp`"),
                ));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let (workgroup, span) = workgroup.ok_or_else(|| {
            Error::new(
                Span::call_site(),
                "a kernel needs the size of its work-groups: `#[kernel(workgroup = 256)]`, or `[16, 16]` for `Item<2>` and `Workgroup<2>`",
            )
        })?;
        Ok(Self { workgroup, floating_point: floating_point.unwrap_or(FloatingPoint::Strict), span })
    }
}

/// An expression without the parentheses, visible or not, that a `macro_rules!` macro puts around its arguments.
pub fn plain(value: &Expr) -> &Expr {
    match value {
        Expr::Group(group) => plain(&group.expr),
        Expr::Paren(paren) => plain(&paren.expr),
        other => other,
    }
}

fn sizes(value: &Expr) -> Result<Vec<u32>> {
    let sizes = match plain(value) {
        Expr::Array(ExprArray { elems, .. }) => elems.iter().map(size).collect::<Result<Vec<_>>>()?,
        single => vec![size(single)?],
    };
    if sizes.is_empty() || sizes.len() > 3 {
        return Err(Error::new_spanned(value, "a work-group has one, two or three dimensions"));
    }
    // At most 1024 each by now, so the product of three fits.
    let items: u64 = sizes.iter().map(|&size| u64::from(size)).product();
    if items > MAX_WORKGROUP {
        return Err(Error::new_spanned(
            value,
            format!("a work-group of {items} items: devices take at most {MAX_WORKGROUP}"),
        ));
    }
    Ok(sizes)
}

fn size(value: &Expr) -> Result<u32> {
    let Expr::Lit(ExprLit { lit: Lit::Int(literal), .. }) = plain(value) else {
        return Err(Error::new_spanned(value, "the size of a work-group is an integer literal: `256`, or `[16, 16]`"));
    };
    match literal.base10_parse::<u64>()? {
        0 => Err(Error::new_spanned(value, "a work-group has at least one item along each dimension")),
        size if size > MAX_WORKGROUP => Err(Error::new_spanned(
            value,
            format!("a work-group of {size} items: devices take at most {MAX_WORKGROUP}"),
        )),
        size => Ok(size as u32),
    }
}
