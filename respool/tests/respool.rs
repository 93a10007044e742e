//! The worker's two halves on kernels that rustc compiles here: the spool step, and code for every target.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use geobacter_respool::{compile::compile, spool::extract, targets};
use geobacter_spool::{
    archive::{Archive, Kernel, Producer},
    descriptor::ParamKind,
    job::{CompileJob, Emit, ExtractJob, Extracted},
    output::PRINTS_SYMBOL,
};
use object::{Object, ObjectSymbol};

fn sysroot() -> &'static Path {
    static SYSROOT: OnceLock<PathBuf> = OnceLock::new();
    SYSROOT.get_or_init(|| {
        let output = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc runs");
        let sysroot = PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim());
        geobacter_llvm::load(&sysroot).expect("the toolchain has a libLLVM");
        sysroot
    })
}

/// Compiles a source file as the wrapper does, and runs the spool step on what rustc left.
fn spool(source: &str, optimise: bool) -> Extracted {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernels").join(source);
    let status = Command::new("rustc")
        .args(["--edition=2024", "--crate-type=lib", "-Csave-temps", "-Cdebuginfo=line-tables-only"])
        .args(["-Zmir-enable-passes=-JumpThreading", "-Zshare-generics=no", "-Awarnings"])
        .arg("-Csymbol-mangling-version=v0")
        .arg(if optimise { "-Copt-level=3" } else { "-Copt-level=0" })
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

fn kernels(extracted: &Extracted) -> Vec<Kernel> {
    assert_eq!(extracted.diagnostics, []);
    let archives = Archive::read_section(&extracted.archive).expect("an archive");
    archives.iter().flat_map(Archive::kernels).map(|kernel| kernel.expect("a kernel")).collect()
}

fn generate(kernel: &Kernel, target: &str, emit: Emit) -> geobacter_spool::job::CompiledKernel {
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

fn assembly(kernel: &Kernel, target: &str) -> String {
    String::from_utf8(generate(kernel, target, Emit::Assembly).bytes).expect("text")
}

#[test]
fn every_target_takes_ordinary_rust_debug_and_release() {
    for optimise in [false, true] {
        let extracted = spool("plain.rs", optimise);
        let kernels = kernels(&extracted);
        let names: Vec<_> = kernels.iter().map(|kernel| kernel.descriptor.name.as_str()).collect();
        assert_eq!(names, ["described", "ordinary", "panics", "prints", "saxpy"]);
        for kernel in &kernels {
            assert!(kernel.descriptor.file.ends_with("plain.rs"), "{:?}", kernel.descriptor);
            for target in targets::names() {
                let compiled = generate(kernel, target, Emit::CodeObject);
                let resources = compiled.resources.expect("a code object has resources");
                assert!(compiled.bytes.starts_with(b"\x7fELF"));
                assert_eq!(resources.max_workgroup, 256);
                assert_eq!(resources.dynamic_stack, kernel.descriptor.name == "ordinary", "{target}");
                let asks = resources.hidden_args.iter().any(|argument| argument.kind == "hidden_hostcall_buffer");
                let prints = kernel.descriptor.name == "prints";
                assert_eq!((asks, has_symbol(&compiled.bytes, PRINTS_SYMBOL)), (prints, prints), "{target}");
                let panics = resources.hidden_args.iter().any(|argument| argument.kind == "hidden_printf_buffer");
                assert_eq!(
                    panics,
                    ["ordinary", "panics"].contains(&&*kernel.descriptor.name),
                    "{target} {:?}",
                    resources.hidden_args
                );
            }
        }
    }
}

/// The descriptor's layout is `geobacter_lang`'s, which the test's kernels are compiled with.
#[test]
fn descriptors_are_read_as_they_are_written() {
    for optimise in [false, true] {
        let extracted = spool("plain.rs", optimise);
        let kernel = kernels(&extracted).into_iter().find(|kernel| kernel.descriptor.name == "described");
        let descriptor = kernel.expect("it is there").descriptor;
        assert_eq!((&*descriptor.module, descriptor.dimensions, descriptor.workgroup), ("plain", 1, [256, 1, 1]));
        let source = include_str!("kernels/plain.rs");
        let line = source.lines().position(|line| line.starts_with("kernel!(described")).expect("it is there") + 1;
        assert_eq!(descriptor.line as usize, line);
        let params: Vec<_> = descriptor
            .params
            .iter()
            .map(|param| (param.kind, &*param.name, param.size, param.align, param.element_size))
            .collect();
        assert_eq!(
            params,
            [
                (ParamKind::Scalar, "scalar", 2, 2, 0),
                (ParamKind::In, "input", 16, 8, 4),
                (ParamKind::Out, "output", 16, 8, 1),
                (ParamKind::InOut, "both", 16, 8, 12),
                (ParamKind::Slice, "slice", 16, 8, 16),
                (ParamKind::Function, "function", 0, 1, 0),
                (ParamKind::Lds, "tile", 0, 1, 4),
                (ParamKind::LdsSlice, "launch_sized", 8, 4, 8),
                (ParamKind::Atomics, "counts", 16, 8, 4),
            ]
        );
        let lds: Vec<_> = descriptor.lds.iter().map(|lds| (&*lds.name, &*lds.ty, lds.size, lds.align)).collect();
        assert_eq!(lds, [("tile", "Lds<[f32; 256]>", 1024, 4), ("flags", "Lds<[u8; 3]>", 3, 1)]);
    }
}

#[test]
fn saxpy_is_what_a_hand_written_kernel_gives() {
    for optimise in [false, true] {
        let extracted = spool("plain.rs", optimise);
        let kernels = kernels(&extracted);
        let saxpy = kernels.iter().find(|kernel| kernel.descriptor.name == "saxpy").expect("saxpy");
        for target in targets::names() {
            let text = assembly(saxpy, target);
            let code: Vec<&str> = text.lines().take_while(|line| !line.contains("s_endpgm")).collect();
            let any = |what: &str| code.iter().any(|line| line.trim_start().starts_with(what));
            assert!(any("s_load"), "{text}");
            assert!(any("global_load") && any("global_store"), "{text}");
            assert!(!any("flat_") && !any("scratch_") && !any("buffer_"), "{text}");
            assert!(text.contains("plain.rs"), "the code names its source: {text}");
            assert!(code.iter().any(|line| line.trim_start().starts_with(".loc")), "{text}");
            // One comparison: the item against the grid. No check for each element.
            assert_eq!(code.iter().filter(|line| line.contains("v_cmp")).count(), 1, "{text}");
            let resources = generate(saxpy, target, Emit::CodeObject).resources.expect("resources");
            assert_eq!((resources.scratch, resources.lds), (0, 0));
        }
    }
}

/// Whether a code object has this symbol.
fn has_symbol(code_object: &[u8], symbol: &str) -> bool {
    let file = object::File::parse(code_object).expect("an ELF file");
    file.dynamic_symbols().any(|found| found.name() == Ok(symbol))
}

/// The values of messages are read where the panic or the line is: nothing is kept in memory for them.
#[test]
fn messages_with_values_need_no_scratch() {
    for optimise in [false, true] {
        let kernels = kernels(&spool("plain.rs", optimise));
        let with_messages = kernels.iter().filter(|kernel| ["panics", "prints"].contains(&&*kernel.descriptor.name));
        for (kernel, target) in with_messages.flat_map(|kernel| targets::names().into_iter().map(move |t| (kernel, t)))
        {
            let resources = generate(kernel, target, Emit::CodeObject).resources.expect("resources");
            assert_eq!((resources.scratch, resources.dynamic_stack), (0, false), "{target}");
            // No list of arguments, and no formatting.
            let ir = String::from_utf8(generate(kernel, target, Emit::LlvmIr).bytes).expect("text");
            assert!(!ir.contains(" = alloca") && !ir.contains("__gb_capture"), "{ir}");
        }
    }
}

#[test]
fn what_no_device_can_do_is_reported_with_the_way_to_it() {
    for optimise in [false, true] {
        let extracted = spool("forbidden.rs", optimise);
        for (kernel, message) in [
            ("prints", "a kernel cannot do input or output"),
            ("allocates", "a kernel cannot allocate memory"),
            ("reads_a_file", "a kernel cannot do input or output"),
            ("inline_assembly", "a kernel cannot use inline assembly"),
            ("calls_c", "a kernel cannot call a foreign function"),
            ("counts", "a kernel cannot use `core::sync::atomic`"),
            ("static_mut", "a kernel cannot use a mutable static"),
            ("thread_local", "a kernel cannot use a thread local"),
            ("dynamic", "a kernel cannot call through a pointer"),
        ] {
            let kernel = format!("forbidden::{kernel}");
            let found: Vec<_> = extracted.diagnostics.iter().filter(|diagnostic| diagnostic.kernel == kernel).collect();
            assert!(found.iter().any(|diagnostic| diagnostic.message == message), "{kernel}: {found:#?}");
            for diagnostic in found {
                let location = diagnostic.location.as_ref().expect("a location");
                assert!(location.file.ends_with("forbidden.rs"), "{diagnostic:#?}");
            }
        }
        let allocates = extracted.diagnostics.iter().filter(|diagnostic| diagnostic.kernel == "forbidden::allocates");
        assert_eq!(allocates.count(), 1, "the vector's destructor is no news");
        let logs = extracted.diagnostics.iter().find(|diagnostic| diagnostic.kernel == "forbidden::prints");
        let path: Vec<_> = logs.into_iter().flat_map(|diagnostic| &diagnostic.path).collect();
        assert!(optimise || path.iter().any(|frame| frame.function == "forbidden::log"), "{path:#?}");
        assert!(extracted.archive.is_empty());
    }
}
