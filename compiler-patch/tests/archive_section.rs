//! The archive reaches the program: whichever linker, with sections collected and symbols stripped.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use geobacter_compiler_patch::section_object;
use geobacter_spool::{archive::SECTION, bundle};
use object::{Architecture, Object, ObjectSection};

/// Reads the section in place, as the runtime does. The static keeps the symbols defined where there is no archive.
const READS: &str = r#"
    use std::io::Write;
    #[used]
    #[unsafe(link_section = "geobacter_archive")]
    static PRESENT: [u8; 0] = [];
    unsafe extern "C" {
        static __start_geobacter_archive: u8;
        static __stop_geobacter_archive: u8;
    }
    fn main() {
        let (start, stop) = (&raw const __start_geobacter_archive, &raw const __stop_geobacter_archive);
        let section = unsafe { std::slice::from_raw_parts(start, stop as usize - start as usize) };
        std::io::stdout().write_all(section).unwrap();
    }
"#;

/// Does not: a library may hold kernels that only another part of the program launches.
const IGNORES: &str = "fn main() {}";

fn archive() -> Vec<u8> {
    (0..100_003_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8 | 1).collect()
}

fn architecture() -> Architecture {
    if cfg!(target_arch = "aarch64") { Architecture::Aarch64 } else { Architecture::X86_64 }
}

/// Compiles the program in `folder`, with or without the archive.
fn link(folder: &Path, source: &str, with_archive: bool, options: &[&str]) -> PathBuf {
    let (main, object, program) = (folder.join("main.rs"), folder.join("archive.o"), folder.join("program"));
    fs::write(&main, source).expect("source");
    let sections: [(&str, &[u8]); 2] = [(SECTION, &archive()), (bundle::SECTION, b"device code")];
    fs::write(&object, section_object(&sections, architecture()).expect("object")).expect("object");
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2024", "-Copt-level=3", "-o"]).arg(&program).arg(&main).args(options);
    if with_archive {
        rustc.arg(format!("-Clink-arg={}", object.display()));
    }
    let output = rustc.output().expect("rustc runs");
    assert!(output.status.success(), "{options:?}: {}", String::from_utf8_lossy(&output.stderr));
    program
}

const LINKERS: [&[&str]; 3] = [
    // The toolchain's rust-lld.
    &["-Cstrip=symbols"],
    &["-Cstrip=symbols", "-Clink-arg=-fuse-ld=bfd"],
    &["-Cstrip=none", "-Clink-arg=-Wl,--gc-sections", "-Clink-arg=-Wl,-z,start-stop-gc"],
];

#[test]
fn a_program_reads_its_archive() {
    let folder = tempfile::tempdir().expect("folder");
    for linker in LINKERS {
        let program = link(folder.path(), READS, true, linker);
        let output = Command::new(program).output().expect("the program runs");
        assert_eq!(output.stdout, archive(), "{linker:?}");
    }
}

#[test]
fn the_archive_stays_where_nothing_refers_to_it() {
    let folder = tempfile::tempdir().expect("folder");
    for linker in LINKERS {
        let program = fs::read(link(folder.path(), IGNORES, true, linker)).expect("program");
        let file = object::File::parse(&*program).expect("ELF");
        let section = file.section_by_name(SECTION).unwrap_or_else(|| panic!("{linker:?}: no section"));
        assert_eq!(section.data().expect("data"), archive(), "{linker:?}");
        assert_eq!(section.address() % 16, 0, "{linker:?}");
        let code = file.section_by_name(bundle::SECTION).unwrap_or_else(|| panic!("{linker:?}: no section"));
        assert_eq!(code.data().expect("data"), b"device code", "{linker:?}");
    }
}

#[test]
fn a_program_without_kernels_links_and_reads_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let program = link(folder.path(), READS, false, LINKERS[0]);
    assert_eq!(Command::new(program).output().expect("the program runs").stdout, b"");
}

#[test]
fn the_stack_stays_unexecutable() {
    let folder = tempfile::tempdir().expect("folder");
    let program = fs::read(link(folder.path(), IGNORES, true, LINKERS[1])).expect("program");
    let file = object::read::elf::ElfFile64::<object::Endianness>::parse(&*program).expect("ELF");
    let stack = file
        .elf_program_headers()
        .iter()
        .find(|header| header.p_type.get(object::Endianness::Little) == object::elf::PT_GNU_STACK);
    let flags = stack.expect("a PT_GNU_STACK").p_flags.get(object::Endianness::Little);
    assert!(!flags.contains(object::elf::PF_X));
}
