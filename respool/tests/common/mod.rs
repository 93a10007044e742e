//! Kernels that rustc compiles here, and what the worker makes of them.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use geobacter_respool::{compile::compile, spool::extract};
use geobacter_spool::{
    archive::{Archive, Kernel, Producer},
    job::{CompileJob, Emit, ExtractJob, Extracted},
};

pub fn sysroot() -> &'static Path {
    static SYSROOT: OnceLock<PathBuf> = OnceLock::new();
    SYSROOT.get_or_init(|| {
        let output = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc runs");
        let sysroot = PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim());
        geobacter_llvm::load(&sysroot).expect("the toolchain has a libLLVM");
        sysroot
    })
}

/// Compiles a source file as the wrapper does, and runs the spool step on what rustc left.
pub fn spool(source: &str, optimise: bool) -> Extracted {
    spool_with(source, optimise, &[])
}

/// The same with more arguments for rustc.
pub fn spool_with(source: &str, optimise: bool, arguments: &[&str]) -> Extracted {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernels").join(source);
    let status = Command::new("rustc")
        .args(["--edition=2024", "--crate-type=lib", "-Csave-temps", "-Cdebuginfo=line-tables-only"])
        .args(["-Zmir-enable-passes=-JumpThreading", "-Zshare-generics=no", "-Awarnings"])
        .arg("-Csymbol-mangling-version=v0")
        .arg(if optimise { "-Copt-level=3" } else { "-Copt-level=0" })
        .args(arguments)
        .env("RUSTC_BOOTSTRAP", "1")
        .arg("--out-dir")
        .args([folder.path(), &source])
        .status()
        .expect("rustc runs");
    assert!(status.success());
    let files = |folder: &Path, ending: &str| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
        entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with(ending)).collect()
    };
    let libraries = files(&sysroot().join("lib/rustlib/x86_64-unknown-linux-gnu/lib"), ".rlib")
        .into_iter()
        .filter(|path| {
            ["libcore-", "liballoc-", "libcompiler_builtins-"].iter().any(|name| path.to_string_lossy().contains(name))
        })
        .collect();
    let producer = Producer {
        rustc: "1.95.0".into(),
        llvm: "22".into(),
        sysroot: sysroot().to_owned(),
        worker: PathBuf::new(),
        worker_build: String::new(),
    };
    extract(&ExtractJob { producer, kernel_modules: files(folder.path(), ".no-opt.bc"), libraries })
        .unwrap_or_else(|error| panic!("{error}"))
}

pub fn kernels(extracted: &Extracted) -> Vec<Kernel> {
    assert_eq!(extracted.diagnostics, []);
    let archives = Archive::read_section(&extracted.archive).expect("an archive");
    archives.iter().flat_map(Archive::kernels).map(|kernel| kernel.expect("a kernel")).collect()
}

pub fn generate(kernel: &Kernel, target: &str, emit: Emit) -> geobacter_spool::job::CompiledKernel {
    let job = CompileJob {
        checked: false,
        constants: Vec::new(),
        bitcode: kernel.bitcode.clone(),
        entry: kernel.symbol.clone(),
        export: format!("{}_{}", kernel.descriptor.name, kernel.id.short()),
        target: target.to_owned(),
        emit,
    };
    compile(&job, sysroot()).unwrap_or_else(|error| panic!("{error}"))
}

pub fn assembly(kernel: &Kernel, target: &str) -> String {
    String::from_utf8(generate(kernel, target, Emit::Assembly).bytes).expect("text")
}
