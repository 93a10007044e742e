//! The three memories that a wave reaches, and access to a resolved place in one of them.

use super::{
    fault::Trap,
    log::Accessed,
    memory::{
        Access, PRIVATE_APERTURE, SHARED_APERTURE, load_u8, load_u16, load_u32, load_u64, store_u8, store_u16,
        store_u32, store_u64, update_u32, update_u64,
    },
    wave::{VectorRegister, Wave},
    workgroup::Env,
};

/// What an address counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Memory.
    Global,
    /// Memory, or LDS or scratch through their apertures.
    Flat,
    /// The lane's scratch.
    Scratch,
    /// The work-group's LDS.
    Lds,
    /// Beyond a buffer: loads give 0, and stores go nowhere.
    Nowhere,
}

/// A checked place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In memory, by address.
    Global(u64),
    /// In LDS, by offset.
    Lds(usize),
    /// In the lane's scratch, by offset.
    Scratch(usize),
    /// Nowhere: it holds 0.
    Nowhere,
}

impl Place {
    /// Refuses a place that is not a multiple of `size`: atomic operations must be aligned.
    ///
    /// # Errors
    /// A memory fault.
    pub fn aligned(self, size: u64) -> Result<Self, Box<Trap>> {
        let at = match self {
            Self::Global(address) => address,
            Self::Lds(offset) | Self::Scratch(offset) => offset as u64,
            Self::Nowhere => 0,
        };
        if at.is_multiple_of(size) {
            return Ok(self);
        }
        Err(Trap::memory(at, format!("atomic operation on {size} bytes at {at:#x}, which is not aligned")))
    }

    /// The place `by` bytes further.
    pub fn plus(self, by: u64) -> Self {
        match self {
            Self::Global(address) => Self::Global(address + by),
            Self::Lds(offset) => Self::Lds(offset + by as usize),
            Self::Scratch(offset) => Self::Scratch(offset + by as usize),
            Self::Nowhere => Self::Nowhere,
        }
    }
}

/// Checks one lane's access and finds its place.
///
/// # Errors
/// A memory fault.
#[inline]
pub fn resolve(
    space: Space,
    address: u64,
    size: u64,
    access: Access,
    lane: usize,
    wave: &Wave,
    env: &mut Env<'_>,
) -> Result<Place, Box<Trap>> {
    if env.log.is_some() {
        return logged(address, size, access, lane, env, |env| {
            place(space, address, size, access, wave, env).map_err(|trap| trap.in_lane(lane))
        });
    }
    place(space, address, size, access, wave, env).map_err(|trap| trap.in_lane(lane))
}

/// Checks a scalar load of memory and finds its place.
///
/// # Errors
/// A memory fault.
pub fn resolve_scalar(address: u64, size: u64, wave: &Wave, env: &mut Env<'_>) -> Result<Place, Box<Trap>> {
    let access = Access::ScalarLoad;
    if env.log.is_some() {
        let lane = wave.active().next().unwrap_or(0);
        return logged(address, size, access, lane, env, |env| place(Space::Global, address, size, access, wave, env));
    }
    place(Space::Global, address, size, access, wave, env)
}

#[inline]
fn place(
    space: Space,
    address: u64,
    size: u64,
    access: Access,
    wave: &Wave,
    env: &mut Env<'_>,
) -> Result<Place, Box<Trap>> {
    match space {
        Space::Global => env.view.check(address, size, access).map(|()| Place::Global(address)),
        Space::Lds => lds(address, size, env),
        Space::Nowhere => Ok(Place::Nowhere),
        Space::Scratch => scratch(address, size, wave),
        Space::Flat => match (address >> 32) as u32 {
            SHARED_APERTURE => lds(address & 0xffff_ffff, size, env),
            PRIVATE_APERTURE => scratch(address & 0xffff_ffff, size, wave),
            _ => env.view.check(address, size, access).map(|()| Place::Global(address)),
        },
    }
}

/// Finds the place of an access that goes into the log, or is compared with what is there.
#[cold]
fn logged<'d>(
    address: u64,
    size: u64,
    access: Access,
    lane: usize,
    env: &mut Env<'d>,
    find: impl FnOnce(&mut Env<'d>) -> Result<Place, Box<Trap>>,
) -> Result<Place, Box<Trap>> {
    if let Some(log) = env.log.as_mut().filter(|log| log.is_played_back()) {
        return log.place(address, lane);
    }
    let place = find(env);
    if let Some(log) = &mut env.log {
        let found = place.as_ref().ok().copied();
        log.record(Accessed { lane: lane as u32, asked: address, place: found, size, access });
    }
    place
}

fn lds(offset: u64, size: u64, env: &Env<'_>) -> Result<Place, Box<Trap>> {
    if offset + size <= env.lds.len() as u64 {
        return Ok(Place::Lds(offset as usize));
    }
    let detail =
        format!("access of {size} bytes at LDS offset {offset:#x}; the work-group has {} bytes", env.lds.len());
    Err(Trap::memory(offset, detail))
}

