//! The types of LLVM IR that the corpus is made over, and how their values lie in memory.

/// A scalar type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    I1,
    I8,
    I16,
    I32,
    I64,
    I128,
    Half,
    Bfloat,
    Float,
    Double,
    /// A generic pointer. The corpus compares pointers as numbers and never follows them.
    Ptr,
}

use Scalar::*;

/// Integers that arithmetic is done on.
pub const INTEGERS: [Scalar; 5] = [I8, I16, I32, I64, I128];
/// Floating-point types.
pub const FLOATS: [Scalar; 4] = [Half, Bfloat, Float, Double];

impl Scalar {
    /// Its name in LLVM IR.
    pub const fn ir(self) -> &'static str {
        match self {
            I1 => "i1",
            I8 => "i8",
            I16 => "i16",
            I32 => "i32",
            I64 => "i64",
            I128 => "i128",
            Half => "half",
            Bfloat => "bfloat",
            Float => "float",
            Double => "double",
            Ptr => "ptr",
        }
    }

    /// Its name in the names of overloaded intrinsics.
    pub const fn mangled(self) -> &'static str {
        match self {
            Half => "f16",
            Bfloat => "bf16",
            Float => "f32",
            Double => "f64",
            Ptr => "p0",
            integer => integer.ir(),
        }
    }

    pub const fn bits(self) -> u32 {
        match self {
            I1 => 1,
            I8 => 8,
            I16 | Half | Bfloat => 16,
            I32 | Float => 32,
            I64 | Double | Ptr => 64,
            I128 => 128,
        }
    }

    pub const fn is_float(self) -> bool {
        matches!(self, Half | Bfloat | Float | Double)
    }

    /// Bits of a float's significand that are stored.
    pub const fn mantissa(self) -> u32 {
        match self {
            Half => 10,
            Bfloat => 7,
            Float => 23,
            Double => 52,
            _ => 0,
        }
    }

    /// All bits of a value.
    pub const fn mask(self) -> u128 {
        u128::MAX >> (128 - self.bits())
    }

    /// The sign bit.
    pub const fn sign(self) -> u128 {
        1 << (self.bits() - 1)
    }

    /// A float's infinity.
    pub const fn infinity(self) -> u128 {
        self.sign() - (1 << self.mantissa())
    }

    /// Whether these bits of a float are no number.
    pub const fn is_nan(self, bits: u128) -> bool {
        self.is_float() && bits & (self.sign() - 1) > self.infinity()
    }

    /// A float's value.
    pub fn to_f64(self, bits: u128) -> f64 {
        match self {
            Half => half::f16::from_bits(bits as u16).to_f64(),
            Bfloat => half::bf16::from_bits(bits as u16).to_f64(),
            Float => f64::from(f32::from_bits(bits as u32)),
            _ => f64::from_bits(bits as u64),
        }
    }

    /// The float nearest to a value.
    pub fn of_f64(self, value: f64) -> u128 {
        match self {
            Half => u128::from(half::f16::from_f64(value).to_bits()),
            Bfloat => u128::from(half::bf16::from_f64(value).to_bits()),
            Float => u128::from((value as f32).to_bits()),
            _ => u128::from(value.to_bits()),
        }
    }
}

/// A scalar or vector type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ty {
    pub scalar: Scalar,
    /// Elements of a vector; 1 for a scalar.
    pub lanes: u32,
}

impl Ty {
    pub const fn scalar(scalar: Scalar) -> Self {
        Self { scalar, lanes: 1 }
    }

    pub const fn vector(scalar: Scalar, lanes: u32) -> Self {
        Self { scalar, lanes }
    }

    /// As many of another scalar.
    pub const fn with(self, scalar: Scalar) -> Self {
        Self { scalar, ..self }
    }

    /// What holds a value of it in memory: a byte for a bit, a number for a pointer.
    pub const fn memory(self) -> Self {
        match self.scalar {
            I1 => self.with(I8),
            Ptr => self.with(I64),
            _ => self,
        }
    }

    /// Its name in LLVM IR.
    pub fn ir(self) -> String {
        match self.lanes {
            1 => self.scalar.ir().to_owned(),
            n => format!("<{n} x {}>", self.scalar.ir()),
        }
    }

    /// Its name in the names of overloaded intrinsics.
    pub fn mangled(self) -> String {
        match self.lanes {
            1 => self.scalar.mangled().to_owned(),
            n => format!("v{n}{}", self.scalar.mangled()),
        }
    }

    /// Bytes of a value.
    pub const fn size(self) -> usize {
        (self.memory().scalar.bits() / 8 * self.lanes) as usize
    }

    /// Bytes from one value to the next in the corpus' arrays.
    pub const fn stride(self) -> usize {
        self.size().next_power_of_two()
    }

    /// The alignment of values in the corpus' arrays.
    pub fn align(self) -> usize {
        self.stride().min(16)
    }

    /// The elements of an array of values.
    pub fn read(self, bytes: &[u8]) -> Vec<Vec<u128>> {
        let size = (self.memory().scalar.bits() / 8) as usize;
        let element = |bytes: &[u8]| {
            let mut wide = [0; 16];
            wide[..size].copy_from_slice(bytes);
            u128::from_le_bytes(wide)
        };
        bytes.chunks(self.stride()).map(|value| value[..self.size()].chunks(size).map(element).collect()).collect()
    }

    /// An array of values.
    pub fn write(self, values: &[Vec<u128>]) -> Vec<u8> {
        let size = (self.memory().scalar.bits() / 8) as usize;
        let mut bytes = Vec::with_capacity(values.len() * self.stride());
        for value in values {
            let end = bytes.len() + self.stride();
            value.iter().for_each(|element| bytes.extend_from_slice(&element.to_le_bytes()[..size]));
            bytes.resize(end, 0);
        }
        bytes
    }
}

/// Elements of vectors, 1 for a scalar.
pub const WIDTHS: [u32; 6] = [1, 2, 3, 4, 8, 16];

/// All scalar types, and all vectors of them.
pub fn everything() -> Vec<Ty> {
    let scalars = [I1, I8, I16, I32, I64, I128, Half, Bfloat, Float, Double, Ptr];
    let all = scalars.into_iter().flat_map(|scalar| WIDTHS.map(|lanes| Ty::vector(scalar, lanes)));
    all.filter(|ty| ty.scalar.bits() * ty.lanes <= 1024).collect()
}
