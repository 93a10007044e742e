//! What the macro writes: the function as it was, and a type of its name with `launch`, `descriptor` and the entry function.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{GenericParam, ext::IdentExt, spanned::Spanned};

use crate::{
    options::Options,
    signature::{Kernel, Param},
};

/// The items of a kernel.
///
/// Parameter types stand in signatures and bodies only, never in fields or associated types: their lifetimes are left
/// out, and only there can rustc fill them in.
pub fn expand(kernel: &Kernel, options: &Options) -> TokenStream {
    let Kernel { function, dimensions, params, generics } = kernel;
    let (vis, ident) = (&function.vis, &function.sig.ident);
    let name = ident.unraw().to_string();
    let (lang, core) = (lang(Span::call_site()), core(Span::call_site()));
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let call_generics = turbofish(&generics.params);
    let own_generics = turbofish(&function.sig.generics.params);

    // Hygienic, so that a kernel may call its own parameters `device` or `grid`.
    let [device, grid, arguments, kernarg, scope, item] = ["device", "grid", "arguments", "kernarg", "scope", "item"]
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
        let (name, at) = (&param.name, param.ty.span());
        quote_spanned!(at=> #arguments.push::<#ty>(#name)?;)
    });
    // Evaluated by `launch` first, so that the error points to the call.
    let checks =
        params.iter().zip(&types).filter(|(param, _)| param.function).map(|(_, ty)| quote!(const { #ty::CHECK };));
    let fields: Vec<_> = (0..params.len()).map(|i| format_ident!("p{i}")).collect();
    let field_types: Vec<_> = (0..params.len()).map(|i| format_ident!("P{i}")).collect();
    let names: Vec<_> = params.iter().map(|param| &param.name).collect();
    let passed: Vec<_> = params
        .iter()
        .map(|param| {
            let ty = &param.ty;
            let (at, core) = (ty.span(), self::core(ty.span()));
            if param.function { quote!(#ty) } else { quote_spanned!(at=> #core::launch::Arg<'_, #ty>) }
        })
        .collect();
    let workgroup = options.workgroup();
    let launch_doc = format!(
        "Runs [`{name}`](fn@{name}) once for each item of `grid` on `device` and waits for its end.\n\n# Errors\nAny \
         `LaunchError`; no buffer has changed unless the kernel ran."
    );
    let type_doc = format!("The kernel [`{name}`](fn@{name}): launches it and describes it.");
    quote! {
        #[inline]
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
                // SAFETY: the instance is the one whose entry function takes these arguments, in this order.
                unsafe {
                    #core::launch::launch(#device, #grid, Self::instance #call_generics (), |#arguments| {
                        #(#pushes)*
                        ::core::result::Result::Ok(())
                    })
                }
            }

            /// What the kernel's declaration says.
            #vis fn descriptor #impl_generics () -> &'static #lang::descriptor::LaunchDescriptor #where_clause {
                const { #descriptor }
            }

            #[inline(never)]
            fn instance #impl_generics () -> #core::driver::KernelInstance #where_clause {
                #core::driver::KernelInstance {
                    descriptor: Self::descriptor #call_generics (),
                    record: #lang::instance_record!(Self::entry #call_generics),
                    entry: Self::entry #call_generics,
                }
            }

            #[inline(never)]
            #[unsafe(link_section = ".text.geobacter.kernel")]
            unsafe extern "C-unwind" fn entry #impl_generics (#kernarg: *const u8) #where_clause {
                #[repr(C)]
                #[derive(Clone, Copy)]
                struct Args<#(#field_types),*> { #(#fields: #field_types),* }
                #lang::intrinsics::__gb_kernel(const { #descriptor });
                // SAFETY: the launch wrote header and arguments, in C layout. They are read once, before any item runs: what
                // an item writes could be the arguments themselves for all that the optimiser knows.
                unsafe {
                    let #kernarg = *#kernarg.cast::<#lang::entry::Kernarg<Args<
                        #(#reprs),*
                    >>>();
                    #lang::entry::each::<#dimensions>(#kernarg.header, [#(#workgroup),*], |#item, #scope| {
                        #ident #own_generics (
                            #item,
                            #(#loads(#kernarg.args.#fields, #scope)),*
                        )
                    });
                }
            }
        }
    }
}

fn lang(at: Span) -> TokenStream {
    quote_spanned!(at=> ::geobacter::__private::lang)
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
    let workgroup = options.workgroup();
    let params = kernel.params.iter().map(|param| {
        let (as_param, name, written) = (as_param(param), param.name.unraw().to_string(), &param.written);
        let at = param.ty.span();
        quote_spanned! {at=>
            #lang::descriptor::ParamDescriptor {
                name: #name,
                ty: #written,
                kind: #as_param::KIND,
                size: ::core::mem::size_of::<#as_param::Repr>() as u32,
                align: ::core::mem::align_of::<#as_param::Repr>() as u32,
                element_size: #as_param::ELEMENT_SIZE,
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
            line: #line,
            column: #column,
            dimensions: #dimensions,
            workgroup: [#(#workgroup),*],
        }
    }
}

/// `::<T, F, N>`, or nothing.
fn turbofish<'a>(params: impl IntoIterator<Item = &'a GenericParam>) -> TokenStream {
    let names: Vec<_> = params
        .into_iter()
        .filter_map(|param| match param {
            GenericParam::Type(param) => Some(&param.ident),
            GenericParam::Const(param) => Some(&param.ident),
            GenericParam::Lifetime(_) => None,
        })
        .collect();
    if names.is_empty() { TokenStream::new() } else { quote!(::<#(#names),*>) }
}
