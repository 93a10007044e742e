//! What a kernel's declaration says, and whether it can be a kernel at all.

use quote::format_ident;
use syn::{
    Error, Expr, ExprLit, FnArg, GenericArgument, GenericParam, Generics, Ident, ItemFn, Lit, Pat, PatType,
    PathArguments, Result, ReturnType, Type, TypeParamBound, WherePredicate, parse_quote,
    punctuated::Punctuated,
    spanned::Spanned,
    visit::{self, Visit},
};

/// A function that can be a kernel, as far as tokens tell.
pub struct Kernel {
    /// The function, unchanged.
    pub function: ItemFn,
    /// Dimensions of its item: 1, 2 or 3.
    pub dimensions: usize,
    /// The parameters after the item.
    pub params: Vec<Param>,
    /// Generics of the functions that the macro writes: the kernel's own, one for each `impl Fn`, and the bounds that a
    /// function parameter needs.
    pub generics: Generics,
}

/// A parameter after the item.
pub struct Param {
    /// Its name.
    pub name: Ident,
    /// Its type in the generated functions: as written, but for `impl Fn`, which has a name there.
    pub ty: Type,
    /// Its type as written, as text.
    pub written: String,
    /// Whether it is a function without captures.
    pub function: bool,
}

impl Kernel {
    /// Reads a function.
    ///
    /// # Errors
    /// Everything that is wrong with it, combined.
    pub fn new(function: ItemFn) -> Result<Self> {
        let mut errors = Errors(None);
        check_signature(&function, &mut errors);
        let mut generics = function.sig.generics.clone();
        let mut inputs = function.sig.inputs.iter();
        let dimensions = match inputs.next() {
            None => Err(Error::new_spanned(
                &function.sig.ident,
                "a kernel's first parameter is its work-item: `item: Item<1>` (or 2, 3 for grids of more dimensions)",
            )),
            Some(FnArg::Receiver(receiver)) => Err(Error::new_spanned(
                receiver,
                "a kernel is a free function, not a method: pass the fields that it needs as parameters",
            )),
            Some(FnArg::Typed(first)) => {
                item_dimensions(&first.ty).and_then(|dimensions| name(first).map(|_| dimensions))
            }
        };
        let dimensions = errors.ok(dimensions);
        let mut params = Vec::new();
        for input in inputs {
            if let FnArg::Typed(input) = input {
                params.extend(errors.ok(param(input, &function.sig.generics, &mut generics)));
            }
        }
        match (errors.0, dimensions) {
            (None, Some(dimensions)) => Ok(Self { function, dimensions, params, generics }),
            (Some(error), _) => Err(error),
            // `dimensions` is missing only where an error was added.
            (None, None) => Err(Error::new_spanned(&function.sig, "not a kernel")),
        }
    }
}

/// Errors so far.
struct Errors(Option<Error>);

impl Errors {
    fn add(&mut self, error: Error) {
        match &mut self.0 {
            None => self.0 = Some(error),
            Some(errors) => errors.combine(error),
        }
    }

    /// The value, or `None` and one error more.
    fn ok<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }
}

fn check_signature(function: &ItemFn, errors: &mut Errors) {
    let signature = &function.sig;
    let mut refuse = |span: proc_macro2::Span, message: &str| errors.add(Error::new(span, message));
    if let Some(token) = signature.constness {
        refuse(token.span, "a kernel cannot be a `const fn`: it runs on a device, not in the compiler");
    }
    if let Some(token) = signature.asyncness {
        refuse(token.span, "a kernel cannot be `async`: a device has nothing that could poll it");
    }
    if let Some(token) = signature.unsafety {
        refuse(token.span, "a kernel is a safe function: put `unsafe { .. }` into its body and say why it is sound");
    }
    if let Some(abi) = &signature.abi {
        refuse(abi.span(), "a kernel has Rust's own calling convention: remove `extern`");
    }
    if let Some(variadic) = &signature.variadic {
        refuse(variadic.span(), "a kernel has a fixed number of parameters");
    }
    if let ReturnType::Type(_, ty) = &signature.output
        && !matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty())
    {
        refuse(ty.span(), "a kernel returns nothing: write results through `Out<T>` or `InOut<T>`");
    }
    for lifetime in signature.generics.lifetimes() {
        refuse(
            lifetime.span(),
            "a kernel has no lifetime parameters: leave them out, `In<f32>` and `Item<1>` need none",
        );
    }
}

fn item_dimensions(ty: &Type) -> Result<usize> {
    let not_item = || {
        Error::new_spanned(
            ty,
            "a kernel's first parameter is its work-item: `item: Item<1>` (or 2, 3 for grids of more dimensions)",
        )
    };
    no_lifetimes(ty)?;
    let Type::Path(path) = ty else { return Err(not_item()) };
    let segment = path.path.segments.last().filter(|segment| segment.ident == "Item").ok_or_else(not_item)?;
    let number =
        || Error::new_spanned(ty, "an item has 1, 2 or 3 dimensions, as a number: `Item<1>`, `Item<2>`, `Item<3>`");
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Err(number()) };
    match arguments.args.first() {
        Some(GenericArgument::Const(Expr::Lit(ExprLit { lit: Lit::Int(literal), .. })))
            if arguments.args.len() == 1 =>
        {
            literal.base10_parse().ok().filter(|dimensions| (1..=3).contains(dimensions)).ok_or_else(number)
        }
        _ => Err(number()),
    }
}

fn name(input: &PatType) -> Result<Ident> {
    if let Some(attribute) = input.attrs.first() {
        return Err(Error::new_spanned(attribute, "a kernel's parameters have no attributes"));
    }
    match &*input.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => Ok(pat.ident.clone()),
        other => Err(Error::new_spanned(
            other,
            "a kernel's parameter is a plain name, not a pattern: take it apart in the body",
        )),
    }
}

