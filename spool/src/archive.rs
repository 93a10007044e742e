//! The kernel archive: every kernel instance of a binary, each with the bitcode that it reaches.
//!
//! # Format
//! ```text
//! magic    8 bytes   "GEOSPOOL"
//! version  u32 LE    FORMAT_VERSION
//! length   u64 LE    bytes of everything after the checksum
//! checksum 32 bytes  BLAKE3 of everything after it
//! index    u64 LE    bytes of the index, then the index: postcard of `Index`
//! modules            each kernel's bitcode, zstd-compressed, at the offset that the index gives
//! ```
//! Several archives may follow each other in one section (one for each link step); zero bytes between them are padding.
//! A kernel's [`KernelId`] is a content hash, so builds are reproducible and caches survive rebuilds.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::descriptor::KernelDescriptor;

/// Name of the ELF section that holds the archives of a binary. A C identifier, so that the linker defines
/// `__start_geobacter_archive` and `__stop_geobacter_archive`.
pub const SECTION: &str = "geobacter_archive";

/// Version of the format. An archive of another version is refused.
pub const FORMAT_VERSION: u32 = 2;

const MAGIC: &[u8; 8] = b"GEOSPOOL";
const HEADER: usize = 8 + 4 + 8 + 32;

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

/// Why an archive could not be read. Each message says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes do not start like an archive.
    #[error(
        "not a kernel archive: the magic number at offset {offset} is wrong; rebuild the program with `cargo geobacter build`"
    )]
    Foreign {
        /// Where in the section the archive should begin.
        offset: usize,
    },
    /// The archive was written by another version of Geobacter.
    #[error(
        "kernel archive format {found} is not format {expected}: the program was built by another version of cargo-geobacter; rebuild it with `cargo geobacter build`"
    )]
    Version {
        /// The version in the archive.
        found: u32,
        /// The version that this library reads.
        expected: u32,
    },
    /// Bytes are missing at the end.
    #[error(
        "kernel archive is truncated: {expected} bytes announced, {found} present; rebuild the program with `cargo geobacter build`"
    )]
    Truncated {
        /// Bytes that the header announces.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The checksum does not match.
    #[error(
        "kernel archive is damaged: its checksum does not match its content; rebuild the program with `cargo geobacter build`"
    )]
    Checksum,
    /// The checksum matches and the content still makes no sense.
    #[error("kernel archive is malformed ({0}); this is a bug in Geobacter, please report it")]
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
    offset: u64,
    compressed: u64,
    uncompressed: u64,
}

/// Writes one archive.
///
/// # Errors
/// [`ArchiveError::Malformed`] if a module cannot be compressed, which only a lack of memory can cause.
pub fn write(producer: &Producer, kernels: &[Kernel]) -> Result<Vec<u8>, ArchiveError> {
    let malformed = |error: &dyn fmt::Display| ArchiveError::Malformed(error.to_string());
    let mut modules = Vec::new();
    let mut entries = Vec::with_capacity(kernels.len());
    for kernel in kernels {
        let compressed = zstd::bulk::compress(&kernel.bitcode, 3).map_err(|error| malformed(&error))?;
        entries.push(IndexEntry {
            id: kernel.id,
            symbol: kernel.symbol.clone(),
            display_name: kernel.display_name.clone(),
            descriptor: kernel.descriptor.clone(),
            offset: modules.len() as u64,
            compressed: compressed.len() as u64,
            uncompressed: kernel.bitcode.len() as u64,
        });
        modules.extend_from_slice(&compressed);
    }
    let index = postcard::to_stdvec(&Index { producer: producer.clone(), kernels: entries })
        .map_err(|error| malformed(&error))?;
    let mut body = (index.len() as u64).to_le_bytes().to_vec();
    body.extend_from_slice(&index);
    body.extend_from_slice(&modules);

    let mut archive = Vec::with_capacity(HEADER + body.len());
    archive.extend_from_slice(MAGIC);
    archive.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    archive.extend_from_slice(&(body.len() as u64).to_le_bytes());
    archive.extend_from_slice(blake3::hash(&body).as_bytes());
    archive.extend_from_slice(&body);
    Ok(archive)
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
        let mut archives = Vec::new();
        let mut offset = 0;
        while let Some(padding) = section[offset..].iter().position(|&byte| byte != 0) {
            offset += padding;
            let (archive, length) = Self::read_one(&section[offset..], offset)?;
            archives.push(archive);
            offset += length;
        }
        Ok(archives)
    }

    fn read_one(bytes: &'a [u8], offset: usize) -> Result<(Self, usize), ArchiveError> {
        if !bytes.starts_with(&MAGIC[..bytes.len().min(8)]) {
            return Err(ArchiveError::Foreign { offset });
        }
        let header = bytes
            .get(..HEADER)
            .ok_or(ArchiveError::Truncated { expected: HEADER as u64, found: bytes.len() as u64 })?;
        let version = u32::from_le_bytes(array(&header[8..12]));
        if version != FORMAT_VERSION {
            return Err(ArchiveError::Version { found: version, expected: FORMAT_VERSION });
        }
        let length = u64::from_le_bytes(array(&header[12..20]));
        let present = (bytes.len() - HEADER) as u64;
        if length > present {
            return Err(ArchiveError::Truncated { expected: length, found: present });
        }
        let body = &bytes[HEADER..HEADER + length as usize];
        if blake3::hash(body).as_bytes() != &header[20..HEADER] {
            return Err(ArchiveError::Checksum);
        }
        let index_length = body.get(..8).map(|bytes| u64::from_le_bytes(array(bytes)) as usize);
        let index = index_length.and_then(|length| body[8..].get(..length));
        let index = index.ok_or_else(|| ArchiveError::Malformed("the index is cut off".into()))?;
        let modules = &body[8 + index.len()..];
        let index: Index = postcard::from_bytes(index).map_err(|error| ArchiveError::Malformed(error.to_string()))?;
        let archive = Self { producer: index.producer, entries: index.kernels, modules };
        Ok((archive, HEADER + length as usize))
    }

    /// The toolchain that made this archive.
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// The entry symbols of all kernel instances.
    pub fn symbols(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.symbol.as_str())
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
        let malformed = |what: &str| ArchiveError::Malformed(format!("kernel {}: {what}", entry.display_name));
        let bytes = usize::try_from(entry.offset)
            .ok()
            .and_then(|offset| self.modules.get(offset..)?.get(..entry.compressed as usize))
            .ok_or_else(|| malformed("its module lies outside the archive"))?;
        let bitcode = zstd::bulk::decompress(bytes, entry.uncompressed as usize)
            .map_err(|error| malformed(&format!("its module does not decompress: {error}")))?;
        Ok(Kernel {
            id: entry.id,
            symbol: entry.symbol.clone(),
            display_name: entry.display_name.clone(),
            descriptor: entry.descriptor.clone(),
            bitcode,
        })
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}
