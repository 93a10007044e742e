//! What all items may change at once: buffers of atomics.
//!
//! Every operation is atomic, takes the item's token (what it gives may differ between items, so it has no place at group
//! scope), and is *relaxed*: it orders nothing but itself. That is enough for all that safe code can do with it, since no
//! other memory is shared between items but LDS, which has barriers. Its *scope* says who sees it as atomic: see [`scope`].
//!
//! The operations are intrinsics, `__gb_atomic_<operation>_<type>_<scope>`. An atomic instruction in a kernel that does not
//! come from here (`core::sync::atomic`, a `Mutex`) is a build error.

use core::{fmt, marker::PhantomData, ops::Index, ptr, slice};

use crate::{element::Element, item::WorkItem};
use scope::{BufferScope, Scope};

/// Who sees an operation as atomic.
pub mod scope {
    /// One of the scopes.
    pub trait Scope: sealed::Scope {}

    /// The items of one work-group.
    #[derive(Clone, Copy, Debug)]
    pub enum Workgroup {}

    /// All items of the device.
    #[derive(Clone, Copy, Debug)]
    pub enum Device {}

    /// All devices, and the host.
    #[derive(Clone, Copy, Debug)]
    pub enum System {}

    /// A scope of operations on a buffer, which all work-groups of a launch share.
    #[diagnostic::on_unimplemented(
        message = "operations of the scope `{Self}` are not atomic on a buffer",
        label = "a buffer is shared by all work-groups",
        note = "for a buffer, `Atomics<T>`, the scope is `Device` or `System`; `Workgroup` is the scope of atomics in LDS"
    )]
    pub trait BufferScope: Scope {}

    impl BufferScope for Device {}
    impl BufferScope for System {}

    impl Scope for Workgroup {}
    impl Scope for Device {}
    impl Scope for System {}

    pub(crate) mod sealed {
        /// The scope as a value.
        #[derive(Clone, Copy)]
        pub enum Which {
            Workgroup,
            Device,
            System,
        }

        pub trait Scope {
            const WHICH: Which;
        }

        impl Scope for super::Workgroup {
            const WHICH: Which = Which::Workgroup;
        }

        impl Scope for super::Device {
            const WHICH: Which = Which::Device;
        }

        impl Scope for super::System {
            const WHICH: Which = Which::System;
        }
    }
}

/// A number that devices change atomically: `u32`, `i32`, `u64`, `i64`, `f32`, `f64`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no atomic operations",
    label = "not an atomic number",
    note = "devices have atomic operations on `u32`, `i32`, `u64`, `i64`, `f32` and `f64`"
)]
pub trait AtomicElement: Element + sealed::Operations {}

/// An integer that devices change atomically.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no atomic bit operations",
    label = "not an integer that devices change atomically",
    note = "`fetch_and`, `fetch_or` and `fetch_xor` are for `u32`, `i32`, `u64` and `i64`"
)]
pub trait AtomicInteger: AtomicElement + sealed::Bits {}

/// A device buffer of any length that all items may change, by atomic operations.
///
/// Pass `&mut buffer` at launch. `S` is the scope of the operations: all items of the device, unless it says otherwise.
pub struct Atomics<'k, T, S: BufferScope = scope::Device> {
    pointer: *mut T,
    length: usize,
    elements: PhantomData<&'k mut [T]>,
    scope: PhantomData<fn(S)>,
}

// SAFETY: rule 1: the launch borrows the buffer mutably, so it is reached through this handle alone, and everything that a
// handle does to the elements is atomic.
unsafe impl<T: AtomicElement, S: BufferScope> Send for Atomics<'_, T, S> {}
// SAFETY: as above.
unsafe impl<T: AtomicElement, S: BufferScope> Sync for Atomics<'_, T, S> {}

/// One number that several items may change: an element of [`Atomics`], or of LDS.
pub struct Atomic<'a, T, S> {
    pointer: *mut T,
    /// Whether nobody touches the element between two steps of one item, so that an ordinary operation is an atomic one.
    sequential: bool,
    of: PhantomData<&'a [T]>,
    scope: PhantomData<fn(S)>,
}

// SAFETY: rule 2: everything it does to the element is atomic, or asks for an item's token, which stays on its thread.
unsafe impl<T: AtomicElement, S> Send for Atomic<'_, T, S> {}
// SAFETY: as above.
unsafe impl<T: AtomicElement, S> Sync for Atomic<'_, T, S> {}

