//! What the memory instructions do with the bytes at an address: loads, stores, atomic operations, by name. The chapters
//! "Flat, global and scratch", "Buffer" and "LDS" of the guides.

use super::{
    float::{Format, Number, Round},
    operand::Type::{self, B32, B64, PkBF16, PkF16},
};

/// What is done with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Bytes that are read.
    Load {
        /// How many.
        bytes: usize,
        /// Whether they are extended with their sign.
        signed: bool,
        /// Which half of the register they go to, where the other one stays.
        half: Option<usize>,
    },
    /// Bytes that are written.
    Store {
        /// How many.
        bytes: usize,
        /// Whether they come from the upper half of the register.
        high: bool,
    },
    /// Bytes that are changed.
    Atomic(Atomic),
}

/// An atomic operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Atomic {
    /// What it computes.
    pub change: Change,
    /// The type of what is in memory.
    pub kind: Type,
    /// Whether the old value is returned, where the name says so.
    pub returns: Option<bool>,
}

/// What an atomic operation makes of the old value and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The sum.
    Add,
    /// The old value less the data.
    Sub,
    /// The data less the old value.
    ReverseSub,
    /// The difference, at least zero.
    SubClamp,
    /// The difference, where that is not negative.
    SubConditional,
    /// The smaller or larger one, of integers with a sign or without, or of numbers.
    Extreme {
        /// The larger.
        larger: bool,
        /// With a sign.
        signed: bool,
    },
    /// The same for floating point numbers.
    FloatExtreme {
        /// The larger.
        larger: bool,
    },
    /// Bits of both.
    And,
    /// Bits of one of them.
    Or,
    /// Bits of just one of them.
    Xor,
    /// One more, or zero after the data's value.
    Increment,
    /// One less, or the data's value after zero.
    Decrement,
    /// The data.
    Swap,
    /// The first data where the second is the old value.
    CompareSwap,
    /// The same with the data the other way round.
    CompareStore,
    /// The same for floating point numbers.
    FloatCompareStore,
    /// The old value without the bits of the first data, with those of the second.
    MaskOr,
    /// A sum of floating point numbers.
    FloatAdd,
    /// Two sums.
    PackedAdd,
}

impl Atomic {
    /// How many data it has.
    pub fn data(&self) -> usize {
        use Change::{CompareStore, CompareSwap, FloatCompareStore, MaskOr};
        if matches!(self.change, CompareSwap | CompareStore | FloatCompareStore | MaskOr) { 2 } else { 1 }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        4 * self.kind.words()
    }

    /// The new value; nothing if the guides leave it open.
    pub fn apply(&self, old: u64, data: [u64; 2]) -> Option<u64> {
        let bits = 8 * self.bytes() as u32;
        let mask = u64::MAX >> (64 - bits);
        let signed = |x: u64| (x << (64 - bits)) as i64;
        let [a, b] = data;
        Some(match self.change {
            Change::Add => old.wrapping_add(a) & mask,
            Change::Sub => old.wrapping_sub(a) & mask,
            Change::ReverseSub => a.wrapping_sub(old) & mask,
            Change::SubClamp => old.saturating_sub(a),
            Change::SubConditional => old.checked_sub(a).unwrap_or(old),
            Change::Extreme { larger, signed: true } => {
                if (signed(a) > signed(old)) == larger {
                    a
                } else {
                    old
                }
            }
            Change::Extreme { larger, signed: false } => {
                if (a > old) == larger {
                    a
                } else {
                    old
                }
            }
            Change::And => old & a,
            Change::Or => old | a,
            Change::Xor => old ^ a,
            Change::Increment => {
                if old >= a {
                    0
                } else {
                    old + 1
                }
            }
            Change::Decrement => {
                if old == 0 || old > a {
                    a
                } else {
                    old - 1
                }
            }
            Change::Swap => a,
            Change::CompareSwap => {
                if old == b {
                    a
                } else {
                    old
                }
            }
            Change::CompareStore => {
                if old == a {
                    b
                } else {
                    old
                }
            }
            Change::MaskOr => old & !a | b,
            Change::FloatCompareStore => {
                let format = self.format();
                let same = Number::of(old, format).compare(Number::of(a, format));
                if same == Some(std::cmp::Ordering::Equal) { b } else { old }
            }
            Change::FloatExtreme { larger } => {
                let format = self.format();
                let (x, y) = (Number::of(old, format), Number::of(a, format));
                // Which NaN or zero comes out, and what becomes of denormals, the guides do not say for memory.
                match x.compare(y) {
                    None | Some(std::cmp::Ordering::Equal) if old != a => return None,
                    Some(order) if (order == std::cmp::Ordering::Less) == larger => a,
                    _ => old,
                }
            }
            Change::FloatAdd => sum(old, a, self.format())?,
            Change::PackedAdd => {
                let format = self.format();
                let half = |i: u32| sum(old >> i & 0xffff, a >> i & 0xffff, format);
                half(0)? | half(16)? << 16
            }
        })
    }

