//! What a kernel's declaration says, and whether it can be a kernel at all.

use quote::{format_ident, quote};
use syn::{
    Error, Expr, ExprLit, FnArg, GenericArgument, GenericParam, Generics, Ident, ItemFn, Lit, Pat, PatType,
    PathArguments, Result, ReturnType, Type, TypeParamBound, WherePredicate, parse_quote,
    punctuated::Punctuated,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::{
    options::plain,
    shared::{self, SharedLocal},
};

/// A function that can be a kernel, as far as tokens tell.
pub struct Kernel {
    /// The function, without the attributes that are ours.
    pub function: ItemFn,
    /// At which scope the function runs.
    pub scope: Scope,
    /// Dimensions of its item or work-group: 1, 2 or 3.
    pub dimensions: usize,
    /// The parameters after the item or the work-group.
    pub params: Vec<Param>,
    /// LDS that the body declares.
    pub locals: Vec<SharedLocal>,
    /// Generics of the functions that the macro writes: the kernel's own, one for each `impl Fn`, and the bounds that a
    /// function parameter needs.
    pub generics: Generics,
}

/// At which scope a kernel function runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Once for each work-item: `item: Item<D>`.
    Item,
    /// Once for each work-group: `wg: Workgroup<D>`.
    Group,
}

/// A parameter after the item or the work-group.
pub struct Param {
    /// Its name.
    pub name: Ident,
    /// Its type in the generated functions: as written, but for `impl Fn`, which has a name there.
    pub ty: Type,
    /// Its type as written, as text.
    pub written: String,
    /// Whether it is a function without captures.
    pub function: bool,
    /// Whether it is LDS, and how its size is known.
    pub shared: Option<Shared>,
}

/// How the size of an LDS parameter is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// By its type: `Lds<[f32; 256]>`.
    Sized,
    /// By the launch: `Lds<[f32]>`.
    AtLaunch,
}

