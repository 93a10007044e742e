//! What the macro writes: the function as it was, and a type of its name with `launch`, `descriptor` and the entry function.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{GenericParam, Ident, Type, ext::IdentExt, parse_quote, spanned::Spanned};

use crate::{
    options::Options,
    signature::{Kernel, Param, Scope, Shared},
};

/// The items of a kernel.
///
/// Parameter types stand in signatures and bodies only, never in fields or associated types: their lifetimes are left
/// out, and only there can rustc fill them in.
pub fn expand(kernel: &Kernel, options: &Options) -> TokenStream {
    let Kernel { function, dimensions, params, generics, .. } = kernel;
    let (vis, ident) = (&function.vis, &function.sig.ident);
    let name = ident.unraw().to_string();
    let (lang, core) = (lang(Span::call_site()), core(Span::call_site()));
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let call_generics = turbofish(&generics.params);
    let own_generics = turbofish(&function.sig.generics.params);

    // Hygienic, so that a kernel may call its own parameters `device` or `grid`.
    let [device, stream, graph, on, grid, arguments, kernarg, scope, token, values] =
        ["device", "stream", "graph", "on", "grid", "arguments", "kernarg", "scope", "token", "values"]
            .map(|name| format_ident!("{name}", span = Span::mixed_site()));

    let descriptor = descriptor(kernel, options, &name, &lang);
    let types: Vec<_> = params.iter().map(device_type).collect();
    let (reprs, loads): (Vec<_>, Vec<_>) = params
        .iter()
        .map(|param| {
            let (as_param, at) = (as_param(param), param.ty.span());
            (quote_spanned!(at=> #as_param::Repr), quote_spanned!(at=> #as_param::load))
        })
        .unzip();
    let pushes = params.iter().zip(&types).map(|(param, ty)| {
        let (mut name, at) = (param.name.clone(), param.ty.span());
        // An error about the type that shows itself here points to the type.
        name.set_span(name.span().located_at(at));
        // Where the type says all, there is nothing to pass.
        let value = if param.shared == Some(Shared::Sized) { quote_spanned!(at=> ()) } else { quote!(#name) };
        quote_spanned!(at=> #arguments.push::<#ty>(&#value)?;)
    });
    // In `launch` and `prepare`, so that the error names the call; where the type is, so that it points there.
    let checks: Vec<_> = params
        .iter()
        .zip(&types)
        .filter(|(param, _)| param.function)
        .map(|(param, ty)| quote_spanned!(param.ty.span()=> const { #ty::check() };))
        .collect();
    let fields: Vec<_> = (0..params.len()).map(|i| format_ident!("p{i}")).collect();
    let aligned = (0..params.len()).map(|i| format_ident!("align{i}"));
    let field_types: Vec<_> = (0..params.len()).map(|i| format_ident!("P{i}")).collect();
    let launched = || params.iter().filter(|param| param.shared != Some(Shared::Sized));
    let names: Vec<_> = launched().map(|param| &param.name).collect();
    // An error about the type that shows itself where the argument is handed on points to the type, where it is said already.
    let handed_on = launched().map(|param| {
        let mut name = param.name.clone();
        name.set_span(name.span().located_at(param.ty.span()));
        name
    });
    let handed_on: Vec<_> = handed_on.collect();
    let passed: Vec<_> = launched()
        .map(|param| {
            let ty = &param.ty;
            let (at, core) = (ty.span(), self::core(ty.span()));
            // A type parameter is passed as it is, and said so: through a projection it could not be inferred.
            let parameter = generics
                .type_params()
                .any(|parameter| matches!(ty, Type::Path(ty) if ty.path.is_ident(&parameter.ident)));
            if param.function || parameter { quote!(#ty) } else { quote_spanned!(at=> #core::launch::Arg<'_, #ty>) }
        })
        .collect();
    let workgroup = options.workgroup();
    let run = match kernel.scope {
        Scope::Item => quote!(each),
        Scope::Group => quote!(group),
    };
    // Twice, and not one closure called twice: so each is inlined into the loops around it.
    let body = quote! {
        |#token, #scope| {
            #ident #own_generics (
                #token,
                #(#loads(#kernarg.args.#fields, #scope)),*
            )
        }
    };
    // What decides which code it is: functions, whose types a caller cannot name, and specialisation constants.
    let deciding: Vec<_> = params.iter().zip(&types).filter(|(param, _)| param.function || is_spec(param)).collect();
    let deciding_params = deciding.iter().map(|(param, _)| {
        let (name, ty) = (&param.name, &param.ty);
        let ty = if param.function { quote!(#ty) } else { quote_spanned!(ty.span()=> #core::launch::Arg<'_, #ty>) };
        quote!(#name: #ty)
    });
    let deciding_params: Vec<_> = deciding_params.collect();
    let constants = deciding.iter().map(|(param, ty)| {
        let name = &param.name;
        if param.function { quote!(let _ = #name;) } else { quote!(let #values = #values.with::<#ty>(&#name);) }
    });
    let constants = quote! {
        let #values = #core::preparation::Constants::default();
        #(#constants)*
    };
    let (prepare_doc, prepare_async_doc) = (
        format!(
            "Compiles and loads [`{name}`](fn@{name}) for `device`, so that its first launch need not; with the generics, the \
             functions and the specialisation constants of that launch.\n\n# Errors\n`LaunchError::Driver`: there is no code for it, or it does not load."
        ),
        "The same as `prepare`, on a thread of its own.".to_owned(),
    );
    let launch_doc = format!(
        "Runs [`{name}`](fn@{name}) once for each item of `grid` on `device` and waits for its end.\n\n# Errors\nAny \
         `LaunchError`; no buffer has changed unless the kernel ran."
    );
    let enqueue_doc = format!(
        "Runs [`{name}`](fn@{name}) once for each item of `grid` on `stream`, in its order, and does not wait \
         for its end: the event says when that is.\n\n# Errors\nAny `LaunchError` that can be known before it runs; what \
         happens later is the event's to say."
    );
    let record_doc = format!(
        "Adds [`{name}`](fn@{name}), once for each item of `grid`, to what the graph runs.\n\n# Errors\nAny `LaunchError` that can be \
         known before it runs."
    );
    // The same with one more parameter: on what it is launched.
    let mut on_generics = generics.clone();
    on_generics.params.insert(0, parse_quote!(__On: #core::launch::Target));
    let (on_impl_generics, ..) = on_generics.split_for_impl();
    let launch_on_generics = {
        let names = type_and_const_names(&generics.params);
        quote!(::<_ #(, #names)*>)
    };
    let type_doc = format!("The kernel [`{name}`](fn@{name}): launches it and describes it.");
    quote! {
        #[inline(always)]
        #function

        #[doc = #type_doc]
        #[allow(non_camel_case_types, reason = "it stands for the function and has its name")]
        #vis enum #ident {}

        #[allow(
            dead_code,
            clippy::multiple_bound_locations,
            clippy::too_many_arguments,
            reason = "a kernel has the parameters that it has, and not every one is launched in every build"
        )]
        impl #ident {
            #[doc = #launch_doc]
            #vis fn launch #impl_generics (
                #device: &#core::device::Device,
                #grid: impl ::core::convert::Into<#lang::grid::Grid<#dimensions>>,
                #(#names: #passed),*
            ) -> ::core::result::Result<(), #core::launch::LaunchError> #where_clause {
                #(#checks)*
                Self::launch_on #launch_on_generics (#device, ::core::convert::Into::into(#grid), #(#handed_on),*)
            }

            #[doc = #enqueue_doc]
            #vis fn enqueue #impl_generics (
                #stream: &#core::stream::Stream,
                #grid: impl ::core::convert::Into<#lang::grid::Grid<#dimensions>>,
                #(#names: #passed),*
            ) -> ::core::result::Result<#core::event::Event, #core::launch::LaunchError> #where_clause {
                #(#checks)*
                Self::launch_on #launch_on_generics (#stream, ::core::convert::Into::into(#grid), #(#handed_on),*)
            }

            #[doc = #record_doc]
            #vis fn record #impl_generics (
                #graph: &mut #core::graph::GraphBuilder,
                #grid: impl ::core::convert::Into<#lang::grid::Grid<#dimensions>>,
                #(#names: #passed),*
            ) -> ::core::result::Result<(), #core::launch::LaunchError> #where_clause {
                #(#checks)*
                Self::launch_on #launch_on_generics (#graph, ::core::convert::Into::into(#grid), #(#handed_on),*)
            }

            fn launch_on #on_impl_generics (
                #on: __On,
                #grid: #lang::grid::Grid<#dimensions>,
                #(#names: #passed),*
            ) -> ::core::result::Result<__On::Launched, #core::launch::LaunchError> #where_clause {
                // SAFETY: the instance is the one whose entry function takes these arguments, in this order.
                unsafe {
                    #core::launch::launch::<#dimensions, _>(#on, #grid, Self::instance #call_generics (), |#arguments| {
                        #(#pushes)*
                        ::core::result::Result::Ok(())
                    })
                }
            }

            #[doc = #prepare_doc]
            #vis fn prepare #impl_generics (
                #device: &#core::device::Device,
                #(#deciding_params),*
            ) -> ::core::result::Result<(), #core::launch::LaunchError> #where_clause {
                #(#checks)*
                #constants
                #core::preparation::prepare(#device, Self::instance #call_generics (), &#values)
            }

            #[doc = #prepare_async_doc]
            #vis fn prepare_async #impl_generics (
                #device: &#core::device::Device,
                #(#deciding_params),*
            ) -> #core::preparation::Preparation #where_clause {
                #(#checks)*
                #constants
                #core::preparation::prepare_async(#device, Self::instance #call_generics (), #values)
            }

            /// What the kernel's declaration says.
            #vis const fn descriptor #impl_generics () -> &'static #lang::descriptor::LaunchDescriptor #where_clause {
                const { #descriptor }
            }

            #lang::instance::const_with_ids! {
                [
                    /// What names this instance: the symbol of its entry function. A `const fn` where the compiler has the
                    /// intrinsic of Geobacter's `compiler-patch/rustc`.
                    #vis
                ]
                [
                    fn id #impl_generics () -> #lang::instance::InstanceId #where_clause {
                        #lang::instance::instance_of!(Self::entry #call_generics)
                    }
                ]
            }

            #lang::instance::const_with_ids! {
                [
                    /// This instance as an entry of a `KernelTable`, by the function's name. A `const fn` as `id` is.
                    #vis
                ]
                [
                    fn table_entry #impl_generics () -> #lang::table::KernelEntry #where_clause {
                        #lang::table::KernelEntry {
                            name: #name,
                            id: Self::id #call_generics (),
                            entry: Self::entry #call_generics,
                            descriptor: Self::descriptor #call_generics (),
                        }
                    }
                ]
            }

            #[inline(never)]
            fn instance #impl_generics () -> #core::driver::KernelInstance #where_clause {
                #core::driver::KernelInstance {
                    descriptor: Self::descriptor #call_generics (),
                    record: #lang::instance::instance_record!(Self::entry #call_generics),
                    entry: Self::entry #call_generics,
                }
            }

            #[inline(never)]
            #[unsafe(link_section = ".text.geobacter.kernel")]
            unsafe extern "C-unwind" fn entry #impl_generics (#kernarg: *const u8) #where_clause {
                #[repr(C)]
                #[derive(Clone, Copy)]
                struct __Args<#(#field_types),*> { #(#aligned: #lang::arg::KernargAlign, #fields: #field_types),* }
                // SAFETY: this is the entry function of the kernel that the descriptor describes.
                unsafe { #lang::intrinsics::__gb_kernel(const { #descriptor }) };
                // SAFETY: the launch wrote header and arguments, in C layout. They are read once, before any item runs: what
                // an item writes could be the arguments themselves for all that the optimiser knows.
                unsafe {
                    let #kernarg = *#kernarg.cast::<#lang::entry::Kernarg<__Args<
                        #(#reprs),*
                    >>>();
                    #lang::entry::#run::<#dimensions>(#kernarg.header, [#(#workgroup),*], #body, #body);
                }
            }
        }
    }
}

