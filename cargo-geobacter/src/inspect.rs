//! `inspect`: what a program's kernels become on a GPU.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
};

use anyhow::{Context, bail};
use geobacter_codegen_client::Worker;
use geobacter_respool::targets;
use geobacter_spool::{
    archive::{Archive, Kernel, Producer, SECTION},
    job::{self, CompileJob, CompiledKernel, KernelResources},
};
use object::{Object, ObjectSection};
use serde_json::json;

use crate::{
    UsageError,
    cargo_invocation::{self, CargoFailed},
    cli::{Emit, InspectArguments},
    cuda_tools, print,
    table::table,
};

/// Builds the program, generates code for the kernels that are asked for, and shows it.
pub fn inspect(arguments: &InspectArguments) -> anyhow::Result<ExitCode> {
    if let Err(error) = targets::find(&arguments.gpu) {
        bail!(UsageError(error.to_string()));
    }
    let nvidia = is_nvidia(&arguments.gpu);
    if arguments.emit == Emit::Sass && !nvidia {
        bail!(UsageError(format!("SASS is machine code of NVIDIA GPUs; for {} there is `--emit asm`", arguments.gpu)));
    }
    let program = build(arguments)?;
    let (producer, kernels) = kernels_of(&program)?;
    let kernels = select(kernels, arguments, &program)?;

    // This program, not the one that the archive names: it is the one that was asked.
    let worker = Worker::new(std::env::current_exe()?, &producer.sysroot);
    let mut compiled = Vec::with_capacity(kernels.len());
    for kernel in kernels {
        let answer = worker.compile(CompileJob {
            checked: false,
            constants: Vec::new(),
            bitcode: kernel.bitcode.clone(),
            entry: kernel.symbol.clone(),
            export: kernel.descriptor.name.clone(),
            target: arguments.gpu.clone(),
            emit: match arguments.emit {
                Emit::Asm => job::Emit::Assembly,
                Emit::LlvmIr => job::Emit::LlvmIr,
                Emit::SourceIr => job::Emit::SourceIr,
                Emit::Resources | Emit::Obj | Emit::Sass => job::Emit::CodeObject,
            },
        });
        compiled.push((answer.with_context(|| format!("no code for kernel `{}`", kernel.display_name))?, kernel));
    }
    if nvidia {
        for (code, kernel) in &mut compiled {
            add_machine_code(code, arguments)
                .with_context(|| format!("no machine code for kernel `{}`", kernel.display_name))?;
        }
    }
    let shown = show(&compiled, arguments)?;
    match &arguments.output {
        Some(file) => fs::write(file, shown).with_context(|| format!("cannot write {}", file.display()))?,
        None => print::bytes(&shown)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether code for this GPU is PTX.
fn is_nvidia(gpu: &str) -> bool {
    targets::nvptx::NAMES.contains(&gpu)
}

/// Has NVIDIA's tools make machine code of PTX, as far as what is asked for needs it.
fn add_machine_code(code: &mut CompiledKernel, arguments: &InspectArguments) -> anyhow::Result<()> {
    match (arguments.emit, &mut code.resources) {
        (Emit::Sass, _) => code.bytes = cuda_tools::disassembly(&code.bytes, &arguments.gpu)?,
        (Emit::Resources, Some(resources)) => {
            cuda_tools::add_machine_resources(resources, &code.bytes, &arguments.gpu)?;
        }
        _ => {}
    }
    Ok(())
}

/// Builds, and gives the executable.
fn build(arguments: &InspectArguments) -> anyhow::Result<PathBuf> {
    let mut cargo: Vec<std::ffi::OsString> = vec!["--message-format=json-render-diagnostics".into()];
    let mut option = |name: &str, value: Option<&std::ffi::OsStr>| {
        if let Some(value) = value {
            cargo.extend([name.into(), value.to_owned()]);
        }
    };
    option("--bin", arguments.bin.as_deref().map(AsRef::as_ref));
    option("--example", arguments.example.as_deref().map(AsRef::as_ref));
    option("--package", arguments.package.as_deref().map(AsRef::as_ref));
    option("--profile", arguments.profile.as_deref().map(AsRef::as_ref));
    option("--target-dir", arguments.target_dir.as_deref().map(AsRef::as_ref));
    option("--manifest-path", arguments.manifest_path.as_deref().map(AsRef::as_ref));
    for features in &arguments.features {
        option("--features", Some(features.as_ref()));
    }
    if arguments.release {
        cargo.push("--release".into());
    }
    if arguments.bin.is_none() && arguments.example.is_none() {
        cargo.push("--bins".into());
    }

    let mut command = cargo_invocation::command("build", &cargo)?;
    let output = command.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!(CargoFailed(output.status.code().unwrap_or(101)));
    }
    let mut programs: Vec<PathBuf> = output
        .stdout
        .split(|&byte| byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .collect();
    match programs.len() {
        1 => Ok(programs.remove(0)),
        0 => bail!(UsageError("the package has no binary; name one of its examples with --example NAME".into())),
        _ => {
            let names: Vec<_> = programs.iter().filter_map(|path| path.file_stem()?.to_str()).collect();
            bail!(UsageError(format!("which binary? Name one with --bin NAME: {}", names.join(", "))))
        }
    }
}

/// The kernels in the archives of a program.
fn kernels_of(program: &Path) -> anyhow::Result<(Producer, Vec<Kernel>)> {
    let context = || format!("cannot read the kernels of {}", program.display());
    let bytes = fs::read(program).with_context(context)?;
    let file = object::File::parse(&*bytes).with_context(context)?;
    let section = match file.section_by_name(SECTION) {
        Some(section) => section.data().with_context(context)?,
        None => &[],
    };
    let archives = Archive::read_section(section).with_context(context)?;
    let mut kernels = Vec::new();
    for archive in &archives {
        for kernel in archive.kernels() {
            kernels.push(kernel.with_context(context)?);
        }
    }
    kernels.sort_by(|a, b| (&a.display_name, a.id).cmp(&(&b.display_name, b.id)));
    kernels.dedup_by_key(|kernel| kernel.id);
    match archives.first() {
        Some(archive) if !kernels.is_empty() => Ok((archive.producer().clone(), kernels)),
        _ => bail!("{} launches no kernels", program.display()),
    }
}

/// The kernels that are asked for.
fn select(kernels: Vec<Kernel>, arguments: &InspectArguments, program: &Path) -> anyhow::Result<Vec<Kernel>> {
    let list = |kernels: &[Kernel]| -> String {
        kernels.iter().map(|kernel| format!("\n  {}", kernel.display_name)).collect()
    };
    let selected = match &arguments.kernel {
        None => kernels,
        Some(asked) => {
            let all = list(&kernels);
            let selected: Vec<Kernel> = kernels.into_iter().filter(|kernel| is_meant(kernel, asked)).collect();
            if selected.is_empty() {
                bail!(UsageError(format!("{} has no kernel `{asked}`; it has:{all}", program.display())));
            }
            selected
        }
    };
    if arguments.emit == Emit::Obj {
        if selected.len() > 1 {
            let list = list(&selected);
            bail!(UsageError(format!("a code object holds one kernel; choose with --kernel one of:{list}")));
        }
        if arguments.output.is_none() && io::stdout().is_terminal() {
            bail!(UsageError("a code object is no text; name a file with -o FILE".into()));
        }
    }
    Ok(selected)
}

fn is_meant(kernel: &Kernel, asked: &str) -> bool {
    let path = format!("{}::{}", kernel.descriptor.module, kernel.descriptor.name);
    kernel.descriptor.name == asked
        || kernel.display_name == asked
        || kernel.symbol == asked
        || path == asked
        || path.ends_with(&format!("::{asked}"))
}

fn show(compiled: &[(CompiledKernel, Kernel)], arguments: &InspectArguments) -> anyhow::Result<Vec<u8>> {
    match arguments.emit {
        Emit::Obj => Ok(compiled.iter().flat_map(|(code, _)| code.bytes.iter().copied()).collect()),
        Emit::Resources => resources(compiled, arguments).map(String::into_bytes),
        Emit::Asm | Emit::Sass | Emit::LlvmIr | Emit::SourceIr if arguments.json => {
            let kernels: Vec<_> = compiled
                .iter()
                .map(|(code, kernel)| {
                    json!({
                        "kernel": kernel.display_name,
                        "id": kernel.id.to_string(),
                        "fp": kernel.descriptor.fp,
                        "gpu": arguments.gpu,
                        "text": String::from_utf8_lossy(&code.bytes),
                    })
                })
                .collect();
            Ok(format!("{}\n", serde_json::to_string_pretty(&kernels)?).into_bytes())
        }
        Emit::Asm | Emit::Sass | Emit::LlvmIr | Emit::SourceIr => {
            // What begins a comment in each language.
            let is_ptx = arguments.emit == Emit::Asm && is_nvidia(&arguments.gpu);
            let comment = if is_ptx || arguments.emit == Emit::Sass { "//" } else { ";" };
            let mut text = Vec::new();
            for (code, kernel) in compiled {
                let descriptor = &kernel.descriptor;
                let place = format!("{}:{}", descriptor.file, descriptor.line);
                let (name, gpu, fp) = (&kernel.display_name, &arguments.gpu, descriptor.fp);
                writeln!(text, "{comment} {name} for {gpu} ({place}), fp({fp})")?;
                text.extend_from_slice(&code.bytes);
                if !code.bytes.ends_with(b"\n") {
                    text.push(b'\n');
                }
            }
            Ok(text)
        }
    }
}

fn resources(compiled: &[(CompiledKernel, Kernel)], arguments: &InspectArguments) -> anyhow::Result<String> {
    let mut rows: Vec<(&Kernel, &KernelResources)> = Vec::new();
    for (code, kernel) in compiled {
        let resources = code.resources.as_ref();
        rows.push((kernel, resources.context("the worker answered without resources")?));
    }
    if arguments.json {
        let kernel = |(kernel, resources): &(&Kernel, &KernelResources)| json!({ "kernel": kernel.display_name, "fp": kernel.descriptor.fp, "resources": resources });
        let kernels: Vec<_> = rows.iter().map(kernel).collect();
        let all = json!({ "gpu": arguments.gpu, "kernels": kernels });
        return Ok(format!("{}\n", serde_json::to_string_pretty(&all)?));
    }
    if is_nvidia(&arguments.gpu) {
        return Ok(nvidia_table(&rows));
    }
    let columns = [
        ("KERNEL", false),
        ("FP", false),
        ("VGPRS", true),
        ("AGPRS", true),
        ("SGPRS", true),
        ("LDS", true),
        ("SCRATCH", true),
        ("SPILLS", true),
        ("OCCUPANCY", true),
        ("CODE", true),
    ];
    let rows = rows.into_iter().map(|(kernel, resources)| {
        let scratch = format!("{}{}", resources.scratch, if resources.dynamic_stack { "+" } else { "" });
        let mut row = vec![kernel.display_name.clone(), kernel.descriptor.fp.to_string()];
        row.extend([resources.vgprs, resources.agprs, resources.sgprs, resources.lds].map(|number| number.to_string()));
        row.push(scratch);
        let numbers = [resources.vgpr_spills + resources.sgpr_spills, resources.occupancy, resources.code_size];
        row.extend(numbers.map(|number| number.to_string()));
        row
    });
    Ok(table(&columns, rows))
}

/// As [`resources`] for AMD GPUs, in the words that fit. What the driver decides is a dash where no ptxas is at hand.
fn nvidia_table(rows: &[(&Kernel, &KernelResources)]) -> String {
    let columns = [
        ("KERNEL", false),
        ("FP", false),
        ("REGISTERS", true),
        ("LDS", true),
        ("STACK", true),
        ("SPILLS", true),
        ("OCCUPANCY", true),
        ("CODE", true),
    ];
    let known = rows.iter().any(|(_, resources)| resources.code_size != 0);
    let mut text = table(
        &columns,
        rows.iter().map(|(kernel, resources)| {
            let of_machine = |number: u32| if known { number.to_string() } else { "-".to_owned() };
            vec![
                kernel.display_name.clone(),
                kernel.descriptor.fp.to_string(),
                of_machine(resources.vgprs),
                resources.lds.to_string(),
                format!("{}{}", resources.scratch, if resources.dynamic_stack { "+" } else { "" }),
                of_machine(resources.vgpr_spills),
                of_machine(resources.occupancy),
                of_machine(resources.code_size),
            ]
        }),
    );
    if !known {
        text.push_str("The driver makes machine code of PTX. With NVIDIA's ptxas on PATH, this table says more.\n");
    }
    text
}
