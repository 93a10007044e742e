//! The name of an instance.

use core::fmt;

/// What names a function's instance: its symbol. Ids are equal if their symbols are, whichever way they came about.
///
/// As a constant it differs between any two functions of a program. What the assembly of a stock compiler writes is what LLVM makes of
/// the function, and LLVM's pass `mergefunc` may have replaced it by another one that has, instruction for instruction, the same code.
/// Entry functions of different kernels never have: each holds the address of its kernel's descriptor. Two instances of one generic
/// kernel can, say for `u32` and `f32` if it only copies; then either id finds code that does the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct InstanceId(&'static str);

impl InstanceId {
    /// # Safety
    /// `symbol` is the symbol of a function of this program.
    #[doc(hidden)]
    pub const unsafe fn from_symbol(symbol: &'static str) -> Self {
        Self(symbol)
    }

    /// The mangled name, as it stands in the object file.
    pub const fn symbol(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InstanceId").field(&self.0).finish()
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The id of a function or closure, as a constant. Only a compiler with the intrinsic has this function.
///
/// ```
/// # use geobacter_instance::{InstanceId, id_of};
/// fn double<T: core::ops::Add<Output = T> + Copy>(x: T) -> T {
///     x + x
/// }
/// const DOUBLE: InstanceId = id_of(&double::<f32>);
/// assert!(DOUBLE.symbol().contains("double"));
/// assert_ne!(DOUBLE, id_of(&double::<u8>));
/// ```
///
/// Of what is no function there is none:
///
/// ```compile_fail,E0080
/// const INTEGER: geobacter_instance::InstanceId = geobacter_instance::id_of(&1);
/// ```
#[cfg(geobacter_const_instance_ids)]
pub const fn id_of<F>(_: &F) -> InstanceId {
    const { InstanceId(crate::intrinsic::instance_symbol_name::<F>()) }
}

/// The [`InstanceId`] of a function, given its path with all generic arguments.
///
/// It is a constant if [`CONST_IDS`](crate::CONST_IDS).
///
/// ```
/// fn half<T>() {}
/// assert_ne!(geobacter_instance::instance_of!(half::<f32>), geobacter_instance::instance_of!(half::<f64>));
/// ```
///
/// What is no function is refused:
///
/// ```compile_fail
/// const N: u32 = 1;
/// geobacter_instance::instance_of!(N);
/// ```
#[macro_export]
macro_rules! instance_of {
    ($($function:tt)*) => { $crate::__id_by_compiler!($($function)*) };
}

/// The items in it, if [`CONST_IDS`](crate::CONST_IDS); otherwise nothing.
///
/// ```
/// fn half() {}
/// geobacter_instance::with_const_ids! {
///     static HALF: geobacter_instance::InstanceId = geobacter_instance::instance_of!(half);
/// }
/// ```
#[macro_export]
macro_rules! with_const_ids {
    ($($items:tt)*) => { $crate::__if_const_ids!([$($items)*] []); };
}

/// A function that calls [`instance_of!`], and is a `const fn` if [`CONST_IDS`](crate::CONST_IDS): what stands before the `const`, and
/// what behind it. For `#[kernel]`.
#[doc(hidden)]
#[macro_export]
macro_rules! const_with_ids {
    ([$($before:tt)*] [$($function:tt)*]) => {
        $crate::__if_const_ids!([$($before)* const $($function)*] [$($before)* $($function)*]);
    };
}

#[cfg(geobacter_const_instance_ids)]
#[doc(hidden)]
#[macro_export]
macro_rules! __id_by_compiler {
    ($($function:tt)*) => { $crate::id_of(&$($function)*) };
}

#[cfg(not(geobacter_const_instance_ids))]
#[doc(hidden)]
#[macro_export]
macro_rules! __id_by_compiler {
    ($($function:tt)*) => { $crate::instance_record!($($function)*).id() };
}

#[cfg(geobacter_const_instance_ids)]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_const_ids {
    ([$($yes:tt)*] [$($no:tt)*]) => { $($yes)* };
}

#[cfg(not(geobacter_const_instance_ids))]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_const_ids {
    ([$($yes:tt)*] [$($no:tt)*]) => { $($no)* };
}
