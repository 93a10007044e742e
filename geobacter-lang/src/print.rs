//! Lines that work-items print.
//!
//! On the host a line is formatted and goes out at once. A GPU leaves a record of the line's values in a buffer of the launch,
//! and the host formats it when the launch has ended; see the chapter on the language for what can be shown there and what
//! happens when the buffer is full.

use core::fmt;

use crate::{
    intrinsics as gb,
    item::{Item, Leader, LocalItem},
};

/// Prints a line from a work-item: `println!(item, "x = {x}")`. The item comes first, then what `std::println!` takes.
///
/// Lines come out whole, in any order. The item's token is what makes this a thing of item scope: at group scope there is no
/// item, and a line would be printed by each of the group's items on one device and once on another. Use
/// [`once`](crate::Workgroup::once) to print once for a group.
#[macro_export]
macro_rules! println {
    ($item:expr $(,)?) => {
        $crate::print::line(&$item, ::core::format_args!(""))
    };
    ($item:expr, $($message:tt)+) => {
        $crate::print::line(&$item, ::core::format_args!($($message)+))
    };
}

/// Who can print a line: a work-item, by its token or a reference to it. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a work-item",
    label = "only a work-item prints lines",
    note = "an item's token comes first: `println!(item, \"x = {{x}}\")`, inside `wg.each(|item| ..)` or `wg.once(|leader| ..)` where the kernel has a group scope"
)]
pub trait Speaker: sealed::Speaker {}

impl<const D: usize> Speaker for Item<'_, D> {}
impl<const D: usize> Speaker for LocalItem<'_, D> {}
impl<const D: usize> Speaker for Leader<'_, D> {}
impl<S: Speaker> Speaker for &S {}
impl<S: Speaker> Speaker for &mut S {}

mod sealed {
    use super::{Item, Leader, LocalItem};

    pub trait Speaker {
        /// The item's id in its group.
        fn local(&self) -> [u32; 3];
    }

    impl<const D: usize> Speaker for Item<'_, D> {
        #[inline(always)]
        fn local(&self) -> [u32; 3] {
            self.local
        }
    }

    impl<const D: usize> Speaker for LocalItem<'_, D> {
        #[inline(always)]
        fn local(&self) -> [u32; 3] {
            self.item.local
        }
    }

    impl<const D: usize> Speaker for Leader<'_, D> {
        #[inline(always)]
        fn local(&self) -> [u32; 3] {
            self.item.local
        }
    }

    impl<S: Speaker> Speaker for &S {
        #[inline(always)]
        fn local(&self) -> [u32; 3] {
            (**self).local()
        }
    }

    impl<S: Speaker> Speaker for &mut S {
        #[inline(always)]
        fn local(&self) -> [u32; 3] {
            (**self).local()
        }
    }
}

/// What [`println!`](crate::println) calls.
#[doc(hidden)]
#[inline(always)]
pub fn line(item: &impl Speaker, message: fmt::Arguments<'_>) {
    let [x, y, z] = sealed::Speaker::local(item);
    // SAFETY: Rust's own: both types are two words, and every word is a valid pointer to nothing in particular.
    let [template, arguments] = unsafe { core::mem::transmute::<fmt::Arguments<'_>, [*const (); 2]>(message) };
    // SAFETY: the intrinsic's contract: the words are those of a message that lives until the call returns.
    unsafe { gb::__gb_print(x, y, z, template, arguments) }
}
