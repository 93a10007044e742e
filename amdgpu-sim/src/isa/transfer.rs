//! Loads and stores of every width, between a lane's registers and any memory: shared by FLAT, MUBUF and DS.

use super::{
    step::{DecodeError, Flow, Step},
    valu::Vop,
};
use crate::machine::{
    memory::Access,
    space::{Place, Space, read, resolve, write},
    wave::Wave,
    workgroup::Env,
};

/// What a load or a store moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Bytes in memory.
    bytes: u64,
    /// Whether the sign is extended.
    signed: bool,
    /// Which half of a register it is, where it is one: the other half stays.
    half: Option<bool>,
}

impl Transfer {
    const fn new(bytes: u64) -> Self {
        Self { bytes, signed: false, half: None }
    }

    /// The load of this name (`dwordx2`, `sbyte_d16_hi`).
    pub fn load(name: &str) -> Option<Self> {
        let (name, half) = match (name.strip_suffix("_d16"), name.strip_suffix("_d16_hi")) {
            (Some(name), _) => (name, Some(false)),
            (_, Some(name)) => (name, Some(true)),
            _ => (name, None),
        };
        let mut transfer = match name {
            "ubyte" | "u8" => Self::new(1),
            "sbyte" | "i8" => Self { signed: true, ..Self::new(1) },
            "ushort" | "u16" => Self::new(2),
            "sshort" | "i16" => Self { signed: true, ..Self::new(2) },
            "short" | "b16" if half.is_some() => Self::new(2),
            name => return half.is_none().then(|| Self::words(name)).flatten(),
        };
        transfer.half = half;
        Some(transfer)
    }

    /// The store of this name (`dwordx2`, `byte_d16_hi`).
    pub fn store(name: &str) -> Option<Self> {
        Some(match name {
            "byte" | "b8" => Self::new(1),
            "byte_d16_hi" | "b8_d16_hi" => Self { half: Some(true), ..Self::new(1) },
            "short" | "b16" => Self::new(2),
            "short_d16_hi" | "b16_d16_hi" => Self { half: Some(true), ..Self::new(2) },
            name => return Self::words(name),
        })
    }

    fn words(name: &str) -> Option<Self> {
        Some(Self::new(match name {
            "dword" | "b32" => 4,
            "dwordx2" | "b64" => 8,
            "dwordx3" | "b96" => 12,
            "dwordx4" | "b128" => 16,
            _ => return None,
        }))
    }

    /// Bytes in memory.
    pub fn bytes(self) -> u64 {
        self.bytes
    }

    /// The register that a load of at most a word fills, at a place that was resolved for it.
    pub fn read(self, place: Place, lane: usize, wave: &Wave, env: &mut Env<'_>) -> u32 {
        match (self.bytes, self.signed) {
            (1, false) => read::<1>(place, lane, wave, env) as u32,
            (1, true) => i32::from(read::<1>(place, lane, wave, env) as i8) as u32,
            (2, false) => read::<2>(place, lane, wave, env) as u32,
            (2, true) => i32::from(read::<2>(place, lane, wave, env) as i16) as u32,
            _ => read::<4>(place, lane, wave, env) as u32,
        }
    }

    fn registers(self) -> u16 {
        self.bytes.div_ceil(4) as u16
    }
}

/// Whether the program's access was atomic or volatile. LLVM marks those, and no others, with the scope at which the caches
/// must be coherent (*User Guide for AMDGPU Backend*, "Memory Model" of each target); of LDS there is no mark.
fn is_atomic(v: &Vop<'_>) -> bool {
    ["sc0", "sc1", "glc", "scope"].iter().any(|mark| v.parsed.flag(mark))
}

/// A load into operand `to`; `address` gives the space and the address of a lane.
pub fn load(
    v: &Vop<'_>,
    to: usize,
    transfer: Transfer,
    address: impl Fn(&Wave, usize) -> (Space, u64) + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    let (to, count) = v.vector(to)?;
    if count < transfer.registers() || v.parsed.flag("lds") {
        return Err(DecodeError::new(v.parsed, "no semantics for this form of a load"));
    }
    let to = usize::from(to);
    let access = if is_atomic(v) { Access::AtomicLoad } else { Access::Load };
    Ok(Box::new(move |wave, env| {
        env.begin_access();
        for lane in wave.active() {
            let (space, address) = address(wave, lane);
            let place = resolve(space, address, transfer.bytes, access, lane, wave, env)?;
            match transfer.bytes {
                4 => wave.vector[to][lane] = read::<4>(place, lane, wave, env) as u32,
                1 | 2 => {
                    let mut value = transfer.read(place, lane, wave, env);
                    let old = wave.vector[to][lane];
                    match transfer.half {
                        None => {}
                        Some(false) => value = old & 0xffff_0000 | value & 0xffff,
                        Some(true) => value = old & 0xffff | value << 16,
                    }
                    wave.vector[to][lane] = value;
                }
                8 => {
                    let value = read::<8>(place, lane, wave, env);
                    wave.vector[to][lane] = value as u32;
                    wave.vector[to + 1][lane] = (value >> 32) as u32;
                }
                bytes => {
                    // The address may lie in the registers that are loaded: all is read before anything is written.
                    let mut words = [0; 4];
                    for (word, at) in words.iter_mut().zip((0..bytes).step_by(4)) {
                        *word = read::<4>(place.plus(at), lane, wave, env) as u32;
                    }
                    for (index, word) in words[..bytes as usize / 4].iter().enumerate() {
                        wave.vector[to + index][lane] = *word;
                    }
                }
            }
        }
        Ok(Flow::Next)
    }))
}

/// A store from operand `from`.
pub fn store(
    v: &Vop<'_>,
    from: usize,
    transfer: Transfer,
    address: impl Fn(&Wave, usize) -> (Space, u64) + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    let (from, count) = v.vector(from)?;
    if count < transfer.registers() || v.parsed.flag("lds") {
        return Err(DecodeError::new(v.parsed, "no semantics for this form of a store"));
    }
    let from = usize::from(from);
    let access = if is_atomic(v) { Access::AtomicStore } else { Access::Store };
    Ok(Box::new(move |wave, env| {
        env.begin_access();
        for lane in wave.active() {
            let (space, address) = address(wave, lane);
            let place = resolve(space, address, transfer.bytes, access, lane, wave, env)?;
            let word = wave.vector[from][lane];
            match transfer.bytes {
                4 => write::<4>(place, lane, u64::from(word), wave, env),
                1 | 2 => {
                    let value = u64::from(if transfer.half == Some(true) { word >> 16 } else { word });
                    if transfer.bytes == 1 {
                        write::<1>(place, lane, value, wave, env);
                    } else {
                        write::<2>(place, lane, value, wave, env);
                    }
                }
                8 => {
                    let value = u64::from(word) | u64::from(wave.vector[from + 1][lane]) << 32;
                    write::<8>(place, lane, value, wave, env);
                }
                bytes => {
                    for (index, at) in (0..bytes).step_by(4).enumerate() {
                        let word = u64::from(wave.vector[from + index][lane]);
                        write::<4>(place.plus(at), lane, word, wave, env);
                    }
                }
            }
        }
        Ok(Flow::Next)
    }))
}
