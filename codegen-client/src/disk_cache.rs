//! Answers of the worker on disk.
//!
//! One file for each key, named by the key's hash, in a folder named by the format's version. A file is written under
//! another name and renamed, so that two processes that fill the cache at once each leave a whole entry. Each entry
//! starts with the hash of its content; one that does not match is rebuilt.
//!
//! The cache is an optimisation: when it cannot be read or written, the caller gets a miss and a warning is logged.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

/// Version of the entries' layout; another version has its own folder.
const FORMAT: &str = "v1";
const HASH: usize = 32;

/// What an entry is found by: the hash of everything that its content depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey(blake3::Hash);

impl CacheKey {
    /// The key of an answer of this kind to this question. The question must hold all that the answer depends on;
    /// `compiler` names the versions of what computes it.
    pub fn of<Q: Serialize>(kind: &str, compiler: &str, question: &Q) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [kind, compiler] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        match postcard::to_stdvec(question) {
            Ok(bytes) => hasher.update(&bytes),
            // Serialising into memory fails for no type that is used here; a key of its own is a miss, never a wrong hit.
            Err(error) => hasher.update(error.to_string().as_bytes()),
        };
        Self(hasher.finalize())
    }
}

/// The cache folder.
#[derive(Clone, Debug)]
pub struct DiskCache {
    folder: PathBuf,
}

impl DiskCache {
    /// The user's cache: `$GEOBACTER_CACHE`, else `geobacter` in the platform's cache folder. `None` if there is neither
    /// or if `GEOBACTER_CACHE` is `off`.
    pub fn from_environment() -> Option<Self> {
        match std::env::var_os("GEOBACTER_CACHE") {
            Some(value) if value == "off" => None,
            Some(value) if !value.is_empty() => Some(Self::at(value)),
            _ => directories::BaseDirs::new().map(|dirs| Self::at(dirs.cache_dir().join("geobacter"))),
        }
    }

    /// A cache in this folder, which is made when the first entry is written.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, key: CacheKey) -> PathBuf {
        self.folder.join(FORMAT).join(key.0.to_hex().as_str())
    }

    /// The answer with this key; `None` if it is not there, or damaged, which is logged.
    pub fn get<T: DeserializeOwned>(&self, key: CacheKey) -> Option<T> {
        let path = self.path(key);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cache entry cannot be read; it is built again");
                return None;
            }
        };
        let value = bytes.split_at_checked(HASH).and_then(|(hash, content)| {
            (blake3::hash(content).as_bytes() == hash).then(|| postcard::from_bytes(content).ok()).flatten()
        });
        if value.is_none() {
            tracing::warn!(path = %path.display(), "cache entry is damaged; it is built again");
        }
        value
    }

    /// Keeps an answer. A failure is logged: the answer is good without it.
    pub fn put<T: Serialize>(&self, key: CacheKey, value: &T) {
        if let Err(error) = self.try_put(key, value) {
            tracing::warn!(folder = %self.folder.display(), %error, "cache entry cannot be written");
        }
    }

    fn try_put<T: Serialize>(&self, key: CacheKey, value: &T) -> io::Result<()> {
        let content = postcard::to_stdvec(value).map_err(io::Error::other)?;
        let folder = self.folder.join(FORMAT);
        fs::create_dir_all(&folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        file.write_all(blake3::hash(&content).as_bytes())?;
        file.write_all(&content)?;
        file.persist(self.path(key))?;
        Ok(())
    }

    /// The answer with this key, computed and kept if it is not there.
    ///
    /// # Errors
    /// What `compute` says.
    pub fn get_or_compute<T, E>(
        cache: Option<&Self>,
        key: CacheKey,
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