impl Kernel {
    /// Reads a function.
    ///
    /// # Errors
    /// Everything that is wrong with it, combined.
    pub fn new(mut function: ItemFn) -> Result<Self> {
        let mut errors = Errors(None);
        check_signature(&function, &mut errors);
        let mut generics = function.sig.generics.clone();
        let signature = &mut function.sig;
        let own_generics = signature.generics.clone();
        let names = names(&signature.inputs);
        let mut inputs = signature.inputs.iter_mut();
        let scope = match inputs.next() {
            None => Err(Error::new_spanned(&signature.ident, FIRST_PARAMETER)),
            Some(FnArg::Receiver(receiver)) => Err(Error::new_spanned(
                receiver,
                "a kernel is a free function, not a method: pass the fields that it needs as parameters",
            )),
            Some(FnArg::Typed(first)) => {
                if let Some(attribute) = first.attrs.first() {
                    errors.add(Error::new_spanned(attribute, "a kernel's first parameter has no attributes"));
                }
                scope(&first.ty).and_then(|(scope, dimensions)| Ok((scope, dimensions, name(first)?)))
            }
        };
        let scope = errors.ok(scope);
        // Where the scope itself is wrong, LDS is not wrong as well.
        let flat = scope.as_ref().filter(|(scope, ..)| *scope == Scope::Item).map(|(_, dimensions, _)| *dimensions);
        let mut params = Vec::new();
        for input in inputs {
            if let FnArg::Typed(input) = input {
                params.extend(errors.ok(param(input, &own_generics, &mut generics, flat, &names)));
            }
        }
        // What is true of the generated functions' function parameters is so of the kernel's own: closures for item scope can
        // then capture them.
        let functions: Vec<_> = params.iter().filter(|param: &&Param| param.function).map(|param| &param.ty).collect();
        let is_function =
            |ident: &Ident| functions.iter().any(|ty| matches!(ty, Type::Path(ty) if ty.path.is_ident(ident)));
        let mut functions_without_bounds = Vec::new();
        for own in signature.generics.type_params_mut().filter(|own| is_function(&own.ident)) {
            // In one place with the others, as clippy wants it.
            if own.bounds.is_empty() {
                functions_without_bounds.push(own.ident.clone());
            } else {
                own.bounds.extend(shared_by_items());
            }
        }
        for ident in functions_without_bounds {
            let bounds = shared_by_items().into_iter();
            signature.generics.make_where_clause().predicates.push(parse_quote!(#ident: #(#bounds)+*));
        }
        let locals = shared::declarations(&mut function.block, scope.as_ref(), &names);
        let locals = errors.ok(locals).unwrap_or_default();
        match (errors.0, scope) {
            (None, Some((scope, dimensions, _))) => Ok(Self { function, scope, dimensions, params, locals, generics }),
            (Some(error), _) => Err(error),
            // The scope is missing only where an error was added.
            (None, None) => Err(Error::new_spanned(&function.sig, "not a kernel")),
        }
    }
}

const FIRST_PARAMETER: &str = "a kernel's first parameter is its work-item, `item: Item<1>`, or its work-group, `wg: Workgroup<1>` \
    (or 2, 3 for grids of more dimensions)";

/// Errors so far.
pub(crate) struct Errors(pub(crate) Option<Error>);

impl Errors {
    pub(crate) fn add(&mut self, error: Error) {
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
    for attribute in &function.attrs {
        // Such a function may be called only where the feature is known to be there, and the entry function's call stands in
        // an unsafe block, where rustc does not ask.
        if quote!(#attribute).to_string().contains("target_feature") {
            errors.add(Error::new_spanned(
                attribute,
                "a kernel cannot have `#[target_feature]`: it runs on every device that it is launched on, and is compiled for that device",
            ));
        }
    }
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

/// Scope and dimensions, from the type of the first parameter.
fn scope(ty: &Type) -> Result<(Scope, usize)> {
    let neither = || Error::new_spanned(ty, FIRST_PARAMETER);
    no_lifetimes(ty)?;
    if let Type::Reference(reference) = ty
        && let Some("Item" | "Workgroup") = last_name(&reference.elem).as_deref()
    {
        let (what, owned) = (last_name(&reference.elem), text(&reference.elem));
        let what = if what.as_deref() == Some("Item") { "work-item" } else { "work-group" };
        return Err(Error::new_spanned(ty, format!("a kernel gets its {what} by value: write `{owned}`")));
    }
    let Type::Path(path) = ty else { return Err(neither()) };
    let segment = path.path.segments.last().ok_or_else(neither)?;
    let scope = match &*segment.ident.to_string() {
        "Item" => Scope::Item,
        "Workgroup" => Scope::Group,
        _ => return Err(neither()),
    };
    let number = || {
        let (what, ty_name) = match scope {
            Scope::Item => ("an item", "Item"),
            Scope::Group => ("a work-group", "Workgroup"),
        };
        let message =
            format!("{what} has 1, 2 or 3 dimensions, as a number: `{ty_name}<1>`, `{ty_name}<2>`, `{ty_name}<3>`");
        Error::new_spanned(ty, message)
    };
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Err(number()) };
    match arguments.args.first() {
        Some(GenericArgument::Const(value)) if arguments.args.len() == 1 => {
            let Expr::Lit(ExprLit { lit: Lit::Int(literal), .. }) = plain(value) else { return Err(number()) };
            let dimensions = literal.base10_parse().ok().filter(|dimensions| (1..=3).contains(dimensions));
            Ok((scope, dimensions.ok_or_else(number)?))
        }
        _ => Err(number()),
    }
}

/// The last segment of a path, without its arguments.
fn last_name(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    path.path.segments.last().map(|segment| segment.ident.to_string())
}

/// What a device type that is no parameter says of itself.
fn made_in_the_kernel(ty: &Type) -> Option<&'static str> {
    Some(match last_name(ty)?.as_str() {
        "Item" | "Workgroup" => {
            "a kernel has either an item, `item: Item<1>`, or a work-group, `wg: Workgroup<1>`, as its first parameter; a work-group's items are those of `wg.each(|item| ..)`"
        }
        "LocalItem" | "Leader" => {
            "a kernel's first parameter is its work-group, `wg: Workgroup<1>`; its items are those of `wg.each_local(|item| ..)` and `wg.once(|leader| ..)`"
        }
        "Private" => "a private value is made in the kernel: `let sum = wg.private(0.0);`",
        "Filled" | "LdsAtomics" => {
            "LDS comes to a kernel without content: take `#[workgroup_shared] tile: Lds<[f32; 256]>`, and fill it"
        }
        _ => return None,
    })
}

fn names(inputs: &Punctuated<FnArg, syn::Token![,]>) -> Vec<Ident> {
    let typed = inputs.iter().filter_map(|input| if let FnArg::Typed(input) = input { Some(input) } else { None });
    typed.filter_map(|input| if let Pat::Ident(pat) = &*input.pat { Some(pat.ident.clone()) } else { None }).collect()
}

fn name(input: &PatType) -> Result<Ident> {
    match &*input.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => Ok(pat.ident.clone()),
        other => Err(Error::new_spanned(
            other,
            "a kernel's parameter is a plain name, not a pattern: take it apart in the body",
        )),
    }
}

fn param(
    input: &mut PatType,
    written: &Generics,
    generics: &mut Generics,
    flat: Option<usize>,
    names: &[Ident],
) -> Result<Param> {
    let shared = shared::parameter(input, flat, names)?;
    if let Some(message) = made_in_the_kernel(&input.ty) {
        return Err(Error::new_spanned(&input.ty, message));
    }
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
    if let Type::ImplTrait(function) = &mut *input.ty {
        function.bounds.extend(shared_by_items());
    }
    let function = matches!(&*input.ty, Type::ImplTrait(_)) || is_function_param(&ty, written)?;
    if function {
        generics
            .make_where_clause()
            .predicates
            .push(parse_quote!(#ty: ::core::marker::Copy + ::core::marker::Send + ::core::marker::Sync + 'static));
    }
    Ok(Param { name, ty, written: text, function, shared })
}

/// What a function parameter is beside `Fn`.
fn shared_by_items() -> [TypeParamBound; 4] {
    [
        parse_quote!(::core::marker::Copy),
        parse_quote!(::core::marker::Send),
        parse_quote!(::core::marker::Sync),
        parse_quote!('static),
    ]
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
pub(crate) fn text(ty: &Type) -> String {
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