pub(crate) fn lang(at: Span) -> TokenStream {
    quote_spanned!(at=> ::geobacter::__private::lang)
}

/// Whether a type is written as a specialisation constant: `Spec<u32>`. A type of the program's own that has this name is passed to
/// `prepare` and changes nothing.
fn is_spec(param: &Param) -> bool {
    matches!(&param.ty, Type::Path(ty) if ty.path.segments.last().is_some_and(|last| last.ident == "Spec"))
}

fn core(at: Span) -> TokenStream {
    quote_spanned!(at=> ::geobacter::__private::core)
}

/// A parameter's type as `geobacter-lang` knows it. All tokens lie where the type does, so that errors about it do, too.
fn device_type(param: &Param) -> TokenStream {
    let (ty, at) = (&param.ty, param.ty.span());
    let lang = lang(at);
    if param.function { quote_spanned!(at=> #lang::param::Captureless::<#ty>) } else { quote!(#ty) }
}

/// A parameter's type as an implementation of `KernelParam`.
fn as_param(param: &Param) -> TokenStream {
    let (ty, at) = (device_type(param), param.ty.span());
    let lang = lang(at);
    quote_spanned!(at=> <#ty as #lang::param::KernelParam>)
}

fn descriptor(kernel: &Kernel, options: &Options, name: &str, lang: &TokenStream) -> TokenStream {
    let dimensions = kernel.dimensions as u32;
    let (workgroup, fp) = (options.workgroup(), options.floating_point.variant());
    let params = kernel.params.iter().map(|param| {
        let (as_param, name, written) = (as_param(param), param.name.unraw().to_string(), &param.written);
        let at = param.ty.span();
        quote_spanned! {at=>
            #lang::descriptor::ParamDescriptor {
                name: #name,
                ty: #written,
                kind: #as_param::KIND,
                size: ::core::mem::size_of::<#as_param::Repr>() as u32,
                align: #lang::arg::kernarg_align::<#as_param::Repr>() as u32,
                element_size: #as_param::ELEMENT_SIZE,
            }
        }
    });
    let shared_params = kernel.params.iter().filter(|param| param.shared == Some(Shared::Sized));
    let shared = shared_params
        .map(|param| (&param.name, &param.ty, &param.written))
        .chain(kernel.locals.iter().map(|local| (&local.name, &local.ty, &local.written)))
        .map(|(name, ty, written)| {
            let (at, name) = (ty.span(), name.unraw().to_string());
            quote_spanned! {at=>
                #lang::descriptor::LdsDescriptor {
                    name: #name,
                    ty: #written,
                    size: <#ty as #lang::param::WorkgroupShared>::SIZE,
                    align: <#ty as #lang::param::WorkgroupShared>::ALIGN,
                }
            }
        });
    // `line!()` tells the line of its own tokens if they come from the source.
    let at = kernel.function.sig.ident.span();
    let (line, column) = (quote_spanned!(at=> ::core::line!()), quote_spanned!(at=> ::core::column!()));
    quote! {
        &#lang::descriptor::LaunchDescriptor {
            name: #name,
            module: ::core::module_path!(),
            file: ::core::file!(),
            params: &[#(#params),*],
            lds: &[#(#shared),*],
            line: #line,
            column: #column,
            dimensions: #dimensions,
            workgroup: [#(#workgroup),*],
            fp: #lang::descriptor::FloatingPoint::#fp,
        }
    }
}

/// `::<T, F, N>`, or nothing.
fn turbofish<'a>(params: impl IntoIterator<Item = &'a GenericParam>) -> TokenStream {
    let names = type_and_const_names(params);
    if names.is_empty() { TokenStream::new() } else { quote!(::<#(#names),*>) }
}

fn type_and_const_names<'a>(params: impl IntoIterator<Item = &'a GenericParam>) -> Vec<&'a Ident> {
    let name = |param: &'a GenericParam| match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    };
    params.into_iter().filter_map(name).collect()
}
