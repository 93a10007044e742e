//! What instructions reach outside of their warp: memory, the block, the launch.

use std::time::Instant;

use super::{launch::Dispatch, warp::Warp};
use crate::{
    fault::{FaultKind, Trap},
    memory::{
        View, load_u8, load_u16, load_u32, load_u64, store_u8, store_u16, store_u32, store_u64, update_u16, update_u32,
        update_u64,
    },
    ptx::types::Space,
};

/// Generic addresses of a block's shared memory begin here, beyond what a host has.
pub const SHARED_WINDOW: u64 = 1 << 56;
/// Generic addresses of a thread's local memory begin here.
pub const LOCAL_WINDOW: u64 = 2 << 56;
/// Generic addresses of a kernel's parameters begin here.
pub const PARAM_WINDOW: u64 = 3 << 56;
/// Bytes of each of these windows.
const WINDOW: u64 = 1 << 32;

/// A place that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Global(u64),
    Shared(usize),
    Local(usize),
    Param(usize),
}

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Load,
    Store,
    Atomic,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Store => "store",
            Self::Atomic => "atomic operation",
        }
    }
}

/// The surroundings of a block's warps.
#[derive(Debug)]
pub struct Env<'l> {
    pub view: View<'l>,
    pub shared: Vec<u8>,
    pub dispatch: &'l Dispatch<'l>,
    /// The block's id along x, y and z.
    pub block: [u32; 3],
    pub started: Instant,
}

/// The space that a generic address is in, and its address there.
pub fn specific(address: u64) -> (Space, u64) {
    for (window, space) in [(SHARED_WINDOW, Space::Shared), (LOCAL_WINDOW, Space::Local), (PARAM_WINDOW, Space::Param)]
    {
        if address.wrapping_sub(window) < WINDOW {
            return (space, address - window);
        }
    }
    (Space::Global, address)
}

/// Where the window of a space begins.
pub fn window(space: Space) -> u64 {
    match space {
        Space::Shared => SHARED_WINDOW,
        Space::Local => LOCAL_WINDOW,
        Space::Param => PARAM_WINDOW,
        Space::Generic | Space::Global | Space::Const => 0,
    }
}

