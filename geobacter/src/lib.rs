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
//! | [`InSoa<T>`](InSoa), [`OutSoa<T>`](OutSoa), [`InOutSoa<T>`](InOutSoa) | `&buffer`, `&mut buffer` | structs stored as one array for each field |
//! | a [`KernelArg`]: a number, `bool`, `char`, an array, a struct, an enum | the value | the value              |
//! | [`Spec<T>`](Spec)    | the value        | the value, for which a GPU's code is made                         |
//! | `F: Fn(T) -> T`, `impl Fn(..)` | a closure or `fn` that captures nothing | called                           |
//!
//! `In` has one element for each item, `Out` and `InOut` as many as their partition says, one if none is named. That is checked
//! once, at launch, and not again for each access. Two items never share an element that one of them writes, and a launch
//! cannot be given one buffer to read and to write, so kernels have no data races.
//!
//! What stands in a buffer is an [`Element`]: a number, an array, or a struct with `#[derive(Clone, Copy, Element)]`. What is
//! passed by value is a [`KernelArg`]: an element, or a struct or an enum with `#[derive(Clone, Copy, KernelArg)]`. A struct
//! with `#[derive(Clone, Copy, StructOfArrays)]` can be stored as one array for each field
//! ([`Device::upload_soa`]), which is faster where neighbouring items read the same field of neighbouring structs. What
//! leads to the host's memory (references, pointers, `Vec`, `Rc`, closures that capture) is refused by the compiler.
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
//! # Partitions
//! An output says how its elements are shared out: `Out<f32, Tile<4>>` gives four neighbours to each item. See [`partition`]
//! for all of them and for your own. The grid may follow from an output: a 1-D launch takes `..` for as many items as the
//! first output has elements for.
//! ```
//! # use geobacter::prelude::*;
//! #[kernel(workgroup = 64)]
//! fn powers(item: Item<1>, x: In<f32>, y: Out<f32, Tile<3>>) {
//!     let x = x[&item];
//!     y.set(&item, [x, x * x, x * x * x]);
//! }
//!
//! /// The sum of each row.
//! #[kernel(workgroup = 64)]
//! fn sums(mut item: Item<1>, matrix: InOut<f32, Rows>, y: Out<f32>) {
//!     let sum = matrix.slice_mut(&mut item).iter().sum();
//!     y.set(&item, sum);
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let device = geobacter::device("host")?;
//! let x = device.upload(&[1.0, 2.0])?;
//! let (mut y, mut z) = (device.zeroed(6)?, device.zeroed(2)?);
//! powers::launch(&device, .., &x, &mut y)?;
//! sums::launch(&device, .., &mut y, &mut z)?;
//! assert_eq!(z.download()?, [3.0, 14.0]);
//! # Ok(())
//! # }
//! ```
//!
//! # Work in flight
//! `launch` waits. On a [`Stream`], `enqueue` does not, and gives an [`Event`]; `record` adds a launch to a [`Graph`]. What has to wait for what
//! is found out: buffers know the work in flight that touches them. See `docs/STREAMS.md`, and `docs/MEMORY.md` for
//! [parts](DeviceSlice::slice) of buffers, [pinned memory](HostBuffer), and [limits](MemoryPool).
//!
//! # Errors
//! Whatever is wrong with a launch (lengths, an empty grid, one beyond the device's limits, a buffer of another device) is a
//! [`LaunchError`] before anything runs. A kernel that panics, on whatever device, is a [`LaunchError::Panicked`] with message,
//! file, line and item; the program goes on. (Not with `panic = "abort"`: there a panic on the host ends the program.)
//!
//! What only `unsafe` can still do (a [`Partition`](partition::Partition) that gives an element to two items,
//! [`set_unchecked`](Out::set_unchecked) to another item's element) is a [`LaunchError::Check`] on the host, in debug builds and
//! in release builds of `GEOBACTER_CHECK=1 cargo geobacter ..`: it names both items and both source lines.
//!
//! # The first launch
//! On a GPU, the first launch of a kernel has its code made, or loads it from the disk cache. `saxpy::prepare(&device)` does that
//! before (for a generic kernel with the generics of the launch, and with its functions and [`Spec`]s: `map::prepare::<f32, _>(&device, f)`),
//! `saxpy::prepare_async(&device)` on a thread of its own; [`prepare_all`] has code made for every kernel of the program, on all
//! cores. `cargo geobacter build --gpu gfx942` puts the code into the program: then nothing is compiled where it runs.
//! ```
//! # use geobacter::prelude::*;
//! # #[kernel(workgroup = 64)]
//! # fn double(item: Item<1>, y: InOut<f32>) {
//! #     y.set(&item, 2.0 * y.get(&item));
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let device = geobacter::device("host")?;
//! let preparation = double::prepare_async(&device);
//! let mut y = device.upload(&[1.0, 2.0])?;
//! preparation.wait()?;
//! double::launch(&device, 2, &mut y)?;
//! # assert_eq!(y.download()?, [2.0, 4.0]);
//! # Ok(())
//! # }
//! ```
//!
//! # Printing
//! An item prints a line with [`println!`], which takes the item first. Lines go to standard output, or to
//! [`Device::on_output`].
//!
//! # Features
//! `host`, `amd` and `sim` are the kinds of device that [`devices`] looks for, all on by default. `allocator-api2` has
//! collections live in memory that a device reaches (`Device::host_allocator`).

