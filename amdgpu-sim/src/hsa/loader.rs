//! Loads a code object: segments into device memory, relocations, symbols (LLVM's *User Guide for AMDGPU Backend*,
//! "Code Object").

use std::{collections::HashMap, sync::Arc};

use hsa_rt_sys::{
    HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS, HSA_STATUS_ERROR_INVALID_CODE_OBJECT, HSA_STATUS_ERROR_OUT_OF_RESOURCES,
    HSA_STATUS_ERROR_VARIABLE_UNDEFINED, hsa_status_t,
};
use object::{
    LittleEndian, Object, ObjectSegment, ObjectSymbol, RelocationFlags, RelocationTarget, SegmentFlags, SymbolKind,
    elf, read::elf::ElfFile64,
};

use super::{
    isa::{Isa, Setting},
    product::Product,
    state::{Simulator, fail},
};
use crate::{
    isa::{
        decode::{Code, Function},
        target::Target,
    },
    machine::{
        agents::GpuSet,
        descriptor::{self, Descriptor},
        dispatch::Kernel,
        memory::{Block, GRANULE, Purpose, Range},
    },
    source::Sources,
};

/// Most device memory that a code object may span, in bytes.
const MAX_SPAN: u64 = 1 << 30;
/// Machine part of the ELF header's flags.
const MACH_MASK: u32 = 0xff;
/// Where the two bits of `EF_AMDGPU_FEATURE_XNACK_V4` and `EF_AMDGPU_FEATURE_SRAMECC_V4` begin in them.
const XNACK_SHIFT: u32 = 8;
const SRAMECC_SHIFT: u32 = 10;

// Relocation types of *User Guide for AMDGPU Backend*, "Relocation Records".
const R_AMDGPU_NONE: u32 = 0;
const R_AMDGPU_ABS32_LO: u32 = 1;
const R_AMDGPU_ABS32_HI: u32 = 2;
const R_AMDGPU_ABS64: u32 = 3;
const R_AMDGPU_REL32: u32 = 4;
const R_AMDGPU_REL64: u32 = 5;
const R_AMDGPU_ABS32: u32 = 6;
const R_AMDGPU_REL32_LO: u32 = 10;
const R_AMDGPU_REL32_HI: u32 = 11;
const R_AMDGPU_RELATIVE64: u32 = 13;

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SymbolValue {
    /// A kernel, by its descriptor.
    Kernel(Descriptor),
    /// A variable of this size.
    Variable(u64),
}

/// A symbol that programs can ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct Symbol {
    /// Its name in the ELF file.
    pub name: String,
    /// Its device address.
    pub address: u64,
    /// What it is.
    pub value: SymbolValue,
}

/// A segment in device memory.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Address of its first byte.
    pub base: u64,
    /// Size in bytes.
    pub size: u64,
    /// Where its contents begin in the file.
    pub offset: u64,
}

/// A code object in device memory.
#[derive(Debug)]
pub struct Loaded {
    block: Option<Block>,
    ranges: Vec<Range>,
    /// Its segments.
    pub segments: Vec<Segment>,
    /// What programs can ask for.
    pub symbols: Vec<Symbol>,
    code: Option<(u64, u64)>,
    functions: Vec<(u64, u64, String)>,
    /// The file, for its line tables.
    elf: Arc<[u8]>,
}

/// What a code object with these flags in its ELF header was made for. `None` if that is no simulated device.
pub fn isa(flags: u32) -> Option<Isa> {
    let target = Target::ALL.into_iter().find(|target| target.elf_machine() == flags & MACH_MASK)?;
    let setting = |shift: u32| Setting::from_bits(u64::from(flags >> shift));
    Some(Isa::of_code(Product::of(target), setting(SRAMECC_SHIFT), setting(XNACK_SHIFT)))
}

/// Refuses code for another device, and code that wants a feature on or off which the device has the other way.
fn check_isa(target: Target, flags: u32) -> Result<(), hsa_status_t> {
    let (code, device) = (isa(flags), Isa::of(Product::of(target)));
    if code.is_some_and(|code| code.runs_on(device)) {
        return Ok(());
    }
    let made_for = code.map_or_else(|| "another device".to_owned(), |code| code.to_string());
    let reason = format!("the code object is for {made_for} (ELF flags {flags:#x}), and the device is {device}");
    Err(fail(HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS, reason))
}

fn bad(reason: impl Into<String>) -> hsa_status_t {
    fail(HSA_STATUS_ERROR_INVALID_CODE_OBJECT, reason)
}

