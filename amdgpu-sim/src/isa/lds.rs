//! Local data share: DS (*CDNA 3 ISA*, chapter 11 "Data share operations").

use super::{
    atomic::{operation32, operation64},
    decode::nothing,
    lds_exchange,
    step::{DecodeError, Flow, Step},
    transfer::{Transfer, load, store},
    valu::Vop,
};
use crate::machine::{
    memory::Access,
    space::{Space, get32, get64, read, resolve, update32, update64, write},
    wave::{LANES, Wave},
};

/// The step of a DS instruction; `None` if it is none.
pub fn lookup(v: &Vop<'_>) -> Option<Result<Step, DecodeError>> {
    let name = v.parsed.mnemonic.strip_prefix("ds_")?;
    if let Some(decoded) = lds_exchange::lookup(v, name) {
        return Some(decoded);
    }
    if let Some(kind) = name.strip_prefix("read_").and_then(Transfer::load) {
        return Some(address(v, 1).and_then(|address| load(v, 0, kind, address)));
    }
    if let Some(kind) = name.strip_prefix("write_").and_then(Transfer::store) {
        return Some(address(v, 0).and_then(|address| store(v, 1, kind, address)));
    }
    Some(match name {
        "nop" => Ok(nothing()),
        "read2_b32" => two_loads::<4>(v, 4),
        "read2st64_b32" => two_loads::<4>(v, 256),
        "read2_b64" => two_loads::<8>(v, 8),
        "read2st64_b64" => two_loads::<8>(v, 512),
        "write2_b32" => two_stores::<4>(v, 4),
        "write2st64_b32" => two_stores::<4>(v, 256),
        "write2_b64" => two_stores::<8>(v, 8),
        "write2st64_b64" => two_stores::<8>(v, 512),
        "bpermute_b32" => backward_permute(v, false),
        "bpermute_fi_b32" => backward_permute(v, true),
        "permute_b32" => forward_permute(v),
        "swizzle_b32" => swizzle(v),
        name => return atomic(v, name),
    })
}

fn address(
    v: &Vop<'_>,
    index: usize,
) -> Result<impl Fn(&Wave, usize) -> (Space, u64) + Send + Sync + use<>, DecodeError> {
    let register = usize::from(v.vector(index)?.0);
    let offset = number(v, "offset")?;
    Ok(move |wave: &Wave, lane: usize| (Space::Lds, local(wave.vector[register][lane], offset)))
}

/// LDS addresses are of 32 bits, and the sum with the offset wraps: LLVM folds negative indices so.
pub fn local(base: u32, offset: u64) -> u64 {
    u64::from(base.wrapping_add(offset as u32))
}

/// A modifier's value.
///
/// # Errors
/// If it is no number.
pub fn number(v: &Vop<'_>, name: &str) -> Result<u64, DecodeError> {
    let value = v.parsed.number(name).and_then(|value| u64::try_from(value).ok());
    value.ok_or_else(|| DecodeError::new(v.parsed, "the offset is not understood"))
}

fn two_loads<const N: usize>(v: &Vop<'_>, unit: u64) -> Result<Step, DecodeError> {
    let (to, from) = (usize::from(v.vector(0)?.0), usize::from(v.vector(1)?.0));
    let offsets = [number(v, "offset0")? * unit, number(v, "offset1")? * unit];
    Ok(Box::new(move |wave, env| {
        env.begin_access();
        for lane in wave.active() {
            let base = wave.vector[from][lane];
            let mut values = [0; 2];
            for (value, offset) in values.iter_mut().zip(offsets) {
                let place = resolve(Space::Lds, local(base, offset), N as u64, Access::Load, lane, wave, env)?;
                *value = read::<N>(place, lane, wave, env);
            }
            if N == 4 {
                wave.vector[to][lane] = values[0] as u32;
                wave.vector[to + 1][lane] = values[1] as u32;
            } else {
                for (index, value) in values.iter().enumerate() {
                    wave.vector[to + 2 * index][lane] = *value as u32;
                    wave.vector[to + 2 * index + 1][lane] = (*value >> 32) as u32;
                }
            }
        }
        Ok(Flow::Next)
    }))
}

fn two_stores<const N: usize>(v: &Vop<'_>, unit: u64) -> Result<Step, DecodeError> {
    let to = usize::from(v.vector(0)?.0);
    let from = [usize::from(v.vector(1)?.0), usize::from(v.vector(2)?.0)];
    let offsets = [number(v, "offset0")? * unit, number(v, "offset1")? * unit];
    Ok(Box::new(move |wave, env| {
        env.begin_access();
        for lane in wave.active() {
            let base = wave.vector[to][lane];
            for (from, offset) in from.into_iter().zip(offsets) {
                let place = resolve(Space::Lds, local(base, offset), N as u64, Access::Store, lane, wave, env)?;
                let value =
                    if N == 4 { u64::from(get32(&wave.vector, from, lane)) } else { get64(&wave.vector, from, lane) };
                write::<N>(place, lane, value, wave, env);
            }
        }
        Ok(Flow::Next)
    }))
}

