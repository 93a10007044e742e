//! What can be a kernel's parameter, seen from the device.

use core::marker::PhantomData;

use crate::{
    descriptor::ParamKind,
    element::Element,
    entry::Scope,
    input::{Elements, In, Slice},
    output::{InOut, Out, Slots},
};

/// The type of a kernel's parameter. Implemented for [`Element`]s, `bool`, [`In`], [`Out`], [`InOut`] and [`Slice`], and
/// for [`Captureless`] functions.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a kernel parameter",
    label = "not a kernel parameter",
    note = "parameters are numbers, `bool`, `Element` structs, `In<T>`, `Out<T>`, `InOut<T>`, `Slice<T>`, and functions that capture nothing",
    note = "the `T` of a buffer is an `Element`: plain data; a type parameter needs the bound `T: Element`"
)]
pub trait KernelParam {
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
    /// they say, which stay allocated during `'k` and which nobody else touches against the parameter's kind; for `In`,
    /// `Out` and `InOut`, one for each item of the grid.
    unsafe fn load<'k>(repr: Self::Repr, scope: &'k Scope) -> Self::Loaded<'k>;
}

/// Markers for what a launch passes: type-level [`ParamKind`]s.
pub mod kind {
    use core::marker::PhantomData;

    /// A value.
    pub struct Scalar<T>(PhantomData<T>);
    /// A `bool`.
    pub enum Bool {}
    /// A buffer that is read, one element for each item.
    pub struct In<T>(PhantomData<T>);
    /// A buffer that is written, one element for each item.
    pub struct Out<T>(PhantomData<T>);
    /// A buffer whose elements are read and written by their owner.
    pub struct InOut<T>(PhantomData<T>);
    /// A buffer that is read, of any length.
    pub struct Slice<T>(PhantomData<T>);
    /// A function without captures.
    pub struct Function<F>(PhantomData<F>);
}

/// A buffer in the kernarg segment.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BufferRepr {
    /// Address of the first element, in the device's address space.
    pub pointer: *mut u8,
    /// Number of elements.
    pub length: u64,
}

// SAFETY: plain bytes; what they point to is governed by the handle that is made from them.
unsafe impl Send for BufferRepr {}
// SAFETY: as above.
unsafe impl Sync for BufferRepr {}

impl<T: Element> KernelParam for T {
    type Repr = T;
    type Loaded<'k> = T;
    type Kind = kind::Scalar<T>;
    const KIND: ParamKind = ParamKind::Scalar;
    const ELEMENT_SIZE: u32 = 0;

    #[inline(always)]
    unsafe fn load(repr: T, _scope: &Scope) -> T {
        repr
    }
}

impl KernelParam for bool {
    type Repr = u8;
    type Loaded<'k> = bool;
    type Kind = kind::Bool;
    const KIND: ParamKind = ParamKind::Scalar;
    const ELEMENT_SIZE: u32 = 0;

    #[inline(always)]
    unsafe fn load(repr: u8, _scope: &Scope) -> bool {
        repr != 0
    }
}

macro_rules! buffers {
    ($($name:ident: $field:ident = $inner:ident, $pointer:ty;)*) => { $(
        impl<T: Element> KernelParam for $name<'_, T> {
            type Repr = BufferRepr;
            type Loaded<'k> = $name<'k, T>;
            type Kind = kind::$name<T>;
            const KIND: ParamKind = ParamKind::$name;
            const ELEMENT_SIZE: u32 = size_of::<T>() as u32;

            #[inline(always)]
            unsafe fn load<'k>(repr: BufferRepr, _scope: &'k Scope) -> $name<'k, T> {
                $name {
                    $field: $inner {
                        pointer: repr.pointer as $pointer,
                        length: repr.length as usize,
                        scope: PhantomData,
                    },
                }
            }
        }
    )* };
}
buffers! {
    In: elements = Elements, *const T;
    Slice: elements = Elements, *const T;
    Out: slots = Slots, *mut T;
    InOut: slots = Slots, *mut T;
}

/// A function that captures nothing, as a kernel parameter: a type and no bytes. `#[kernel]` uses it for parameters whose
/// type has an `Fn` bound.
pub struct Captureless<F>(PhantomData<F>);

impl<F: Copy + Send + Sync + 'static> Captureless<F> {
    /// Refuses, at compile time, a function that captures something.
    pub const CHECK: () = assert!(
        size_of::<F>() == 0,
        "a function that is passed to a kernel must not capture anything: pass what it captures as a kernel argument, \
         and pass a function by its name, not as a function pointer"
    );
}

impl<F: Copy + Send + Sync + 'static> KernelParam for Captureless<F> {
    type Repr = [u8; 0];
    type Loaded<'k> = F;
    type Kind = kind::Function<F>;
    const KIND: ParamKind = ParamKind::Function;
    const ELEMENT_SIZE: u32 = 0;

    #[inline(always)]
    unsafe fn load(_repr: [u8; 0], _scope: &Scope) -> F {
        const { Self::CHECK }
        // SAFETY: the type has no bytes (checked above), is `Copy`, `Send` and `Sync`, so a value may appear on any thread any
        // number of times, and it is inhabited: the caller's launch was given one.
        unsafe { core::mem::zeroed() }
    }
}
