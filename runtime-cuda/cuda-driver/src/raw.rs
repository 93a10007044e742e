//! Enumerations of C as C passes them: as numbers.

use core::{
    ffi::c_uint,
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
};

use crate::sys::{CUdevice_attribute, CUfunction_attribute, CUjitInputType, CUlimit, CUresult};

/// An enumeration of `cuda.h`.
pub trait Enumeration: Copy {
    /// The number that stands for the variant.
    fn number(self) -> c_uint;
}

macro_rules! enumerations {
    ($($ty:ty)*) => { $(
        impl Enumeration for $ty {
            fn number(self) -> c_uint {
                self as c_uint
            }
        }
    )* };
}
enumerations!(CUresult CUdevice_attribute CUfunction_attribute CUjitInputType CUlimit);

/// A value of the C enumeration `E`, which may be one that `E`'s Rust form has no variant for.
///
/// In memory and in a call it is what a C compiler makes of the enumeration, an `unsigned int`.
#[repr(transparent)]
pub struct Raw<E> {
    number: c_uint,
    enumeration: PhantomData<E>,
}

impl<E> Raw<E> {
    /// The value that this number stands for.
    pub const fn new(number: c_uint) -> Self {
        Self { number, enumeration: PhantomData }
    }

    /// The number.
    pub const fn number(self) -> c_uint {
        self.number
    }
}

impl<E> Clone for Raw<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Raw<E> {}

impl<E: Enumeration> From<E> for Raw<E> {
    fn from(variant: E) -> Self {
        Self::new(variant.number())
    }
}

impl<E> PartialEq for Raw<E> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<E> Eq for Raw<E> {}

impl<E: Enumeration> PartialEq<E> for Raw<E> {
    fn eq(&self, variant: &E) -> bool {
        self.number == variant.number()
    }
}

impl<E> Hash for Raw<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl<E> fmt::Debug for Raw<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = core::any::type_name::<E>();
        write!(f, "{}({})", name.rsplit("::").next().unwrap_or(name), self.number)
    }
}