    fn format(&self) -> Format {
        self.kind.format().expect("a floating point type")
    }
}

/// A sum in memory. What becomes of NaNs and denormals there, the guides do not say.
fn sum(a: u64, b: u64, format: Format) -> Option<u64> {
    let sum = Number::of(a, format).plus(Number::of(b, format), Round::Even).bits(format, Round::Even);
    let odd = |x| format.is_nan(x) || format.is_denormal(x);
    (!odd(a) && !odd(b) && !odd(sum)).then_some(sum)
}

fn load(bytes: usize) -> Access {
    Access::Load { bytes, signed: false, half: None }
}

fn store(bytes: usize) -> Access {
    Access::Store { bytes, high: false }
}

/// Loads and stores: what follows the prefix of the memory in the names of all generations.
fn plain(rest: &str) -> Option<Access> {
    let signed = |bytes| Access::Load { bytes, signed: true, half: None };
    let half = |bytes, signed, high: bool| Access::Load { bytes, signed, half: Some(usize::from(high)) };
    let high = |bytes| Access::Store { bytes, high: true };
    Some(match rest {
        "load_dword" | "load_b32" | "read_b32" => load(4),
        "load_dwordx2" | "load_b64" | "read_b64" => load(8),
        "load_dwordx3" | "load_b96" | "read_b96" => load(12),
        "load_dwordx4" | "load_b128" | "read_b128" => load(16),
        "load_ubyte" | "load_u8" | "read_u8" => load(1),
        "load_ushort" | "load_u16" | "read_u16" => load(2),
        "load_sbyte" | "load_i8" | "read_i8" => signed(1),
        "load_sshort" | "load_i16" | "read_i16" => signed(2),
        "load_ubyte_d16" | "load_d16_u8" | "read_u8_d16" | "load_u8_d16" => half(1, false, false),
        "load_ubyte_d16_hi" | "load_d16_hi_u8" | "read_u8_d16_hi" | "load_u8_d16_hi" => half(1, false, true),
        "load_sbyte_d16" | "load_d16_i8" | "read_i8_d16" | "load_i8_d16" => half(1, true, false),
        "load_sbyte_d16_hi" | "load_d16_hi_i8" | "read_i8_d16_hi" | "load_i8_d16_hi" => half(1, true, true),
        "load_short_d16" | "load_d16_b16" | "read_u16_d16" | "load_u16_d16" => half(2, false, false),
        "load_short_d16_hi" | "load_d16_hi_b16" | "read_u16_d16_hi" | "load_u16_d16_hi" => half(2, false, true),
        "store_dword" | "store_b32" | "write_b32" => store(4),
        "store_dwordx2" | "store_b64" | "write_b64" => store(8),
        "store_dwordx3" | "store_b96" | "write_b96" => store(12),
        "store_dwordx4" | "store_b128" | "write_b128" => store(16),
        "store_byte" | "store_b8" | "write_b8" => store(1),
        "store_short" | "store_b16" | "write_b16" => store(2),
        "store_byte_d16_hi" | "store_d16_hi_b8" | "write_b8_d16_hi" | "store_b8_d16_hi" => high(1),
        "store_short_d16_hi" | "store_d16_hi_b16" | "write_b16_d16_hi" | "store_b16_d16_hi" => high(2),
        _ => return None,
    })
}

