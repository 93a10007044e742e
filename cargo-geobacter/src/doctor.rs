//! `doctor`: what works on this machine, what does not, and what to do about it.

use std::{
    env,
    ffi::OsString,
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use anstyle::{AnsiColor, Style};
use geobacter_codegen_client::{DiskCache, Worker};
use geobacter_compiler_patch::Toolchain;
use geobacter_spool::job::DisassembleJob;
use serde::Serialize;

use crate::{cargo_invocation, print, table::bytes};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// It works.
    Ok,
    /// Kernels can be built and simulated without it.
    Warn,
    /// Kernels cannot be built or not be simulated.
    Fail,
}

/// One finding.
#[derive(Debug, Serialize)]
struct Check {
    /// What was looked at.
    name: &'static str,
    status: Status,
    /// What is there, or what is wrong and what to do.
    detail: String,
}

impl Check {
    fn of<T, E: std::fmt::Display>(
        name: &'static str,
        otherwise: Status,
        result: Result<T, E>,
        good: impl FnOnce(&T) -> String,
    ) -> Self {
        match result {
            Ok(value) => Self { name, status: Status::Ok, detail: good(&value) },
            Err(error) => Self { name, status: otherwise, detail: error.to_string() },
        }
    }
}

/// Looks at everything and prints it.
pub fn doctor(json: bool) -> anyhow::Result<ExitCode> {
    let mut checks = Vec::new();
    match Toolchain::of(&[rustc()]) {
        Ok(toolchain) => {
            let detail =
                format!("rustc {} with LLVM {}, {}", toolchain.rustc, toolchain.llvm, toolchain.sysroot.display());
            checks.push(Check { name: "toolchain", status: Status::Ok, detail });
            examine(&toolchain, &mut checks);
        }
        Err(error) => {
            checks.push(Check { name: "toolchain", status: Status::Fail, detail: error.to_string() });
            for name in ["libLLVM", "worker", "rust-lld"] {
                let detail = "not looked for: it comes with the toolchain".to_owned();
                checks.push(Check { name, status: Status::Fail, detail });
            }
        }
    }
    checks.push(linker());
    checks.push(cache());
    let amd = geobacter_runtime_amd::diagnose();
    checks.push(Check::of("HSA library", Status::Warn, amd.library, |()| "loads, with all functions".into()));
    checks.push(Check::of("AMD driver", Status::Warn, amd.kfd, |()| format!("{} opens", geobacter_runtime_amd::KFD)));
    let nvidia = geobacter_runtime_cuda::diagnose();
    checks.push(Check::of("CUDA library", Status::Warn, nvidia.library, |()| "loads, with all functions".into()));
    checks.push(Check::of("NVIDIA driver", Status::Warn, nvidia.kernel_driver, |()| {
        format!("{} opens", geobacter_runtime_cuda::CONTROL)
    }));

    if json {
        print::json(&checks)?;
    } else {
        print::text(&shown(&checks))?;
    }
    let failed = checks.iter().any(|check| check.status == Status::Fail);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The rustc that cargo would use here.
pub fn rustc() -> OsString {
    let beside = || {
        let rustc = Path::new(&cargo_invocation::cargo()).parent()?.join("rustc");
        rustc.is_file().then(|| rustc.into_os_string())
    };
    env::var_os("RUSTC").or_else(beside).unwrap_or_else(|| "rustc".into())
}

fn examine(toolchain: &Toolchain, checks: &mut Vec<Check>) {
    let library = geobacter_llvm::find(&toolchain.sysroot).map_err(|error| error.to_string()).and_then(|path| {
        // Opening it says whether it may be read.
        let size = fs::File::open(&path).and_then(|file| file.metadata()).map(|metadata| metadata.len());
        size.map(|size| (path.clone(), size)).map_err(|error| {
            format!("{} cannot be read ({error}); reinstall the toolchain with rustup", path.display())
        })
    });
    checks.push(Check::of("libLLVM", Status::Fail, library, |(path, size)| {
        format!("{}, {}", path.display(), bytes(*size))
    }));

    // An s_endpgm, once through the worker: it starts, loads LLVM, and its AMDGPU back end answers.
    let job = DisassembleJob { target: "gfx942".into(), code: vec![0, 0, 0x81, 0xbf] };
    let answer = env::current_exe()
        .map_err(|error| error.to_string())
        .and_then(|program| {
            Worker::new(program, &toolchain.sysroot).disassemble(job).map_err(|error| error.to_string())
        })
        .and_then(|code| match code.first() {
            Some(instruction) if instruction.text.trim() == "s_endpgm" => Ok(()),
            other => Err(format!("its LLVM takes s_endpgm for {other:?}: it has no AMDGPU back end")),
        });
    checks.push(Check::of("worker", Status::Fail, answer, |()| "starts, loads libLLVM, knows AMD GPUs".into()));

    let lld = toolchain.sysroot.join("lib/rustlib").join(&toolchain.host).join("bin/rust-lld");
    checks.push(Check::of("rust-lld", Status::Fail, first_line(&lld, &["-flavor", "gnu", "--version"]), |version| {
        format!("{version}, {}", lld.display())
    }));
}

fn linker() -> Check {
    let version = first_line(Path::new("cc"), &["--version"])
        .map_err(|error| format!("{error}; rustc links programs with it: install gcc or clang"));
    Check::of("linker", Status::Fail, version, |version| format!("cc is {version}"))
}

fn first_line(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let failed = |what: &dyn std::fmt::Display| format!("`{}` does not run ({what})", program.display());
    let output = Command::new(program).args(arguments).output().map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}

fn cache() -> Check {
    let name = "cache";
    let Some(cache) = DiskCache::from_environment() else {
        let detail = "off: device code is generated anew in each run; unset GEOBACTER_CACHE, or set it to a folder";
        return Check { name, status: Status::Warn, detail: detail.into() };
    };
    let folder = cache.folder();
    let writable = fs::create_dir_all(folder).and_then(|()| {
        let probe = folder.join(format!(".doctor-{}", std::process::id()));
        fs::write(&probe, b"")?;
        fs::remove_file(probe)
    });
    let entries = writable.and_then(|()| cache.entries()).map_err(|error| {
        format!(
            "{} cannot be written ({error}); make it writable, or set GEOBACTER_CACHE to a folder",
            folder.display()
        )
    });
    Check::of(name, Status::Warn, entries, |entries| {
        let total = entries.iter().map(|entry| entry.size).sum();
        format!("{}, {} entries, {}", folder.display(), entries.len(), bytes(total))
    })
}

fn shown(checks: &[Check]) -> String {
    let mut text = String::new();
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
    for check in checks {
        let (mark, color) = match check.status {
            Status::Ok => ("ok  ", AnsiColor::Green),
            Status::Warn => ("warn", AnsiColor::Yellow),
            Status::Fail => ("fail", AnsiColor::Red),
        };
        let style = Style::new().bold().fg_color(Some(color.into()));
        text += &format!("{style}{mark}{style:#}  {:width$}  {}\n", check.name, check.detail);
    }
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let sum = match (count(Status::Fail), count(Status::Warn)) {
        (0, 0) => "Everything works.".to_owned(),
        (0, _) => "Kernels can be built, and run on the processor and on simulated GPUs.".to_owned(),
        (failures, _) => format!("Kernels cannot be built and simulated before {failures} thing(s) above are mended."),
    };
    format!("{text}\n{sum}\n")
}
