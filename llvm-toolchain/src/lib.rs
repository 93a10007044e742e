//! Loads the LLVM of the Rust toolchain at run time and binds the LLVM C API to it.
//!
//! `llvm-sys` and `inkwell` are built with `no-llvm-linking`, so the functions of the LLVM C API are undefined in them.
//! This crate defines every one of them as a trampoline that jumps through a table, and [`load`] fills the table from the
//! `libLLVM.so` in a toolchain's sysroot. A program that contains respool's code therefore
//! * starts without LLVM, and pays for it only in the process that generates code;
//! * reports a missing or unreadable libLLVM as an error and not as a failure of the dynamic linker;
//! * uses the LLVM of the toolchain that made the bitcode, so the two always match.
//!
//! The list of functions is read at build time from the libLLVM of the toolchain that builds this crate.

use std::{
    ffi::{c_uint, c_void},
    fs,
    path::{Path, PathBuf},
    process,
    sync::Mutex,
};

/// The functions of the LLVM C API, in the order of the table.
static NAMES: &[&str] = include!(concat!(env!("OUT_DIR"), "/names.rs"));

#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(include_str!(concat!(env!("OUT_DIR"), "/trampolines.s")), options(att_syntax));
#[cfg(not(target_arch = "x86_64"))]
core::arch::global_asm!(include_str!(concat!(env!("OUT_DIR"), "/trampolines.s")));

unsafe extern "C" {
    static mut geobacter_llvm_table: [*const c_void; NAMES.len()];
}

/// The major version of LLVM that the bindings are for.
pub const LLVM_MAJOR: u32 = 22;

/// What every trampoline leads to before [`load`]: a bug of the caller, which no error value can be returned for.
#[unsafe(no_mangle)]
extern "C" fn geobacter_llvm_not_loaded() -> ! {
    eprintln!("a function of LLVM was called before geobacter_llvm::load");
    process::abort()
}

/// Why libLLVM could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The sysroot has no libLLVM.
    #[error("no libLLVM.so in {}: the toolchain is incomplete, or is a distribution's rustc that links LLVM elsewhere; install the pinned toolchain with rustup (`rustup toolchain install 1.95.0`)", folder.display())]
    Missing {
        /// The folder that was searched.
        folder: PathBuf,
    },
    /// The library is there and cannot be loaded.
    #[error("cannot load {}: {source}; reinstall the toolchain (`rustup toolchain uninstall 1.95.0 && rustup toolchain install 1.95.0`)", path.display())]
    Unreadable {
        /// The library.
        path: PathBuf,
        /// What the dynamic linker says.
        source: libloading::Error,
    },
    /// The library is of another major version.
    #[error("{} is LLVM {found}, Geobacter needs LLVM {LLVM_MAJOR}: use the pinned toolchain, Rust 1.95.0", path.display())]
    Version {
        /// The library.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// The library lacks a function that this program was built with.
    #[error("{} has no function {function}: cargo-geobacter was built with another toolchain; reinstall it", path.display())]
    Function {
        /// The library.
        path: PathBuf,
        /// What it lacks.
        function: &'static str,
    },
}

/// The libLLVM of the toolchain at this sysroot.
///
/// # Errors
/// [`LoadError::Missing`].
pub fn find(sysroot: &Path) -> Result<PathBuf, LoadError> {
    let folder = sysroot.join("lib");
    let entries = fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libLLVM.so")))
        .ok_or(LoadError::Missing { folder })
}

static LOADED: Mutex<Option<(PathBuf, String)>> = Mutex::new(None);

/// Loads the libLLVM of the toolchain at this sysroot and gives its version, for example `22.1.2`. A second call with
/// any sysroot gives the version that is loaded already: a process has one LLVM.
///
/// # Errors
/// Any [`LoadError`].
pub fn load(sysroot: &Path) -> Result<String, LoadError> {
    let mut loaded = LOADED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((_, version)) = &*loaded {
        return Ok(version.clone());
    }
    let path = find(sysroot)?;
    // SAFETY: loading libLLVM runs its static initialisers, which register its options and passes and touch nothing else.
    let library = unsafe { libloading::Library::new(&path) };
    let library = library.map_err(|source| LoadError::Unreadable { path: path.clone(), source })?;
    let version = version(&library, &path)?;

    let mut table = Vec::with_capacity(NAMES.len());
    for &function in NAMES {
        // SAFETY: the symbol is used as an address only; the trampoline passes the caller's arguments on unchanged.
        let address = unsafe { library.get::<*const c_void>(function.as_bytes()) };
        let address = address.map_err(|_| LoadError::Function { path: path.clone(), function })?;
        // SAFETY: as above: the raw value of the symbol is its address.
        table.push(unsafe { address.try_as_raw_ptr() }.unwrap_or(std::ptr::null_mut()).cast_const());
    }
    // SAFETY: the table has as many words as NAMES (both are written by build.rs). The lock keeps other writers out, and
    // nobody jumps through the table before the first `load` returns.
    unsafe {
        std::ptr::copy_nonoverlapping(table.as_ptr(), (&raw mut geobacter_llvm_table).cast(), table.len());
    }
    // The table's addresses must stay valid for the life of the process.
    std::mem::forget(library);
    *loaded = Some((path, version.clone()));
    Ok(version)
}

fn version(library: &libloading::Library, path: &Path) -> Result<String, LoadError> {
    let function = "LLVMGetVersion";
    // SAFETY: the LLVM C API declares LLVMGetVersion with this signature.
    let get =
        unsafe { library.get::<unsafe extern "C" fn(*mut c_uint, *mut c_uint, *mut c_uint)>(function.as_bytes()) };
    let get = get.map_err(|_| LoadError::Function { path: path.to_owned(), function })?;
    let (mut major, mut minor, mut patch) = (0, 0, 0);
    // SAFETY: the three pointers are valid for writes.
    unsafe { get(&mut major, &mut minor, &mut patch) };
    let found = format!("{major}.{minor}.{patch}");
    if major == LLVM_MAJOR { Ok(found) } else { Err(LoadError::Version { path: path.to_owned(), found }) }
}
