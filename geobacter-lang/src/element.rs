//! What a device buffer can hold.

use bytemuck::Pod;

/// Plain data that can stand in a device buffer and can be a kernel's argument.
///
/// Numbers and arrays of them are elements. A struct of your own becomes one when it derives `bytemuck::Pod` (which
/// refuses padding, references and pointers) and says `impl Element for MyStruct {}`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can be neither a kernel argument nor an element of a device buffer",
    label = "not plain data",
    note = "buffers reach a kernel as `In<T>` (read, one element for each item), `Out<T>` (written), `InOut<T>` (both) or `Slice<T>` (read, any length)",
    note = "arguments and elements are numbers and arrays of them; a struct needs `#[derive(Clone, Copy, Pod, Zeroable)] #[repr(C)]` and `impl Element for ..`",
    note = "a type parameter needs the bound `T: Element`; a function parameter needs a bound like `F: Fn(f32) -> f32`"
)]
pub trait Element: Pod + Send + Sync {}

macro_rules! elements {
    ($($ty:ty),*) => { $(impl Element for $ty {})* };
}
elements!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64);

impl<T: Element, const N: usize> Element for [T; N] {}
