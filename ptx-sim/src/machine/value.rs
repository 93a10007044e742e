//! Values of registers, and how they lie in the register file.

use bytemuck::{Pod, Zeroable};
use half::{bf16, f16};

/// Lanes of a warp.
pub const LANES: usize = 32;

/// A register of 32 bits or less, for all lanes. Wider ones take two or four of them, together one array of wide numbers.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct Row(pub [u32; LANES]);

/// What holds a lane's value.
pub trait Cell: Pod + Default + Send + Sync {
    /// Rows that a register of these takes.
    const ROWS: usize;

    /// The value of low bits.
    fn of_bits(bits: u128) -> Self;

    /// The bits.
    fn bits(self) -> u128;
}

macro_rules! cells {
    ($( $number:ty: $rows:literal; )*) => { $(
        impl Cell for $number {
            const ROWS: usize = $rows;

            fn of_bits(bits: u128) -> Self {
                bits as Self
            }

            fn bits(self) -> u128 {
                u128::from(self)
            }
        }
    )* };
}

cells! { u32: 1; u64: 2; u128: 4; }

/// A type of values.
pub trait Value: Copy + Send + Sync + 'static {
    /// What holds one.
    type Cell: Cell;

    fn of(cell: Self::Cell) -> Self;

    fn cell(self) -> Self::Cell;
}

macro_rules! values {
    ($( $value:ty: $cell:ty, $of:expr, $to:expr; )*) => { $(
        impl Value for $value {
            type Cell = $cell;

            #[inline(always)]
            fn of(cell: $cell) -> Self {
                let of: fn($cell) -> Self = $of;
                of(cell)
            }

            #[inline(always)]
            fn cell(self) -> $cell {
                let to: fn(Self) -> $cell = $to;
                to(self)
            }
        }
    )* };
}

values! {
    u8: u32, |cell| cell as u8, u32::from;
    i8: u32, |cell| cell as i8, |value| u32::from(value as u8);
    u16: u32, |cell| cell as u16, u32::from;
    i16: u32, |cell| cell as i16, |value| u32::from(value as u16);
    u32: u32, |cell| cell, |value| value;
    i32: u32, |cell| cell as i32, |value| value as u32;
    u64: u64, |cell| cell, |value| value;
    i64: u64, |cell| cell as i64, |value| value as u64;
    u128: u128, |cell| cell, |value| value;
    f32: u32, f32::from_bits, f32::to_bits;
    f64: u64, f64::from_bits, f64::to_bits;
    f16: u32, |cell| f16::from_bits(cell as u16), |value| u32::from(value.to_bits());
    bf16: u32, |cell| bf16::from_bits(cell as u16), |value| u32::from(value.to_bits());
}

/// Two values in one register, the first one in the low half.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct X2<T>(pub T, pub T);

impl<T: Copy> X2<T> {
    /// The same of both.
    #[inline(always)]
    pub fn each<D>(self, f: impl Fn(T) -> D) -> X2<D> {
        X2(f(self.0), f(self.1))
    }

    /// The same of both, and of both of another pair.
    #[inline(always)]
    pub fn with<D>(self, other: Self, f: impl Fn(T, T) -> D) -> X2<D> {
        X2(f(self.0, other.0), f(self.1, other.1))
    }
}

macro_rules! pairs {
    ($( $value:ty: $cell:ty, $bits:literal; )*) => { $(
        impl Value for X2<$value> {
            type Cell = $cell;

            #[inline(always)]
            fn of(cell: $cell) -> Self {
                Self(<$value>::of(cell as u32), <$value>::of((cell >> $bits) as u32))
            }

            #[inline(always)]
            fn cell(self) -> $cell {
                <$cell>::from(self.0.cell()) | <$cell>::from(self.1.cell()) << $bits
            }
        }
    )* };
}

pairs! {
    u16: u32, 16;
    i16: u32, 16;
    f16: u32, 16;
    bf16: u32, 16;
    f32: u64, 32;
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Rows of the frame.
    Register(u32),
    /// Rows of the module's constants.
    Constant(u32),
}
