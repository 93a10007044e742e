//! The `#[kernel]` attribute of Geobacter, and the derives of its traits (`derive_*`).
//!
//! The macro is thin: it reads a function (`kernel`, `signature`, `shared` for its LDS) and the attribute's options (`options`), refuses with a spanned
//! error what no kernel can be, and writes (`expand`) a few functions around types of `geobacter-lang` and
//! `geobacter-runtime-core`, which do the work. It knows parameter types only as tokens: whether a type can be a parameter is
//! for the traits to say.

mod derive_element;
mod derive_fields;
mod derive_kernel_arg;
mod derive_struct_of_arrays;
mod expand;
mod kernel;
mod options;
mod shared;
mod signature;

use proc_macro::TokenStream;
use syn::DeriveInput;

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
/// The function runs once for each work-item of a grid if its first parameter is the item, `Item<1>`, `Item<2>` or `Item<3>`,
/// and once for each work-group if it is `Workgroup<1>`, `Workgroup<2>` or `Workgroup<3>`. `workgroup` is the size of a work-group, one number for each dimension, at most 1024 items in all. The other parameters
/// are LDS, in a kernel at group scope (`#[workgroup_shared] tile: Lds<[f32; 256]>`), buffers (`In<T>`, `Out<T>`, `InOut<T>`, `Slice<T>`), plain values, and functions that capture nothing (`f: F` where
/// `F: Fn(..) -> ..`, or `f: impl Fn(..) -> ..`). Type and const parameters are welcome.
///
/// `fp(contract)` and `fp(fast)` beside `workgroup` say what a GPU may do with the kernel's floating-point arithmetic; otherwise, or
/// with `fp(strict)`, each operation is rounded as IEEE 754 says.
///
/// In a kernel at group scope, LDS can also be declared at the top level of the body:
/// `#[workgroup_shared] let tile: Lds<[f32; 256]>;`.
///
/// Beside the function the macro defines a type of the same name with `launch(&device, grid, ..)`, which checks everything
/// and runs the kernel, and `descriptor()`, which says what the declaration says.
#[proc_macro_attribute]
pub fn kernel(attribute: TokenStream, item: TokenStream) -> TokenStream {
    kernel::expand(attribute.into(), item.into()).into()
}

/// Makes a struct or an enum something that can be passed to a kernel.
///
/// ```
/// use geobacter::prelude::*;
///
/// #[derive(Clone, Copy, KernelArg)]
/// #[repr(u8)]
/// enum Edge {
///     Clamp,
///     Wrap,
/// }
///
/// #[derive(Clone, Copy, KernelArg)]
/// enum Filter {
///     None,
///     Box { width: u32 },
///     Gauss { sigma: f32, edge: Edge },
/// }
///
/// #[derive(Clone, Copy, KernelArg)]
/// struct Settings<const N: usize> {
///     weights: [f32; N],
///     inverted: bool,
///     edges: [Edge; 3],
/// }
///
/// #[kernel(workgroup = 64)]
/// fn weigh(item: Item<1>, filter: Filter, settings: Settings<4>, y: Out<f32>) {
///     let scale = if let Filter::Box { width } = filter { width as f32 } else { 1.0 };
///     y.set(&item, scale * settings.weights[item.x() % 4]);
/// }
/// ```
/// Every field is a `KernelArg`. A struct has no padding: the derive says where a field `_pad` is missing. An enum without data
/// says the type of its number, with `#[repr(u8)]` or another integer; an enum with data needs no `repr`. A type parameter
/// needs the bound that its field does: `struct Pair<T: KernelArg> { a: T, b: T }`.
#[proc_macro_derive(KernelArg)]
pub fn derive_kernel_arg(input: TokenStream) -> TokenStream {
    derive(input, derive_kernel_arg::expand)
}

/// Makes a struct something that a device buffer can hold, and that can be passed to a kernel.
///
/// ```
/// use geobacter::prelude::*;
///
/// #[derive(Clone, Copy, Element)]
/// struct Particle {
///     position: [f32; 3],
///     mass: f32,
/// }
///
/// #[derive(Clone, Copy, Element)]
/// #[repr(C)]
/// struct Complex<T> {
///     re: T,
///     im: T,
/// }
///
/// #[kernel(workgroup = 64)]
/// fn fall(mut item: Item<1>, gravity: Complex<f32>, particles: InOut<Particle>) {
///     particles.at(&mut item).position[1] -= gravity.re;
/// }
/// ```
/// Every field is an `Element`, and there is no padding: the derive says where a field `_pad` is missing. Add `#[repr(C)]` if
/// the bytes leave the program, in a file for example: without it, the order of the fields in memory is rustc's. A generic
/// struct needs `#[repr(C)]`, and fields of one type.
///
/// It implements `bytemuck`'s `Pod` and `Zeroable` too, so a struct that derives those itself takes `#[derive(KernelArg)]` and
/// `impl Element for .. {}` instead.
#[proc_macro_derive(Element)]
pub fn derive_element(input: TokenStream) -> TokenStream {
    derive(input, derive_element::expand)
}

/// Makes a struct something that can be stored on a device as one array for each field.
///
/// ```
/// use geobacter::prelude::*;
///
/// #[derive(Clone, Copy, Debug, PartialEq, StructOfArrays)]
/// struct Particle {
///     position: [f32; 3],
///     velocity: [f32; 3],
///     mass: f32,
/// }
///
/// #[kernel(workgroup = 256)]
/// fn step(item: Item<1>, dt: f32, particles: InOutSoa<Particle>) {
///     let mut particle = particles.get(&item);
///     for (x, v) in particle.position.iter_mut().zip(particle.velocity) {
///         *x += dt * v;
///     }
///     // Only the positions have changed, so only they are written.
///     particles.fields().position.set(&item, particle.position);
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let device = geobacter::device("host")?;
/// let start = [Particle { position: [0.0; 3], velocity: [1.0, 2.0, 3.0], mass: 1.0 }];
/// let mut particles = device.upload_soa(&start)?;
/// step::launch(&device, 1, 0.5, &mut particles)?;
/// assert_eq!(particles.download()?, [Particle { position: [0.5, 1.0, 1.5], ..start[0] }]);
/// # Ok(())
/// # }
/// ```
/// Every field is an `Element`. The struct itself need not be one: padding does not matter.
#[proc_macro_derive(StructOfArrays)]
pub fn derive_struct_of_arrays(input: TokenStream) -> TokenStream {
    derive(input, derive_struct_of_arrays::expand)
}

fn derive(
    input: TokenStream,
    expand: impl FnOnce(&DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    syn::parse::<DeriveInput>(input)
        .and_then(|input| expand(&input))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
