//! What the wrapper leaves beside each library, for the crates that use it.
//!
//! `libNAME-HASH.geobacter` is written before rustc starts, since with pipelining the users of a crate start before it
//! is done; it therefore names the folder of the crate's bitcode, not the files. Paths are relative to the sidecar, so
//! that a target folder can be moved.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::SPOOL_VERSION;

/// The crate in which kernels begin: whoever uses it, directly or not, may hold some.
const ROOT_CRATE: &str = "geobacter_lang";

/// Why a sidecar could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SidecarError {
    /// The system refuses.
    #[error("cannot {verb} {}: {source}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is damaged or of another version.
    #[error("{} was not written by this version of cargo-geobacter; run `cargo clean` and build again", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
}

/// What is known of one library crate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sidecar {
    version: u32,
    crate_name: String,
    /// Whether the crate may hold kernels. Then its bitcode is in [`Sidecar::modules`], else in the library's members.
    spools: bool,
    library: PathBuf,
    modules: PathBuf,
    /// Sidecars of the crates that it uses.
    dependencies: Vec<PathBuf>,
}

/// Where the sidecar of a library file stands.
pub fn path_of(library: &Path) -> PathBuf {
    library.with_extension("geobacter")
}

/// The sidecars that exist among those of the given libraries. Procedural macros have none.
pub fn existing(libraries: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    libraries.map(|library| path_of(&library)).filter(|path| path.is_file()).collect()
}