impl<T: AtomicElement, S: BufferScope> Atomics<'_, T, S> {
    /// # Safety
    /// `pointer` is that of `length` elements, which live as long as the handle does and which nobody touches meanwhile but
    /// by atomic operations of this scope or a wider one.
    #[inline(always)]
    #[doc(hidden)]
    pub unsafe fn new(pointer: *mut T, length: usize) -> Self {
        Self { pointer, length, elements: PhantomData, scope: PhantomData }
    }

    /// Number of elements.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The element at an index.
    ///
    /// # Panics
    /// If there is no such element.
    #[inline(always)]
    #[track_caller]
    pub fn at(&self, index: usize) -> Atomic<'_, T, S> {
        // A slice of nothing, for its bounds check and that check's message.
        // SAFETY: Rust's own: a dangling pointer is right for elements without a size.
        let () = unsafe { slice::from_raw_parts(ptr::dangling::<()>(), self.length) }[index];
        // SAFETY: rule 1: there are as many elements as the length says, and the index was checked.
        Atomic { pointer: unsafe { self.pointer.add(index) }, sequential: false, scope: PhantomData, of: PhantomData }
    }
}

impl<T: AtomicElement, S: Scope> Atomic<'_, T, S> {
    /// For LDS.
    ///
    /// # Safety
    /// `pointer` is that of an element which lives as long as the result does, and which nobody touches meanwhile but by
    /// atomic operations of this scope or a wider one; if `sequential`, nobody between two steps of one item.
    #[inline(always)]
    #[doc(hidden)]
    pub unsafe fn new(pointer: *mut T, sequential: bool) -> Self {
        Self { pointer, sequential, scope: PhantomData, of: PhantomData }
    }

    /// The value, some time during the launch.
    #[inline(always)]
    pub fn load(&self, _item: &impl WorkItem) -> T {
        // SAFETY: contract of `Atomics::new` and `Atomic::new`: the element lives and is touched by atomic operations alone; if it
        // is `sequential`, the token is the only one that is in use, by rule 2. So for all below.
        unsafe { T::load::<S>(self.sequential, self.pointer) }
    }

    /// Sets the value.
    #[inline(always)]
    pub fn store(&self, _item: &impl WorkItem, value: T) {
        // SAFETY: as for `load`.
        unsafe { T::store::<S>(self.sequential, self.pointer, value) };
    }

    /// Sets the value, and gives the one before.
    #[inline(always)]
    pub fn exchange(&self, _item: &impl WorkItem, value: T) -> T {
        // SAFETY: as for `load`.
        unsafe { T::exchange::<S>(self.sequential, self.pointer, value) }
    }

    /// Sets the value to `new` if it is `current`, bit for bit. `Ok` with the value before if it was, `Err` with it if not.
    ///
    /// # Errors
    /// The value, if it was not `current`.
    #[inline(always)]
    pub fn compare_exchange(&self, _item: &impl WorkItem, current: T, new: T) -> Result<T, T> {
        // SAFETY: as for `load`.
        let was = unsafe { T::exchange_if::<S>(self.sequential, self.pointer, current, new) };
        if T::same_bits(was, current) { Ok(was) } else { Err(was) }
    }

    /// Adds, wrapping around for integers, and gives the value before.
    #[inline(always)]
    pub fn fetch_add(&self, _item: &impl WorkItem, value: T) -> T {
        // SAFETY: as for `load`.
        unsafe { T::add::<S>(self.sequential, self.pointer, value) }
    }

    /// Takes the smaller of the two, and gives the value before. Of a number and a NaN it is the number.
    #[inline(always)]
    pub fn fetch_min(&self, _item: &impl WorkItem, value: T) -> T {
        // SAFETY: as for `load`.
        unsafe { T::min::<S>(self.sequential, self.pointer, value) }
    }

    /// Takes the larger of the two, and gives the value before. Of a number and a NaN it is the number.
    #[inline(always)]
    pub fn fetch_max(&self, _item: &impl WorkItem, value: T) -> T {
        // SAFETY: as for `load`.
        unsafe { T::max::<S>(self.sequential, self.pointer, value) }
    }
}

impl<T: AtomicInteger, S: Scope> Atomic<'_, T, S> {
    /// Bitwise and; gives the value before.
    #[inline(always)]
    pub fn fetch_and(&self, _item: &impl WorkItem, value: T) -> T {
        // SAFETY: as for `load`.
        unsafe { T::and::<S>(self.sequential, self.pointer, value) }
    }

    /// Bitwise or; gives the value before.
    #[inline(always)]
    pub fn fetch_or(&self, _item: &impl WorkItem, value: T) -> T {
        // SAFETY: as for `load`.
        unsafe { T::or::<S>(self.sequential, self.pointer, value) }
    }

    /// Bitwise exclusive or; gives the value before.
    #[inline(always)]
    pub fn fetch_xor(&self, _item: &impl WorkItem, value: T) -> T {
        // SAFETY: as for `load`.
        unsafe { T::xor::<S>(self.sequential, self.pointer, value) }
    }
}

