//! Vector memory: FLAT, GLOBAL and SCRATCH (*CDNA 3 ISA*, chapter 9 "Flat memory instructions").

use super::{
    atomic::{operation32, operation64},
    lds_exchange::load_to_lds,
    step::{DecodeError, Flow, Step},
    text::Operand,
    transfer::{Transfer, load, store},
    valu::Vop,
};
use crate::machine::{
    memory::Access,
    space::{Space, get32, get64, resolve, update32, update64},
    wave::Wave,
};

/// Where a lane's address comes from.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    space: Space,
    vector: Option<u16>,
    wide: bool,
    scalar: Option<u8>,
    offset: i64,
}

impl Address {
    fn decode(v: &Vop<'_>, space: Space, vector: usize, scalar: Option<usize>) -> Result<Self, DecodeError> {
        let error = || DecodeError::new(v.parsed, "the address is not understood");
        let operand = |index: usize| v.parsed.args.get(index).map(|arg| &arg.operand);
        let scalar = match scalar.and_then(operand) {
            None | Some(Operand::Off | Operand::Null) => None,
            Some(Operand::Scalar(index, _)) => Some(*index),
            Some(_) => return Err(error()),
        };
        let (vector, wide) = match operand(vector) {
            Some(Operand::Off) => (None, false),
            Some(_) => {
                let (register, count) = v.vector(vector)?;
                (Some(register), count == 2)
            }
            None => return Err(error()),
        };
        let offset = v.parsed.number("offset").ok_or_else(error)?;
        Ok(Self { space, vector, wide, scalar, offset })
    }

    /// The address of one lane.
    #[inline]
    pub fn of(&self, wave: &Wave, lane: usize) -> u64 {
        let mut address = match self.vector {
            None => 0,
            Some(register) => {
                let register = usize::from(register);
                let low = u64::from(wave.vector[register][lane]);
                if self.wide { low | u64::from(wave.vector[register + 1][lane]) << 32 } else { low }
            }
        };
        if let Some(index) = self.scalar {
            address = address.wrapping_add(if self.space == Space::Scratch {
                u64::from(wave.scalar[usize::from(index)])
            } else {
                wave.scalar_u64(index)
            });
        }
        address = address.wrapping_add_signed(self.offset);
        // Scratch offsets are 32 bits wide and wrap.
        if self.space == Space::Scratch { address & 0xffff_ffff } else { address }
    }

    /// The space that it is in.
    pub fn space(&self) -> Space {
        self.space
    }
}

/// The step of a vector memory instruction; `None` if it is none.
pub fn lookup(v: &Vop<'_>) -> Option<Result<Step, DecodeError>> {
    let (class, rest) = v.parsed.mnemonic.split_once('_')?;
    let space = match class {
        "global" => Space::Global,
        "flat" => Space::Flat,
        _ => Space::Scratch,
    };
    let scalar = |index: usize| (space != Space::Flat).then_some(index);
    if let Some(kind) = rest.strip_prefix("load_lds_").and_then(Transfer::load).filter(|kind| kind.bytes() <= 4) {
        return Some(
            Address::decode(v, space, 0, scalar(1)).map(|address| {
                load_to_lds(kind, address.offset, move |w, lane| (address.space(), address.of(w, lane)))
            }),
        );
    }
    if let Some(kind) = rest.strip_prefix("load_").and_then(Transfer::load) {
        return Some(
            Address::decode(v, space, 1, scalar(2))
                .and_then(|address| load(v, 0, kind, move |w, lane| (address.space(), address.of(w, lane)))),
        );
    }
    if let Some(kind) = rest.strip_prefix("store_").and_then(Transfer::store) {
        return Some(
            Address::decode(v, space, 0, scalar(2))
                .and_then(|address| store(v, 1, kind, move |w, lane| (address.space(), address.of(w, lane)))),
        );
    }
    let name = rest.strip_prefix("atomic_")?;
    Some(atomic(v, space, name))
}

