//! What a device buffer can hold.

use bytemuck::Pod;

use crate::arg::KernelArg;

/// Plain data that can stand in a device buffer, and be a kernel's argument.
///
/// Numbers, `half::f16`, `half::bf16`, `Wrapping` and arrays of elements are elements. A struct of your own becomes one with
/// `#[derive(Clone, Copy, Element)]`, which refuses padding, references and pointers. A struct that derives `bytemuck::Pod`
/// already becomes one with `#[derive(KernelArg)]` and `impl Element for MyStruct {}`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an element of a device buffer",
    label = "not plain data",
    note = "elements are numbers, `f16`, `bf16`, arrays of elements, and structs with `#[derive(Clone, Copy, Element)]`",
    note = "`bool`, `char` and enums have bit patterns that are not values: store a number (`u8`, `u32`) and convert it in the kernel; as an argument they can be passed as they are",
    note = "`Vec`, `String`, `Box`, `Rc`, references and pointers lead to host memory: put the data itself into a buffer",
    note = "a tuple has no defined layout: make it a struct with the derive, or an array; instead of `Option<T>` store a value that means none, or a second buffer",
    note = "a type parameter needs the bound `T: Element`"
)]
pub trait Element: Pod + KernelArg + Send + Sync {}

macro_rules! elements {
    ($($ty:ty),*) => { $(impl Element for $ty {})* };
}
elements!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, half::f16, half::bf16);

impl<T: Element> Element for core::num::Wrapping<T> {}

impl<T: Element, const N: usize> Element for [T; N] {}