/// An atomic operation: its name without prefix and type, and the type.
fn atomic(name: &str, kind: &str, lds: bool) -> Option<(Change, Type)> {
    let extreme = |larger, signed| Change::Extreme { larger, signed };
    let kind = match kind {
        "" | "u32" | "b32" | "i32" => B32,
        "x2" | "u64" | "b64" | "i64" => B64,
        "f32" => Type::F32,
        "f64" => Type::F64,
        "f16" => PkF16,
        "bf16" => PkBF16,
        _ => return None,
    };
    let float = kind.format().is_some();
    let floating = |kind| if kind == B64 { Type::F64 } else { Type::F32 };
    Some(match name {
        "add" if float => (Change::FloatAdd, kind),
        "pk_add" => (Change::PackedAdd, kind),
        "add" => (Change::Add, kind),
        "sub" => (Change::Sub, kind),
        "rsub" => (Change::ReverseSub, kind),
        "csub" | "sub_clamp" => (Change::SubClamp, kind),
        "cond_sub" => (Change::SubConditional, kind),
        "min" | "min_num" if float => (Change::FloatExtreme { larger: false }, kind),
        "max" | "max_num" if float => (Change::FloatExtreme { larger: true }, kind),
        "fmin" => (Change::FloatExtreme { larger: false }, floating(kind)),
        "fmax" => (Change::FloatExtreme { larger: true }, floating(kind)),
        "smin" => (extreme(false, true), kind),
        "smax" => (extreme(true, true), kind),
        "umin" => (extreme(false, false), kind),
        "umax" => (extreme(true, false), kind),
        "and" => (Change::And, kind),
        "or" => (Change::Or, kind),
        "xor" => (Change::Xor, kind),
        "inc" => (Change::Increment, kind),
        "dec" => (Change::Decrement, kind),
        "swap" | "wrxchg" | "storexchg" => (Change::Swap, kind),
        "cmpswap" if !float => (Change::CompareSwap, kind),
        "cmpstore" if lds && !float => (Change::CompareSwap, kind),
        "cmpst" if lds && float => (Change::FloatCompareStore, kind),
        "cmpst" if lds => (Change::CompareStore, kind),
        "mskor" if lds => (Change::MaskOr, kind),
        _ => return None,
    })
}

/// What an instruction does, of its name without the prefix of the memory.
pub fn access(rest: &str, lds: bool) -> Option<Access> {
    if let Some(plain) = plain(rest) {
        return Some(plain);
    }
    let (name, returns) = if lds {
        let returns = rest.contains("_rtn");
        (rest.replace("_rtn", ""), Some(returns))
    } else {
        (rest.strip_prefix("atomic_")?.to_owned(), None)
    };
    let (base, kind) = match name.rsplit_once('_') {
        Some((base, kind)) if kind.starts_with(|c: char| "ufibx".contains(c)) && kind.len() <= 4 && kind.len() >= 2 => {
            (base.to_owned(), kind.to_owned())
        }
        _ => (name.clone(), String::new()),
    };
    // The names of integers say with `i` and `u` which extreme it is.
    let base = match (base.as_str(), kind.as_bytes().first()) {
        ("min", Some(b'i')) => "smin",
        ("min", Some(b'u')) => "umin",
        ("max", Some(b'i')) => "smax",
        ("max", Some(b'u')) => "umax",
        (base, _) => base,
    };
    let (change, kind) = atomic(base, &kind, lds)?;
    Some(Access::Atomic(Atomic { change, kind, returns }))
}
