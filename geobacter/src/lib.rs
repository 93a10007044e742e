//! Mark a Rust function as a kernel and run it on an accelerator: one source, compiled once, by the ordinary toolchain, without
//! `unsafe`.
//!
//! ```
//! use geobacter::prelude::*;
//!
//! #[kernel(workgroup = 256)]
//! fn saxpy(item: Item<1>, a: f32, x: In<f32>, y: InOut<f32>) {
//!     y.set(&item, a * x[&item] + y.get(&item));
//! }
//!
//! fn main() -> Result<(), geobacter::Error> {
//!     for device in geobacter::devices().present {
//!         let x = device.upload(&[1.0, 2.0, 3.0])?;
//!         let mut y = device.upload(&[10.0, 20.0, 30.0])?;
//!         saxpy::launch(&device, 3, 2.0, &x, &mut y)?;
//!         assert_eq!(y.download()?, [12.0, 24.0, 36.0]);
//!     }
//!     Ok(())
//! }
//! ```
//! `cargo geobacter run` builds this with device code and runs it on every device; with plain `cargo run` it runs on the
//! [`host`](devices) alone.
//!
//! # Kernels
//! A kernel runs once for each [`Item`] of a grid of one, two or three dimensions. Its parameters are
//!
//! | parameter            | passed at launch | in the kernel                                                     |
//! |----------------------|------------------|-------------------------------------------------------------------|
//! | [`In<T>`](In)        | `&buffer`        | read: `x[&item]` is the item's own element, `x[i]` any, checked   |
//! | [`Out<T>`](Out)      | `&mut buffer`    | written: `y.set(&item, value)`                                    |
//! | [`InOut<T>`](InOut)  | `&mut buffer`    | both, the own element only: `y.get(&item)`, `*y.at(&mut item) += 1.0` |
//! | [`Slice<T>`](Slice)  | `&buffer`        | read, any length: a slice                                         |
//! | a number, `bool`, an [`Element`] struct or array | the value | the value                                    |
//! | `F: Fn(T) -> T`, `impl Fn(..)` | a closure or `fn` that captures nothing | called                           |
//!
//! `In`, `Out` and `InOut` have one element for each item. That is checked once, at launch, and not again for each access. Two
//! items never share an element that one of them writes, and a launch cannot be given one buffer to read and to write, so
//! kernels have no data races.
//!
//! Type and const parameters work as in any function:
//! ```
//! # use geobacter::prelude::*;
//! #[kernel(workgroup = [16, 16])]
//! fn generate<T: Element, F: Fn(usize, usize) -> T>(item: Item<2>, f: F, image: Out<T>) {
//!     image.set(&item, f(item.x(), item.y()));
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let device = geobacter::device("host")?;
//! let mut image = device.zeroed(640 * 480)?;
//! generate::launch(&device, [640, 480], |x, y| (x ^ y) as u32, &mut image)?;
//! assert_eq!(image.download()?[5 * 640 + 3], 3 ^ 5);
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//! Whatever is wrong with a launch (lengths, an empty grid, one beyond the device's limits, a buffer of another device) is a
//! [`LaunchError`] before anything runs. A kernel that panics, on whatever device, is a [`LaunchError::Panicked`] with message,
//! file, line and item; the program goes on. (Not with `panic = "abort"`: there a panic on the host ends the program.)
//!
//! # Features
//! `host`, `amd` and `sim` are the kinds of device that [`devices`] looks for, all on by default.

mod devices;

pub use bytemuck;
pub use devices::{Absence, DeviceError, Devices, device, devices, discover};
pub use geobacter_lang::{Element, Grid, In, InOut, Item, Out, Slice, descriptor};
pub use geobacter_macros::kernel;
pub use geobacter_runtime_core::{
    Device, DeviceBuffer, Error, LaunchError,
    driver::{DeviceInfo, DeviceKind, KernelPanic, PanicLocation},
};

/// What a program with kernels needs: `use geobacter::prelude::*;`
pub mod prelude {
    pub use crate::{Device, DeviceBuffer, Element, In, InOut, Item, Out, Slice, kernel};
}

/// For the code that `#[kernel]` writes.
#[doc(hidden)]
pub mod __private {
    pub use geobacter_lang as lang;
    pub use geobacter_runtime_core as core;
}

/// The README's program is compiled and run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
