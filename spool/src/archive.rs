//! The kernel archive: every kernel instance of a binary, each with the bitcode that it reaches.
//!
//! Its frame is the one of every container (module `container`); each blob is the bitcode of one kernel. A kernel's [`KernelId`]
//! is a content hash, so builds are reproducible and caches survive rebuilds.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    container::{self, Blob, Format},
    descriptor::{FloatingPoint, KernelDescriptor},
};

/// Name of the ELF section that holds the archives of a binary. A C identifier, so that the linker defines
/// `__start_geobacter_archive` and `__stop_geobacter_archive`.
pub const SECTION: &str = "geobacter_archive";

/// Version of the format. An archive of another version is refused.
pub const FORMAT_VERSION: u32 = 3;

const FORMAT: Format = Format { what: "kernel archive", magic: b"GEOSPOOL", version: FORMAT_VERSION };

/// The content hash of one kernel instance: BLAKE3 of its symbol and of its bitcode before compression.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KernelId(pub [u8; 32]);

impl KernelId {
    /// The id of the instance with this entry symbol and bitcode.
    pub fn of(symbol: &str, bitcode: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(symbol.len() as u64).to_le_bytes()).update(symbol.as_bytes()).update(bitcode);
        Self(*hasher.finalize().as_bytes())
    }

    /// The first eight hexadecimal digits: enough to tell the instances of one binary apart.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl fmt::Display for KernelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KernelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KernelId({self})")
    }
}

/// Which toolchain made an archive, and which worker can read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Producer {
    /// `rustc -vV`'s release, for example `1.95.0`.
    pub rustc: String,
    /// Its LLVM version, for example `22.1.2`.
    pub llvm: String,
    /// Sysroot of that toolchain: its libLLVM reads the bitcode, its `rust-lld` links code objects.
    pub sysroot: PathBuf,
    /// The `cargo-geobacter` that linked the binary; its worker is the first choice at run time.
    pub worker: PathBuf,
    /// Hash of that program's content, in hexadecimal: another build of it may generate other code from the same bitcode,
    /// so this is a part of every cache key.
    pub worker_build: String,
}

/// One kernel instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Content hash.
    pub id: KernelId,
    /// Mangled name of the entry function: the key by which a launch finds the instance.
    pub symbol: String,
    /// The instance as a person reads it, with its generic arguments: `demo::map::<f32, demo::main::{closure#0}>`.
    pub display_name: String,
    /// Launch descriptor.
    pub descriptor: KernelDescriptor,
    /// LLVM bitcode of the entry function and everything that it reaches, for the host's target, unoptimised.
    pub bitcode: Vec<u8>,
}

/// One kernel instance without its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelSummary<'a> {
    /// Content hash.
    pub id: KernelId,
    /// Mangled name of the entry function.
    pub symbol: &'a str,
    /// The instance as a person reads it.
    pub display_name: &'a str,
    /// What a device may do with its floating-point arithmetic.
    pub fp: FloatingPoint,
}

/// Why what a program carries (its kernel archive, its [bundle](crate::bundle)) could not be read. Each message says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes do not start as they should.
    #[error(
        "not a {what}: the magic number at offset {offset} is wrong; rebuild the program with `cargo geobacter build`"
    )]
    Foreign {
        /// What should be there.
        what: &'static str,
        /// Where in the section it should begin.
        offset: usize,
    },
    /// It was written by another version of Geobacter.
    #[error(
        "{what} format {found} is not format {expected}: the program was built by another version of cargo-geobacter; rebuild it with `cargo geobacter build`"
    )]
    Version {
        /// What it is.
        what: &'static str,
        /// The version that is there.
        found: u32,
        /// The version that this library reads.
        expected: u32,
    },
    /// Bytes are missing at the end.
    #[error(
        "{what} is truncated: {expected} bytes announced, {found} present; rebuild the program with `cargo geobacter build`"
    )]
    Truncated {
        /// What it is.
        what: &'static str,
        /// Bytes that the header announces.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The checksum does not match.
    #[error(
        "{what} is damaged: its checksum does not match its content; rebuild the program with `cargo geobacter build`"
    )]
    Checksum {
        /// What it is.
        what: &'static str,
    },
    /// It was made for another version of the runtime, which may pass arguments in another way.
    #[error(
        "{what} was made by geobacter {found}, and this program runs with geobacter {expected}; build both from one version"
    )]
    Runtime {
        /// What it is.
        what: &'static str,
        /// Whose it is.
        found: Box<str>,
        /// Whose it should be.
        expected: &'static str,
    },
    /// The checksum matches and the content still makes no sense.
    #[error("what this program carries is malformed ({0}); this is a bug in Geobacter, please report it")]
    Malformed(String),
}

