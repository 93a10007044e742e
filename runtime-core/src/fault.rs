//! Reads a fault record against the code object that wrote it.
//!
//! Device code copies no strings: it leaves distances from an anchor symbol. Here they are followed in the ELF file, in the
//! layouts of the pinned toolchain: `core::panic::Location`, and the templates of `core::fmt::Arguments`. What cannot be
//! followed costs its part of the report, never the report: the launch did panic.

use std::{borrow::Cow, collections::HashMap};

use geobacter_spool::fault::{ANCHOR_SYMBOL, FaultKind, FaultRecord, NO_ADDRESS};
use object::{Object, ObjectSegment, ObjectSymbol, ObjectSymbolTable, RelocationFlags, RelocationTarget, read};

use crate::driver::{KernelPanic, PanicLocation};

/// Longest message and file name that are read: a damaged length must not become a report of gigabytes.
const MAX_TEXT: u64 = 64 * 1024;

// Relocations of LLVM's AMDGPU usage guide, which `object` has no names for.
const R_AMDGPU_ABS64: u32 = 3;
const R_AMDGPU_RELATIVE64: u32 = 13;

/// The panic that a launch left in its fault record; `None` if no item panicked.
pub fn decode(record: &FaultRecord, code_object: &[u8]) -> Option<KernelPanic> {
    if record.panicked == 0 {
        return None;
    }
    let image = Image::parse(code_object);
    let message = image.as_ref().and_then(|image| message(record, image));
    let message = message.unwrap_or_else(|| "a panic whose message could not be read".to_owned());
    let location = image.as_ref().and_then(|image| location(record, image));
    Some(KernelPanic::new(message, location, record.group, record.item).with_items(record.panicked.into()))
}

fn message(record: &FaultRecord, image: &Image<'_>) -> Option<String> {
    match FaultKind::from_number(record.kind)? {
        FaultKind::Bounds => {
            let [index, length] = record.values;
            Some(format!("index out of bounds: the len is {length} but the index is {index}"))
        }
        FaultKind::Text => image.text(image.address(record.message)?, record.message_length).map(Cow::into_owned),
        FaultKind::Format => render(image.tail(image.address(record.message)?)?),
    }
}

/// `core::panic::Location`: the file name (address, length), line, column.
fn location(record: &FaultRecord, image: &Image<'_>) -> Option<PanicLocation> {
    let address = image.address(record.location)?;
    let fields = image.tail(address)?.get(..24)?;
    let length = u64::from_le_bytes(fields[8..16].try_into().ok()?);
    // The name is followed by a NUL, which the length does not count.
    let file = image.text(image.pointer(address)?, length)?.into_owned();
    let line = u32::from_le_bytes(fields[16..20].try_into().ok()?);
    let column = u32::from_le_bytes(fields[20..24].try_into().ok()?);
    Some(PanicLocation { file, line, column })
}

/// A template of `core::fmt::Arguments`, with `{}` where a value would stand: values stay on the device.
///
/// A sequence of bytes: 0 ends it; 1 to 127 is the length of a piece of text that follows; 128 is a piece whose length
/// follows in two bytes; 192 and above is a place-holder, whose low bits say which options follow it.
fn render(template: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    let mut rest = template;
    let take = |rest: &mut &[u8], count: usize| -> Option<Vec<u8>> {
        let (taken, after) = rest.split_at_checked(count)?;
        *rest = after;
        Some(taken.to_vec())
    };
    loop {
        let lead = take(&mut rest, 1)?[0];
        match lead {
            0 => return Some(String::from_utf8_lossy(&text).into_owned()),
            1..=0x7f => text.extend(take(&mut rest, lead.into())?),
            0x80 => {
                let length = take(&mut rest, 2)?;
                text.extend(take(&mut rest, u16::from_le_bytes([length[0], length[1]]).into())?);
            }
            0xc0.. => {
                // Flags, width, precision, index of the argument.
                let options = [(1, 4), (2, 2), (4, 2), (8, 2)];
                let bytes = options.iter().filter(|&&(bit, _)| lead & bit != 0).map(|&(_, size)| size).sum();
                take(&mut rest, bytes)?;
                text.extend(b"{}");
            }
            _ => return None,
        }
    }
}

/// A code object as the loader sees it: segments at addresses, and pointers that it fills in.
struct Image<'a> {
    segments: Vec<(u64, &'a [u8])>,
    /// What the loader writes at an address: another address of the same image.
    pointers: HashMap<u64, u64>,
    anchor: u64,
}

impl<'a> Image<'a> {
    fn parse(code_object: &'a [u8]) -> Option<Self> {
        let file = read::elf::ElfFile64::<object::LittleEndian>::parse(code_object).ok()?;
        let anchor = file.symbols().chain(file.dynamic_symbols()).find(|symbol| symbol.name() == Ok(ANCHOR_SYMBOL))?;
        let segments = file.segments().filter_map(|segment| Some((segment.address(), segment.data().ok()?))).collect();
        let symbols = file.dynamic_symbol_table();
        let pointers = file.dynamic_relocations().into_iter().flatten().filter_map(|(at, relocation)| {
            let RelocationFlags::Elf { r_type } = relocation.flags() else { return None };
            let base = match (r_type.0, relocation.target()) {
                (R_AMDGPU_RELATIVE64, _) => 0,
                (R_AMDGPU_ABS64, RelocationTarget::Symbol(symbol)) => {
                    symbols.as_ref()?.symbol_by_index(symbol).ok()?.address()
                }
                _ => return None,
            };
            Some((at, base.wrapping_add_signed(relocation.addend())))
        });
        Some(Self { segments, pointers: pointers.collect(), anchor: anchor.address() })
    }

    /// The address at this distance from the anchor.
    fn address(&self, distance: i64) -> Option<u64> {
        (distance != NO_ADDRESS).then(|| self.anchor.wrapping_add_signed(distance))
    }

    /// All bytes from this address to the end of its segment.
    fn tail(&self, address: u64) -> Option<&'a [u8]> {
        self.segments.iter().find_map(|(start, bytes)| {
            let offset = usize::try_from(address.checked_sub(*start)?).ok()?;
            bytes.get(offset..).filter(|tail| !tail.is_empty())
        })
    }

    /// The pointer that stands at this address once the image is loaded.
    fn pointer(&self, address: u64) -> Option<u64> {
        let stored = || Some(u64::from_le_bytes(self.tail(address)?.get(..8)?.try_into().ok()?));
        self.pointers.get(&address).copied().or_else(stored)
    }

    fn text(&self, address: u64, length: u64) -> Option<Cow<'a, str>> {
        let length = usize::try_from(length.min(MAX_TEXT)).ok()?;
        if length == 0 {
            return Some(Cow::Borrowed(""));
        }
        self.tail(address)?.get(..length).map(String::from_utf8_lossy)
    }
}

#[cfg(test)]
mod tests;
