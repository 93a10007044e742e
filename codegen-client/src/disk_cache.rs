//! Answers of the worker on disk.
//!
//! One file for each key, named by the key's hash, in a folder named by the format's version. A file is written under
//! another name and renamed, so that two processes that fill the cache at once each leave a whole entry. Each entry
//! starts with the hash of its content; one that does not match is rebuilt.
//!
//! ```text
//! <folder>/v2/<hash of the key>      hash of the rest: 32 bytes | length of the label: 4 | label | answer
//! <folder>/v2/.draft-<random>        an entry that is being written
//! ```
//! The cache has a [limit](DiskCache::limit); entries that were not used for the longest time make room (`contents`).
//!
//! The cache is an optimisation: when it cannot be read or written, the caller gets a miss and a warning is logged.

mod contents;

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use contents::{CacheEntry, Removed};

/// Version of the entries' layout; another version has its own folder.
const FORMAT: &str = "v2";
const HASH: usize = 32;
const LABEL_LENGTH: usize = 4;
/// How the name of an entry that is being written begins.
const DRAFT: &str = ".draft-";
/// Environment variable with the cache's folder, or `off`.
pub const CACHE_VARIABLE: &str = "GEOBACTER_CACHE";
/// Environment variable with the most bytes that the cache keeps: a number, and `K`, `M` or `G` for 1024 and so on; 0 is no
/// limit.
pub const LIMIT_VARIABLE: &str = "GEOBACTER_CACHE_LIMIT";
const DEFAULT_LIMIT: u64 = 1 << 30;
/// A use is noted if the last one was longer ago: reading should not cost a write each time.
const USE_IS_NOTED_AFTER: Duration = Duration::from_secs(60 * 60);

/// What an entry is for, for people.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EntryLabel {
    /// What kind of answer it is: `code-object`.
    pub kind: String,
    /// Of what: `saxpy for gfx942`.
    pub what: String,
}

/// What an entry is found by: the hash of everything that its content depends on. It also carries the entry's label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    hash: blake3::Hash,
    label: EntryLabel,
}

impl CacheKey {
    /// The key of an answer of this kind to this question. The question must hold all that the answer depends on;
    /// `compiler` names the versions of what computes it. `what` is only shown, by `cargo geobacter cache list`.
    pub fn of<Q: Serialize>(kind: &str, compiler: &str, question: &Q, what: impl Into<String>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [kind, compiler] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        match postcard::to_stdvec(question) {
            Ok(bytes) => hasher.update(&bytes),
            // Serialising into memory fails for no type that is used here; a key of its own is a miss, never a wrong hit.
            Err(error) => hasher.update(error.to_string().as_bytes()),
        };
        Self { hash: hasher.finalize(), label: EntryLabel { kind: kind.to_owned(), what: what.into() } }
    }
}

/// The cache folder.
#[derive(Clone, Debug)]
pub struct DiskCache {
    folder: PathBuf,
    limit: u64,
    /// Bytes of all entries, as far as this process knows: what was there when it looked, and what it has written since.
    bytes: Arc<Mutex<Option<u64>>>,
}

impl DiskCache {
    /// The user's cache: `$GEOBACTER_CACHE`, else `geobacter` in the platform's cache folder. `None` if there is neither
    /// or if `GEOBACTER_CACHE` is `off`. Its limit is `$GEOBACTER_CACHE_LIMIT`, else 1 GiB.
    pub fn from_environment() -> Option<Self> {
        let cache = match std::env::var_os(CACHE_VARIABLE) {
            Some(value) if value == "off" => None,
            Some(value) if !value.is_empty() => Some(Self::at(value)),
            _ => directories::BaseDirs::new().map(|dirs| Self::at(dirs.cache_dir().join("geobacter"))),
        }?;
        Some(match std::env::var(LIMIT_VARIABLE).ok().filter(|text| !text.is_empty()) {
            None => cache,
            Some(text) => match bytes_of(&text) {
                Some(limit) => cache.with_limit(limit),
                None => {
                    tracing::warn!("{LIMIT_VARIABLE}={text} is no size such as 500M; the cache's limit is 1 GiB");
                    cache
                }
            },
        })
    }

