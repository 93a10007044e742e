//! What can be a kernel's parameter, seen from the device.

use core::{hint, marker::PhantomData};

use crate::{
    arg::KernelArg,
    atomic::{AtomicElement, Atomics, scope::BufferScope},
    descriptor::ParamKind,
    element::Element,
    entry,
    input::{Elements, In, Slice},
    output::{InOut, Out, Slots},
    workgroup::Workgroup,
};

/// The type of a kernel's parameter. Implemented for [`KernelArg`]s, [`In`], [`Out`], [`InOut`] and [`Slice`], for the
/// structs of arrays of [`soa`](crate::soa), and for [`Captureless`] functions.
///
/// # Safety
/// `Kind` is a kind whose argument at launch leaves bytes for which `load` is right: a launch writes a `Repr` as the kind
/// says, and the entry function passes the same bytes to `load`. `load` gives a handle that lives for `'k` only and that does
/// with the bytes what the kind says.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a kernel parameter",
    label = "not a kernel parameter",
    note = "parameters are buffers (`In<T>`, `Out<T>`, `InOut<T>`, `Slice<T>`), structs of arrays (`InSoa<T>`, `OutSoa<T>`, `InOutSoa<T>`), values that are `KernelArg`, and functions that capture nothing",
    note = "the `T` of a buffer is an `Element`: a number, an array, or a struct with `#[derive(Clone, Copy, Element)]`; a type parameter needs the bound `T: Element`",
    note = "a `KernelArg` is a number, `bool`, `char`, an array of them, or a struct or an enum with `#[derive(Clone, Copy, KernelArg)]`; a type parameter needs the bound `T: KernelArg`",
    note = "`Vec`, `String`, `Box`, `Rc`, references and pointers lead to host memory: upload the data with `device.upload(&values)?` and take `In<T>` or `Slice<T>`"
)]
pub unsafe trait KernelParam {
    /// Its bytes in the kernarg segment: no padding, no references.
    type Repr: Copy;
    /// What the kernel function gets for the time of one work-group.
    type Loaded<'k>;
    /// Says to the runtime what has to be passed at launch: one of the types in [`kind`].
    type Kind;
    /// What stands behind it.
    const KIND: ParamKind;
    /// Size of an element in bytes, for buffers; 0 otherwise.
    const ELEMENT_SIZE: u32;

    /// Makes the parameter from its bytes.
    ///
    /// # Safety
    /// The bytes must be those that the launch wrote for this parameter: for a buffer, the address of as many elements as
    /// they say, which stay allocated during `'k` and which nobody else touches against the parameter's kind; for `In`, one
    /// for each item of the grid; for `Out` and `InOut`, as many as the partition asks for, with its count. A [`Captureless`] function
    /// has passed its `check`.
    unsafe fn load<'k>(repr: Self::Repr, scope: &'k entry::Scope) -> Self::Loaded<'k>;
}

/// LDS of a size that its type tells. Implemented by `safe_lds::Lds`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be shared by a work-group",
    label = "not LDS of a known size",
    note = "write `Lds<[f32; 256]>`, `Lds<[[f32; 16]; 16]>` or `Lds<[[[f32; 4]; 4]; 4]>`; the elements are `Copy + Send + Sync + 'static`"
)]
pub trait WorkgroupShared {
    /// The handle, for the time of one work-group.
    type Handle<'k>;
    /// Its size in bytes.
    const SIZE: u32;
    /// Its alignment in bytes.
    const ALIGN: u32;

    /// A handle to new LDS.
    ///
    /// # Safety
    /// Each place in the source that calls this owns one allocation: it must not be reached again while a handle that it gave
    /// is alive.
    unsafe fn declare<'k, const D: usize>(workgroup: &'k Workgroup<'_, D>) -> Self::Handle<'k>;
}

/// Markers for what a launch passes: type-level [`ParamKind`]s.
pub mod kind {
    use core::marker::PhantomData;

    /// A value.
    pub struct Scalar<T>(PhantomData<T>);
    /// A buffer that is read, one element for each item.
    pub struct In<T>(PhantomData<T>);
    /// A buffer that is written by the owners of its elements, which the partition `P` names.
    pub struct Out<T, P>(PhantomData<(T, P)>);
    /// A buffer whose elements are read and written by their owner.
    pub struct InOut<T, P>(PhantomData<(T, P)>);
    /// A buffer that is read, of any length.
    pub struct Slice<T>(PhantomData<T>);
    /// LDS of a known size: nothing is passed.
    pub enum Lds {}
    /// LDS of which the launch gives the number of elements.
    pub struct LdsSlice<T>(PhantomData<T>);
    /// A buffer of any length that all items change, by atomic operations.
    pub struct Atomics<T>(PhantomData<T>);
    /// A struct of arrays that is read.
    pub struct InSoa<T>(PhantomData<T>);
    /// A struct of arrays that is written.
    pub struct OutSoa<T>(PhantomData<T>);
    /// A struct of arrays that is read and written by its owners.
    pub struct InOutSoa<T>(PhantomData<T>);
    /// A value that is a constant in a device's code.
    pub struct Spec<T>(PhantomData<T>);
    /// A function without captures.
    pub struct Function<F>(PhantomData<F>);
}

/// LDS that is sized at launch, in the kernarg segment.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LdsSliceRepr {
    /// Where it begins in the launch's LDS, in bytes.
    pub offset: u32,
    /// Number of elements.
    pub length: u32,
}

/// A buffer in the kernarg segment.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BufferRepr {
    /// Address of the first element, in the device's address space. Never null, also if there is no element.
    pub pointer: *mut u8,
    /// Number of elements.
    pub length: u64,
}