/// `ds_add_u32`, `ds_add_rtn_u64`, `ds_cmpst_b32` and the like.
fn atomic(v: &Vop<'_>, name: &str) -> Option<Result<Step, DecodeError>> {
    let (operation, ty) = name.rsplit_once('_')?;
    let (operation, returns) = match operation.strip_suffix("_rtn") {
        Some(operation) => (operation, true),
        None => (operation, false),
    };
    // The names that these operations have elsewhere.
    let operation = match (operation, ty) {
        ("wrxchg", _) => "swap",
        ("sub_clamp", _) => "csub",
        ("min", "i32" | "i64") => "smin",
        ("min", "u32" | "u64") => "umin",
        ("max", "i32" | "i64") => "smax",
        ("max", "u32" | "u64") => "umax",
        ("min", "f32") => "fmin",
        ("max", "f32") => "fmax",
        ("min", "f64") => "min_f64",
        ("max", "f64") => "max_f64",
        ("add", "f32") => "add_f32",
        ("add", "f64") => "add_f64",
        ("pk_add", "f16") => "pk_add_f16",
        ("pk_add", "bf16") => "pk_add_bf16",
        (operation, _) => operation,
    };
    let compare = operation == "cmpst";
    let wide = ty.ends_with("64");
    if !compare && (if wide { operation64(operation).is_none() } else { operation32(operation).is_none() }) {
        return None;
    }
    Some(atomic_step(v, operation, ty, returns))
}

fn atomic_step(v: &Vop<'_>, operation: &str, ty: &str, returns: bool) -> Result<Step, DecodeError> {
    let (compare, wide, float) = (operation == "cmpst", ty.ends_with("64"), ty.starts_with('f'));
    // Numbers are compared as numbers: NaNs are never equal, zeros always.
    let equal32 = move |a: u32, b: u32| if float { f32::from_bits(a) == f32::from_bits(b) } else { a == b };
    let equal64 = move |a: u64, b: u64| if float { f64::from_bits(a) == f64::from_bits(b) } else { a == b };
    let first = usize::from(returns);
    let to = if returns { Some(usize::from(v.vector(0)?.0)) } else { None };
    let address = address(v, first)?;
    let data = usize::from(v.vector(first + 1)?.0);
    let replacement = if compare { usize::from(v.vector(first + 2)?.0) } else { data };
    let access = if operation == "swap" { Access::Exchange } else { Access::Update };
    let (narrow_operation, wide_operation) = (operation32(operation), operation64(operation));
    Ok(Box::new(move |wave, env| {
        env.begin_access();
        for lane in wave.active() {
            let (space, at) = address(wave, lane);
            let size = if wide { 8 } else { 4 };
            let place = resolve(space, at, size, access, lane, wave, env)
                .and_then(|place| place.aligned(size).map_err(|trap| trap.in_lane(lane)))?;
            if wide {
                let (value, new) = (get64(&wave.vector, data, lane), get64(&wave.vector, replacement, lane));
                let old = update64(place, lane, wave, env, |old| match wide_operation {
                    Some(operation) => operation(old, value),
                    None if equal64(old, value) => new,
                    None => old,
                });
                if let Some(to) = to {
                    wave.vector[to][lane] = old as u32;
                    wave.vector[to + 1][lane] = (old >> 32) as u32;
                }
            } else {
                let (value, new) = (get32(&wave.vector, data, lane), get32(&wave.vector, replacement, lane));
                let old = update32(place, lane, wave, env, |old| match narrow_operation {
                    Some(operation) => operation(old, value),
                    None if equal32(old, value) => new,
                    None => old,
                });
                if let Some(to) = to {
                    wave.vector[to][lane] = old;
                }
            }
        }
        Ok(Flow::Next)
    }))
}

/// Lanes that permute among themselves.
fn permuted_together(v: &Vop<'_>) -> usize {
    if v.gpu.permutes_halves_apart() { 32 } else { 64 }
}

/// The lane that an address names for `lane`.
fn named(address: u32, offset: u64, lane: usize, together: usize) -> usize {
    (lane & !(together - 1)) + ((u64::from(address) + offset) / 4) as usize % together
}

