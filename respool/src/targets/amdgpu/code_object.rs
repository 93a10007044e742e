//! Reads a code object back: the metadata note and the kernel descriptor, checked against the launch descriptor.
//!
//! Source: LLVM's *User Guide for AMDGPU Backend*, sections "Code Object V5 Metadata" and "Kernel Descriptor".

use geobacter_spool::{
    descriptor::KernelDescriptor,
    job::{HiddenArg, KernelResources},
};
use object::{
    Endianness, Object, ObjectSection, ObjectSymbol,
    elf::FileHeader64,
    read::elf::{ElfFile, FileHeader, SectionHeader},
};
use serde::Deserialize;

use super::{occupancy, processor::Processor};
use crate::error::Error;

const NT_AMDGPU_METADATA: object::elf::NoteType = object::elf::NoteType(32);

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "amdhsa.kernels")]
    kernels: Vec<Kernel>,
}

#[derive(Deserialize)]
struct Kernel {
    #[serde(rename = ".name")]
    name: String,
    #[serde(rename = ".kernarg_segment_size")]
    kernarg_segment_size: u32,
    #[serde(rename = ".kernarg_segment_align")]
    kernarg_segment_align: u32,
    #[serde(rename = ".group_segment_fixed_size")]
    group_segment_fixed_size: u32,
    #[serde(rename = ".private_segment_fixed_size")]
    private_segment_fixed_size: u32,
    #[serde(rename = ".uses_dynamic_stack", default)]
    uses_dynamic_stack: bool,
    #[serde(rename = ".wavefront_size")]
    wavefront_size: u32,
    #[serde(rename = ".sgpr_count")]
    sgpr_count: u32,
    #[serde(rename = ".vgpr_count")]
    vgpr_count: u32,
    #[serde(rename = ".agpr_count", default)]
    agpr_count: u32,
    #[serde(rename = ".sgpr_spill_count", default)]
    sgpr_spill_count: u32,
    #[serde(rename = ".vgpr_spill_count", default)]
    vgpr_spill_count: u32,
    #[serde(rename = ".max_flat_workgroup_size")]
    max_flat_workgroup_size: u32,
    #[serde(rename = ".reqd_workgroup_size", default)]
    reqd_workgroup_size: Option<[u32; 3]>,
    #[serde(rename = ".args", default)]
    args: Vec<Argument>,
}

#[derive(Deserialize)]
struct Argument {
    #[serde(rename = ".offset")]
    offset: u32,
    #[serde(rename = ".size")]
    size: u32,
    #[serde(rename = ".value_kind")]
    value_kind: String,
}

/// What the kernel with this symbol takes.
pub fn resources(
    code_object: &[u8],
    export: &str,
    descriptor: &KernelDescriptor,
    processor: &Processor,
) -> Result<KernelResources, Error> {
    let mismatch =
        |reason: String| Error::Mismatch { kernel: export.to_owned(), target: processor.name.to_owned(), reason };
    let file = ElfFile::<FileHeader64<Endianness>>::parse(code_object)
        .map_err(|error| mismatch(format!("it is not an ELF file: {error}")))?;
    let note = metadata_note(&file, code_object).ok_or_else(|| mismatch("it has no metadata note".into()))?;
    let metadata: Metadata =
        rmp_serde::from_slice(note).map_err(|error| mismatch(format!("its metadata note does not parse: {error}")))?;
    let kernel = metadata
        .kernels
        .into_iter()
        .find(|kernel| kernel.name == export)
        .ok_or_else(|| mismatch(format!("its metadata has no kernel `{export}`")))?;

    let same = |what: &str, found: u32, expected: u32| {
        if found == expected { Ok(()) } else { Err(mismatch(format!("{what} is {found}, expected {expected}"))) }
    };
    let explicit: u32 = kernel
        .args
        .iter()
        .filter(|argument| !argument.value_kind.starts_with("hidden_"))
        .map(|argument| argument.offset + argument.size)
        .max()
        .unwrap_or(0);
    same("size of the explicit arguments", explicit, descriptor.explicit_kernarg_size())?;
    same("largest work-group", kernel.max_flat_workgroup_size, descriptor.workgroup_items())?;
    if let Some(found) = kernel.reqd_workgroup_size
        && found != descriptor.workgroup
    {
        return Err(mismatch(format!("required work-group is {found:?}, expected {:?}", descriptor.workgroup)));
    }
    same("wave size", kernel.wavefront_size, processor.wave_size)?;

    // The kernel descriptor is what the command processor reads; the note is what loaders read. They must agree.
    let bytes = symbol_bytes(&file, &format!("{export}.kd"))
        .filter(|bytes| bytes.len() == 64)
        .ok_or_else(|| mismatch(format!("it has no kernel descriptor `{export}.kd`")))?;
    let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
    same("LDS in the kernel descriptor", word(0), kernel.group_segment_fixed_size)?;
    same("scratch in the kernel descriptor", word(4), kernel.private_segment_fixed_size)?;
    same("kernarg size in the kernel descriptor", word(8), kernel.kernarg_segment_size)?;
    let code = symbol_bytes(&file, export).ok_or_else(|| mismatch(format!("it has no function `{export}`")))?;

    Ok(KernelResources {
        symbol: kernel.name,
        kernarg_size: kernel.kernarg_segment_size,
        kernarg_align: kernel.kernarg_segment_align,
        explicit_kernarg_size: explicit,
        hidden_args: kernel
            .args
            .into_iter()
            .filter(|argument| argument.value_kind.starts_with("hidden_"))
            .map(|argument| HiddenArg { kind: argument.value_kind, offset: argument.offset, size: argument.size })
            .collect(),
        lds: kernel.group_segment_fixed_size,
        scratch: kernel.private_segment_fixed_size,
        dynamic_stack: kernel.uses_dynamic_stack,
        vgprs: kernel.vgpr_count,
        agprs: kernel.agpr_count,
        sgprs: kernel.sgpr_count,
        vgpr_spills: kernel.vgpr_spill_count,
        sgpr_spills: kernel.sgpr_spill_count,
        wave_size: kernel.wavefront_size,
        max_workgroup: kernel.max_flat_workgroup_size,
        occupancy: occupancy::waves_per_simd(
            processor,
            kernel.vgpr_count,
            kernel.agpr_count,
            kernel.group_segment_fixed_size,
            kernel.max_flat_workgroup_size,
        ),
        code_size: code.len() as u32,
    })
}

fn metadata_note<'d>(file: &ElfFile<'d, FileHeader64<Endianness>>, data: &'d [u8]) -> Option<&'d [u8]> {
    let endian = file.endian();
    let sections = file.elf_header().sections(endian, data).ok()?;
    sections.iter().filter_map(|section| section.notes(endian, data).ok().flatten()).find_map(|mut notes| {
        while let Ok(Some(note)) = notes.next() {
            if note.name() == b"AMDGPU" && note.n_type(endian) == NT_AMDGPU_METADATA {
                return Some(note.desc());
            }
        }
        None
    })
}

fn symbol_bytes<'d>(file: &ElfFile<'d, FileHeader64<Endianness>>, name: &str) -> Option<&'d [u8]> {
    let symbol = file.symbols().chain(file.dynamic_symbols()).find(|symbol| symbol.name() == Ok(name))?;
    let section = file.section_by_index(symbol.section_index()?).ok()?;
    section.data_range(symbol.address(), symbol.size()).ok()?
}
