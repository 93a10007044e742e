//! Buffer memory: MUBUF, and the cache instructions (*CDNA 3 ISA*, section 9.1 "Vector memory buffer instructions").
//!
//! A swizzled buffer lies so that the same element of neighbouring lanes is side by side. Scratch is one on targets
//! that reach it so: its resource, made here, has a base in a window of addresses of its own, and an address in that
//! window is turned back into a lane and an offset in its scratch.
//!
//! An access that begins beyond the buffer's size loads 0 and stores nothing. (The hardware looks at each word of a wider
//! one.)

use super::{
    decode::nothing,
    lds_exchange::load_to_lds,
    step::{DecodeError, Step},
    text::Operand,
    transfer::{Transfer, load, store},
    valu::Vop,
    vmem::{atomic_at, returns_old_value},
};
use crate::machine::{
    space::Space,
    wave::{Size, Wave},
};

/// High half of the base of scratch's buffer resource.
const SCRATCH_WINDOW: u64 = 0x0003;
/// Bytes of an element of a swizzled buffer: those that lie together for one lane.
const ELEMENT: u64 = 4;
/// What no lane's scratch has: accesses there are faults.
const NO_SCRATCH: u64 = 1 << 40;

/// A buffer resource (*CDNA 3 ISA*, section 9.1.8 "Buffer resource descriptor").
#[derive(Clone, Copy, Debug)]
struct Resource {
    base: u64,
    stride: u64,
    swizzled: bool,
    /// Lanes whose elements lie side by side.
    index_stride: u64,
    /// Whether the lane's number is added to the index.
    adds_lane: bool,
    /// What the buffer has: elements of `stride` bytes, or bytes.
    records: u64,
    check: RangeCheck,
}

/// How an access is held against the buffer's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RangeCheck {
    /// The index, and that the offset is within an element.
    Element,
    /// The index.
    Index,
    /// Only that the buffer is not empty.
    Empty,
    /// Bytes from the buffer's start.
    Bytes,
}

impl RangeCheck {
    /// CDNA: by the stride and the swizzle (*CDNA 3 ISA*, section 9.1.5.3 "Range checking").
    fn cdna(stride: u64, swizzled: bool) -> Self {
        if stride == 0 || !swizzled { Self::Bytes } else { Self::Index }
    }

    /// RDNA: by a field of the resource (*RDNA 3 ISA*, section 9.1.5.3 "Range checking").
    fn rdna(field: u32) -> Self {
        match field & 3 {
            0 => Self::Element,
            1 => Self::Index,
            2 => Self::Empty,
            _ => Self::Bytes,
        }
    }
}

impl Resource {
    fn of(words: [u32; 4], cdna: bool) -> Self {
        let (stride, swizzled) = (u64::from(words[1] >> 16 & 0x3fff), words[1] >> 31 != 0);
        Self {
            records: u64::from(words[2]),
            check: if cdna { RangeCheck::cdna(stride, swizzled) } else { RangeCheck::rdna(words[3] >> 28) },
            base: u64::from(words[0]) | u64::from(words[1] & 0xffff) << 32,
            stride,
            swizzled,
            index_stride: 8 << (words[3] >> 21 & 3),
            adds_lane: words[3] >> 23 & 1 != 0,
        }
    }

    /// Whether the first byte of an access is in the buffer.
    fn has(&self, index: u64, offset: u64, scalar: u64) -> bool {
        match self.check {
            RangeCheck::Element => index < self.records && (self.stride == 0 || offset < self.stride),
            RangeCheck::Index => index < self.records,
            RangeCheck::Empty => self.records != 0,
            RangeCheck::Bytes => {
                let within = index.wrapping_mul(self.stride).wrapping_add(offset);
                within.saturating_add(scalar) < self.records
            }
        }
    }

    /// Where an element is, from the buffer's base.
    fn place(&self, index: u64, offset: u64) -> u64 {
        if !self.swizzled {
            return index.wrapping_mul(self.stride).wrapping_add(offset);
        }
        let (row, column) = (index / self.index_stride, index % self.index_stride);
        let (element, byte) = (offset / ELEMENT, offset % ELEMENT);
        (row.wrapping_mul(self.stride).wrapping_add(element * ELEMENT))
            .wrapping_mul(self.index_stride)
            .wrapping_add(column * ELEMENT + byte)
    }
}

/// The resource with which waves of a kernel reach `scratch` bytes for each item.
pub fn scratch_resource(size: Size, scratch: u32) -> [u32; 4] {
    let stride = match size {
        Size::W32 => 2,
        Size::W64 => 3,
    };
    // Word 3: 32-bit unsigned elements, as the runtimes of all targets write it.
    [
        0,
        SCRATCH_WINDOW as u32 | 1 << 31,
        scratch.saturating_mul(size.lanes() as u32),
        1 << 23 | stride << 21 | 1 << 19 | 0x27fac,
    ]
}