fn param(input: &PatType, written: &Generics, generics: &mut Generics) -> Result<Param> {
    let name = name(input)?;
    let text = text(&input.ty);
    no_lifetimes(&input.ty)?;
    let ty = match &*input.ty {
        Type::Reference(reference) => {
            let message = match &*reference.elem {
                Type::Slice(slice) if reference.mutability.is_some() => {
                    let element = self::text(&slice.elem);
                    format!(
                        "a host reference cannot reach a kernel: take `{name}: InOut<{element}>` or `Out<{element}>`, and pass `&mut buffer` at launch"
                    )
                }
                Type::Slice(slice) => {
                    let element = self::text(&slice.elem);
                    format!(
                        "a host reference cannot reach a kernel: take `{name}: In<{element}>` (one element for each item) or `Slice<{element}>` (any length), and pass `&buffer` at launch"
                    )
                }
                other => format!(
                    "a host reference cannot reach a kernel: take `{name}: {}` by value, or a buffer (`In<T>`, `Out<T>`, `InOut<T>`, `Slice<T>`)",
                    self::text(other)
                ),
            };
            return Err(Error::new_spanned(&input.ty, message));
        }
        Type::Ptr(_) => {
            return Err(Error::new_spanned(
                &input.ty,
                format!(
                    "a pointer cannot reach a kernel: take a buffer (`{name}: In<T>`, `Out<T>`, `InOut<T>` or `Slice<T>`)"
                ),
            ));
        }
        Type::BareFn(_) => {
            return Err(Error::new_spanned(
                &input.ty,
                format!(
                    "a function pointer cannot reach a kernel: take `{name}: impl Fn(..) -> ..`, which is compiled into it"
                ),
            ));
        }
        Type::TraitObject(_) => {
            return Err(Error::new_spanned(&input.ty, "a trait object cannot reach a kernel: use a type parameter"));
        }
        Type::ImplTrait(impl_trait) => {
            if !is_function(&impl_trait.bounds)? {
                return Err(Error::new_spanned(
                    &input.ty,
                    "only `impl Fn(..)` can stand here: name the type with a type parameter, `fn kernel<T: Element>(.., value: T)`",
                ));
            }
            let ident = format_ident!("__F{}", generics.params.len());
            let bounds = &impl_trait.bounds;
            generics.params.push(parse_quote!(#ident: #bounds));
            parse_quote!(#ident)
        }
        other => other.clone(),
    };
    let function = matches!(&*input.ty, Type::ImplTrait(_)) || is_function_param(&ty, written)?;
    if function {
        generics
            .make_where_clause()
            .predicates
            .push(parse_quote!(#ty: ::core::marker::Copy + ::core::marker::Send + ::core::marker::Sync + 'static));
    }
    Ok(Param { name, ty, written: text, function })
}

/// Whether a type is a type parameter with an `Fn` bound.
fn is_function_param(ty: &Type, generics: &Generics) -> Result<bool> {
    let Type::Path(path) = ty else { return Ok(false) };
    let Some(ident) = path.path.get_ident() else { return Ok(false) };
    for param in &generics.params {
        if let GenericParam::Type(param) = param
            && param.ident == *ident
            && is_function(&param.bounds)?
        {
            return Ok(true);
        }
    }
    for predicate in generics.where_clause.iter().flat_map(|clause| &clause.predicates) {
        if let WherePredicate::Type(predicate) = predicate
            && predicate.bounded_ty == *ty
            && is_function(&predicate.bounds)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether bounds say that a type is a function that a kernel can call.
fn is_function<P>(bounds: &Punctuated<TypeParamBound, P>) -> Result<bool> {
    for bound in bounds {
        if let TypeParamBound::Trait(bound) = bound
            && let Some(segment) = bound.path.segments.last()
            && matches!(segment.arguments, PathArguments::Parenthesized(_))
        {
            if segment.ident == "Fn" {
                return Ok(true);
            }
            return Err(Error::new_spanned(
                bound,
                format!("items share the function, so it must be `Fn`, not `{}`", segment.ident),
            ));
        }
    }
    Ok(false)
}

fn no_lifetimes(ty: &Type) -> Result<()> {
    struct Find(Option<Error>);
    impl<'a> Visit<'a> for Find {
        fn visit_lifetime(&mut self, lifetime: &'a syn::Lifetime) {
            if lifetime.ident != "_" {
                self.0 = Some(Error::new_spanned(
                    lifetime,
                    "a kernel's parameters live as long as the launch lets them: leave the lifetime out",
                ));
            }
        }
        fn visit_type_bare_fn(&mut self, _: &'a syn::TypeBareFn) {}
        fn visit_type_impl_trait(&mut self, _: &'a syn::TypeImplTrait) {}
        fn visit_type_reference(&mut self, reference: &'a syn::TypeReference) {
            // A reference is refused with better words.
            visit::visit_type(self, &reference.elem);
        }
    }
    let mut find = Find(None);
    find.visit_type(ty);
    find.0.map_or(Ok(()), Err)
}

/// A type as a person writes it: tokens print with blanks between all of them.
fn text(ty: &Type) -> String {
    let mut text = quote::quote!(#ty).to_string();
    for (spaced, tight) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" < ", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        (" ;", ";"),
        ("& ", "&"),
        (" (", "("),
        ("[ ", "["),
        (" ]", "]"),
    ] {
        text = text.replace(spaced, tight);
    }
    // The arrow of a function type lost its blank to the rule for `>`.
    text.replace(" ->", "->").replace("->", " -> ").replace("  ", " ")
}
