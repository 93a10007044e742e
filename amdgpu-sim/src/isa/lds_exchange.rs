//! The less common exchanges with LDS: masked ones, pairs, counters that a wave shares, and accesses at the lane's own place
//! (*CDNA 3 ISA*, section 12.14 "DS instructions").

use super::{
    lds::{local, number},
    step::{DecodeError, Flow, Step, step},
    text::M0,
    transfer::Transfer,
    valu::Vop,
};
use crate::machine::{
    memory::Access,
    space::{Space, get32, get64, read, resolve, update32, update64, write},
    wave::Wave,
};

type Decoded = Result<Step, DecodeError>;

/// The step of such an instruction, whose name is given without `ds_`; `None` if it is none.
pub fn lookup(v: &Vop<'_>, name: &str) -> Option<Decoded> {
    Some(match name {
        "mskor_b32" => masked(v, false, false),
        "mskor_rtn_b32" => masked(v, false, true),
        "mskor_b64" => masked(v, true, false),
        "mskor_rtn_b64" => masked(v, true, true),
        "wrap_rtn_b32" => wrap(v),
        "wrxchg2_rtn_b32" => exchange_two::<4>(v, 4),
        "wrxchg2st64_rtn_b32" => exchange_two::<4>(v, 256),
        "wrxchg2_rtn_b64" => exchange_two::<8>(v, 8),
        "wrxchg2st64_rtn_b64" => exchange_two::<8>(v, 512),
        "condxchg32_rtn_b64" => exchange_where_told(v),
        "append" => count(v, u32::wrapping_add),
        "consume" => count(v, u32::wrapping_sub),
        "read_addtid_b32" => own_load(v),
        "write_addtid_b32" => own_store(v),
        _ => return None,
    })
}

/// Registers of the operands from `first` on.
fn registers<const N: usize>(v: &Vop<'_>, first: usize) -> Result<[usize; N], DecodeError> {
    let mut registers = [0; N];
    for (index, register) in registers.iter_mut().enumerate() {
        *register = usize::from(v.vector(first + index)?.0);
    }
    Ok(registers)
}

/// Bits in the mask are cleared, then those of the third operand set.
fn masked(v: &Vop<'_>, wide: bool, returns: bool) -> Decoded {
    let [address, mask, bits] = registers(v, usize::from(returns))?;
    let to = if returns { Some(usize::from(v.vector(0)?.0)) } else { None };
    let (offset, size) = (number(v, "offset")?, if wide { 8 } else { 4 });
    Ok(step(move |wave, env| {
        env.begin_access();
        for lane in wave.active() {
            let at = local(wave.vector[address][lane], offset);
            let place = resolve(Space::Lds, at, size, Access::Update, lane, wave, env)
                .and_then(|place| place.aligned(size).map_err(|trap| trap.in_lane(lane)))?;
            if wide {
                let (mask, bits) = (get64(&wave.vector, mask, lane), get64(&wave.vector, bits, lane));
                let old = update64(place, lane, wave, env, |old| old & !mask | bits);
                if let Some(to) = to {
                    wave.vector[to][lane] = old as u32;
                    wave.vector[to + 1][lane] = (old >> 32) as u32;
                }
            } else {
                let (mask, bits) = (get32(&wave.vector, mask, lane), get32(&wave.vector, bits, lane));
                let old = update32(place, lane, wave, env, |old| old & !mask | bits);
                if let Some(to) = to {
                    wave.vector[to][lane] = old;
                }
            }
        }
        Ok(Flow::Next)
    }))
}

/// A number that is less by the first operand, or, where that is not possible, more by the second one.
fn wrap(v: &Vop<'_>) -> Decoded {
    let [to, address, less, more] = registers(v, 0)?;
    let offset = number(v, "offset")?;
    Ok(step(move |wave, env| {
        env.begin_access();
        for lane in wave.active() {
            let at = local(wave.vector[address][lane], offset);
            let place = resolve(Space::Lds, at, 4, Access::Update, lane, wave, env)
                .and_then(|place| place.aligned(4).map_err(|trap| trap.in_lane(lane)))?;
            let (less, more) = (wave.vector[less][lane], wave.vector[more][lane]);
            let next = |old: u32| old.checked_sub(less).unwrap_or_else(|| old.wrapping_add(more));
            wave.vector[to][lane] = update32(place, lane, wave, env, next);
        }
        Ok(Flow::Next)
    }))
}