impl Loaded {
    /// Loads a code object for a target, for kernels of these GPUs. `externals` are the variables that the program has
    /// defined by itself, for code that names them.
    pub fn load(
        simulator: &Simulator,
        target: Target,
        gpus: GpuSet,
        bytes: &[u8],
        externals: &HashMap<String, u64>,
    ) -> Result<Self, hsa_status_t> {
        let file = ElfFile64::<LittleEndian>::parse(bytes).map_err(|error| bad(format!("no ELF file: {error}")))?;
        let header = file.elf_header();
        let endian = LittleEndian;
        if header.e_machine.get(endian) != elf::EM_AMDGPU || header.e_type.get(endian) != elf::ET_DYN {
            return Err(bad("not a linked AMDGPU code object"));
        }
        check_isa(target, header.e_flags.get(endian).0)?;
        let end = file.segments().map(|segment| segment.address().saturating_add(segment.size())).max().unwrap_or(0);
        if end == 0 || end > MAX_SPAN {
            return Err(bad(format!("the code object spans {end} bytes of memory")));
        }
        let block = Block::new(end as usize)
            .ok_or_else(|| fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, format!("the host has no {end} bytes of memory")))?;
        // SAFETY: the block is this function's alone, zeroed, and at least `end` bytes long.
        let image = unsafe { std::slice::from_raw_parts_mut(block.as_ptr(), end as usize) };
        let base = block.address();
        let mut ranges: Vec<Range> = Vec::new();
        let mut segments = Vec::new();
        let mut code: Option<(u64, u64)> = None;
        for segment in file.segments() {
            let (begin, size) = (segment.address(), segment.size());
            let data = segment.data().map_err(|error| bad(format!("a segment is cut off: {error}")))?;
            if size == 0 {
                continue;
            }
            let (at, length) = (begin as usize, data.len().min(size as usize));
            image[at..at + length].copy_from_slice(&data[..length]);
            let flags = match segment.flags() {
                SegmentFlags::Elf { p_flags, .. } => p_flags.0,
                _ => 0,
            };
            let range = Range {
                base: base + begin,
                end: base + begin + size,
                writable: flags & elf::PF_W.0 != 0,
                purpose: Purpose::CodeObject,
                gpus,
            };
            if ranges.iter().any(|other| range.base < other.end && other.base < range.end) {
                return Err(bad("segments overlap"));
            }
            segments.push(Segment { base: range.base, size, offset: segment.file_range().0 });
            ranges.push(range);
            if flags & elf::PF_X.0 != 0 && length > 0 {
                // Of what the file does not have nothing can be an instruction.
                let last = begin + length as u64;
                code = Some(code.map_or((begin, last), |(first, end)| (first.min(begin), end.max(last))));
            }
        }
        if code.is_some_and(|(first, last)| last - first > bytes.len() as u64) {
            return Err(bad("executable segments lie further apart than the file is long"));
        }
        relocate(&file, image, base, externals)?;
        let symbols = symbols(&file, image, base)?;
        let functions = file
            .symbols()
            .chain(file.dynamic_symbols())
            .filter(|symbol| symbol.kind() == SymbolKind::Text)
            .filter_map(|symbol| Some((symbol.address(), symbol.size(), symbol.name().ok()?.to_owned())))
            .collect();
        debug_assert!(block.size().is_multiple_of(GRANULE));
        simulator.memory.insert(&ranges);
        Ok(Self { block: Some(block), ranges, segments, symbols, code, functions, elf: bytes.into() })
    }

    /// The memory that it takes: first address, and bytes.
    pub fn extent(&self) -> (u64, u64) {
        self.block.as_ref().map_or((0, 0), |block| (block.address(), block.size() as u64))
    }

    /// Decodes the code, and gives the kernels.
    pub fn kernels(&self, simulator: &Simulator, target: Target) -> Result<Vec<Kernel>, String> {
        let Some((block, (begin, end))) = self.block.as_ref().zip(self.code) else { return Ok(Vec::new()) };
        // SAFETY: `begin..end` lies in the block; kernels cannot write it unless the file says so, and none runs yet.
        let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr().add(begin as usize), (end - begin) as usize) };
        let instructions = simulator.disassembler.disassemble(target.name(), bytes)?;
        let mut functions: Vec<_> = self
            .functions
            .iter()
            .filter(|(address, ..)| (begin..end).contains(address))
            .map(|(address, size, name)| Function { offset: address - begin, size: *size, name: name.clone() })
            .collect();
        functions.sort_by(|a, b| (a.offset, &a.name).cmp(&(b.offset, &b.name)));
        functions.dedup();
        let sources = Sources::new(Arc::clone(&self.elf), begin);
        let mut code = Code::decode(target, block.address() + begin, bytes.len(), instructions, functions, sources);
        if simulator.config.checks() {
            code.ask_source();
        }
        if simulator.config.coverage() {
            simulator.coverage.watch(&mut code);
        }
        let code = Arc::new(code);
        let kernel = |symbol: &Symbol| match symbol.value {
            SymbolValue::Kernel(descriptor) => Some(Kernel {
                name: symbol.name.trim_end_matches(".kd").to_owned(),
                address: symbol.address,
                descriptor,
                code: Arc::clone(&code),
            }),
            SymbolValue::Variable(_) => None,
        };
        Ok(self.symbols.iter().filter_map(kernel).collect())
    }

    /// Takes the code object out of device memory.
    pub fn unload(mut self, simulator: &Simulator) {
        simulator.memory.remove(&self.ranges, self.block.take());
    }
}

