//! The text of machine code, from the project's worker, which is looked for when the first code is loaded.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::UNIX_EPOCH,
};

use amdgpu_sim::{Disassembler, WorkerDisassembler};
use geobacter_codegen_client::{DiskCache, Worker};
use geobacter_spool::job::Instruction;

/// The environment variable that names the toolchain whose LLVM the worker loads.
pub const SYSROOT_VARIABLE: &str = "GEOBACTER_SYSROOT";

/// A disassembler that is made when it is first asked.
#[derive(Debug, Default)]
pub struct LazyDisassembler {
    found: Mutex<Option<Arc<WorkerDisassembler>>>,
}

impl Disassembler for LazyDisassembler {
    fn disassemble(&self, target: &str, code: &[u8]) -> Result<Vec<Instruction>, String> {
        let answer = self.find().and_then(|disassembler| disassembler.disassemble(target, code));
        if let Err(reason) = &answer {
            // The program sees a status; who runs it must learn what to do.
            tracing::error!("device code cannot be loaded: {reason}");
        }
        answer
    }
}

impl LazyDisassembler {
    fn find(&self) -> Result<Arc<WorkerDisassembler>, String> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(disassembler) = &*found {
            return Ok(Arc::clone(disassembler));
        }
        let sysroot = sysroot()?;
        let beside = own_path().map(|library| library.with_file_name("cargo-geobacter")).unwrap_or_default();
        let worker = Worker::find(&beside, &sysroot).map_err(|error| error.to_string())?;
        let versions = versions(worker.program(), &sysroot);
        let disassembler = WorkerDisassembler::new(Arc::new(worker), DiskCache::from_environment(), versions);
        Ok(Arc::clone(found.insert(Arc::new(disassembler))))
    }
}

/// The toolchain whose LLVM is to be loaded.
fn sysroot() -> Result<PathBuf, String> {
    if let Some(sysroot) = env::var_os(SYSROOT_VARIABLE).filter(|sysroot| !sysroot.is_empty()) {
        return Ok(sysroot.into());
    }
    let advice = || {
        format!(
            "run the program with `cargo geobacter sim`, or set {SYSROOT_VARIABLE} to what `rustc --print sysroot` prints"
        )
    };
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc).args(["--print", "sysroot"]).output();
    let output = output.map_err(|error| format!("{} does not run ({error}); {}", rustc.display(), advice()))?;
    let path = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    if !output.status.success() || path.is_empty() {
        return Err(format!("{} --print sysroot gives nothing ({}); {}", rustc.display(), output.status, advice()));
    }
    Ok(path.into())
}

/// What answers depend on, for the disk cache: which worker, and which LLVM.
fn versions(worker: &Path, sysroot: &Path) -> String {
    let state = |path: &Path| {
        let metadata = fs::metadata(path).ok();
        let changed = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
        let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        format!("{} ({} bytes, {changed:?})", path.display(), metadata.map_or(0, |metadata| metadata.len()))
    };
    format!("worker {}, toolchain {}", state(worker), state(&sysroot.join("lib")))
}

/// The file that this library was loaded from.
fn own_path() -> Option<PathBuf> {
    let here = own_path as fn() -> Option<PathBuf> as usize as u64;
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    // `7f1200000000-7f1200001000 r-xp 00001000 08:01 1234    /path/to/library.so`
    maps.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (begin, end) = range.split_once('-')?;
        let begin = u64::from_str_radix(begin, 16).ok()?;
        let end = u64::from_str_radix(end, 16).ok()?;
        (begin..end).contains(&here).then(|| rest.find('/').map(|at| PathBuf::from(&rest[at..])))?
    })
}
