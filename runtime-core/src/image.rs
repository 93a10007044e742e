//! The constants of loaded code, as panics and printed lines point to them.
//!
//! Device code leaves addresses of the device. Where the code is an ELF file, its segments say what stands there, and an anchor
//! symbol where they were loaded; elsewhere the device's memory is asked.

use std::{borrow::Cow, cell::RefCell, collections::HashMap};

use geobacter_spool::{
    fault::{ANCHOR_SYMBOL, NO_ADDRESS},
    format::Template,
};
use object::{Object, ObjectSegment, ObjectSymbol, ObjectSymbolTable, RelocationFlags, RelocationTarget, read};

/// Longest message and file name that are read: a damaged length must not become a report of gigabytes.
const MAX_TEXT: u64 = 64 * 1024;

/// Bytes of a template in the device's memory that are asked for first. Few are longer.
const FIRST_PIECE: usize = 64;

// Relocations of LLVM's AMDGPU usage guide, which `object` has no names for.
const R_AMDGPU_ABS64: u32 = 3;
pub(crate) const R_AMDGPU_RELATIVE64: u32 = 13;

/// Where the constants of loaded code can be read.
#[derive(Clone, Copy)]
pub enum Constants<'a> {
    /// In the ELF file that was loaded. It has the symbol [`ANCHOR_SYMBOL`].
    File(&'a [u8]),
    /// In the device's memory.
    Memory(&'a dyn ConstantMemory),
}

/// The memory of a device, as far as loaded code's constants lie in it.
pub trait ConstantMemory: Send + Sync {
    /// Copies as many bytes as the slice has from this address of the device. `false`, whatever was copied, if they cannot all
    /// be read.
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool;
}

/// Loaded code that lends its constants.
pub trait HasConstants: Send + Sync {
    /// Its constants.
    fn constants(&self) -> Constants<'_>;
}

/// Loaded code. All addresses are those of the device.
pub(crate) enum Image<'a> {
    File(FileImage<'a>),
    Memory(MemoryImage<'a>),
}

impl<'a> Image<'a> {
    /// The code whose anchor is at this address. `None` if a file is none, or has no anchor.
    pub(crate) fn new(constants: Constants<'a>, loaded_anchor: u64) -> Option<Self> {
        match constants {
            Constants::File(file) => FileImage::parse(file, loaded_anchor).map(Self::File),
            Constants::Memory(memory) => Some(Self::Memory(MemoryImage { memory, read: RefCell::default() })),
        }
    }

    /// These bytes, if they can all be read.
    pub(crate) fn bytes(&self, address: u64, length: usize) -> Option<Cow<'a, [u8]>> {
        if address == NO_ADDRESS {
            return None;
        }
        match self {
            Self::File(file) => file.tail(address)?.get(..length).map(Cow::Borrowed),
            Self::Memory(memory) => memory.bytes(address, length).map(Cow::Owned),
        }
    }

    /// The `core::fmt` template at this address; more may follow it.
    pub(crate) fn template(&self, address: u64) -> Option<Cow<'a, [u8]>> {
        if address == NO_ADDRESS {
            return None;
        }
        match self {
            Self::File(file) => file.tail(address).map(Cow::Borrowed),
            Self::Memory(memory) => memory.template(address).map(Cow::Owned),
        }
    }

    /// The pointer that stands at this address.
    pub(crate) fn pointer(&self, address: u64) -> Option<u64> {
        match self {
            Self::File(file) => file.pointer(address),
            Self::Memory(memory) => Some(u64::from_le_bytes(memory.bytes(address, 8)?.try_into().ok()?)),
        }
    }

    /// The text at this address.
    pub(crate) fn text(&self, address: u64, length: u64) -> Option<Cow<'a, str>> {
        let length = usize::try_from(length.min(MAX_TEXT)).ok()?;
        if length == 0 {
            return Some(Cow::Borrowed(""));
        }
        Some(match self.bytes(address, length)? {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        })
    }
}

/// An ELF file as its loader sees it: segments at addresses, and pointers that it fills in.
pub(crate) struct FileImage<'a> {
    segments: Vec<(u64, &'a [u8])>,
    /// What the loader writes at an address: another address of the same image. Both are the file's.
    pointers: HashMap<u64, u64>,
    /// What is added to an address of the file to make it the device's.
    slide: u64,
}

impl<'a> FileImage<'a> {
    fn parse(code_object: &'a [u8], loaded_anchor: u64) -> Option<Self> {
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
        let slide = loaded_anchor.wrapping_sub(anchor.address());
        Some(Self { segments, pointers: pointers.collect(), slide })
    }

    /// All bytes from this address to the end of its segment.
    fn tail(&self, address: u64) -> Option<&'a [u8]> {
        let address = address.wrapping_sub(self.slide);
        self.segments.iter().find_map(|(start, bytes)| {
            let offset = usize::try_from(address.checked_sub(*start)?).ok()?;
            bytes.get(offset..).filter(|tail| !tail.is_empty())
        })
    }

    /// The pointer that stands at this address once the image is loaded.
    fn pointer(&self, address: u64) -> Option<u64> {
        let stored = || Some(u64::from_le_bytes(self.tail(address)?.get(..8)?.try_into().ok()?));
        let pointer = self.pointers.get(&address.wrapping_sub(self.slide)).copied().or_else(stored)?;
        Some(pointer.wrapping_add(self.slide))
    }
}

/// Memory of the device, with what was read of it: lines that are printed often have one template.
pub(crate) struct MemoryImage<'a> {
    memory: &'a dyn ConstantMemory,
    /// What was read, by address and length.
    read: RefCell<HashMap<(u64, usize), Vec<u8>>>,
}

impl MemoryImage<'_> {
    fn bytes(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        if let Some(bytes) = self.read.borrow().get(&(address, length)) {
            return Some(bytes.clone());
        }
        let mut bytes = vec![0; length];
        self.memory.read(address, &mut bytes).then(|| {
            self.read.borrow_mut().insert((address, length), bytes.clone());
            bytes
        })
    }

    /// A template says itself where it ends, so pieces are read until it does. Memory may end behind it: where a piece cannot be
    /// read, half of it may be.
    fn template(&self, address: u64) -> Option<Vec<u8>> {
        let mut template = Vec::new();
        let mut piece = FIRST_PIECE;
        while template.len() < MAX_TEXT as usize {
            let at = address.checked_add(template.len() as u64)?;
            match self.bytes(at, piece) {
                Some(bytes) => {
                    template.extend_from_slice(&bytes);
                    if Template::new(&template).all(|piece| piece.is_ok()) {
                        return Some(template);
                    }
                    piece *= 2;
                }
                None if piece > 1 => piece /= 2,
                None => return None,
            }
        }
        None
    }
}