fn scratch(offset: u64, size: u64, wave: &Wave) -> Result<Place, Box<Trap>> {
    if offset + size <= wave.scratch_size {
        return Ok(Place::Scratch(offset as usize));
    }
    let detail = format!(
        "access of {size} bytes at scratch offset {offset:#x}; the work-item has {} bytes (a stack overflow, if the \
         kernel recurses: raise the dispatch packet's private_segment_size)",
        wave.scratch_size
    );
    Err(Trap::memory(offset, detail))
}

/// A word of a register in one lane.
#[inline]
pub fn get32(vector: &[VectorRegister], register: usize, lane: usize) -> u32 {
    vector[register][lane]
}

/// Two words of registers in one lane.
#[inline]
pub fn get64(vector: &[VectorRegister], register: usize, lane: usize) -> u64 {
    u64::from(vector[register][lane]) | u64::from(vector[register + 1][lane]) << 32
}

fn bytes<const N: usize>(memory: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    if let Some(source) = memory.get(at..at + N) {
        bytes.copy_from_slice(source);
    }
    bytes
}

fn put_bytes<const N: usize>(memory: &mut [u8], at: usize, bytes: [u8; N]) {
    if let Some(target) = memory.get_mut(at..at + N) {
        target.copy_from_slice(&bytes);
    }
}

/// Loads `N` bytes at a resolved place.
#[inline]
pub fn read<const N: usize>(place: Place, lane: usize, wave: &Wave, env: &mut Env<'_>) -> u64 {
    let small = |bytes: [u8; N]| bytes.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    match place {
        Place::Global(address) => {
            // SAFETY: `resolve` checked the address for this dispatch.
            let load = || unsafe {
                match N {
                    1 => u64::from(load_u8(address)),
                    2 => u64::from(load_u16(address)),
                    4 => u64::from(load_u32(address)),
                    _ => load_u64(address),
                }
            };
            match &mut env.log {
                None => load(),
                Some(log) => log.load(address, N as u64, &env.view, load),
            }
        }
        Place::Lds(offset) => small(bytes::<N>(&env.lds, offset)),
        Place::Scratch(offset) => small(bytes::<N>(&wave.scratch, lane * wave.scratch_size as usize + offset)),
        Place::Nowhere => 0,
    }
}

/// Stores `N` bytes at a place that was resolved for a store.
#[inline]
pub fn write<const N: usize>(place: Place, lane: usize, value: u64, wave: &mut Wave, env: &mut Env<'_>) {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&value.to_le_bytes()[..N]);
    match place {
        Place::Global(address) => {
            // SAFETY: `resolve` checked the address for a store in this dispatch.
            let store = || unsafe {
                match N {
                    1 => store_u8(address, value as u8),
                    2 => store_u16(address, value as u16),
                    4 => store_u32(address, value as u32),
                    _ => store_u64(address, value),
                }
            };
            match &mut env.log {
                None => store(),
                Some(log) => log.store(address, N as u64, value, &env.view, store),
            }
        }
        Place::Lds(offset) => put_bytes(&mut env.lds, offset, bytes),
        Place::Scratch(offset) => {
            let at = lane * wave.scratch_size as usize + offset;
            put_bytes(&mut wave.scratch, at, bytes);
        }
        Place::Nowhere => {}
    }
}

/// Replaces four bytes at once, at a place that was resolved for an aligned store; gives what was there.
pub fn update32(place: Place, lane: usize, wave: &mut Wave, env: &mut Env<'_>, change: impl Fn(u32) -> u32) -> u32 {
    if let Place::Global(address) = place {
        // SAFETY: `resolve` checked the address for a store in this dispatch, and that it is aligned.
        let update = || unsafe { update_u32(address, &change) };
        let Some(log) = &mut env.log else { return update() };
        let wide = |old| u64::from(change(old as u32));
        return log.update(address, 4, &env.view, wide, || u64::from(update())) as u32;
    }
    let old = read::<4>(place, lane, wave, env) as u32;
    write::<4>(place, lane, u64::from(change(old)), wave, env);
    old
}

/// Replaces eight bytes at once, at a place that was resolved for an aligned store; gives what was there.
pub fn update64(place: Place, lane: usize, wave: &mut Wave, env: &mut Env<'_>, change: impl Fn(u64) -> u64) -> u64 {
    if let Place::Global(address) = place {
        // SAFETY: `resolve` checked the address for a store in this dispatch, and that it is aligned.
        let update = || unsafe { update_u64(address, &change) };
        let Some(log) = &mut env.log else { return update() };
        return log.update(address, 8, &env.view, &change, update);
    }
    let old = read::<8>(place, lane, wave, env);
    write::<8>(place, lane, change(old), wave, env);
    old
}
