//! A kernel's launch descriptor, as the archive and the worker's messages carry it.
//!
//! The macro writes the same facts as a constant (`geobacter_lang::LaunchDescriptor`); the spool step reads that constant
//! out of the bitcode, so that a kernel's archive entry cannot disagree with its source.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a launch of a kernel needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelDescriptor {
    /// The kernel function's name, as written.
    pub name: String,
    /// Path of the module that holds it.
    pub module: String,
    /// Source file, as rustc names it.
    pub file: String,
    /// One-based line of the function's name.
    pub line: u32,
    /// One-based column of the function's name.
    pub column: u32,
    /// Dimensions of the grid: 1, 2 or 3.
    pub dimensions: u32,
    /// Work-items of a work-group along x, y and z; 1 beyond `dimensions`.
    pub workgroup: [u32; 3],
    /// The parameters after the item or the work-group, in order.
    pub params: Vec<ParamDescriptor>,
    /// The LDS that the declaration asks for.
    pub lds: Vec<LdsDescriptor>,
    /// What a device may do with the kernel's floating-point arithmetic.
    pub fp: FloatingPoint,
}

/// Bytes of a kernarg segment before the arguments: `geobacter_lang`'s header.
const KERNARG_HEADER: u32 = 16;
/// Alignment of the kernarg segment, in bytes.
pub const KERNARG_ALIGN: u32 = 16;

impl KernelDescriptor {
    /// Where the arguments are in the kernarg segment: each parameter with its offset in bytes, laid out as `repr(C)`.
    pub fn arguments(&self) -> impl Iterator<Item = (u32, &ParamDescriptor)> {
        let mut end = KERNARG_HEADER;
        self.params.iter().map(move |param| {
            let at = end.next_multiple_of(param.align.max(1));
            end = at + param.size;
            (at, param)
        })
    }

    /// Bytes of the explicit part of the kernarg segment.
    pub fn explicit_kernarg_size(&self) -> u32 {
        let end = self.arguments().last().map_or(KERNARG_HEADER, |(at, param)| at + param.size);
        end.next_multiple_of(KERNARG_ALIGN)
    }

    /// Work-items in one work-group.
    pub fn workgroup_items(&self) -> u32 {
        self.workgroup.iter().product()
    }
}

/// One parameter of a kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamDescriptor {
    /// The parameter's name, as written.
    pub name: String,
    /// Its type, as written.
    pub ty: String,
    /// What stands behind it.
    pub kind: ParamKind,
    /// Bytes that it takes in the kernarg segment.
    pub size: u32,
    /// Its alignment in the kernarg segment, in bytes.
    pub align: u32,
    /// Size of one element in bytes, for buffers; 0 otherwise.
    pub element_size: u32,
}

/// LDS of a size that is known when the kernel is compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LdsDescriptor {
    /// The name of the parameter or variable, as written.
    pub name: String,
    /// Its type, as written.
    pub ty: String,
    /// Its size in bytes.
    pub size: u32,
    /// Its alignment in bytes.
    pub align: u32,
}

/// What a device may do with a kernel's floating-point arithmetic. The numbers are those of `geobacter_lang::FloatingPoint`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum FloatingPoint {
    /// Each operation is rounded by itself, as IEEE 754 says.
    #[default]
    Strict = 0,
    /// A multiplication and the addition of its result may be rounded once.
    Contract = 1,
    /// Sums may be taken in another order, divisions become products, and `f32` functions are the device's approximations.
    Fast = 2,
}

impl FloatingPoint {
    /// The option with this number, as the constant descriptor holds it.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Strict, Self::Contract, Self::Fast].into_iter().find(|&option| option as u32 == number)
    }
}

impl fmt::Display for FloatingPoint {
    /// As it is written in `fp(..)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Strict => "strict",
            Self::Contract => "contract",
            Self::Fast => "fast",
        })
    }
}

/// What stands behind a kernel parameter. The numbers are those of `geobacter_lang::ParamKind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u32)]
pub enum ParamKind {
    /// A value, copied into the kernarg segment.
    Scalar = 0,
    /// A device buffer that is read, one element for each work-item.
    In = 1,
    /// A device buffer that is written, one element for each work-item.
    Out = 2,
    /// A device buffer whose elements are read and written by their owner.
    InOut = 3,
    /// A device buffer that is read, of any length.
    Slice = 4,
    /// A function without captures: a type only, no bytes.
    Function = 5,
    /// LDS of a size that is known when the kernel is compiled: no bytes.
    Lds = 6,
    /// LDS whose length a launch gives.
    LdsSlice = 7,
    /// A device buffer of any length that all items change, by atomic operations.
    Atomics = 8,
    /// A value, copied into the kernarg segment, that the code may be made for.
    Spec = 9,
}

impl ParamKind {
    /// The kind with this number, as the constant descriptor holds it.
    pub fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Scalar,
            1 => Self::In,
            2 => Self::Out,
            3 => Self::InOut,
            4 => Self::Slice,
            5 => Self::Function,
            6 => Self::Lds,
            7 => Self::LdsSlice,
            8 => Self::Atomics,
            9 => Self::Spec,
            _ => return None,
        })
    }
}