    /// A cache in this folder, which is made when the first entry is written, with a limit of 1 GiB.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), limit: DEFAULT_LIMIT, bytes: Arc::default() }
    }

    /// The same with another limit in bytes; 0 is none.
    pub fn with_limit(self, limit: u64) -> Self {
        Self { limit, ..self }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The most bytes that it keeps; 0 is no limit.
    ///
    /// It may be exceeded by what other processes write while this one runs.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    fn entries_folder(&self) -> PathBuf {
        self.folder.join(FORMAT)
    }

    fn path(&self, key: &CacheKey) -> PathBuf {
        self.entries_folder().join(key.hash.to_hex().as_str())
    }

    /// The answer with this key; `None` if it is not there, or damaged, which is logged.
    pub fn get<T: DeserializeOwned>(&self, key: &CacheKey) -> Option<T> {
        let path = self.path(key);
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cache entry cannot be read; it is built again");
                return None;
            }
        };
        let value = bytes.split_at_checked(HASH).and_then(|(hash, rest)| {
            (blake3::hash(rest).as_bytes() == hash)
                .then(|| split_label(rest).and_then(|(_, answer)| postcard::from_bytes(answer).ok()))
                .flatten()
        });
        if value.is_none() {
            tracing::warn!(path = %path.display(), "cache entry is damaged; it is built again");
        }
        value
    }

    /// Keeps an answer. A failure is logged: the answer is good without it.
    pub fn put<T: Serialize>(&self, key: &CacheKey, value: &T) {
        if let Err(error) = self.try_put(key, value) {
            tracing::warn!(folder = %self.folder.display(), %error, "cache entry cannot be written");
        }
    }

    fn try_put<T: Serialize>(&self, key: &CacheKey, value: &T) -> io::Result<()> {
        let label = postcard::to_stdvec(&key.label).map_err(io::Error::other)?;
        let mut rest = u32::try_from(label.len()).map_err(io::Error::other)?.to_le_bytes().to_vec();
        rest.extend(label);
        rest.extend(postcard::to_stdvec(value).map_err(io::Error::other)?);
        let size = (HASH + rest.len()) as u64;
        if self.limit != 0 && size > self.limit {
            tracing::debug!(size, limit = self.limit, "an answer is larger than the cache may be, and is not kept");
            return Ok(());
        }
        let folder = self.entries_folder();
        fs::create_dir_all(&folder)?;
        let mut file = tempfile::Builder::new().prefix(DRAFT).tempfile_in(&folder)?;
        file.write_all(blake3::hash(&rest).as_bytes())?;
        file.write_all(&rest)?;
        file.persist(self.path(key))?;
        self.make_room(size)
    }

    /// Notes that so many bytes were written, and removes the entries that were not used for the longest time if the limit is
    /// exceeded.
    fn make_room(&self, written: u64) -> io::Result<()> {
        if self.limit == 0 {
            return Ok(());
        }
        let mut known = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = known.map(|bytes| bytes + written);
        *known = match bytes {
            Some(bytes) if bytes <= self.limit => Some(bytes),
            // This process does not know, or knows that it is time to look.
            _ => Some(contents::shrink(&self.entries_folder(), self.limit)?),
        };
        Ok(())
    }

    /// The answer with this key, computed and kept if it is not there.
    ///
    /// # Errors
    /// What `compute` says.
    pub fn get_or_compute<T, E>(
        cache: Option<&Self>,
        key: &CacheKey,
        compute: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
    {
        if let Some(value) = cache.and_then(|cache| cache.get(key)) {
            return Ok(value);
        }
        let value = compute()?;
        if let Some(cache) = cache {
            cache.put(key, &value);
        }
        Ok(value)
    }
}

/// Reads an entry, and notes that it was used.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let now = SystemTime::now();
    let used = file.metadata().and_then(|metadata| metadata.modified()).unwrap_or(now);
    if now.duration_since(used).is_ok_and(|since| since > USE_IS_NOTED_AFTER) {
        // In a folder that is somebody else's this fails, and then it is theirs to keep in order.
        _ = file.set_modified(now);
    }
    Ok(bytes)
}

/// Label and answer of an entry, whose hash is gone already.
fn split_label(rest: &[u8]) -> Option<(EntryLabel, &[u8])> {
    let (length, rest) = rest.split_first_chunk::<LABEL_LENGTH>()?;
    let (label, answer) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((postcard::from_bytes(label).ok()?, answer))
}

/// Reads `500M`.
fn bytes_of(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let unit = match text[digits.len()..].trim().to_ascii_uppercase().trim_end_matches("IB").trim_end_matches('B') {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::bytes_of;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in
            [("0", 0), ("17", 17), ("4K", 4096), ("500m", 500 << 20), (" 2 GiB ", 2 << 30), ("3GB", 3 << 30), ("1B", 1)]
        {
            assert_eq!(bytes_of(text), Some(bytes), "{text}");
        }
        for text in ["", "M", "-1", "1.5G", "12X", "G1", "99999999999T"] {
            assert_eq!(bytes_of(text), None, "{text}");
        }
    }
}