#[derive(Serialize, Deserialize)]
struct Index {
    producer: Producer,
    kernels: Vec<IndexEntry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct IndexEntry {
    id: KernelId,
    symbol: String,
    display_name: String,
    descriptor: KernelDescriptor,
    bitcode: Blob,
}

/// Writes one archive.
///
/// # Errors
/// [`ArchiveError::Malformed`] if a module cannot be compressed, which only a lack of memory can cause.
pub fn write(producer: &Producer, kernels: &[Kernel]) -> Result<Vec<u8>, ArchiveError> {
    let mut modules = Vec::new();
    let mut entries = Vec::with_capacity(kernels.len());
    for kernel in kernels {
        entries.push(IndexEntry {
            id: kernel.id,
            symbol: kernel.symbol.clone(),
            display_name: kernel.display_name.clone(),
            descriptor: kernel.descriptor.clone(),
            bitcode: Blob::append(&mut modules, &kernel.bitcode)?,
        });
    }
    container::write(FORMAT, &Index { producer: producer.clone(), kernels: entries }, &modules)
}

/// An archive in memory, checked, with its modules still compressed.
#[derive(Clone, Debug)]
pub struct Archive<'a> {
    producer: Producer,
    entries: Vec<IndexEntry>,
    modules: &'a [u8],
}

impl<'a> Archive<'a> {
    /// Reads every archive in the bytes of a section. An empty section holds none.
    ///
    /// # Errors
    /// Any [`ArchiveError`]: one bad archive spoils the section, since what follows it cannot be found.
    pub fn read_section(section: &'a [u8]) -> Result<Vec<Self>, ArchiveError> {
        let archives = container::read_section::<Index>(FORMAT, section)?;
        let archive = |(index, modules)| {
            let Index { producer, kernels } = index;
            Self { producer, entries: kernels, modules }
        };
        Ok(archives.into_iter().map(archive).collect())
    }

    /// The toolchain that made this archive.
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// The entry symbols of all kernel instances.
    pub fn symbols(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.symbol.as_str())
    }

    /// What can be said of all kernel instances without decompressing them.
    pub fn summaries(&self) -> impl Iterator<Item = KernelSummary<'_>> {
        self.entries.iter().map(|entry| KernelSummary {
            id: entry.id,
            symbol: &entry.symbol,
            display_name: &entry.display_name,
            fp: entry.descriptor.fp,
        })
    }

    /// The instance with this entry symbol, decompressed; `None` if the archive has no such instance.
    ///
    /// # Errors
    /// [`ArchiveError::Malformed`] if the module does not decompress to what the index says.
    pub fn kernel(&self, symbol: &str) -> Result<Option<Kernel>, ArchiveError> {
        self.entries.iter().find(|entry| entry.symbol == symbol).map(|entry| self.decompress(entry)).transpose()
    }

    /// All instances, decompressed, in the order of the archive.
    ///
    /// # Errors
    /// As [`Archive::kernel`].
    pub fn kernels(&self) -> impl Iterator<Item = Result<Kernel, ArchiveError>> {
        self.entries.iter().map(|entry| self.decompress(entry))
    }

    fn decompress(&self, entry: &IndexEntry) -> Result<Kernel, ArchiveError> {
        Ok(Kernel {
            id: entry.id,
            symbol: entry.symbol.clone(),
            display_name: entry.display_name.clone(),
            descriptor: entry.descriptor.clone(),
            bitcode: entry.bitcode.decompress(self.modules, &format!("kernel {}", entry.display_name))?,
        })
    }
}