/// Each lane reads the lane that its address names; inactive lanes give 0, unless they are fetched.
fn backward_permute(v: &Vop<'_>, fetch_inactive: bool) -> Result<Step, DecodeError> {
    let together = permuted_together(v);
    let (to, address, data) = (v.vector(0)?.0, v.vector(1)?.0, v.vector(2)?.0);
    let offset = number(v, "offset")?;
    Ok(Box::new(move |wave, _| {
        let exec = wave.exec();
        let (addresses, values) = (wave.vector[usize::from(address)], wave.vector[usize::from(data)]);
        for lane in wave.active() {
            let from = named(addresses[lane], offset, lane, together.min(wave.size.lanes()));
            let live = fetch_inactive || exec >> from & 1 != 0;
            wave.vector[usize::from(to)][lane] = if live { values[from] } else { 0 };
        }
        Ok(Flow::Next)
    }))
}

/// Each lane writes to the lane that its address names; lanes that nobody writes to get 0.
fn forward_permute(v: &Vop<'_>) -> Result<Step, DecodeError> {
    let together = permuted_together(v);
    let (to, address, data) = (v.vector(0)?.0, v.vector(1)?.0, v.vector(2)?.0);
    let offset = number(v, "offset")?;
    Ok(Box::new(move |wave, _| {
        let (addresses, values) = (wave.vector[usize::from(address)], wave.vector[usize::from(data)]);
        let mut result = [0; LANES];
        for lane in wave.active() {
            result[named(addresses[lane], offset, lane, together.min(wave.size.lanes()))] = values[lane];
        }
        for lane in wave.active() {
            wave.vector[usize::from(to)][lane] = result[lane];
        }
        Ok(Flow::Next)
    }))
}

/// The lane that each lane reads, in the swizzle's pattern.
#[derive(Clone, Copy, Debug)]
enum Pattern {
    /// Each lane of four has its own.
    Quad([usize; 4]),
    /// Masks on the lane's number within 32.
    Mask { and: usize, or: usize, xor: usize },
}

fn swizzle(v: &Vop<'_>) -> Result<Step, DecodeError> {
    let error = || DecodeError::new(v.parsed, "the swizzle pattern is not understood");
    let (to, from) = (v.vector(0)?.0, v.vector(1)?.0);
    let text = v.parsed.modifier("offset").unwrap_or("0");
    let pattern = match text.strip_prefix("swizzle(").and_then(|t| t.strip_suffix(')')) {
        Some(inner) => {
            let mut parts = inner.split(',').map(str::trim);
            let kind = parts.next().ok_or_else(error)?;
            let rest: Vec<&str> = parts.collect();
            let numbers: Vec<usize> = rest.iter().filter_map(|n| n.parse().ok()).collect();
            match (kind, numbers.as_slice()) {
                ("QUAD_PERM", &[a, b, c, d]) => Pattern::Quad([a & 3, b & 3, c & 3, d & 3]),
                ("SWAP", &[n]) => Pattern::Mask { and: 31, or: 0, xor: n & 31 },
                ("REVERSE", &[n]) => Pattern::Mask { and: 31, or: 0, xor: n.wrapping_sub(1) & 31 },
                ("BROADCAST", &[n, lane]) if n.is_power_of_two() => {
                    Pattern::Mask { and: !(n - 1) & 31, or: lane & 31, xor: 0 }
                }
                ("BITMASK_PERM", _) => {
                    // Characters from bit 4 down: 0, 1, p (kept), i (inverted).
                    let bits = rest.first().ok_or_else(error)?.trim_matches(|c| c == '"' || c == '\'');
                    let (mut and, mut or, mut xor) = (0, 0, 0);
                    for c in bits.chars() {
                        (and, or, xor) = (and << 1, or << 1, xor << 1);
                        match c {
                            '0' => {}
                            '1' => or |= 1,
                            'p' => and |= 1,
                            'i' => (and, xor) = (and | 1, xor | 1),
                            _ => return Err(error()),
                        }
                    }
                    Pattern::Mask { and, or, xor }
                }
                _ => return Err(error()),
            }
        }
        None => {
            let bits = super::text::integer(text).and_then(|n| usize::try_from(n).ok()).ok_or_else(error)?;
            if bits & 0x8000 != 0 {
                Pattern::Quad([bits & 3, bits >> 2 & 3, bits >> 4 & 3, bits >> 6 & 3])
            } else {
                Pattern::Mask { and: bits & 31, or: bits >> 5 & 31, xor: bits >> 10 & 31 }
            }
        }
    };
    Ok(Box::new(move |wave, _| {
        let (exec, values) = (wave.exec(), wave.vector[usize::from(from)]);
        for lane in wave.active() {
            let source = match pattern {
                Pattern::Quad(lanes) => (lane & !3) + lanes[lane & 3],
                Pattern::Mask { and, or, xor } => (lane & 32) + (((lane & and) | or) ^ xor),
            };
            wave.vector[usize::from(to)][lane] = if exec >> source & 1 != 0 { values[source] } else { 0 };
        }
        Ok(Flow::Next)
    }))
}
