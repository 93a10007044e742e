//! What atomic operations do to a word, wherever it lies (*CDNA 3 ISA*, sections 12.12 and 12.15).

use half::f16;

/// The operation on 32 bits with this name, without its class and width: old value and operand to new value.
pub fn operation32(name: &str) -> Option<fn(u32, u32) -> u32> {
    Some(match name {
        "swap" => |_, b| b,
        "add" => u32::wrapping_add,
        "sub" => u32::wrapping_sub,
        "rsub" => |a, b| b.wrapping_sub(a),
        "smin" => |a, b| (a as i32).min(b as i32) as u32,
        "umin" => |a, b| a.min(b),
        "smax" => |a, b| (a as i32).max(b as i32) as u32,
        "umax" => |a, b| a.max(b),
        "and" => |a, b| a & b,
        "or" => |a, b| a | b,
        "xor" => |a, b| a ^ b,
        "inc" => |a, b| if a >= b { 0 } else { a + 1 },
        "dec" => |a, b| if a == 0 || a > b { b } else { a - 1 },
        "add_f32" => |a, b| (f32::from_bits(a) + f32::from_bits(b)).to_bits(),
        "fmin" => |a, b| f32::from_bits(a).min(f32::from_bits(b)).to_bits(),
        "fmax" => |a, b| f32::from_bits(a).max(f32::from_bits(b)).to_bits(),
        "pk_add_f16" => |a, b| {
            let add = |a: u32, b: u32| {
                f16::from_f32(f16::from_bits(a as u16).to_f32() + f16::from_bits(b as u16).to_f32()).to_bits()
            };
            u32::from(add(a, b)) | u32::from(add(a >> 16, b >> 16)) << 16
        },
        _ => return None,
    })
}

/// The operation on 64 bits with this name.
pub fn operation64(name: &str) -> Option<fn(u64, u64) -> u64> {
    Some(match name {
        "swap" => |_, b| b,
        "add" => u64::wrapping_add,
        "sub" => u64::wrapping_sub,
        "rsub" => |a, b| b.wrapping_sub(a),
        "smin" => |a, b| (a as i64).min(b as i64) as u64,
        "umin" => |a, b| a.min(b),
        "smax" => |a, b| (a as i64).max(b as i64) as u64,
        "umax" => |a, b| a.max(b),
        "and" => |a, b| a & b,
        "or" => |a, b| a | b,
        "xor" => |a, b| a ^ b,
        "inc" => |a, b| if a >= b { 0 } else { a + 1 },
        "dec" => |a, b| if a == 0 || a > b { b } else { a - 1 },
        "add_f64" => |a, b| (f64::from_bits(a) + f64::from_bits(b)).to_bits(),
        "min_f64" => |a, b| f64::from_bits(a).min(f64::from_bits(b)).to_bits(),
        "max_f64" => |a, b| f64::from_bits(a).max(f64::from_bits(b)).to_bits(),
        _ => return None,
    })
}