/// The step of a buffer instruction; `None` if it is none.
pub fn lookup(v: &Vop<'_>) -> Option<Result<Step, DecodeError>> {
    let name = v.parsed.mnemonic.strip_prefix("buffer_")?;
    match name {
        // Memory is coherent here.
        "wbl2" | "inv" | "wbinvl1" | "wbinvl1_vol" | "invl2" | "gl0_inv" | "gl1_inv" => return Some(Ok(nothing())),
        _ => {}
    }
    if let Some(name) = name.strip_prefix("atomic_") {
        return Some(atomic(v, name));
    }
    if let Some(kind) = name.strip_prefix("load_").and_then(Transfer::load) {
        if v.parsed.flag("lds") && kind.bytes() <= 4 {
            let offset = v.parsed.number("offset").unwrap_or(0);
            return Some(address(v, 0).map(|address| load_to_lds(kind, offset, address)));
        }
        return Some(address(v, 1).and_then(|address| load(v, 0, kind, address)));
    }
    let kind = name.strip_prefix("store_").and_then(Transfer::store)?;
    Some(address(v, 1).and_then(|address| store(v, 0, kind, address)))
}

/// The old value goes to where the operand was.
fn atomic(v: &Vop<'_>, name: &str) -> Result<Step, DecodeError> {
    let data = usize::from(v.vector(0)?.0);
    let to = returns_old_value(v).then_some(data);
    address(v, 1).and_then(|address| atomic_at(v, name, (data, to), address))
}

/// Operands, of which the vector address is number `first`: data, vector address, resource, scalar offset.
fn address(
    v: &Vop<'_>,
    first: usize,
) -> Result<impl Fn(&Wave, usize) -> (Space, u64) + Send + Sync + use<>, DecodeError> {
    let error = || DecodeError::new(v.parsed, "the address is not understood");
    let operand = |index: usize| v.parsed.args.get(index).map(|arg| &arg.operand);
    let (indexed, offset_enabled) = (v.parsed.flag("idxen"), v.parsed.flag("offen"));
    let (index, vector) = match operand(first) {
        Some(Operand::Off) if !indexed && !offset_enabled => (None, None),
        Some(_) => {
            let (register, count) = v.vector(first)?;
            if usize::from(count) < usize::from(indexed) + usize::from(offset_enabled) {
                return Err(error());
            }
            let register = usize::from(register);
            (indexed.then_some(register), offset_enabled.then_some(register + usize::from(indexed)))
        }
        None => return Err(error()),
    };
    let Some(Operand::Scalar(resource, 4)) = operand(first + 1) else { return Err(error()) };
    let resource = *resource;
    let (scalar, constant) = match operand(first + 2) {
        Some(Operand::Scalar(index, 1)) => (Some(*index), 0),
        Some(Operand::Int(value)) => (None, *value as u64),
        Some(Operand::Null) => (None, 0),
        _ => return Err(error()),
    };
    let offset = v.parsed.number("offset").and_then(|n| u64::try_from(n).ok()).ok_or_else(error)?;
    let cdna = v.gpu.is_cdna();
    Ok(move |wave: &Wave, lane: usize| {
        let words = std::array::from_fn(|word| wave.scalar[usize::from(resource) + word]);
        let resource = Resource::of(words, cdna);
        let scalar = scalar.map_or(constant, |index| u64::from(wave.scalar[usize::from(index)]));
        let word = |register: Option<usize>| register.map_or(0, |register| u64::from(wave.vector[register][lane]));
        let index = word(index) + if resource.adds_lane { lane as u64 } else { 0 };
        let within = resource.place(index, word(vector).wrapping_add(offset) & 0xffff_ffff);
        let address = resource.base.wrapping_add(scalar).wrapping_add(within);
        if resource.base >> 32 == SCRATCH_WINDOW {
            return (Space::Scratch, unswizzle(address & 0xffff_ffff, lane, wave.size.lanes() as u64));
        }
        if resource.has(index, word(vector).wrapping_add(offset) & 0xffff_ffff, scalar) {
            (Space::Global, address)
        } else {
            (Space::Nowhere, address)
        }
    })
}

/// The offset in a lane's scratch of what lies at this offset of the wave's.
fn unswizzle(offset: u64, lane: usize, lanes: u64) -> u64 {
    let (element, byte) = (offset / ELEMENT, offset % ELEMENT);
    if element % lanes != lane as u64 {
        return NO_SCRATCH;
    }
    element / lanes * ELEMENT + byte
}
