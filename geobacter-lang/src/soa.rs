//! Buffers of structs, stored as one array for each field.
//!
//! Where work-items of a wave read the same field of neighbouring structs, that field lies in one piece of memory, and the
//! wave's load touches no byte that nobody asked for. `#[derive(StructOfArrays)]` implements [`StructOfArrays`] for a struct;
//! a kernel takes it as [`InSoa`], [`OutSoa`] or [`InOutSoa`]:
//!
//! ```text
//! #[derive(Clone, Copy, StructOfArrays)]
//! struct Particle { position: [f32; 3], velocity: [f32; 3], mass: f32 }
//!
//! particles: InOutSoa<Particle>     particles.get(&item), particles.set(&item, particle)
//!                                   particles.fields().mass.get(&item)
//! ```
//!
//! Each field's array is a buffer of its own, with the handle that a kernel would get for such a buffer (`In`, `Out` or
//! `InOut`), so that the crate's soundness rule holds for each of them as it stands. In the kernarg segment there is one
//! pointer for each field and one length for all.

use core::fmt;

use crate::{
    descriptor::ParamKind,
    element::Element,
    entry::Scope,
    item::Item,
    param::{BufferRepr, KernelParam, kind},
};

/// A struct that can be stored as one array for each field. Implemented by `#[derive(StructOfArrays)]`.
///
/// # Safety
/// `FIELDS` are the fields' sizes, in the order of `Pointers`. `load_in`, `load_out` and `load_in_out` make of pointer `i`
/// the handle of field `i`, whose elements have that size, and of nothing else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored as a struct of arrays",
    label = "not a struct of elements",
    note = "`InSoa<T>`, `OutSoa<T>` and `InOutSoa<T>` take a struct of your own with `#[derive(Clone, Copy, StructOfArrays)]`, each of whose fields is an `Element`",
    note = "numbers and arrays need no struct of arrays: take `In<T>`, `Out<T>` or `InOut<T>`; a type parameter needs the bound `T: StructOfArrays`"
)]
pub unsafe trait StructOfArrays: Copy + Send + Sync + 'static {
    /// A struct of the same fields, each of them an [`In`](crate::In).
    type In<'k>: Copy + Send + Sync;
    /// A struct of the same fields, each of them an [`Out`](crate::Out).
    type Out<'k>: Send + Sync;
    /// A struct of the same fields, each of them an [`InOut`](crate::InOut).
    type InOut<'k>: Send + Sync;
    /// One pointer for each field.
    #[doc(hidden)]
    type Pointers: Pointers;

    /// The size of each field in bytes, in the order of declaration.
    const FIELDS: &'static [usize];

    /// A value whose bytes are zero.
    #[doc(hidden)]
    fn zeroed() -> Self;

    /// Copies one field of all elements into an array of it.
    #[doc(hidden)]
    fn gather(elements: &[Self], field: usize, array: &mut [u8]);

    /// Copies an array of one field into that field of all elements.
    #[doc(hidden)]
    fn scatter(elements: &mut [Self], field: usize, array: &[u8]);

    /// Handles for reading.
    ///
    /// # Safety
    /// As for [`KernelParam::load`] of an `In`, for each of the pointers.
    #[doc(hidden)]
    unsafe fn load_in<'k>(repr: SoaRepr<Self::Pointers>, scope: &'k Scope) -> Self::In<'k>;

    /// Handles for writing.
    ///
    /// # Safety
    /// As for [`KernelParam::load`] of an `Out`, for each of the pointers.
    #[doc(hidden)]
    unsafe fn load_out<'k>(repr: SoaRepr<Self::Pointers>, scope: &'k Scope) -> Self::Out<'k>;

    /// Handles for both.
    ///
    /// # Safety
    /// As for [`KernelParam::load`] of an `InOut`, for each of the pointers.
    #[doc(hidden)]
    unsafe fn load_in_out<'k>(repr: SoaRepr<Self::Pointers>, scope: &'k Scope) -> Self::InOut<'k>;

    #[doc(hidden)]
    fn read<const D: usize>(fields: &Self::In<'_>, item: &Item<'_, D>) -> Self;

    #[doc(hidden)]
    #[track_caller]
    fn read_at(fields: &Self::In<'_>, index: usize) -> Self;

    #[doc(hidden)]
    fn read_own<const D: usize>(fields: &Self::InOut<'_>, item: &Item<'_, D>) -> Self;

    #[doc(hidden)]
    fn write<const D: usize>(self, fields: &Self::Out<'_>, item: &Item<'_, D>);

    #[doc(hidden)]
    fn write_own<const D: usize>(self, fields: &Self::InOut<'_>, item: &Item<'_, D>);
}

/// `[*mut u8; N]`. Sealed: a [`SoaRepr`] of anything else would go to other threads as well.
#[doc(hidden)]
pub trait Pointers: Copy + sealed::Pointers {
    fn from_fn(pointer: impl FnMut(usize) -> *mut u8) -> Self;
}

impl<const N: usize> Pointers for [*mut u8; N] {
    fn from_fn(pointer: impl FnMut(usize) -> *mut u8) -> Self {
        core::array::from_fn(pointer)
    }
}

mod sealed {
    pub trait Pointers {}
    impl<const N: usize> Pointers for [*mut u8; N] {}
}

/// A struct of arrays in the kernarg segment.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SoaRepr<P> {
    /// Address of each field's array.
    pub pointers: P,
    /// Number of elements of each.
    pub length: u64,
}

// SAFETY: rule 2: plain bytes; what they point to is governed by the handles that are made from them.
unsafe impl<P: Pointers> Send for SoaRepr<P> {}
// SAFETY: as above.
unsafe impl<P: Pointers> Sync for SoaRepr<P> {}

