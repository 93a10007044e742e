//! Values that a launch passes to a kernel, and the bytes that stand for them in the kernarg segment.
//!
//! A value travels as its [`KernelArg::Repr`]: plain bytes, all of them initialised. So nothing of the host leaks through
//! padding, and no reference or pointer gets through. Numbers, `bool`, `char` and arrays travel as they are. A struct travels
//! as its fields, one after the other and without gaps ([`Packed`]); an enum with data as the number of its variant and then
//! the fields of *all* variants, those of the others zero. A Rust enum's own bytes cannot be sent: which of them are
//! initialised depends on the variant. Side by side is larger than one on top of the other, and in return no byte
//! has two meanings and no code depends on how rustc lays an enum out. Arguments are few, so size matters little.
//!
//! `#[derive(KernelArg)]` writes this from safe code alone.

use core::{marker::PhantomData, num::NonZero};

use bytemuck::{Pod, Zeroable};
use static_assertions::{assert_eq_align, assert_eq_size, assert_not_impl_any};

/// A value that can be passed to a kernel: no reference, no pointer, no padding, nothing to drop.
///
/// Every [`Element`](crate::Element) is one, and so are `bool`, `char`, `NonZero`, `PhantomData` and arrays of arguments. A
/// struct or an enum becomes one with `#[derive(Clone, Copy, KernelArg)]`.
///
/// # Safety
/// If `SAME_BYTES` is true, a value and its `Repr` have the same size, all bytes of a value are initialised, and
/// `into_repr` and `from_repr` do what a transmute does. It is false unless an implementation says otherwise.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a kernel argument",
    label = "cannot be passed to a kernel",
    note = "arguments are numbers, `bool`, `char`, `f16`, `bf16`, arrays of arguments, and structs and enums with `#[derive(Clone, Copy, KernelArg)]`, or with `#[derive(Clone, Copy, Element)]` if they go into buffers, too",
    note = "`Vec`, `String`, `Box`, `Rc`, references and pointers lead to host memory: upload the data with `device.upload(&values)?` and take `In<T>` or `Slice<T>`",
    note = "a tuple or an `Option` has no layout that one could rely on: pass its parts one by one, or make it a struct or an enum of your own with the derive",
    note = "a type parameter needs the bound `T: KernelArg` (`T: Element` for the elements of a buffer); a function needs a bound like `F: Fn(f32) -> f32`"
)]
pub unsafe trait KernelArg: Copy + Send + Sync + 'static {
    /// Its bytes in the kernarg segment.
    type Repr: Pod + Send + Sync;

    /// Whether a value and its `Repr` are the same bytes, so that arrays are copied whole.
    #[doc(hidden)]
    const SAME_BYTES: bool = false;

    /// The bytes of this value.
    fn into_repr(self) -> Self::Repr;

    /// The value of these bytes.
    ///
    /// # Safety
    /// `repr` is what `into_repr` of this type has returned.
    unsafe fn from_repr(repr: Self::Repr) -> Self;
}

/// What stands in an implementation for a type that is its own bytes.
macro_rules! identity {
    () => {
        type Repr = Self;
        const SAME_BYTES: bool = true;

        #[inline(always)]
        fn into_repr(self) -> Self {
            self
        }

        #[inline(always)]
        unsafe fn from_repr(repr: Self) -> Self {
            repr
        }
    };
}

macro_rules! plain {
    ($($ty:ty),*) => { $(
        // SAFETY: `Repr` is the type itself, which is `Pod`: all bytes are initialised, and both functions are the identity.
        unsafe impl KernelArg for $ty {
            identity!();
        }
    )* };
}
plain!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, half::f16, half::bf16);

// SAFETY: as above.
unsafe impl<T: crate::Element> KernelArg for core::num::Wrapping<T> {
    identity!();
}

// SAFETY: a `bool` has the size of a `u8`, one initialised byte that is 0 or 1, and both functions keep it.
unsafe impl KernelArg for bool {
    type Repr = u8;
    const SAME_BYTES: bool = true;

    #[inline(always)]
    fn into_repr(self) -> u8 {
        self.into()
    }

    #[inline(always)]
    unsafe fn from_repr(repr: u8) -> bool {
        repr != 0
    }
}

// SAFETY: a `char` has the size of a `u32`, four initialised bytes, and both functions keep them.
unsafe impl KernelArg for char {
    type Repr = u32;
    const SAME_BYTES: bool = true;

    #[inline(always)]
    fn into_repr(self) -> u32 {
        self.into()
    }

    #[inline(always)]
    unsafe fn from_repr(repr: u32) -> char {
        // SAFETY: the number was a `char` (this function's contract).
        unsafe { char::from_u32_unchecked(repr) }
    }
}

