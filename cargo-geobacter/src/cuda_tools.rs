//! NVIDIA's assembler and disassembler, where they are installed: what machine code becomes of PTX.
//!
//! Nothing needs them but `inspect`. They come with CUDA's toolkit, or from PyPI (`nvidia-cuda-nvcc-cu12`,
//! `nvidia-cuda-nvdisasm`).

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, bail};
use geobacter_cuda_toolkit as cuda_toolkit;
use geobacter_respool::targets::nvptx;
use geobacter_spool::job::KernelResources;
use object::{Object, ObjectSection};

fn require(tool: &str) -> anyhow::Result<PathBuf> {
    cuda_toolkit::program(tool).with_context(|| {
        format!(
            "`{tool}` is on neither PATH nor in CUDA_HOME: it comes with CUDA's toolkit, or with the PyPI packages \
             nvidia-cuda-nvcc-cu12 (ptxas) and nvidia-cuda-nvdisasm"
        )
    })
}

/// Machine code for this GPU, and what ptxas says of it.
fn assemble(ptxas: &Path, ptx: &[u8], gpu: &str, cubin: &Path) -> anyhow::Result<String> {
    let source = cubin.with_extension("ptx");
    fs::write(&source, ptx).with_context(|| format!("cannot write {}", source.display()))?;
    let mut command = Command::new(ptxas);
    command.args(["--verbose", "--gpu-name", gpu, "--output-file"]).args([cubin, &source]);
    Ok(String::from_utf8_lossy(&run(command)?.stderr).into_owned())
}

fn run(mut command: Command) -> anyhow::Result<Output> {
    let tool = Path::new(command.get_program()).display().to_string();
    let output = command.output().with_context(|| format!("cannot run {tool}"))?;
    if !output.status.success() {
        bail!("{tool} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output)
}

/// The machine code that becomes of PTX, as text.
///
/// # Errors
/// A tool is missing, or refuses it.
pub fn disassembly(ptx: &[u8], gpu: &str) -> anyhow::Result<Vec<u8>> {
    let (ptxas, nvdisasm) = (require("ptxas")?, require("nvdisasm")?);
    let folder = tempfile::tempdir().context("no folder for temporary files")?;
    let cubin = folder.path().join("kernel.cubin");
    assemble(&ptxas, ptx, gpu, &cubin)?;
    let mut command = Command::new(nvdisasm);
    command.arg("--print-code").arg(cubin);
    Ok(run(command)?.stdout)
}

/// Adds what ptxas says to what PTX says of a kernel, if there is a ptxas. Gives whether there is one.
///
/// # Errors
/// ptxas refuses it.
pub fn add_machine_resources(resources: &mut KernelResources, ptx: &[u8], gpu: &str) -> anyhow::Result<bool> {
    let Some(ptxas) = cuda_toolkit::program("ptxas") else { return Ok(false) };
    let folder = tempfile::tempdir().context("no folder for temporary files")?;
    let cubin = folder.path().join("kernel.cubin");
    let report = Report::read(&assemble(&ptxas, ptx, gpu, &cubin)?);
    resources.vgprs = report.registers;
    resources.vgpr_spills = report.spilled_bytes / 4;
    resources.scratch = report.stack;
    resources.occupancy =
        nvptx::warps_per_scheduler(gpu, report.registers, resources.lds, resources.max_workgroup).unwrap_or_default();
    let bytes = fs::read(&cubin).with_context(|| format!("cannot read {}", cubin.display()))?;
    let file = object::File::parse(&*bytes).context("ptxas made no ELF file")?;
    let code = file.sections().filter(|section| section.name().is_ok_and(|name| name.starts_with(".text.")));
    resources.code_size = code.map(|section| section.size() as u32).sum();
    Ok(true)
}

/// What `ptxas --verbose` says of the kernel.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    registers: u32,
    stack: u32,
    spilled_bytes: u32,
}

impl Report {
    fn read(text: &str) -> Self {
        let mut report = Self::default();
        for line in text.lines() {
            // Of several functions, the entry's registers hold for all; stacks add up.
            if let Some(number) = number_before(line, " registers") {
                report.registers = report.registers.max(number);
            }
            report.stack += number_before(line, " bytes stack frame").unwrap_or_default();
            report.spilled_bytes += number_before(line, " bytes spill stores").unwrap_or_default();
        }
        report
    }
}

fn number_before(line: &str, what: &str) -> Option<u32> {
    let (before, _) = line.split_once(what)?;
    before.rsplit([' ', ',']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ptxas_says_is_read() {
        let text = "ptxas info    : 0 bytes gmem\n\
                    ptxas info    : Compiling entry function 'k' for 'sm_90'\n\
                    ptxas info    : Function properties for k\n    \
                        160 bytes stack frame, 12 bytes spill stores, 16 bytes spill loads\n\
                    ptxas info    : Used 22 registers, used 1 barriers, 160 bytes cumulative stack size, 1300 bytes smem\n";
        assert_eq!(Report::read(text), Report { registers: 22, stack: 160, spilled_bytes: 12 });
        assert_eq!(Report::read("nothing"), Report::default());
    }
}
