//! The device code bundle: code objects that were made at build time, for the GPUs that `--gpu` named.
//!
//! Its frame is the one of every container (module `container`). An entry is found by kernel, target and mode, so that code for
//! one device never reaches another; what differs only in its key stands in the bundle once. For devices that can be simulated
//! it also holds the text of the machine code, which the simulator decodes: a program with a bundle needs no LLVM where it runs.
//!
//! Code and runtime must agree on how arguments and faults are passed: a bundle names the version that it was made for, and
//! another one is refused.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{
    archive::{ArchiveError, KernelId, Producer},
    container::{self, Blob, Format, malformed},
    job::{Instruction, KernelResources},
};

/// Name of the ELF section that holds the bundles of a binary. A C identifier, as [the archive's](crate::archive::SECTION).
pub const SECTION: &str = "geobacter_bundle";

/// Version of the format. A bundle of another version is refused.
pub const FORMAT_VERSION: u32 = 1;

const FORMAT: Format = Format { what: "device code bundle", magic: b"GEOCODES", version: FORMAT_VERSION };

/// What the code in a bundle agrees with.
const RUNTIME: &str = env!("CARGO_PKG_VERSION");

/// The devices that `amdgpu-sim` has: code for them is kept with its text, and in both modes.
pub const SIMULATED_TARGETS: &[&str] = &["gfx90a", "gfx942", "gfx1030", "gfx1100", "gfx1201"];

/// What one entry of a bundle is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BundleKey {
    /// Mangled name of the entry function: how a launch finds the instance.
    pub symbol: String,
    /// The device: `gfx942`.
    pub target: String,
    /// [`CompileJob::checked`](crate::job::CompileJob::checked).
    pub checked: bool,
}

/// Device code of one kernel for one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundledCode {
    /// What it is for.
    pub key: BundleKey,
    /// The kernel's content hash.
    pub kernel: KernelId,
    /// The instance as a person reads it.
    pub display_name: String,
    /// The code object: an ELF file.
    pub code_object: Vec<u8>,
    /// What it takes.
    pub resources: KernelResources,
    /// Its machine code and the text of that, if it can be simulated.
    pub text: Option<(Vec<u8>, Vec<Instruction>)>,
}

/// What a bundle says of one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleEntry {
    /// What it is for.
    pub key: BundleKey,
    /// The kernel's content hash.
    pub kernel: KernelId,
    /// The instance as a person reads it.
    pub display_name: String,
    /// What it takes.
    pub resources: KernelResources,
    code_object: Blob,
}

impl BundleEntry {
    /// Bytes of the code object.
    pub fn size(&self) -> u64 {
        self.code_object.size()
    }
}

/// The text of some machine code, found by target and hash of the code.
#[derive(Serialize, Deserialize)]
struct TextEntry {
    target: String,
    code: [u8; 32],
    text: Blob,
}

#[derive(Serialize, Deserialize)]
struct Index {
    runtime: String,
    producer: Producer,
    entries: Vec<BundleEntry>,
    texts: Vec<TextEntry>,
}

/// Writes one bundle.
///
/// # Errors
/// [`ArchiveError::Malformed`] if something cannot be compressed, which only a lack of memory can cause.
pub fn write(producer: &Producer, codes: &[BundledCode]) -> Result<Vec<u8>, ArchiveError> {
    let mut blobs = Vec::new();
    let mut known: HashMap<blake3::Hash, Blob> = HashMap::new();
    let mut keep = |bytes: &[u8]| -> Result<Blob, ArchiveError> {
        let hash = blake3::hash(bytes);
        if let Some(blob) = known.get(&hash) {
            return Ok(*blob);
        }
        let blob = Blob::append(&mut blobs, bytes)?;
        known.insert(hash, blob);
        Ok(blob)
    };
    let mut entries = Vec::with_capacity(codes.len());
    let mut texts: Vec<TextEntry> = Vec::new();
    for code in codes {
        entries.push(BundleEntry {
            key: code.key.clone(),
            kernel: code.kernel,
            display_name: code.display_name.clone(),
            resources: code.resources.clone(),
            code_object: keep(&code.code_object)?,
        });
        let Some((machine_code, text)) = &code.text else { continue };
        let (target, code) = (&code.key.target, *blake3::hash(machine_code).as_bytes());
        if !texts.iter().any(|known| known.target == *target && known.code == code) {
            let text = postcard::to_stdvec(text).map_err(|error| malformed(&error))?;
            texts.push(TextEntry { target: target.clone(), code, text: keep(&text)? });
        }
    }
    let index = Index { runtime: RUNTIME.to_owned(), producer: producer.clone(), entries, texts };
    container::write(FORMAT, &index, &blobs)
}

/// A bundle in memory, checked, its code still compressed.
pub struct Bundle<'a> {
    index: Index,
    blobs: &'a [u8],
}

impl<'a> Bundle<'a> {
    /// Reads every bundle in the bytes of a section. An empty section holds none.
    ///
    /// # Errors
    /// Any [`ArchiveError`]: one bad bundle spoils the section, since what follows it cannot be found.
    pub fn read_section(section: &'a [u8]) -> Result<Vec<Self>, ArchiveError> {
        let bundles = container::read_section::<Index>(FORMAT, section)?;
        for (index, _) in &bundles {
            if index.runtime != RUNTIME {
                let found = index.runtime.as_str().into();
                return Err(ArchiveError::Runtime { what: FORMAT.what, found, expected: RUNTIME });
            }
        }
        Ok(bundles.into_iter().map(|(index, blobs)| Self { index, blobs }).collect())
    }

    /// The toolchain that made this bundle.
    pub fn producer(&self) -> &Producer {
        &self.index.producer
    }

    /// What it holds.
    pub fn entries(&self) -> &[BundleEntry] {
        &self.index.entries
    }

    /// Whether it holds code with this key.
    pub fn contains(&self, key: &BundleKey) -> bool {
        self.index.entries.iter().any(|entry| entry.key == *key)
    }

    /// The code object with this key, decompressed, and what it takes.
    ///
    /// # Errors
    /// [`ArchiveError::Malformed`] if it does not decompress to what the index says.
    pub fn code(&self, key: &BundleKey) -> Result<Option<(Vec<u8>, &KernelResources)>, ArchiveError> {
        let Some(entry) = self.index.entries.iter().find(|entry| entry.key == *key) else { return Ok(None) };
        let code_object = entry.code_object.decompress(self.blobs, &format!("kernel {}", entry.display_name))?;
        Ok(Some((code_object, &entry.resources)))
    }

    /// The text of this machine code.
    ///
    /// # Errors
    /// As [`Bundle::code`].
    pub fn text(&self, target: &str, code: &[u8]) -> Result<Option<Vec<Instruction>>, ArchiveError> {
        let hash = *blake3::hash(code).as_bytes();
        let is_meant = |entry: &&TextEntry| entry.target == target && entry.code == hash;
        let Some(entry) = self.index.texts.iter().find(is_meant) else { return Ok(None) };
        let bytes = entry.text.decompress(self.blobs, "the text of machine code")?;
        postcard::from_bytes(&bytes).map(Some).map_err(|error| malformed(&error))
    }
}