mod devices;

pub use bytemuck;
pub use devices::{Absence, DEVICE_VARIABLE, DeviceError, Devices, device, devices, discover};
pub use geobacter_lang::{
    AtomicElement, Atomics, Blocks, Element, Grid, GridShape, In, InOut, InOutSoa, InSoa, Item, KernelArg, Leader,
    LocalItem, Out, OutSoa, PerGroup, PerItem, Private, Rows, Slice, Strided, StructOfArrays, Tile, Varying, Wave,
    WorkItem, Workgroup, atomic, descriptor, instance, partition, println, spec, spec::Spec, table,
};
pub use geobacter_macros::{Element, KernelArg, StructOfArrays, kernel};
pub use geobacter_runtime_core::{
    Device, DeviceBox, DeviceBuffer, DeviceSlice, DeviceVec, DeviceView, DeviceViewMut, Download, Error, Event, Graph,
    GraphBuilder, HostBuffer, HostView, HostViewMut, LaunchError, MemoryPool, MemoryStatistics, OutputLine,
    Preparation, Rect, SoaBuffer, Split, SplitBuffer, Stream,
    check::{CheckFailure, CheckRule, CheckedAccess, CheckedPlace, CheckedUse},
    code::{prepare_all, prepare_all_async},
    driver::{DeviceInfo, DeviceKind, KernelPanic, MemoryKind, OutOfMemory, PanicLocation, Priority},
};

#[cfg(feature = "allocator-api2")]
pub use geobacter_runtime_core::HostAllocator;

// Their names stand in rustc's messages.
pub use geobacter_lang::{
    item::OnlyForOneItem,
    print::Speaker,
    value::{GroupValue, ItemValue},
    workgroup::OnlyAtGroupScope,
};
pub use safe_lds::Shape;
pub use safe_lds::{Collectives, Filled, Lds, LdsAtomics, LdsElement, Together};

/// Half precision numbers, which are [`Element`]s: `half::f16` and `half::bf16`.
///
/// They are computed in single precision and rounded after each operation, on every device alike. In kernels they work only
/// without `half`'s feature `std`, which makes conversions ask the CPU what it can: a crate of yours that depends on `half`
/// itself says `default-features = false`.
pub use half;

/// What a program with kernels needs: `use geobacter::prelude::*;`
pub mod prelude {
    pub use crate::{
        Atomics, Blocks, Collectives, Device, DeviceBox, DeviceBuffer, DeviceSlice, DeviceVec, Element, Event, Filled,
        HostBuffer, In, InOut, InOutSoa, InSoa, Item, KernelArg, Lds, Leader, LocalItem, Out, OutSoa, PerGroup,
        PerItem, Private, Rows, Slice, SoaBuffer, Spec, Stream, Strided, StructOfArrays, Tile, Together, Varying, Wave,
        Workgroup, kernel,
    };
}

/// For the code that `#[kernel]` writes.
#[doc(hidden)]
pub mod __private {
    pub use geobacter_lang as lang;
    pub use geobacter_runtime_core as core;
    pub use safe_lds as lds;
}

/// The README's program is compiled and run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// So are those of the chapter on the kernel language.
#[cfg(doctest)]
#[doc = include_str!("../../docs/LANGUAGE.md")]
struct Language;

/// And of that on work in flight.
#[cfg(doctest)]
#[doc = include_str!("../../docs/STREAMS.md")]
struct Streams;

/// And of that on memory.
#[cfg(doctest)]
#[doc = include_str!("../../docs/MEMORY.md")]
struct Memory;

/// And of that on several devices.
#[cfg(doctest)]
#[doc = include_str!("../../docs/DEVICES.md")]
struct SeveralDevices;

/// And of that on device code.
#[cfg(doctest)]
#[doc = include_str!("../../docs/DEVICECODE.md")]
struct DeviceCode;

/// And of that on what goes wrong.
#[cfg(doctest)]
#[doc = include_str!("../../docs/DIAGNOSTICS.md")]
struct Diagnostics;
