//! Where bitcode comes from, and which module defines which symbol.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use object::{Object, ObjectSection, read::archive::ArchiveFile};

use super::is_entry;
use crate::{
    error::Error,
    ir::{Context, Ir},
};

/// The modules of a program.
pub struct Sources {
    modules: Vec<Module>,
    /// Symbol → module that defines it. Kernel modules come first; a library's definition never replaces theirs.
    definitions: HashMap<String, usize>,
    kernels: Vec<String>,
}

struct Module {
    name: String,
    content: Content,
}

enum Content {
    Bitcode(Vec<u8>),
    /// A member of a static library, by its place in the file.
    Member {
        library: PathBuf,
        offset: u64,
    },
}

impl Sources {
    /// Reads all kernel modules' symbols, and the symbol tables of the libraries.
    pub fn open(context: &Context, kernel_modules: &[PathBuf], libraries: &[PathBuf]) -> Result<Self, Error> {
        let mut sources = Self { modules: Vec::new(), definitions: HashMap::new(), kernels: Vec::new() };
        for path in kernel_modules {
            let bitcode = read(path)?;
            let name = path.display().to_string();
            let module = parse(context, &bitcode, &name)?;
            let index = sources.modules.len();
            for global in module.functions().chain(module.globals()) {
                let entry = is_entry(global);
                if global.is_declaration() || (global.has_local_linkage() && !entry) {
                    continue;
                }
                let symbol = global.name();
                if entry {
                    sources.kernels.push(symbol.clone());
                }
                sources.definitions.entry(symbol).or_insert(index);
            }
            sources.modules.push(Module { name, content: Content::Bitcode(bitcode) });
        }
        sources.kernels.sort();
        sources.kernels.dedup();
        if !sources.kernels.is_empty() {
            for library in libraries {
                sources.index_library(library)?;
            }
        }
        Ok(sources)
    }

    fn index_library(&mut self, path: &Path) -> Result<(), Error> {
        let bytes = read(path)?;
        let broken = |error: object::Error| Error::Library { path: path.to_owned(), reason: error.to_string() };
        let archive = ArchiveFile::parse(&*bytes).map_err(broken)?;
        let mut members: HashMap<u64, usize> = HashMap::new();
        for symbol in archive.symbols().map_err(broken)?.into_iter().flatten() {
            let symbol = symbol.map_err(broken)?;
            let offset = symbol.offset().0;
            let index = *members.entry(offset).or_insert_with(|| {
                let content = Content::Member { library: path.to_owned(), offset };
                self.modules.push(Module { name: format!("{} (member at {offset})", path.display()), content });
                self.modules.len() - 1
            });
            self.definitions.entry(String::from_utf8_lossy(symbol.name()).into_owned()).or_insert(index);
        }
        Ok(())
    }

    /// The entry symbols of all kernel instances, sorted.
    pub fn kernels(&self) -> &[String] {
        &self.kernels
    }

    /// The module that defines this symbol.
    pub fn defining(&self, symbol: &str) -> Option<usize> {
        self.definitions.get(symbol).copied()
    }

    /// Parses a module; its bodies are read when they are needed. `None` if a library's member holds no bitcode.
    pub fn parse<'c>(&self, context: &'c Context, index: usize) -> Result<Option<Ir<'c>>, Error> {
        let module = &self.modules[index];
        let (library, offset) = match &module.content {
            Content::Bitcode(bitcode) => return parse(context, bitcode, &module.name).map(Some),
            Content::Member { library, offset } => (library, *offset),
        };
        let bytes = read(library)?;
        let broken = |error: object::Error| Error::Library { path: library.clone(), reason: error.to_string() };
        let archive = ArchiveFile::parse(&*bytes).map_err(broken)?;
        let member = archive.member(object::read::archive::ArchiveOffset(offset)).map_err(broken)?;
        let data = member.data(&*bytes).map_err(broken)?;
        // With LTO the members are bitcode themselves; otherwise it is in a section of the object file.
        if data.starts_with(b"BC\xC0\xDE") || data.starts_with(&0x0B17_C0DE_u32.to_le_bytes()) {
            return parse(context, data, &module.name).map(Some);
        }
        let Ok(object) = object::File::parse(data) else { return Ok(None) };
        let Some(section) = object.section_by_name(".llvmbc") else { return Ok(None) };
        let data = section.data().map_err(broken)?;
        if data.is_empty() { Ok(None) } else { parse(context, data, &module.name).map(Some) }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn parse<'c>(context: &'c Context, bitcode: &[u8], name: &str) -> Result<Ir<'c>, Error> {
    Ir::parse(context, bitcode, true).map_err(|reason| Error::Bitcode { what: name.to_owned(), reason })
}
