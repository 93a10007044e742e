//! Where in the source an instruction comes from: the DWARF line tables of a code object.

use std::{fmt, sync::Arc};

use addr2line::Context;
use gimli::{Dwarf, EndianSlice, LittleEndian as Dwarfs};
use object::{LittleEndian, Object, ObjectSection, read::elf::ElfFile64};

/// Where the device language defines its atomic operations.
const ATOMICS: &str = "/geobacter-lang/src/atomic.rs";

/// Where the device language is defined.
const LANGUAGE: [&str; 2] = ["/geobacter-lang/src/", "/safe-lds/src/"];

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SourceLocation {
    /// Source file, as the compiler was given it.
    pub file: String,
    /// Line, from 1 on; 0 if it is not known.
    pub line: u32,
    /// Column, from 1 on; 0 if it is not known.
    pub column: u32,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if self.column == 0 { Ok(()) } else { write!(f, ":{}", self.column) }
    }
}

/// The line tables of a code object. They are read when a fault is reported, and not before.
#[derive(Clone)]
pub struct Sources {
    elf: Arc<[u8]>,
    /// Address in the file of the code's first byte.
    code: u64,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sources({} bytes, code at {:#x})", self.elf.len(), self.code)
    }
}

impl Sources {
    /// The line tables of an ELF file whose code begins at the address `code`.
    pub fn new(elf: Arc<[u8]>, code: u64) -> Self {
        Self { elf, code }
    }

    /// Reads the line tables for `ask`. `None` if there are none that make sense.
    pub fn read<T>(&self, ask: impl FnOnce(&Lines<'_>) -> T) -> Option<T> {
        let file = ElfFile64::<LittleEndian>::parse(&*self.elf).ok()?;
        let section = |id: gimli::SectionId| {
            let data = file.section_by_name(id.name()).and_then(|section| section.data().ok()).unwrap_or_default();
            Ok::<_, gimli::Error>(EndianSlice::new(data, Dwarfs))
        };
        let context = Context::from_dwarf(Dwarf::load(section).ok()?).ok()?;
        Some(ask(&Lines { context, code: self.code }))
    }

    /// The place of the instruction at this offset in the code, as [`Lines::locate`] gives it.
    pub fn locate(&self, offset: u32) -> Option<SourceLocation> {
        self.read(|lines| lines.locate(offset)).flatten()
    }
}

/// Line tables that have been read.
pub struct Lines<'e> {
    context: Context<EndianSlice<'e, Dwarfs>>,
    code: u64,
}

impl Lines<'_> {
    /// The place of the instruction at this offset in the code: of the calls that were inlined there, the innermost that
    /// a user of Geobacter, or of HIP, writes. `None` if the file has no line for it.
    pub fn locate(&self, offset: u32) -> Option<SourceLocation> {
        let address = self.code + u64::from(offset);
        let unit = self.context.find_dwarf_and_unit(address).skip_all_loads();
        let folder = unit.and_then(|unit| unit.comp_dir).map(|folder| folder.to_string_lossy().into_owned());
        let folder = folder.unwrap_or_default();
        let mut innermost = None;
        self.inlined(offset, |path, line, column| {
            let found = || SourceLocation { file: relative(path, &folder).to_owned(), line, column };
            let library = is_library(path);
            if library {
                innermost.get_or_insert_with(found);
            } else {
                innermost = Some(found());
            }
            library
        });
        innermost
    }

    /// Whether the instruction at this offset comes from an atomic operation of the device language.
    pub fn is_atomic(&self, offset: u32) -> bool {
        let mut atomic = false;
        self.inlined(offset, |path, _, _| {
            atomic |= path.ends_with(ATOMICS);
            !atomic
        });
        atomic
    }

    /// Whether the instruction at this offset was inlined from Geobacter's device language.
    pub fn is_of_language(&self, offset: u32) -> bool {
        let mut found = false;
        self.inlined(offset, |path, _, _| {
            found |= LANGUAGE.iter().any(|part| path.contains(part));
            !found
        });
        found
    }

    /// Path, line and column of each call that was inlined at this offset, from the innermost on, as long as `each` wants
    /// more.
    fn inlined(&self, offset: u32, mut each: impl FnMut(&str, u32, u32) -> bool) {
        let Ok(mut frames) = self.context.find_frames(self.code + u64::from(offset)).skip_all_loads() else { return };
        while let Ok(Some(frame)) = frames.next() {
            let Some(location) = frame.location else { continue };
            // Line 0 is what the compiler made up.
            let line = location.line.filter(|line| *line != 0);
            if let Some((path, line)) = location.file.zip(line)
                && !each(path, line, location.column.unwrap_or(0))
            {
                return;
            }
        }
    }
}

/// The path as the compiler was given it: without the folder that it ran in.
fn relative<'p>(path: &'p str, folder: &str) -> &'p str {
    match path.strip_prefix(folder.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/')) {
        Some(rest) if !folder.is_empty() && !rest.is_empty() => rest,
        _ => path,
    }
}

/// Whether a file belongs to the toolchain's library, a registry, Geobacter's device language, or HIP's headers.
fn is_library(path: &str) -> bool {
    let parts = ["/lib/rustlib/src/", "/registry/src/", "/hip/amd_detail/", "/include/hip/"];
    path.starts_with("/rustc/") || parts.iter().chain(&LANGUAGE).any(|part| path.contains(part))
}