/// Never implemented: `counts[i]` on [`Atomics`] is an error, and this is what words it.
#[diagnostic::on_unimplemented(
    message = "the elements of `Atomics` are reached with `at`",
    label = "not by index",
    note = "any item may change them at any time: `counts.at(i).load(&item)` reads one, `counts.at(i).fetch_add(&item, 1)` changes it"
)]
#[doc(hidden)]
pub trait IndexOfAtomics {
    fn never<'a, T>(self) -> &'a T;
}

#[doc(hidden)]
impl<T, S: BufferScope, I: IndexOfAtomics> Index<I> for Atomics<'_, T, S> {
    type Output = T;

    fn index(&self, index: I) -> &T {
        index.never()
    }
}

impl<T, S: BufferScope> fmt::Debug for Atomics<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Atomics").field("len", &self.length).finish()
    }
}

impl<T, S> fmt::Debug for Atomic<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Atomic").finish_non_exhaustive()
    }
}

mod sealed {
    use core::ops::Add;

    use super::scope::{Scope, sealed::Which};

    macro_rules! operations {
        ($name:ident: $($operation:ident($($arg:ident),*);)*) => {
            /// # Safety
            /// Of every function: the pointer is that of an aligned element, which lives and which nobody touches meanwhile but by
            /// atomic operations; if `sequential`, nobody until the function returns.
            pub trait $name: Copy {
                $( unsafe fn $operation<S: Scope>(sequential: bool, pointer: *mut Self $(, $arg: Self)*) -> Self; )*
            }
        };
    }

    pub trait Comparable: Copy {
        fn same_bits(a: Self, b: Self) -> bool;
    }

    pub trait Operations: Arithmetic + Comparable {}

    operations! { Arithmetic:
        load();
        store(value);
        exchange(value);
        exchange_if(current, new);
        add(value);
        min(value);
        max(value);
    }

    operations! { Bits:
        and(value);
        or(value);
        xor(value);
    }

    macro_rules! implement {
        ($name:ident for $ty:ident: $($operation:ident($($arg:ident),*) = $intrinsic:literal, |$was:ident| $becomes:expr;)*) => {
            impl $name for $ty {
                $(
                    #[inline(always)]
                    unsafe fn $operation<S: Scope>(sequential: bool, pointer: *mut Self $(, $arg: Self)*) -> Self {
                        unsafe extern "C" {
                            #[link_name = concat!("__gb_atomic_", $intrinsic, "_", stringify!($ty), "_workgroup")]
                            fn workgroup(pointer: *mut $ty $(, $arg: $ty)*) -> $ty;
                            #[link_name = concat!("__gb_atomic_", $intrinsic, "_", stringify!($ty), "_device")]
                            fn device(pointer: *mut $ty $(, $arg: $ty)*) -> $ty;
                            #[link_name = concat!("__gb_atomic_", $intrinsic, "_", stringify!($ty), "_system")]
                            fn system(pointer: *mut $ty $(, $arg: $ty)*) -> $ty;
                        }
                        if sequential {
                            // SAFETY: this function's contract: nobody else touches the element meanwhile.
                            unsafe {
                                let $was = pointer.read();
                                pointer.write($becomes);
                                return $was;
                            }
                        }
                        // SAFETY: this function's contract is the intrinsics'.
                        unsafe {
                            match S::WHICH {
                                Which::Workgroup => workgroup(pointer $(, $arg)*),
                                Which::Device => device(pointer $(, $arg)*),
                                Which::System => system(pointer $(, $arg)*),
                            }
                        }
                    }
                )*
            }
        };
    }

    macro_rules! numbers {
        ($add:ident: $($ty:ident),*) => { $(
            implement! { Arithmetic for $ty:
                load() = "load", |was| was;
                store(value) = "store", |was| value;
                exchange(value) = "exchange", |was| value;
                exchange_if(current, new) = "exchangeif", |was| if Self::same_bits(was, current) { new } else { was };
                add(value) = "add", |was| was.$add(value);
                min(value) = "min", |was| was.min(value);
                max(value) = "max", |was| was.max(value);
            }
            impl Operations for $ty {}
            impl super::AtomicElement for $ty {}
        )* };
    }
    numbers!(wrapping_add: u32, i32, u64, i64);
    numbers!(add: f32, f64);

    macro_rules! integers {
        ($($ty:ident),*) => { $(
            implement! { Bits for $ty:
                and(value) = "and", |was| was & value;
                or(value) = "or", |was| was | value;
                xor(value) = "xor", |was| was ^ value;
            }
            impl Comparable for $ty {
                #[inline(always)]
                fn same_bits(a: Self, b: Self) -> bool {
                    a == b
                }
            }
            impl super::AtomicInteger for $ty {}
        )* };
    }
    integers!(u32, i32, u64, i64);

    macro_rules! floats {
        ($($ty:ident),*) => { $(
            impl Comparable for $ty {
                #[inline(always)]
                fn same_bits(a: Self, b: Self) -> bool {
                    a.to_bits() == b.to_bits()
                }
            }
        )* };
    }
    floats!(f32, f64);
}
