//! What all that a program carries in sections of its own has in common: a header with version and checksum.
//!
//! ```text
//! magic    8 bytes   which container it is
//! version  u32 LE    version of its format
//! length   u64 LE    bytes of everything after the checksum
//! checksum 32 bytes  BLAKE3 of everything after it
//! index    u64 LE    bytes of the index, then the index: postcard
//! blobs              at the offsets that the index gives
//! ```
//! Several containers may follow each other in one section (one for each link step); zero bytes between them are padding.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::archive::ArchiveError;

const HEADER: usize = 8 + 4 + 8 + 32;

/// One kind of container.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// How messages name it.
    pub what: &'static str,
    /// How it begins.
    pub magic: &'static [u8; 8],
    /// The version that is written and read.
    pub version: u32,
}

/// A part of the blobs, compressed with zstd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    offset: u64,
    compressed: u64,
    uncompressed: u64,
}

impl Blob {
    /// Compresses bytes behind `blobs`.
    pub fn append(blobs: &mut Vec<u8>, bytes: &[u8]) -> Result<Self, ArchiveError> {
        let compressed = zstd::bulk::compress(bytes, 3).map_err(|error| malformed(&error))?;
        let blob =
            Self { offset: blobs.len() as u64, compressed: compressed.len() as u64, uncompressed: bytes.len() as u64 };
        blobs.extend_from_slice(&compressed);
        Ok(blob)
    }

    /// Bytes before compression.
    pub fn size(&self) -> u64 {
        self.uncompressed
    }

    /// The bytes; `owner` is what an error names.
    pub fn decompress(&self, blobs: &[u8], owner: &str) -> Result<Vec<u8>, ArchiveError> {
        let bytes = usize::try_from(self.offset)
            .ok()
            .and_then(|offset| blobs.get(offset..)?.get(..self.compressed as usize))
            .ok_or_else(|| malformed(&format_args!("{owner}: its bytes lie outside")))?;
        zstd::bulk::decompress(bytes, self.uncompressed as usize)
            .map_err(|error| malformed(&format_args!("{owner}: its bytes do not decompress: {error}")))
    }
}

/// The error of content that makes no sense.
pub fn malformed(reason: &dyn fmt::Display) -> ArchiveError {
    ArchiveError::Malformed(reason.to_string())
}

/// Writes a container.
pub fn write<I: Serialize>(format: Format, index: &I, blobs: &[u8]) -> Result<Vec<u8>, ArchiveError> {
    let index = postcard::to_stdvec(index).map_err(|error| malformed(&error))?;
    let mut body = (index.len() as u64).to_le_bytes().to_vec();
    body.extend_from_slice(&index);
    body.extend_from_slice(blobs);

    let mut container = Vec::with_capacity(HEADER + body.len());
    container.extend_from_slice(format.magic);
    container.extend_from_slice(&format.version.to_le_bytes());
    container.extend_from_slice(&(body.len() as u64).to_le_bytes());
    container.extend_from_slice(blake3::hash(&body).as_bytes());
    container.extend_from_slice(&body);
    Ok(container)
}

/// Index and blobs of every container in the bytes of a section. One bad container spoils the section, since what follows it
/// cannot be found.
pub fn read_section<I: DeserializeOwned>(format: Format, section: &[u8]) -> Result<Vec<(I, &[u8])>, ArchiveError> {
    let mut containers = Vec::new();
    let mut offset = 0;
    while let Some(padding) = section[offset..].iter().position(|&byte| byte != 0) {
        offset += padding;
        let (index, blobs, length) = read_one(format, &section[offset..], offset)?;
        containers.push((index, blobs));
        offset += length;
    }
    Ok(containers)
}

fn read_one<I: DeserializeOwned>(
    format: Format,
    bytes: &[u8],
    offset: usize,
) -> Result<(I, &[u8], usize), ArchiveError> {
    let Format { what, magic, version: expected } = format;
    if !bytes.starts_with(&magic[..bytes.len().min(8)]) {
        return Err(ArchiveError::Foreign { what, offset });
    }
    let header = bytes.get(..HEADER).ok_or(ArchiveError::Truncated {
        what,
        expected: HEADER as u64,
        found: bytes.len() as u64,
    })?;
    let found = u32::from_le_bytes(array(&header[8..12]));
    if found != expected {
        return Err(ArchiveError::Version { what, found, expected });
    }
    let length = u64::from_le_bytes(array(&header[12..20]));
    let present = (bytes.len() - HEADER) as u64;
    if length > present {
        return Err(ArchiveError::Truncated { what, expected: length, found: present });
    }
    let body = &bytes[HEADER..HEADER + length as usize];
    if blake3::hash(body).as_bytes() != &header[20..HEADER] {
        return Err(ArchiveError::Checksum { what });
    }
    let index_length = body.get(..8).map(|bytes| u64::from_le_bytes(array(bytes)) as usize);
    let index = index_length.and_then(|length| body[8..].get(..length));
    let index = index.ok_or_else(|| malformed(&"the index is cut off"))?;
    let blobs = &body[8 + index.len()..];
    let index = postcard::from_bytes(index).map_err(|error| malformed(&error))?;
    Ok((index, blobs, HEADER + length as usize))
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}
