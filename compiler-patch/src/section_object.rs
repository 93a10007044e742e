//! What a program carries (kernel archive, device code) as an object file for the linker.

use object::{
    Architecture, BinaryFormat, Endianness, FileFlags, SectionFlags, SectionKind, elf,
    write::{Error, Object},
};

/// An ELF object with these sections: name and content.
///
/// They are loaded with the program, since the runtime reads them in place, and the linker must keep them although no
/// relocation leads to them: `lld` drops even sections that `__start_` symbols name, unless they are marked as retained.
///
/// # Errors
/// [`Error`] if the architecture has no ELF form.
pub fn section_object(sections: &[(&str, &[u8])], architecture: Architecture) -> Result<Vec<u8>, Error> {
    let mut object = Object::new(BinaryFormat::Elf, architecture, Endianness::Little);
    // GNU ld honours the mark only in files of its own ABI.
    object.flags = FileFlags::Elf { os_abi: elf::ELFOSABI_GNU, abi_version: 0, e_flags: elf::FileFlags(0) };
    for (name, content) in sections {
        let section = object.add_section(Vec::new(), (*name).into(), SectionKind::ReadOnlyData);
        object.append_section_data(section, content, 16);
        *object.section_flags_mut(section) =
            SectionFlags::Elf { sh_type: elf::SHT_PROGBITS, sh_flags: elf::SHF_ALLOC | elf::SHF_GNU_RETAIN };
    }
    // Without this mark the whole program would get an executable stack.
    object.add_section(Vec::new(), b".note.GNU-stack".to_vec(), SectionKind::Note);
    object.write()
}
