//! Scalar memory: loads of constants, and the clocks (*CDNA 3 ISA*, chapter 7 "Scalar memory operations").

use std::time::{SystemTime, UNIX_EPOCH};

use super::{
    decode::nothing,
    step::{DecodeError, Flow, Step},
    text::{Operand, Parsed},
};
use crate::machine::memory::{Access, load_u32};

/// Ticks of `s_memrealtime` in a second.
const REALTIME_HZ: u64 = 100_000_000;

/// Where the byte offset comes from.
#[derive(Clone, Copy)]
enum Offset {
    None,
    Register(u8),
    Constant(i64),
}

/// The step of a scalar memory instruction; `None` if it is none.
pub fn lookup(parsed: &Parsed) -> Option<Result<Step, DecodeError>> {
    let m = parsed.mnemonic.as_str();
    if let Some(width) = m.strip_prefix("s_load_dword") {
        return Some(load(parsed, words(width)?, false));
    }
    if let Some(width) = m.strip_prefix("s_buffer_load_dword") {
        return Some(load(parsed, words(width)?, true));
    }
    Some(match m {
        "s_memtime" => clock(parsed, |env| env.started.elapsed().as_nanos() as u64),
        "s_memrealtime" => clock(parsed, |_| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            (now.as_nanos() * u128::from(REALTIME_HZ) / 1_000_000_000) as u64
        }),
        "s_atc_probe" | "s_atc_probe_buffer" => Ok(nothing()),
        _ => return None,
    })
}

fn words(suffix: &str) -> Option<u8> {
    Some(match suffix {
        "" => 1,
        "x2" => 2,
        "x4" => 4,
        "x8" => 8,
        "x16" => 16,
        _ => return None,
    })
}

fn register(parsed: &Parsed, index: usize, count: u8) -> Result<u8, DecodeError> {
    match parsed.args.get(index).map(|arg| &arg.operand) {
        Some(Operand::Scalar(first, n)) if *n == count => Ok(*first),
        _ => Err(DecodeError::new(parsed, "scalar registers are expected")),
    }
}

fn load(parsed: &Parsed, words: u8, buffer: bool) -> Result<Step, DecodeError> {
    let to = register(parsed, 0, words)?;
    let base = register(parsed, 1, if buffer { 4 } else { 2 })?;
    let offset = match parsed.args.get(2).map(|arg| &arg.operand) {
        None => Offset::None,
        Some(Operand::Scalar(index, 1)) => Offset::Register(*index),
        Some(Operand::Int(value)) => Offset::Constant(*value),
        Some(Operand::Bits(value)) => Offset::Constant(i64::from(*value)),
        Some(_) => return Err(DecodeError::new(parsed, "the offset is not understood")),
    };
    let more = parsed.number("offset").ok_or_else(|| DecodeError::new(parsed, "the offset is not understood"))?;
    Ok(Box::new(move |wave, env| {
        let offset = match offset {
            Offset::None => 0,
            Offset::Register(index) => i64::from(wave.scalar[usize::from(index & 127)]),
            Offset::Constant(value) => value,
        };
        let start = wave.scalar_u64(base) & if buffer { 0xffff_ffff_ffff } else { u64::MAX };
        // Scalar loads ignore the address's two low bits.
        let address = start.wrapping_add_signed(offset).wrapping_add_signed(more) & !3;
        let size = u64::from(words) * 4;
        if buffer {
            let stride = u64::from(wave.scalar[usize::from(base + 1)] >> 16 & 0x3fff);
            let records = u64::from(wave.scalar[usize::from(base + 2)]);
            let limit = records * stride.max(1);
            for word in 0..u64::from(words) {
                let at = address + word * 4;
                let value = if at.wrapping_sub(start).saturating_add(4) <= limit {
                    env.view.refresh();
                    env.view.check(at, 4, Access::ScalarLoad)?;
                    // SAFETY: checked just now.
                    unsafe { load_u32(at) }
                } else {
                    0
                };
                wave.scalar[(usize::from(to) + word as usize) & 127] = value;
            }
            return Ok(Flow::Next);
        }
        env.view.refresh();
        env.view.check(address, size, Access::ScalarLoad)?;
        for word in 0..u64::from(words) {
            // SAFETY: all the words were checked just now.
            wave.scalar[(usize::from(to) + word as usize) & 127] = unsafe { load_u32(address + word * 4) };
        }
        Ok(Flow::Next)
    }))
}

fn clock(parsed: &Parsed, read: fn(&crate::machine::workgroup::Env<'_>) -> u64) -> Result<Step, DecodeError> {
    let to = register(parsed, 0, 2)?;
    Ok(Box::new(move |wave, env| {
        wave.set_scalar_u64(to, read(env));
        Ok(Flow::Next)
    }))
}