// SAFETY: rule 2: plain bytes; what they point to is governed by the handle that is made from them.
unsafe impl Send for BufferRepr {}
// SAFETY: as above.
unsafe impl Sync for BufferRepr {}

/// A partitioned buffer in the kernarg segment.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PartitionedRepr {
    /// The buffer.
    pub buffer: BufferRepr,
    /// Elements of one owner.
    pub count: u64,
}

impl From<BufferRepr> for PartitionedRepr {
    /// One element for each item.
    #[inline(always)]
    fn from(buffer: BufferRepr) -> Self {
        Self { buffer, count: 1 }
    }
}

// SAFETY: the launch writes what `into_repr` gives, and `load` makes the value of it again.
unsafe impl<T: KernelArg> KernelParam for T {
    type Repr = T::Repr;
    type Loaded<'k> = T;
    type Kind = kind::Scalar<T>;
    const KIND: ParamKind = ParamKind::Scalar;
    const ELEMENT_SIZE: u32 = 0;

    #[inline(always)]
    unsafe fn load(repr: T::Repr, _scope: &entry::Scope) -> T {
        // SAFETY: the launch wrote what `into_repr` returned (this function's contract).
        unsafe { T::from_repr(repr) }
    }
}

macro_rules! buffers {
    ($($name:ident;)*) => { $(
        // SAFETY: the launch writes address and length of a buffer that it checked for this kind.
        unsafe impl<T: Element> KernelParam for $name<'_, T> {
            type Repr = BufferRepr;
            type Loaded<'k> = $name<'k, T>;
            type Kind = kind::$name<T>;
            const KIND: ParamKind = ParamKind::$name;
            const ELEMENT_SIZE: u32 = size_of::<T>() as u32;

            #[inline(always)]
            unsafe fn load<'k>(repr: BufferRepr, _scope: &'k entry::Scope) -> $name<'k, T> {
                // SAFETY: rule 1: no buffer's address is null. Said here for `Option<&T>`, whose `None` is: it would be compared.
                unsafe { hint::assert_unchecked(!repr.pointer.is_null()) };
                $name {
                    elements: Elements {
                        pointer: repr.pointer as *const T,
                        length: repr.length as usize,
                        scope: PhantomData,
                    },
                }
            }
        }
    )* };
}
buffers! { In; Slice; }

macro_rules! partitioned_buffers {
    ($($name:ident;)*) => { $(
        // SAFETY: the launch writes address, length and count of a buffer that it checked for this kind and partition.
        unsafe impl<T: Element, P: 'static> KernelParam for $name<'_, T, P> {
            type Repr = PartitionedRepr;
            type Loaded<'k> = $name<'k, T, P>;
            type Kind = kind::$name<T, P>;
            const KIND: ParamKind = ParamKind::$name;
            const ELEMENT_SIZE: u32 = size_of::<T>() as u32;

            #[inline(always)]
            unsafe fn load<'k>(repr: PartitionedRepr, _scope: &'k entry::Scope) -> $name<'k, T, P> {
                $name {
                    slots: Slots {
                        pointer: repr.buffer.pointer as *mut T,
                        length: repr.buffer.length as usize,
                        count: repr.count as usize,
                        scope: PhantomData,
                        partition: PhantomData,
                    },
                }
            }
        }
    )* };
}
partitioned_buffers! { Out; InOut; }

// SAFETY: the launch writes address and length of a buffer that it borrows mutably.
unsafe impl<T: AtomicElement, S: BufferScope> KernelParam for Atomics<'_, T, S> {
    type Repr = BufferRepr;
    type Loaded<'k> = Atomics<'k, T, S>;
    type Kind = kind::Atomics<T>;
    const KIND: ParamKind = ParamKind::Atomics;
    const ELEMENT_SIZE: u32 = size_of::<T>() as u32;

    #[inline(always)]
    unsafe fn load<'k>(repr: BufferRepr, _scope: &'k entry::Scope) -> Atomics<'k, T, S> {
        // SAFETY: rule 1: the caller promises a buffer of this length, which only this launch touches, as the kind says by atomic
        // operations alone.
        unsafe { Atomics::new(repr.pointer.cast(), repr.length as usize) }
    }
}

/// A function that captures nothing, as a kernel parameter: a type and no bytes. `#[kernel]` uses it for parameters whose
/// type has an `Fn` bound.
pub struct Captureless<F>(PhantomData<F>);

impl<F: Copy + Send + Sync + 'static> Captureless<F> {
    /// Refuses, at compile time, a function that captures something. The error points to the caller, which `#[kernel]` puts
    /// where the parameter is declared.
    #[track_caller]
    pub const fn check() {
        assert!(
            size_of::<F>() == 0,
            "this function captures something, and a device cannot reach what it captures: pass it as a kernel argument of \
             its own; pass a function by its name, not as a function pointer"
        );
    }
}

// SAFETY: there are no bytes: `check`, which every launch evaluates, has seen to that, and the launch was given a value.
unsafe impl<F: Copy + Send + Sync + 'static> KernelParam for Captureless<F> {
    type Repr = [u8; 0];
    type Loaded<'k> = F;
    type Kind = kind::Function<F>;
    const KIND: ParamKind = ParamKind::Function;
    const ELEMENT_SIZE: u32 = 0;

    #[inline(always)]
    unsafe fn load(_repr: [u8; 0], _scope: &entry::Scope) -> F {
        // SAFETY: this function's contract: the type has no bytes (`launch` evaluates `check` for it), is `Copy`, `Send` and `Sync`, so a value may
        // appear on any thread any number of times, and it is inhabited: the caller's launch was given one.
        unsafe { core::mem::zeroed() }
    }
}
