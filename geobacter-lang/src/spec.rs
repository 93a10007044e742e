//! Specialisation constants: values that a launch fixes and that are constants to the optimiser.
//!
//! A [`Spec`] parameter is given at launch like any value. On a GPU the kernel's code is made for that value: loops over it are
//! unrolled, branches on it vanish, and another value has other code. On the host it is an ordinary value. What the device is
//! ([`platform`], [`wave_size`]) is such a constant, too, and nobody passes it.

use core::{fmt, ops::Deref};

use crate::{
    KernelArg,
    descriptor::ParamKind,
    entry, intrinsics as gb,
    param::{KernelParam, kind},
};

/// A value that can be a specialisation constant: a number, a `bool` or a `char`.
///
/// Not more: each value of it is code of its own, compiled and kept.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a specialisation constant",
    label = "not a number, `bool` or `char`",
    note = "each value of a `Spec` is code of its own: pass what decides how the code looks, one number each, and the rest as an ordinary argument"
)]
pub trait SpecValue: KernelArg + sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! spec_values {
    ($($ty:ty),*) => { $(
        impl sealed::Sealed for $ty {}
        impl SpecValue for $ty {}
    )* };
}
spec_values!(
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    f32,
    f64,
    half::f16,
    half::bf16,
    bool,
    char
);

/// A kernel parameter whose value is a constant in the code for a GPU: `n: Spec<u32>`, read as `*n` or `n.get()`. The launch is
/// given a `u32`.
///
/// ```
/// use geobacter_lang::{In, Item, Out, Slice, spec::Spec};
///
/// /// The loop has a known length on a GPU, and no branch is left of it.
/// fn smooth(item: Item<1>, radius: Spec<u32>, x: Slice<f32>, y: Out<f32>) {
///     let first = item.x().saturating_sub(*radius as usize);
///     let sum = (0..=2 * *radius as usize).filter_map(|i| x.get(first + i)).sum();
///     y.set(&item, sum);
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spec<T: SpecValue>(T);

impl<T: SpecValue> Spec<T> {
    /// The value.
    #[inline(always)]
    pub fn get(self) -> T {
        self.0
    }
}

impl<T: SpecValue> Deref for Spec<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: SpecValue + fmt::Debug> fmt::Debug for Spec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// SAFETY: as for a value: the launch writes what `into_repr` gives, and `load` makes the value of it again. Where the code was made
// for these bytes, it has them instead.
unsafe impl<T: SpecValue> KernelParam for Spec<T> {
    type Repr = T::Repr;
    type Loaded<'k> = Self;
    type Kind = kind::Spec<T>;
    const KIND: ParamKind = ParamKind::Spec;
    const ELEMENT_SIZE: u32 = 0;

    #[inline(always)]
    unsafe fn load(repr: T::Repr, _scope: &entry::Scope) -> Self {
        // SAFETY: the launch wrote what `into_repr` returned (this function's contract).
        Self(unsafe { T::from_repr(repr) })
    }
}

/// What a kernel runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Platform {
    /// The processor that the program runs on.
    Host,
    /// An AMD GPU, or a simulated one.
    AmdGpu,
    /// An NVIDIA GPU, or a simulated one.
    NvidiaGpu,
}

/// What the kernel runs on. A constant in the code for a GPU: `if platform() == Platform::Host { .. }` is not there.
///
/// Both branches must be right for a device all the same: what no device can do is refused before a device is chosen.
#[inline]
pub fn platform() -> Platform {
    match gb::__gb_platform() {
        gb::PLATFORM_AMD_GPU => Platform::AmdGpu,
        gb::PLATFORM_NVIDIA_GPU => Platform::NvidiaGpu,
        _ => Platform::Host,
    }
}

/// Work-items of a [`Wave`](crate::Wave), which a GPU runs in lockstep: 64 or 32 on GPUs, 8 on the host. A constant in the code for
/// a GPU.
#[inline]
pub fn wave_size() -> u32 {
    gb::__gb_wave_size()
}