/// Whether an atomic operation gives what was there.
pub fn returns_old_value(v: &Vop<'_>) -> bool {
    v.parsed.flag("sc0") || v.parsed.flag("glc") || v.parsed.modifier("th").is_some_and(|hint| hint.contains("RETURN"))
}

fn atomic(v: &Vop<'_>, space: Space, name: &str) -> Result<Step, DecodeError> {
    let returns = returns_old_value(v);
    let first = usize::from(returns);
    let address = Address::decode(v, space, first, (space == Space::Global).then_some(first + 2))?;
    let to = if returns { Some(usize::from(v.vector(0)?.0)) } else { None };
    let data = usize::from(v.vector(first + 1)?.0);
    atomic_at(v, name, (data, to), move |wave, lane| (space, address.of(wave, lane)))
}

/// An atomic operation on memory: its operand is in the register `data` and those behind it; what was there goes to `to`.
pub fn atomic_at(
    v: &Vop<'_>,
    name: &str,
    (data, to): (usize, Option<usize>),
    address: impl Fn(&Wave, usize) -> (Space, u64) + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    let (name, wide) = match name.strip_suffix("_x2") {
        Some(name) => (name, true),
        None => (name, name.ends_with("f64")),
    };
    // What decides whether an exchange takes place.
    let equal: Option<fn(u64, u64) -> bool> = match (name, wide) {
        ("cmpswap", _) => Some(|old, expected| old == expected),
        ("fcmpswap", false) => Some(|old, expected| f32::from_bits(old as u32) == f32::from_bits(expected as u32)),
        ("fcmpswap", true) => Some(|old, expected| f64::from_bits(old) == f64::from_bits(expected)),
        _ => None,
    };
    let access = if name == "swap" { Access::Exchange } else { Access::Update };
    if wide {
        let operation = operation64(name);
        if operation.is_none() && equal.is_none() {
            return Err(DecodeError::new(v.parsed, "no semantics for this atomic operation"));
        }
        return Ok(Box::new(move |wave, env| {
            env.begin_access();
            for lane in wave.active() {
                let (space, at) = address(wave, lane);
                let place = resolve(space, at, 8, access, lane, wave, env)
                    .and_then(|place| place.aligned(8).map_err(|trap| trap.in_lane(lane)))?;
                let value = get64(&wave.vector, data, lane);
                let old = match (operation, equal) {
                    (_, Some(equal)) => {
                        let expected = get64(&wave.vector, data + 2, lane);
                        update64(place, lane, wave, env, |old| if equal(old, expected) { value } else { old })
                    }
                    (Some(operation), None) => update64(place, lane, wave, env, |old| operation(old, value)),
                    (None, None) => update64(place, lane, wave, env, |old| old),
                };
                if let Some(to) = to {
                    wave.vector[to][lane] = old as u32;
                    wave.vector[to + 1][lane] = (old >> 32) as u32;
                }
            }
            Ok(Flow::Next)
        }));
    }
    let operation = operation32(name);
    if operation.is_none() && equal.is_none() {
        return Err(DecodeError::new(v.parsed, "no semantics for this atomic operation"));
    }
    Ok(Box::new(move |wave, env| {
        env.begin_access();
        for lane in wave.active() {
            let (space, at) = address(wave, lane);
            let place = resolve(space, at, 4, access, lane, wave, env)
                .and_then(|place| place.aligned(4).map_err(|trap| trap.in_lane(lane)))?;
            let value = get32(&wave.vector, data, lane);
            let old = match (operation, equal) {
                (_, Some(equal)) => {
                    let expected = u64::from(get32(&wave.vector, data + 1, lane));
                    update32(place, lane, wave, env, |old| if equal(u64::from(old), expected) { value } else { old })
                }
                (Some(operation), None) => update32(place, lane, wave, env, |old| operation(old, value)),
                (None, None) => update32(place, lane, wave, env, |old| old),
            };
            if let Some(to) = to {
                wave.vector[to][lane] = old;
            }
        }
        Ok(Flow::Next)
    }))
}
