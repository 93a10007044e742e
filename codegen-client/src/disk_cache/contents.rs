//! What is in a cache folder: listing it, making room, emptying it.
//!
//! Only files that a cache writes are touched, whatever else stands in the folder. Several processes may do this at once: a file
//! that is gone meanwhile is no error.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::PoisonError,
    time::{Duration, SystemTime},
};

use super::{DRAFT, DiskCache, EntryLabel, HASH, LABEL_LENGTH, split_label};

/// A draft that is older was left behind by a process that died.
const DRAFT_IS_FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);
/// A longer label is none.
const LONGEST_LABEL: u64 = 4096;

/// One entry of a cache.
#[derive(Clone, Debug)]
pub struct CacheEntry {
    /// Its file.
    pub path: PathBuf,
    /// What it is for. `None` if the file is no entry, or damaged where that stands.
    pub label: Option<EntryLabel>,
    /// Bytes of the file.
    pub size: u64,
    /// When it was used last, up to an hour; or written.
    pub used: SystemTime,
}

/// What was removed from a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Number of entries.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl DiskCache {
    /// All entries of this version's format, those that were used last first.
    ///
    /// # Errors
    /// The folder cannot be read. One that is not there has no entries.
    pub fn entries(&self) -> io::Result<Vec<CacheEntry>> {
        let mut entries: Vec<_> = files(&self.entries_folder())?
            .into_iter()
            .filter(|file| file.is_entry)
            .map(|file| {
                let label = label(&file.path).ok().flatten();
                CacheEntry { path: file.path, label, size: file.size, used: file.used }
            })
            .collect();
        entries.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| a.path.cmp(&b.path)));
        Ok(entries)
    }

    /// Removes all entries, those of other versions too, and then folders that are empty. Programs that run go on, and build
    /// again what they need.
    ///
    /// # Errors
    /// Something cannot be removed; the rest may be gone.
    pub fn clear(&self) -> io::Result<Removed> {
        let mut removed = Removed::default();
        let folders = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(removed),
            folders => folders?,
        };
        for folder in folders {
            let folder = folder?;
            let name = folder.file_name();
            let version = name.to_str().and_then(|name| name.strip_prefix('v'));
            let is_ours = version.is_some_and(|v| !v.is_empty() && v.bytes().all(|digit| digit.is_ascii_digit()));
            if !is_ours || !folder.file_type()?.is_dir() {
                continue;
            }
            for file in files(&folder.path())? {
                remove(&file.path)?;
                if file.is_entry {
                    removed.entries += 1;
                    removed.bytes += file.size;
                }
            }
            // Unless somebody else has put something there.
            _ = fs::remove_dir(folder.path());
        }
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(removed)
    }
}

/// Removes entries, those that were not used for the longest time first, until they take three quarters of the limit; if they
/// exceed it. Gives the bytes that are left.
pub(super) fn shrink(folder: &Path, limit: u64) -> io::Result<u64> {
    let mut files = files(folder)?;
    let now = SystemTime::now();
    for draft in files.extract_if(.., |file| !file.is_entry) {
        if now.duration_since(draft.used).is_ok_and(|age| age > DRAFT_IS_FORGOTTEN_AFTER) {
            remove(&draft.path)?;
        }
    }
    let mut bytes: u64 = files.iter().map(|file| file.size).sum();
    if bytes <= limit {
        return Ok(bytes);
    }
    files.sort_by_key(|file| file.used);
    // Some room is left, so that the next entry does not have to look for more.
    let enough = limit / 4 * 3;
    let mut removed = Removed::default();
    // The last one was just written.
    for file in files.iter().take(files.len() - 1) {
        if bytes <= enough {
            break;
        }
        remove(&file.path)?;
        bytes -= file.size;
        removed.entries += 1;
        removed.bytes += file.size;
    }
    tracing::debug!(folder = %folder.display(), ?removed, limit, "the cache was over its limit");
    Ok(bytes)
}

struct CacheFile {
    path: PathBuf,
    /// An entry, and not a draft.
    is_entry: bool,
    size: u64,
    used: SystemTime,
}

/// The cache's own files in this folder; none if it is not there.
fn files(folder: &Path) -> io::Result<Vec<CacheFile>> {
    let all = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        all => all?,
    };
    let mut files = Vec::new();
    for file in all {
        let file = file?;
        let name = file.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_entry = name.len() == 2 * HASH && name.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_entry && !name.starts_with(DRAFT) {
            continue;
        }
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => {
                files.push(CacheFile { path: file.path(), is_entry, size: metadata.len(), used: metadata.modified()? })
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The label in an entry's file. Its hash is not looked at: that would take reading all of it.
fn label(path: &Path) -> io::Result<Option<EntryLabel>> {
    let mut start = Vec::new();
    File::open(path)?.take((HASH + LABEL_LENGTH) as u64 + LONGEST_LABEL).read_to_end(&mut start)?;
    Ok(start.get(HASH..).and_then(split_label).map(|(label, _)| label))
}
