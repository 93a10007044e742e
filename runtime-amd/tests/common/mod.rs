//! Code objects for the tests: `kernels.ll`, compiled by LLVM's own tools when they are installed.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use geobacter_runtime_core::code::DeviceCode;
use geobacter_spool::job::{HiddenArg, Instruction, KernelResources};
use object::{Object, ObjectSection};
use serde::Deserialize;

/// What the kernels are compiled for.
pub const TARGET: &str = "gfx942";

/// The kernels of `kernels.ll` by name; the reason if they cannot be compiled here.
pub fn kernels() -> Result<HashMap<String, DeviceCode>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (object, linked) = (folder.path().join("kernels.o"), folder.path().join("kernels.so"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/kernels.ll");
    tool(
        Command::new("llc-22")
            .arg(format!("-mcpu={TARGET}"))
            .args(["-O2", "-filetype=obj"])
            .arg(source)
            .arg("-o")
            .arg(&object),
    )?;
    tool(Command::new("ld.lld-22").arg("-shared").arg(&object).arg("-o").arg(&linked))?;
    let code_object: Arc<[u8]> = fs::read(&linked).map_err(|error| error.to_string())?.into();
    let kernels = metadata(&code_object).kernels;
    Ok(kernels
        .into_iter()
        .map(|kernel| (kernel.name.clone(), DeviceCode { code_object: code_object.clone(), resources: kernel.into() }))
        .collect())
}

fn tool(command: &mut Command) -> Result<Vec<u8>, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{name} is not installed ({error})"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        panic!("{name}: {}", String::from_utf8_lossy(&output.stderr))
    }
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "amdhsa.kernels")]
    kernels: Vec<Kernel>,
}

#[derive(Deserialize)]
struct Kernel {
    #[serde(rename = ".name")]
    name: String,
    #[serde(rename = ".args", default)]
    arguments: Vec<Argument>,
    #[serde(rename = ".kernarg_segment_size")]
    kernarg_size: u32,
    #[serde(rename = ".kernarg_segment_align")]
    kernarg_align: u32,
    #[serde(rename = ".group_segment_fixed_size")]
    lds: u32,
    #[serde(rename = ".private_segment_fixed_size")]
    scratch: u32,
    #[serde(rename = ".uses_dynamic_stack", default)]
    dynamic_stack: bool,
    #[serde(rename = ".max_flat_workgroup_size")]
    max_workgroup: u32,
    #[serde(rename = ".wavefront_size")]
    wave_size: u32,
}

#[derive(Deserialize)]
struct Argument {
    #[serde(rename = ".offset")]
    offset: u32,
    #[serde(rename = ".size")]
    size: u32,
    #[serde(rename = ".value_kind")]
    kind: String,
}

impl From<Kernel> for KernelResources {
    fn from(kernel: Kernel) -> Self {
        let (hidden, explicit): (Vec<_>, Vec<_>) =
            kernel.arguments.into_iter().partition(|argument| argument.kind.starts_with("hidden_"));
        Self {
            symbol: kernel.name,
            kernarg_size: kernel.kernarg_size,
            kernarg_align: kernel.kernarg_align,
            explicit_kernarg_size: explicit.iter().map(|argument| argument.offset + argument.size).max().unwrap_or(0),
            hidden_args: hidden
                .into_iter()
                .map(|argument| HiddenArg { kind: argument.kind, offset: argument.offset, size: argument.size })
                .collect(),
            lds: kernel.lds,
            scratch: kernel.scratch,
            dynamic_stack: kernel.dynamic_stack,
            // The driver does not look at these.
            vgprs: 0,
            agprs: 0,
            sgprs: 0,
            vgpr_spills: 0,
            sgpr_spills: 0,
            wave_size: kernel.wave_size,
            max_workgroup: kernel.max_workgroup,
            occupancy: 1,
            code_size: 0,
        }
    }
}

/// The metadata note (`NT_AMDGPU_METADATA`, type 32): name size, description size, type, then both, each padded to 4.
fn metadata(code_object: &[u8]) -> Metadata {
    let file = object::File::parse(code_object).unwrap();
    let note = file.section_by_name(".note").unwrap().data().unwrap();
    let word = |at: usize| u32::from_le_bytes(note[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!(word(8), 32);
    let start = 12 + word(0).next_multiple_of(4);
    rmp_serde::from_slice(&note[start..start + word(4)]).unwrap()
}

/// Disassembles with LLVM's own tools, as the worker does with its library.
pub fn disassemble(target: &str, code: &[u8]) -> Result<Vec<Instruction>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (source, object) = (folder.path().join("code.s"), folder.path().join("code.o"));
    let bytes: Vec<_> = code.iter().map(|byte| byte.to_string()).collect();
    fs::write(&source, format!(".text\n.byte {}\n", bytes.join(", "))).map_err(|error| error.to_string())?;
    let triple = "-triple=amdgcn-amd-amdhsa";
    tool(
        Command::new("llvm-mc-22")
            .args([triple, &format!("-mcpu={target}"), "-filetype=obj"])
            .arg(source)
            .arg("-o")
            .arg(&object),
    )?;
    let listing = tool(Command::new("llvm-objdump-22").args(["-d", &format!("--mcpu={target}")]).arg(object))?;
    let mut instructions = Vec::new();
    for line in String::from_utf8_lossy(&listing).lines() {
        // `text // address: words <target of a branch>`
        let Some((text, comment)) = line.split_once("//") else { continue };
        let (address, words) = comment.split_once(':').ok_or(line)?;
        let offset = u32::from_str_radix(address.trim(), 16).map_err(|error| format!("{line}: {error}"))?;
        let length = 4 * words.split_whitespace().take_while(|word| !word.starts_with('<')).count() as u32;
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = if text.starts_with('.') { String::new() } else { text };
        instructions.push(Instruction { offset, length, text });
    }
    Ok(instructions)
}
