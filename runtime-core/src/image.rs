//! A code object as it lies in the device's memory, read from the file that was loaded.

use std::{borrow::Cow, collections::HashMap};

use geobacter_spool::fault::{ANCHOR_SYMBOL, NO_ADDRESS};
use object::{Object, ObjectSegment, ObjectSymbol, ObjectSymbolTable, RelocationFlags, RelocationTarget, read};

/// Longest message and file name that are read: a damaged length must not become a report of gigabytes.
const MAX_TEXT: u64 = 64 * 1024;

// Relocations of LLVM's AMDGPU usage guide, which `object` has no names for.
const R_AMDGPU_ABS64: u32 = 3;
pub(crate) const R_AMDGPU_RELATIVE64: u32 = 13;

/// A code object as the loader sees it: segments at addresses, and pointers that it fills in.
pub(crate) struct Image<'a> {
    segments: Vec<(u64, &'a [u8])>,
    /// What the loader writes at an address: another address of the same image.
    pointers: HashMap<u64, u64>,
    anchor: u64,
    /// Address of the anchor on the device.
    loaded_anchor: u64,
}

impl<'a> Image<'a> {
    /// Reads an ELF file whose anchor is at this address on the device.
    pub(crate) fn parse(code_object: &'a [u8], loaded_anchor: u64) -> Option<Self> {
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
        Some(Self { segments, pointers: pointers.collect(), anchor: anchor.address(), loaded_anchor })
    }

    /// Where in the file's addresses an address of the device is; `None` for [`NO_ADDRESS`].
    pub(crate) fn address(&self, loaded: u64) -> Option<u64> {
        (loaded != NO_ADDRESS).then(|| self.anchor.wrapping_add(loaded.wrapping_sub(self.loaded_anchor)))
    }

    /// All bytes from this address to the end of its segment.
    pub(crate) fn tail(&self, address: u64) -> Option<&'a [u8]> {
        self.segments.iter().find_map(|(start, bytes)| {
            let offset = usize::try_from(address.checked_sub(*start)?).ok()?;
            bytes.get(offset..).filter(|tail| !tail.is_empty())
        })
    }

    /// The pointer that stands at this address once the image is loaded.
    pub(crate) fn pointer(&self, address: u64) -> Option<u64> {
        let stored = || Some(u64::from_le_bytes(self.tail(address)?.get(..8)?.try_into().ok()?));
        self.pointers.get(&address).copied().or_else(stored)
    }

    /// The text at this address.
    pub(crate) fn text(&self, address: u64, length: u64) -> Option<Cow<'a, str>> {
        let length = usize::try_from(length.min(MAX_TEXT)).ok()?;
        if length == 0 {
            return Some(Cow::Borrowed(""));
        }
        self.tail(address)?.get(..length).map(String::from_utf8_lossy)
    }

    /// The text at this address of the device.
    pub(crate) fn loaded_text(&self, address: u64, length: u64) -> Option<Cow<'a, str>> {
        self.text(self.address(address).unwrap_or_default(), length)
    }
}
