//! `#[kernel]` from tokens to tokens, so that it can be tested without a compiler.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, FnArg, Item, Result};

use crate::{expand, options::Options, signature::Kernel};

/// What `#[kernel(attribute)] item` becomes.
pub fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expanded(attribute, item.clone()).unwrap_or_else(|error| {
        let (error, rest) = (error.into_compile_error(), rest_of(item));
        quote!(#error #rest)
    })
}

fn expanded(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let function = match syn::parse2::<Item>(item)? {
        Item::Fn(function) => function,
        other => {
            return Err(Error::new_spanned(
                first_tokens(&other),
                "`#[kernel]` goes on a function: `fn name(item: Item<1>, ..) { .. }`",
            ));
        }
    };
    // Both are looked at before either's errors are reported, so that one build shows all of them.
    let options = syn::parse2::<Options>(attribute);
    let kernel = Kernel::new(function);
    let (options, kernel) = match (options, kernel) {
        (Ok(options), Ok(kernel)) => (options, kernel),
        (Err(mut error), Err(other)) => {
            error.combine(other);
            return Err(error);
        }
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    options.check(&kernel)?;
    Ok(expand::expand(&kernel, &options))
}

/// What stays of an item that is no kernel, so that what uses it does not fail as well: all of it, but of a function only the
/// signature, since in a kernel's body LDS is not declared as Rust would have it.
fn rest_of(item: TokenStream) -> TokenStream {
    let Ok(Item::Fn(mut function)) = syn::parse2::<Item>(item.clone()) else { return item };
    function.attrs.clear();
    for input in &mut function.sig.inputs {
        if let FnArg::Typed(input) = input {
            input.attrs.clear();
        }
    }
    let (visibility, signature) = (&function.vis, &function.sig);
    quote! {
        #[allow(unused, reason = "its body is looked at when its signature is right")]
        #visibility #signature {
            ::core::unimplemented!()
        }
    }
}

/// The part of an item that an error should underline: its first tokens, not its whole body.
fn first_tokens(item: &Item) -> TokenStream {
    quote!(#item).into_iter().take(1).collect()
}

/// What the macro writes for each form of kernel, as a person would format it.
#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn formatted(attribute: TokenStream, item: TokenStream) -> String {
        let tokens = expand(attribute, item);
        let file = syn::parse2(tokens.clone()).unwrap_or_else(|error| panic!("{error}: {tokens}"));
        prettyplease::unparse(&file)
    }

    /// A test for each kernel: `name: (attribute) { function }`.
    macro_rules! expansions {
        ($($name:ident: ($($attribute:tt)*) { $($item:tt)* })*) => { $(
            #[test]
            fn $name() {
                insta::with_settings!({ omit_expression => true }, {
                    insta::assert_snapshot!(stringify!($name), formatted(quote!($($attribute)*), quote!($($item)*)));
                });
            }
        )* };
    }

    expansions! {
        flat: (workgroup = 256) {
            /// A line with a slope.
            #[inline(always)]
            pub fn saxpy(item: Item<1>, a: f32, x: In<f32>, y: InOut<f32>) {
                y.set(&item, a * x[&item] + y.get(&item));
            }
        }
        flat_in_two_dimensions: (workgroup = [16, 8]) {
            fn plane(mut item: Item<2>, table: Slice<[u8; 3]>, mut scale: u64, y: InOut<u64>) {
                *y.at(&mut item) += scale;
            }
        }
        flat_in_three_dimensions: (workgroup = [4, 4, 4]) {
            fn space(item: Item<3>, y: Out<u64>) {
                y.set(&item, 0);
            }
        }
        with_a_floating_point_option: (workgroup = 256, fp(contract)) {
            fn axpy(item: Item<1>, a: f32, x: In<f32>, y: InOut<f32>) {
                y.set(&item, a * x[&item] + y.get(&item));
            }
        }
        without_parameters: (workgroup = 1) {
            fn nothing(_item: Item<1>) {}
        }
        generics: (workgroup = 32) {
            pub(crate) fn map<A, B: Element, F, const N: usize>(item: Item<1>, f: F, bias: [A; N], x: In<A>, y: Out<B>)
            where
                A: Element,
                F: Fn(A) -> B,
            {
                y.set(&item, f(x[&item]));
            }
        }
        function_without_a_name: (workgroup = 32) {
            fn generate(item: Item<1>, f: impl Fn(usize) -> f32, y: Out<f32>) {
                y.set(&item, f(item.x()));
            }
        }
        specialisation_constants: (workgroup = 32) {
            fn smooth<T: SpecValue>(item: Item<1>, radius: Spec<u32>, scale: f32, f: impl Fn(f32) -> f32, mode: spec::Spec<T>) {}
        }
        raw_names: (workgroup = 32) {
            fn r#loop(item: Item<1>, r#in: In<u8>, device: u8, grid: u8, y: Out<u8>) {
                y.set(&item, device + grid);
            }
        }
        group: (workgroup = 64) {
            fn group(wg: Workgroup<1>, counts: Atomics<u32>, y: Out<u32>) {
                let ticket = wg.once(|leader| counts.at(0).fetch_add(&leader, 1));
                wg.each(|item| y.set(&item, ticket));
            }
        }
        group_with_lds: (workgroup = [16, 16]) {
            fn matmul(
                wg: Workgroup<2>,
                n: usize,
                a: Slice<f32>,
                #[workgroup_shared] tile_a: Lds<[[f32; 16]; 16]>,
                #[workgroup_shared] mut tile_b: Lds<[[f32; 16]; 16]>,
                c: Out<f32>,
            ) {
                wg.each(|item| c.set(&item, 0.0));
            }
        }
        group_with_lds_in_its_body: (workgroup = 64) {
            fn scratch(wg: Workgroup<1>, y: Out<f32>) {
                #[workgroup_shared]
                let tile: Lds<[f32; 64]>;
                #[workgroup_shared]
                let flags: geobacter::Lds<[bool; 3]>;
                let tile = tile.fill(&wg, |item| item.x() as f32);
                wg.each(|item| y.set(&item, tile[0]));
            }
        }
        group_with_lds_sized_at_launch: (workgroup = 64) {
            fn scratch(wg: Workgroup<1>, #[workgroup_shared] tile: Lds<[f32]>, y: Out<f32>) {
                let tile = tile.fill_with(&wg, |i| i as f32);
                wg.each(|item| y.set(&item, tile[0]));
            }
        }
        group_with_generic_lds: (workgroup = 64) {
            fn stage<T: Element + LdsElement, const N: usize>(
                wg: Workgroup<1>,
                x: Slice<T>,
                #[workgroup_shared] tile: Lds<[[T; N]; 2]>,
                y: Out<T>,
            ) {
                let tile = tile.fill_with(&wg, |[row, column]| x[row * N + column]);
                wg.each(|item| y.set(&item, tile[1][0]));
            }
        }
        refused: (workgroup = 64) {
            /// Keeps its signature.
            pub fn double(item: Item<1>, #[workgroup_shared] tile: Lds<[f32; 64]>, x: In<f32>) -> f32 {
                2.0 * x[&item]
            }
        }
        refused_options: (workgroup = [16, 16]) {
            fn linear(wg: Workgroup<1>, y: Out<f32>) {
                #[workgroup_shared]
                let tile: Lds<[f32; 64]>;
            }
        }
        refused_item: (workgroup = 64) {
            struct Saxpy { a: f32 }
        }
    }
}