macro_rules! non_zero {
    ($($ty:ty),*) => { $(
        #[diagnostic::do_not_recommend]
        // SAFETY: `NonZero` has the layout of its number, and both functions keep its bytes.
        unsafe impl KernelArg for NonZero<$ty> {
            type Repr = $ty;
            const SAME_BYTES: bool = true;

            #[inline(always)]
            fn into_repr(self) -> $ty {
                self.get()
            }

            #[inline(always)]
            unsafe fn from_repr(repr: $ty) -> Self {
                // SAFETY: the number was not zero (this function's contract).
                unsafe { Self::new_unchecked(repr) }
            }
        }
    )* };
}
non_zero!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

// SAFETY: no bytes on either side.
unsafe impl<T: Send + Sync + 'static> KernelArg for PhantomData<T> {
    type Repr = ();
    const SAME_BYTES: bool = true;

    #[inline(always)]
    fn into_repr(self) {}

    #[inline(always)]
    unsafe fn from_repr((): ()) -> Self {
        Self
    }
}

// SAFETY: arrays have no bytes beside those of their elements, and those are converted one by one, or are the same bytes.
unsafe impl<T: KernelArg, const N: usize> KernelArg for [T; N] {
    type Repr = [T::Repr; N];
    const SAME_BYTES: bool = T::SAME_BYTES;

    #[inline(always)]
    fn into_repr(self) -> [T::Repr; N] {
        if T::SAME_BYTES {
            // SAFETY: same size, and every value of a `Pod` type is valid as long as its bytes are initialised, which those
            // of `T` are (contract of `SAME_BYTES`).
            unsafe { core::mem::transmute_copy(&self) }
        } else {
            self.map(T::into_repr)
        }
    }

    #[inline(always)]
    unsafe fn from_repr(repr: [T::Repr; N]) -> Self {
        if T::SAME_BYTES {
            // SAFETY: a transmute is what `from_repr` does for each element (contract of `SAME_BYTES`). Copied whole, a table
            // stays in the kernarg segment; element by element it would be built up anew for each item.
            unsafe { core::mem::transmute_copy(&repr) }
        } else {
            // SAFETY: each element is what `into_repr` returned (this function's contract).
            repr.map(|repr| unsafe { T::from_repr(repr) })
        }
    }
}

/// Stands before each argument in the kernarg segment: takes no space, and aligns it to 4 bytes, from where a GPU can load a
/// whole wave's copy at once.
#[doc(hidden)]
pub type KernargAlign = [u32; 0];

/// The alignment of an argument's bytes in the kernarg segment.
pub const fn kernarg_align<R>() -> usize {
    if align_of::<R>() > align_of::<KernargAlign>() { align_of::<R>() } else { align_of::<KernargAlign>() }
}

/// Two values without a byte between, before or behind them. Longer rows nest: `Packed(a, Packed(b, Packed(c, ())))`.
///
/// What `#[derive(KernelArg)]` makes of fields. Its alignment is 1, but it begins at a multiple of 4 ([`kernarg_align`]), and
/// where a field then lies at one, too, its load is that of an aligned one.
#[repr(C, packed)]
#[derive(Debug)]
pub struct Packed<A: Copy, B: Copy>(pub A, pub B);

impl<A: Copy, B: Copy> Clone for Packed<A, B> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Copy, B: Copy> Copy for Packed<A, B> {}

// SAFETY: zero is a value of both fields.
unsafe impl<A: Pod, B: Pod> Zeroable for Packed<A, B> {}
// SAFETY: both fields are plain data, and a packed struct has no padding, whatever its fields are.
unsafe impl<A: Pod, B: Pod> Pod for Packed<A, B> {}

/// Refuses, at compile time, a struct with padding: one whose `size` is not the sum of its fields' sizes, `fields`.
///
/// For the derives, in a `const` whose tokens lie where the struct's name does: the error points there.
#[doc(hidden)]
#[track_caller]
pub const fn no_padding(size: usize, fields: usize) {
    // A message in a constant cannot be formatted.
    macro_rules! refuse {
        ($($padding:literal)*) => {
            match size.wrapping_sub(fields) {
                0 => {}
                $($padding => panic!(concat!(
                    "this struct has ", $padding, " padding byte(s), whose content is undefined: add a field `_pad: [u8; ",
                    $padding, "]`, or reorder the fields, those with the largest alignment first"
                )),)*
                _ => panic!(
                    "this struct has padding bytes, whose content is undefined: add a field such as `_pad: [u8; 16]`, or reorder the fields"
                ),
            }
        };
    }
    refuse!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
}

// What `SAME_BYTES` says of these, once more and independently.
assert_eq_size!(bool, u8);
assert_eq_size!(char, u32);
assert_eq_align!(char, u32);
assert_eq_size!(NonZero<u128>, u128);
assert_eq_size!(Packed<u8, Packed<u64, Packed<u16, ()>>>, [u8; 11]);
assert_eq_align!(Packed<u8, Packed<u64, ()>>, u8);
// No impl may be so generous as to let these through.
assert_not_impl_any!(&'static u32: KernelArg);
assert_not_impl_any!(*const u32: KernelArg);
assert_not_impl_any!(fn(u32) -> u32: KernelArg);
assert_not_impl_any!((u32, u32): KernelArg);
assert_not_impl_any!(Option<NonZero<u32>>: KernelArg);