/// Whether a crate that uses these sidecars' crates may hold kernels.
///
/// # Errors
/// When a sidecar cannot be read.
pub fn may_hold_kernels(crate_name: &str, sidecars: &[PathBuf]) -> Result<bool, SidecarError> {
    if crate_name == ROOT_CRATE {
        return Ok(true);
    }
    for path in sidecars {
        if Sidecar::read(path)?.spools {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Sidecar {
    /// Describes the crate whose outputs are named `lib{stem}.*` in `out_dir`.
    pub fn new(crate_name: &str, stem: &str, out_dir: &Path, spools: bool, dependencies: &[PathBuf]) -> Self {
        Self {
            version: SPOOL_VERSION,
            crate_name: crate_name.to_owned(),
            spools,
            library: format!("lib{stem}.rlib").into(),
            modules: format!("lib{stem}.geobacter.d").into(),
            dependencies: dependencies.iter().map(|path| relative(path, out_dir)).collect(),
        }
    }

    /// Writes it into `out_dir`, whole or not at all, and gives the folder for the crate's bitcode.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, out_dir: &Path) -> Result<PathBuf, SidecarError> {
        let path = path_of(&out_dir.join(&self.library));
        let failed = |source| SidecarError::Io { verb: "write", path: path.clone(), source };
        let text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        let draft = path.with_extension(format!("geobacter-{}", std::process::id()));
        fs::write(&draft, text).and_then(|()| fs::rename(&draft, &path)).map_err(failed)?;
        Ok(out_dir.join(&self.modules))
    }

    fn read(path: &Path) -> Result<Self, SidecarError> {
        let text = fs::read(path).map_err(|source| SidecarError::Io { verb: "read", path: path.into(), source })?;
        serde_json::from_slice(&text)
            .ok()
            .filter(|sidecar: &Self| sidecar.version == SPOOL_VERSION)
            .ok_or_else(|| SidecarError::Foreign { path: path.into() })
    }
}

/// Everything below a final artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closure {
    /// Bitcode files of crates that may hold kernels, in a stable order.
    pub modules: Vec<PathBuf>,
    /// Libraries of the others, in a stable order.
    pub libraries: Vec<PathBuf>,
}

impl Closure {
    /// Follows the dependencies from these sidecars.
    ///
    /// # Errors
    /// When a sidecar or a folder of bitcode cannot be read.
    pub fn of(sidecars: &[PathBuf]) -> Result<Self, SidecarError> {
        let mut found: BTreeMap<PathBuf, Sidecar> = BTreeMap::new();
        let mut open = sidecars.to_vec();
        while let Some(path) = open.pop() {
            if found.contains_key(&path) {
                continue;
            }
            let sidecar = Sidecar::read(&path)?;
            open.extend(sidecar.dependencies.iter().map(|dependency| beside(&path, dependency)));
            found.insert(path, sidecar);
        }
        let mut closure = Self::default();
        for (path, sidecar) in &found {
            if sidecar.spools {
                closure.modules.extend(modules_in(&beside(path, &sidecar.modules))?);
            } else {
                closure.libraries.extend(Some(beside(path, &sidecar.library)).filter(|library| library.is_file()));
            }
        }
        Ok(closure)
    }
}

/// The unoptimised bitcode files in a folder, sorted. A folder that does not exist holds none.
///
/// # Errors
/// When the folder cannot be read.
pub fn modules_in(folder: &Path) -> Result<BTreeSet<PathBuf>, SidecarError> {
    let failed = |source| SidecarError::Io { verb: "read", path: folder.into(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut modules = BTreeSet::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.to_str().is_some_and(|path| path.ends_with(".no-opt.bc")) {
            modules.insert(path);
        }
    }
    Ok(modules)
}

fn beside(sidecar: &Path, relative: &Path) -> PathBuf {
    let mut path = sidecar.parent().unwrap_or(Path::new("")).to_path_buf();
    for component in relative.components() {
        // Joined by hand, so that the same file has the same path, whichever way leads to it.
        match component {
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path
}

fn relative(path: &Path, folder: &Path) -> PathBuf {
    let common = path.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return path.to_path_buf();
    }
    let up = folder.components().skip(common).map(|_| Component::ParentDir);
    up.chain(path.components().skip(common)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(folder: &Path, name: &str, spools: bool, uses: &[PathBuf]) -> PathBuf {
        fs::create_dir_all(folder).expect("folder");
        let modules = Sidecar::new(name, name, folder, spools, uses).write(folder).expect("written");
        let rlib = folder.join(format!("lib{name}.rlib"));
        fs::write(&rlib, "").expect("rlib");
        if spools {
            fs::create_dir(&modules).expect("folder");
            fs::write(modules.join(format!("{name}.0.rcgu.no-opt.bc")), "").expect("module");
        }
        path_of(&rlib)
    }

    #[test]
    fn the_closure_survives_a_move_and_lists_each_crate_once() {
        let folder = tempfile::tempdir().expect("folder");
        let old = folder.path().join("old");
        let (a, b) = (old.join("a"), old.join("b"));
        let lang = library(&a, "geobacter_lang", true, &[]);
        let plain = library(&b, "plain", false, &[]);
        let kernels = library(&b, "kernels", true, &[lang.clone(), plain.clone()]);
        let top = library(&a, "top", true, &[kernels, lang, plain]);
        assert!(may_hold_kernels("app", std::slice::from_ref(&top)).expect("read"));

        let new = folder.path().join("new");
        fs::rename(&old, &new).expect("moved");
        let closure = Closure::of(&[new.join(top.strip_prefix(&old).expect("inside"))]).expect("read");
        let names = |paths: &[PathBuf]| -> Vec<String> {
            paths.iter().map(|path| path.file_name().expect("name").to_string_lossy().into_owned()).collect()
        };
        assert_eq!(
            names(&closure.modules),
            ["geobacter_lang.0.rcgu.no-opt.bc", "top.0.rcgu.no-opt.bc", "kernels.0.rcgu.no-opt.bc"]
        );
        assert_eq!(names(&closure.libraries), ["libplain.rlib"]);
    }

    #[test]
    fn kernels_come_only_from_below_the_language() {
        let folder = tempfile::tempdir().expect("folder");
        let plain = library(folder.path(), "plain", false, &[]);
        assert!(!may_hold_kernels("app", &[plain]).expect("read"));
        assert!(may_hold_kernels(ROOT_CRATE, &[]).expect("nothing to read"));
    }

    #[test]
    fn a_foreign_sidecar_is_an_error_that_says_what_to_do() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("libx.geobacter");
        fs::write(&path, r#"{"version":0}"#).expect("written");
        let error = may_hold_kernels("app", &[path]).expect_err("foreign").to_string();
        assert!(error.contains("cargo clean"), "{error}");
    }
}
