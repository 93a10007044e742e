//! The launch descriptor: what a kernel's declaration says, as a constant.
//!
//! `#[kernel]` writes one for each kernel instance. The runtime checks launches against it, and the spool step reads the
//! same constant out of the bitcode (`respool::spool::descriptor` knows this layout), so both are `repr(C)`.

/// What a kernel's declaration says.
#[repr(C)]
#[derive(Debug, PartialEq, Eq)]
pub struct LaunchDescriptor {
    /// The function's name.
    pub name: &'static str,
    /// Path of the module that holds it.
    pub module: &'static str,
    /// Source file, as rustc names it.
    pub file: &'static str,
    /// The parameters after the item or the work-group, in order.
    pub params: &'static [ParamDescriptor],
    /// The LDS that the declaration asks for: parameters and declarations in the body. What is sized at launch stands among
    /// the parameters only.
    pub lds: &'static [LdsDescriptor],
    /// One-based line of the function's name.
    pub line: u32,
    /// One-based column of the function's name.
    pub column: u32,
    /// Dimensions of the grid: 1, 2 or 3.
    pub dimensions: u32,
    /// Work-items of a work-group along x, y and z; 1 beyond `dimensions`.
    pub workgroup: [u32; 3],
    /// What a device may do with the kernel's floating-point arithmetic.
    pub fp: FloatingPoint,
}

/// What a device may do with a kernel's floating-point arithmetic: the option `fp`. On the host it means nothing.
#[repr(u32)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FloatingPoint {
    /// Each operation is rounded by itself, as IEEE 754 says.
    #[default]
    Strict = 0,
    /// A multiplication and the addition of its result may be rounded once.
    Contract = 1,
    /// Sums may be taken in another order, divisions become products, and `f32` functions are the device's approximations.
    Fast = 2,
}

/// One parameter of a kernel.
#[repr(C)]
#[derive(Debug, PartialEq, Eq)]
pub struct ParamDescriptor {
    /// Its name.
    pub name: &'static str,
    /// Its type, as written.
    pub ty: &'static str,
    /// What stands behind it.
    pub kind: ParamKind,
    /// Bytes in the kernarg segment.
    pub size: u32,
    /// Alignment in the kernarg segment, in bytes.
    pub align: u32,
    /// Size of one element in bytes, for buffers; 0 otherwise.
    pub element_size: u32,
}

/// LDS of a size that is known when the kernel is compiled.
#[repr(C)]
#[derive(Debug, PartialEq, Eq)]
pub struct LdsDescriptor {
    /// The name of the parameter or variable.
    pub name: &'static str,
    /// Its type, as written.
    pub ty: &'static str,
    /// Its size in bytes.
    pub size: u32,
    /// Its alignment in bytes.
    pub align: u32,
}

/// What stands behind a kernel parameter.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