/// Two values into two places, and what was there into registers.
fn exchange_two<const N: usize>(v: &Vop<'_>, unit: u64) -> Decoded {
    let [to, address, first, second] = registers(v, 0)?;
    let offsets = [number(v, "offset0")? * unit, number(v, "offset1")? * unit];
    Ok(step(move |wave, env| {
        env.begin_access();
        for lane in wave.active() {
            let base = wave.vector[address][lane];
            let mut old = [0; 2];
            for (index, (from, offset)) in [first, second].into_iter().zip(offsets).enumerate() {
                let at = local(base, offset);
                let place = resolve(Space::Lds, at, N as u64, Access::Exchange, lane, wave, env)
                    .and_then(|place| place.aligned(N as u64).map_err(|trap| trap.in_lane(lane)))?;
                let value =
                    if N == 4 { u64::from(get32(&wave.vector, from, lane)) } else { get64(&wave.vector, from, lane) };
                old[index] = read::<N>(place, lane, wave, env);
                write::<N>(place, lane, value, wave, env);
            }
            for (index, old) in old.into_iter().enumerate() {
                wave.vector[to + index * N / 4][lane] = old as u32;
                if N == 8 {
                    wave.vector[to + 2 * index + 1][lane] = (old >> 32) as u32;
                }
            }
        }
        Ok(Flow::Next)
    }))
}

/// Two words, each of which is exchanged if its highest bit says so; that bit is stored as 0.
fn exchange_where_told(v: &Vop<'_>) -> Decoded {
    let [to, address, data] = registers(v, 0)?;
    let offset = number(v, "offset")?;
    Ok(step(move |wave, env| {
        env.begin_access();
        for lane in wave.active() {
            let at = local(wave.vector[address][lane], offset) & !7;
            for word in 0..2 {
                let place = resolve(Space::Lds, at + 4 * word as u64, 4, Access::Update, lane, wave, env)?;
                let new = wave.vector[data + word][lane];
                let next = |old: u32| if new >> 31 != 0 { new & 0x7fff_ffff } else { old };
                wave.vector[to + word][lane] = update32(place, lane, wave, env, next);
            }
        }
        Ok(Flow::Next)
    }))
}

/// A counter that M0 points to, changed by the number of active lanes: once for the wave.
fn count(v: &Vop<'_>, change: fn(u32, u32) -> u32) -> Decoded {
    let [to] = registers(v, 0)?;
    let offset = number(v, "offset")?;
    if v.parsed.flag("gds") {
        return Err(DecodeError::new(v.parsed, "no semantics for global data share"));
    }
    Ok(step(move |wave, env| {
        env.begin_access();
        let Some(first) = wave.active().next() else { return Ok(Flow::Next) };
        let at = base(wave) + offset;
        let place = resolve(Space::Lds, at, 4, Access::Update, first, wave, env)
            .and_then(|place| place.aligned(4).map_err(|trap| trap.in_lane(first)))?;
        let lanes = wave.exec().count_ones();
        let old = update32(place, first, wave, env, |old| change(old, lanes));
        for lane in wave.active() {
            wave.vector[to][lane] = old;
        }
        Ok(Flow::Next)
    }))
}

/// Where M0 points to.
fn base(wave: &Wave) -> u64 {
    u64::from(wave.scalar[usize::from(M0)] & 0xffff)
}

fn own_load(v: &Vop<'_>) -> Decoded {
    let [to] = registers(v, 0)?;
    let offset = number(v, "offset")?;
    Ok(step(move |wave, env| {
        env.begin_access();
        for lane in wave.active() {
            let at = base(wave) + offset + 4 * lane as u64;
            let place = resolve(Space::Lds, at, 4, Access::Load, lane, wave, env)?;
            wave.vector[to][lane] = read::<4>(place, lane, wave, env) as u32;
        }
        Ok(Flow::Next)
    }))
}

fn own_store(v: &Vop<'_>) -> Decoded {
    let [from] = registers(v, 0)?;
    let offset = number(v, "offset")?;
    Ok(step(move |wave, env| {
        env.begin_access();
        for lane in wave.active() {
            let at = base(wave) + offset + 4 * lane as u64;
            let place = resolve(Space::Lds, at, 4, Access::Store, lane, wave, env)?;
            write::<4>(place, lane, u64::from(wave.vector[from][lane]), wave, env);
        }
        Ok(Flow::Next)
    }))
}

/// A load from memory into LDS: each lane fills the word of its own behind where M0 points to (*CDNA 3 ISA*, section 9.1.9
/// "Memory buffer load to LDS"). `offset` is the instruction's, which counts on both sides.
pub fn load_to_lds(
    transfer: Transfer,
    offset: i64,
    address: impl Fn(&Wave, usize) -> (Space, u64) + Send + Sync + 'static,
) -> Step {
    step(move |wave, env| {
        env.begin_access();
        for lane in wave.active() {
            let (space, from) = address(wave, lane);
            let place = resolve(space, from, transfer.bytes(), Access::Load, lane, wave, env)?;
            let value = transfer.read(place, lane, wave, env);
            let at = base(wave).wrapping_add_signed(offset) + 4 * lane as u64;
            let place = resolve(Space::Lds, at, 4, Access::Store, lane, wave, env)?;
            write::<4>(place, lane, u64::from(value), wave, env);
        }
        Ok(Flow::Next)
    })
}