/// The handle of one field.
///
/// # Safety
/// As for [`KernelParam::load`] of `P`.
#[doc(hidden)]
#[inline(always)]
pub unsafe fn field<'k, P: KernelParam<Repr: From<BufferRepr>>>(
    pointer: *mut u8,
    length: u64,
    scope: &'k Scope,
) -> P::Loaded<'k> {
    // SAFETY: this function's contract.
    unsafe { P::load(BufferRepr { pointer, length }.into(), scope) }
}

/// The size of a field in bytes, if there can be an array of it.
#[doc(hidden)]
#[track_caller]
pub const fn field_size<F: Element>() -> usize {
    assert!(size_of::<F>() > 0, "a field of a struct of arrays has at least one byte");
    assert!(align_of::<F>() <= 256, "a field of a struct of arrays is aligned to at most 256 bytes");
    size_of::<F>()
}

/// Copies one field of all elements into an array of it.
#[doc(hidden)]
pub fn gather<S, F: Element>(elements: &[S], array: &mut [u8], field: impl Fn(&S) -> F) {
    for (element, bytes) in elements.iter().zip(array.chunks_exact_mut(size_of::<F>())) {
        bytes.copy_from_slice(bytemuck::bytes_of(&field(element)));
    }
}

/// Copies an array of one field into that field of all elements.
#[doc(hidden)]
pub fn scatter<S, F: Element>(elements: &mut [S], array: &[u8], set: impl Fn(&mut S, F)) {
    for (element, bytes) in elements.iter_mut().zip(array.chunks_exact(size_of::<F>())) {
        set(element, bytemuck::pod_read_unaligned(bytes));
    }
}

/// Structs that are read, one for each work-item, stored as one array for each field.
pub struct InSoa<'k, T: StructOfArrays> {
    fields: T::In<'k>,
    length: usize,
}

/// Structs that are written, one for each work-item, stored as one array for each field. What stood there cannot be read.
pub struct OutSoa<'k, T: StructOfArrays> {
    fields: T::Out<'k>,
    length: usize,
}

/// Structs that are read and written by their owner, one for each work-item, stored as one array for each field.
pub struct InOutSoa<'k, T: StructOfArrays> {
    fields: T::InOut<'k>,
    length: usize,
}

impl<T: StructOfArrays> Clone for InSoa<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: StructOfArrays> Copy for InSoa<'_, T> {}

impl<T: StructOfArrays> InSoa<'_, T> {
    /// Reads the item's struct. Fields that are not used are not loaded.
    #[inline(always)]
    pub fn get<const D: usize>(&self, item: &Item<'_, D>) -> T {
        T::read(&self.fields, item)
    }

    /// Reads any struct.
    ///
    /// # Panics
    /// If there are not that many.
    #[inline(always)]
    #[track_caller]
    pub fn at(&self, index: usize) -> T {
        T::read_at(&self.fields, index)
    }
}

impl<T: StructOfArrays> OutSoa<'_, T> {
    /// Writes the item's struct.
    #[inline(always)]
    pub fn set<const D: usize>(&self, item: &Item<'_, D>, value: T) {
        value.write(&self.fields, item);
    }
}

impl<T: StructOfArrays> InOutSoa<'_, T> {
    /// Reads the item's struct. Fields that are not used are not loaded.
    #[inline(always)]
    pub fn get<const D: usize>(&self, item: &Item<'_, D>) -> T {
        T::read_own(&self.fields, item)
    }

    /// Writes the item's struct.
    #[inline(always)]
    pub fn set<const D: usize>(&self, item: &Item<'_, D>, value: T) {
        value.write_own(&self.fields, item);
    }
}

macro_rules! parameters {
    ($($name:ident: $handle:ident, $load:ident, $element:literal;)*) => { $(
        impl<'k, T: StructOfArrays> $name<'k, T> {
            #[doc = concat!("The fields, each of them ", $element, ".")]
            #[inline(always)]
            pub fn fields(&self) -> &T::$handle<'k> {
                &self.fields
            }

            /// Number of structs: as many as the grid has items.
            #[inline(always)]
            #[expect(clippy::len_without_is_empty, reason = "a grid has at least one item, so it is never empty")]
            pub fn len(&self) -> usize {
                self.length
            }
        }

        impl<T: StructOfArrays> fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("len", &self.len()).finish()
            }
        }

        // SAFETY: the launch writes the address of each field's array, which it checked as it does a buffer of this kind.
        unsafe impl<T: StructOfArrays> KernelParam for $name<'_, T> {
            type Repr = SoaRepr<T::Pointers>;
            type Loaded<'k> = $name<'k, T>;
            type Kind = kind::$name<T>;
            const KIND: ParamKind = ParamKind::$handle;
            const ELEMENT_SIZE: u32 = total(T::FIELDS);

            #[inline(always)]
            unsafe fn load<'k>(repr: Self::Repr, scope: &'k Scope) -> $name<'k, T> {
                // SAFETY: the launch checked and wrote an array for each field (this function's contract).
                $name { fields: unsafe { T::$load(repr, scope) }, length: repr.length as usize }
            }
        }
    )* };
}
parameters! {
    InSoa: In, load_in, "an [`In`](crate::In)";
    OutSoa: Out, load_out, "an [`Out`](crate::Out)";
    InOutSoa: InOut, load_in_out, "an [`InOut`](crate::InOut)";
}

const fn total(sizes: &[usize]) -> u32 {
    let (mut sum, mut i) = (0, 0);
    while i < sizes.len() {
        sum += sizes[i];
        i += 1;
    }
    sum as u32
}
