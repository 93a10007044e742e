//! What atomic operations do to a word, wherever it lies (*CDNA 3 ISA*, sections 12.12 and 12.15).

use half::{bf16, f16};

/// The operations on integers, the same for both widths.
macro_rules! integer_operations {
    ($($function:ident: $unsigned:ty, $signed:ty;)*) => { $(
        fn $function(name: &str) -> Option<fn($unsigned, $unsigned) -> $unsigned> {
            Some(match name {
                "swap" => |_, b| b,
                "add" => <$unsigned>::wrapping_add,
                "sub" => <$unsigned>::wrapping_sub,
                "rsub" => |a, b| b.wrapping_sub(a),
                "smin" => |a, b| (a as $signed).min(b as $signed) as $unsigned,
                "umin" => |a, b| a.min(b),
                "smax" => |a, b| (a as $signed).max(b as $signed) as $unsigned,
                "umax" => |a, b| a.max(b),
                "and" => |a, b| a & b,
                "or" => |a, b| a | b,
                "xor" => |a, b| a ^ b,
                "inc" => |a, b| if a >= b { 0 } else { a + 1 },
                "dec" => |a, b| if a == 0 || a > b { b } else { a - 1 },
                "csub" => <$unsigned>::saturating_sub,
                "cond_sub" => |a, b| if a >= b { a - b } else { a },
                _ => return None,
            })
        }
    )* };
}

integer_operations! {
    integer32: u32, i32;
    integer64: u64, i64;
}

/// The operation on 32 bits with this name, without its class and width: old value and operand to new value.
pub fn operation32(name: &str) -> Option<fn(u32, u32) -> u32> {
    Some(match name {
        "add_f32" => |a, b| (f32::from_bits(a) + f32::from_bits(b)).to_bits(),
        "fmin" => |a, b| f32::from_bits(a).min(f32::from_bits(b)).to_bits(),
        "fmax" => |a, b| f32::from_bits(a).max(f32::from_bits(b)).to_bits(),
        "pk_add_f16" => |a, b| {
            let add = |a: u32, b: u32| {
                f16::from_f32(f16::from_bits(a as u16).to_f32() + f16::from_bits(b as u16).to_f32()).to_bits()
            };
            u32::from(add(a, b)) | u32::from(add(a >> 16, b >> 16)) << 16
        },
        "pk_add_bf16" => |a, b| {
            let add = |a: u32, b: u32| {
                bf16::from_f32(bf16::from_bits(a as u16).to_f32() + bf16::from_bits(b as u16).to_f32()).to_bits()
            };
            u32::from(add(a, b)) | u32::from(add(a >> 16, b >> 16)) << 16
        },
        _ => return integer32(name),
    })
}

/// The operation on 64 bits with this name.
pub fn operation64(name: &str) -> Option<fn(u64, u64) -> u64> {
    Some(match name {
        "add_f64" => |a, b| (f64::from_bits(a) + f64::from_bits(b)).to_bits(),
        "min_f64" | "fmin" => |a, b| f64::from_bits(a).min(f64::from_bits(b)).to_bits(),
        "max_f64" | "fmax" => |a, b| f64::from_bits(a).max(f64::from_bits(b)).to_bits(),
        _ => return integer64(name),
    })
}