fn relocate(
    file: &ElfFile64<'_, LittleEndian>,
    image: &mut [u8],
    base: u64,
    externals: &HashMap<String, u64>,
) -> Result<(), hsa_status_t> {
    for (offset, relocation) in file.dynamic_relocations().into_iter().flatten() {
        let RelocationFlags::Elf { r_type } = relocation.flags() else { return Err(bad("unknown relocation")) };
        let symbol = match relocation.target() {
            RelocationTarget::Symbol(index) => {
                let symbol =
                    file.dynamic_symbol_table().map(|table| object::ObjectSymbolTable::symbol_by_index(&table, index));
                match symbol {
                    Some(Ok(symbol)) if symbol.is_undefined() => {
                        let name = symbol.name().unwrap_or("a symbol without name");
                        match externals.get(name) {
                            Some(address) => Some(*address),
                            None if symbol.is_weak() => Some(0),
                            None => {
                                let reason = format!("{name} is not defined");
                                return Err(fail(HSA_STATUS_ERROR_VARIABLE_UNDEFINED, reason));
                            }
                        }
                    }
                    Some(Ok(symbol)) => Some(base.wrapping_add(symbol.address())),
                    _ => return Err(bad("a relocation names no symbol")),
                }
            }
            _ => None,
        };
        let addend = relocation.addend();
        let absolute = symbol.unwrap_or(0).wrapping_add_signed(addend);
        let relative = absolute.wrapping_sub(base.wrapping_add(offset));
        let (value, size) = match r_type.0 {
            R_AMDGPU_NONE => continue,
            R_AMDGPU_RELATIVE64 => (base.wrapping_add_signed(addend), 8),
            R_AMDGPU_ABS64 => (absolute, 8),
            R_AMDGPU_ABS32 | R_AMDGPU_ABS32_LO => (absolute, 4),
            R_AMDGPU_ABS32_HI => (absolute >> 32, 4),
            R_AMDGPU_REL64 => (relative, 8),
            R_AMDGPU_REL32 | R_AMDGPU_REL32_LO => (relative, 4),
            R_AMDGPU_REL32_HI => (relative >> 32, 4),
            other => return Err(bad(format!("no semantics for relocations of type {other}"))),
        };
        let place = usize::try_from(offset).ok().and_then(|at| image.get_mut(at..at.checked_add(size)?));
        let place = place.ok_or_else(|| bad(format!("a relocation at {offset:#x} is outside of the code object")))?;
        place.copy_from_slice(&value.to_le_bytes()[..size]);
    }
    Ok(())
}

fn symbols(file: &ElfFile64<'_, LittleEndian>, image: &[u8], base: u64) -> Result<Vec<Symbol>, hsa_status_t> {
    let mut symbols = Vec::new();
    for symbol in file.dynamic_symbols().filter(|symbol| symbol.is_definition() || symbol.kind() == SymbolKind::Data) {
        if symbol.kind() != SymbolKind::Data || symbol.is_undefined() {
            continue;
        }
        let name = symbol.name().map_err(|error| bad(format!("a symbol has no name: {error}")))?;
        let value = if name.ends_with(".kd") {
            let at = symbol.address() as usize;
            let bytes = at.checked_add(descriptor::SIZE).and_then(|end| image.get(at..end));
            let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
            let bytes = bytes.ok_or_else(|| bad(format!("the descriptor {name} is outside of the code object")))?;
            SymbolValue::Kernel(Descriptor::from_bytes(bytes))
        } else {
            SymbolValue::Variable(symbol.size())
        };
        symbols.push(Symbol { name: name.to_owned(), address: base.wrapping_add(symbol.address()), value });
    }
    Ok(symbols)
}
