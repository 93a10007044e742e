//! The `#[kernel]` attribute of Geobacter.
//!
//! The macro is thin: it reads a function (`signature`) and the attribute's options (`options`), refuses with a spanned
//! error what no kernel can be, and writes (`expand`) a few functions around types of `geobacter-lang` and
//! `geobacter-runtime-core`, which do the work. It knows parameter types only as tokens: whether a type can be a parameter is
//! for the traits to say.

mod expand;
mod options;
mod signature;

use proc_macro::TokenStream;
use quote::quote;
use syn::Item;

/// Makes a kernel of a function.
///
/// ```
/// use geobacter::prelude::*;
///
/// #[kernel(workgroup = 256)]
/// fn saxpy(item: Item<1>, a: f32, x: In<f32>, y: InOut<f32>) {
///     y.set(&item, a * x[&item] + y.get(&item));
/// }
///
/// fn run(device: &Device, x: &DeviceBuffer<f32>, y: &mut DeviceBuffer<f32>) -> Result<(), geobacter::LaunchError> {
///     saxpy::launch(device, x.len(), 2.0, x, y)
/// }
/// ```
/// The function runs once for each work-item of a grid. Its first parameter is the item, `Item<1>`, `Item<2>` or `Item<3>`;
/// `workgroup` is the size of a work-group, one number for each dimension, at most 1024 items in all. The other parameters
/// are buffers (`In<T>`, `Out<T>`, `InOut<T>`, `Slice<T>`), plain values, and functions that capture nothing (`f: F` where
/// `F: Fn(..) -> ..`, or `f: impl Fn(..) -> ..`). Type and const parameters are welcome.
///
/// Beside the function the macro defines a type of the same name with `launch(&device, grid, ..)`, which checks everything
/// and runs the kernel, and `descriptor()`, which says what the declaration says.
#[proc_macro_attribute]
pub fn kernel(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let original = proc_macro2::TokenStream::from(item.clone());
    let result = syn::parse::<Item>(item).and_then(|item| match item {
        Item::Fn(function) => {
            // Both are looked at before either's errors are reported, so that one build shows all of them.
            let options = syn::parse::<options::Options>(attribute);
            let kernel = signature::Kernel::new(function);
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
        other => Err(syn::Error::new_spanned(
            first_tokens(&other),
            "`#[kernel]` goes on a function: `fn name(item: Item<1>, ..) { .. }`",
        )),
    });
    match result {
        Ok(tokens) => tokens.into(),
        Err(error) => {
            let error = error.into_compile_error();
            // The item stays, so that what uses it does not fail as well.
            quote!(#error #original).into()
        }
    }
}

/// The part of an item that an error should underline: its first tokens, not its whole body.
fn first_tokens(item: &Item) -> proc_macro2::TokenStream {
    quote!(#item).into_iter().take(1).collect()
}