impl Env<'_> {
    /// Checks a lane's access of so many bytes and finds its place.
    ///
    /// # Errors
    /// A fault.
    #[inline]
    pub fn place(
        &mut self,
        warp: &mut Warp,
        lane: usize,
        (space, address): (Space, u64),
        bytes: u64,
        kind: Kind,
    ) -> Result<Place, Box<Trap>> {
        if address & (bytes - 1) != 0 {
            let detail = format!("{} of {bytes} bytes at {address:#x}, which is no multiple of {bytes}", kind.name());
            return Err(Trap::at(FaultKind::Misaligned, address, detail).in_lane(lane));
        }
        let (space, address) = if space == Space::Generic { specific(address) } else { (space, address) };
        match space {
            Space::Generic | Space::Global | Space::Const => {
                match self.view.check(address, bytes, kind != Kind::Load) {
                    Ok(()) => Ok(Place::Global(address)),
                    Err(trap) => Err(trap.in_lane(lane)),
                }
            }
            Space::Shared => self
                .within(address, bytes, self.shared.len(), lane, kind, "shared memory of the block")
                .map(Place::Shared),
            Space::Local if kind == Kind::Atomic => {
                let detail = "atomic operation on local memory, which is the thread's alone";
                Err(Trap::at(FaultKind::AddressSpace, address, detail).in_lane(lane))
            }
            Space::Local => warp.local(lane, address, bytes).map(|_| Place::Local(address as usize)),
            Space::Param if kind == Kind::Load => self
                .within(address, bytes, self.dispatch.params.len(), lane, kind, "the kernel's parameters")
                .map(Place::Param),
            Space::Param => {
                let detail = format!("{} of {bytes} bytes at byte {address} of the kernel's parameters", kind.name());
                Err(Trap::at(FaultKind::ReadOnly, address, detail).in_lane(lane))
            }
        }
    }

    #[inline]
    fn within(
        &self,
        at: u64,
        bytes: u64,
        size: usize,
        lane: usize,
        kind: Kind,
        what: &str,
    ) -> Result<usize, Box<Trap>> {
        if at <= size as u64 && bytes <= size as u64 - at {
            return Ok(at as usize);
        }
        let detail = format!("{} of {bytes} bytes at {at:#x} in the {what}, of {size} bytes", kind.name());
        Err(Trap::at(FaultKind::OutOfBounds, at, detail).in_lane(lane))
    }

    /// Loads 1, 2, 4 or 8 bytes, `by` bytes behind a place.
    #[inline]
    pub fn load(&self, warp: &Warp, lane: usize, place: Place, by: usize, bytes: u32) -> u64 {
        match place {
            Place::Global(address) => {
                let address = address + by as u64;
                // SAFETY: `place` has checked these bytes, and their alignment; the view holds them.
                unsafe {
                    match bytes {
                        1 => u64::from(load_u8(address)),
                        2 => u64::from(load_u16(address)),
                        4 => u64::from(load_u32(address)),
                        _ => load_u64(address),
                    }
                }
            }
            Place::Shared(at) => number(&self.shared, at + by, bytes),
            Place::Local(at) => number(&warp.lanes[lane].local, at + by, bytes),
            Place::Param(at) => number(self.dispatch.params, at + by, bytes),
        }
    }

    /// Stores 1, 2, 4 or 8 bytes, `by` bytes behind a place.
    #[inline]
    pub fn store(&mut self, warp: &mut Warp, lane: usize, place: Place, by: usize, bytes: u32, value: u64) {
        match place {
            Place::Global(address) => {
                let address = address + by as u64;
                // SAFETY: `place` has checked these bytes, their alignment, and that they may be written.
                unsafe {
                    match bytes {
                        1 => store_u8(address, value as u8),
                        2 => store_u16(address, value as u16),
                        4 => store_u32(address, value as u32),
                        _ => store_u64(address, value),
                    }
                }
            }
            Place::Shared(at) => put_number(&mut self.shared, at + by, bytes, value),
            Place::Local(at) => put_number(&mut warp.lanes[lane].local, at + by, bytes, value),
            // No store has such a place.
            Place::Param(_) => {}
        }
    }

    /// Replaces 2, 4 or 8 bytes by what `change` makes of them, at once, and gives what was there.
    #[inline]
    pub fn update(
        &mut self,
        warp: &mut Warp,
        lane: usize,
        place: Place,
        bytes: u32,
        change: impl Fn(u64) -> u64,
    ) -> u64 {
        if let Place::Global(address) = place {
            // SAFETY: `place` has checked these bytes, their alignment, and that they may be written.
            return unsafe {
                match bytes {
                    2 => u64::from(update_u16(address, |old| change(u64::from(old)) as u16)),
                    4 => u64::from(update_u32(address, |old| change(u64::from(old)) as u32)),
                    _ => update_u64(address, change),
                }
            };
        }
        // One thread runs the block.
        let old = self.load(warp, lane, place, 0, bytes);
        self.store(warp, lane, place, 0, bytes, change(old));
        old
    }
}

fn number(memory: &[u8], at: usize, bytes: u32) -> u64 {
    let mut all = [0; 8];
    let count = bytes as usize;
    if let Some(source) = memory.get(at..at + count) {
        all[..count].copy_from_slice(source);
    }
    u64::from_le_bytes(all)
}

fn put_number(memory: &mut [u8], at: usize, bytes: u32, value: u64) {
    let count = bytes as usize;
    if let Some(target) = memory.get_mut(at..at + count) {
        target.copy_from_slice(&value.to_le_bytes()[..count]);
    }
}
