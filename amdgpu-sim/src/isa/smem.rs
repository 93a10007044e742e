//! Scalar memory: loads of constants, and the clocks (*CDNA 3 ISA*, chapter 7 "Scalar memory operations").

use std::time::{SystemTime, UNIX_EPOCH};

use super::{
    decode::nothing,
    step::{DecodeError, Flow, Step},
    text::{Operand, Parsed},
};
use crate::machine::{
    space::{read, resolve_scalar},
    wave::Wave,
};

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
    let (buffer, width) = match (m.strip_prefix("s_load_"), m.strip_prefix("s_buffer_load_")) {
        (Some(width), _) => (false, width),
        (_, Some(width)) => (true, width),
        _ => return other(parsed, m),
    };
    Some(match width {
        "u8" => part(parsed, buffer, 1, false),
        "i8" => part(parsed, buffer, 1, true),
        "u16" => part(parsed, buffer, 2, false),
        "i16" => part(parsed, buffer, 2, true),
        width => load(parsed, words(width)?, buffer),
    })
}

fn other(parsed: &Parsed, m: &str) -> Option<Result<Step, DecodeError>> {
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
        "dword" | "b32" => 1,
        "dwordx2" | "b64" => 2,
        "b96" => 3,
        "dwordx4" | "b128" => 4,
        "dwordx8" | "b256" => 8,
        "dwordx16" | "b512" => 16,
        _ => return None,
    })
}

fn register(parsed: &Parsed, index: usize, count: u8) -> Result<u8, DecodeError> {
    match parsed.args.get(index).map(|arg| &arg.operand) {
        Some(Operand::Scalar(first, n)) if *n == count => Ok(*first),
        _ => Err(DecodeError::new(parsed, "scalar registers are expected")),
    }
}

/// Where a scalar load reads.
#[derive(Clone, Copy)]
struct Address {
    base: u8,
    offset: Offset,
    more: i64,
    /// Bytes that a buffer has, if it is one.
    buffer: bool,
}

impl Address {
    fn of(parsed: &Parsed, buffer: bool) -> Result<Self, DecodeError> {
        let error = || DecodeError::new(parsed, "the offset is not understood");
        let base = register(parsed, 1, if buffer { 4 } else { 2 })?;
        let offset = match parsed.args.get(2).map(|arg| &arg.operand) {
            None | Some(Operand::Null) => Offset::None,
            Some(Operand::Scalar(index, 1)) => Offset::Register(*index),
            Some(Operand::Int(value)) => Offset::Constant(*value),
            Some(Operand::Bits(value)) => Offset::Constant(i64::from(*value)),
            Some(_) => return Err(error()),
        };
        Ok(Self { base, offset, more: parsed.number("offset").ok_or_else(error)?, buffer })
    }

    /// The address, and one past the last one of the buffer.
    fn get(self, wave: &Wave) -> (u64, Option<u64>) {
        let offset = match self.offset {
            Offset::None => 0,
            Offset::Register(index) => i64::from(wave.scalar[usize::from(index)]),
            Offset::Constant(value) => value,
        };
        let start = wave.scalar_u64(self.base) & if self.buffer { 0xffff_ffff_ffff } else { u64::MAX };
        let address = start.wrapping_add_signed(offset).wrapping_add_signed(self.more);
        let end = self.buffer.then(|| {
            let stride = u64::from(wave.scalar[usize::from(self.base) + 1] >> 16 & 0x3fff);
            let records = u64::from(wave.scalar[usize::from(self.base) + 2]);
            start.saturating_add(records * stride.max(1))
        });
        (address, end)
    }
}

fn load(parsed: &Parsed, words: u8, buffer: bool) -> Result<Step, DecodeError> {
    let (to, from) = (register(parsed, 0, words)?, Address::of(parsed, buffer)?);
    Ok(Box::new(move |wave, env| {
        let (address, end) = from.get(wave);
        // Scalar loads ignore the address's two low bits.
        let address = address & !3;
        env.begin_access();
        let whole = match end {
            None => Some(resolve_scalar(address, u64::from(words) * 4, wave, env)?),
            Some(_) => None,
        };
        for word in 0..u64::from(words) {
            let at = address.wrapping_add(word * 4);
            let place = match whole {
                Some(place) => Some(place.plus(word * 4)),
                // What lies beyond a buffer is 0.
                None if end.is_none_or(|end| at.saturating_add(4) <= end) => Some(resolve_scalar(at, 4, wave, env)?),
                None => None,
            };
            let value = place.map_or(0, |place| read::<4>(place, 0, wave, env) as u32);
            wave.scalar[(usize::from(to) + word as usize) & 255] = value;
        }
        Ok(Flow::Next)
    }))
}

/// A load of 8 or 16 bits, extended to 32.
fn part(parsed: &Parsed, buffer: bool, size: u64, signed: bool) -> Result<Step, DecodeError> {
    let (to, from) = (register(parsed, 0, 1)?, Address::of(parsed, buffer)?);
    Ok(Box::new(move |wave, env| {
        let (address, end) = from.get(wave);
        let address = address & !(size - 1);
        let value = if end.is_none_or(|end| address.saturating_add(size) <= end) {
            env.begin_access();
            let place = resolve_scalar(address, size, wave, env)?;
            if size == 1 { read::<1>(place, 0, wave, env) as u32 } else { read::<2>(place, 0, wave, env) as u32 }
        } else {
            0
        };
        let unused = 32 - 8 * size as u32;
        wave.scalar[usize::from(to)] =
            if signed { (value << unused).cast_signed().unbounded_shr(unused).cast_unsigned() } else { value };
        Ok(Flow::Next)
    }))
}

fn clock(parsed: &Parsed, read: fn(&crate::machine::workgroup::Env<'_>) -> u64) -> Result<Step, DecodeError> {
    let to = register(parsed, 0, 2)?;
    Ok(Box::new(move |wave, env| {
        let value = env.once(read);
        wave.set_scalar_u64(to, value);
        Ok(Flow::Next)
    }))
}
