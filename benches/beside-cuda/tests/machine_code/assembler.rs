//! `ptxas`, which makes machine code of PTX, and `nvdisasm`, which shows it.

use std::{fmt, fs};

use geobacter_beside_cuda::compiler::program::{Program, ProgramError};

use crate::sass::Code;

/// The programs.
pub(crate) struct Assembler {
    ptxas: Program,
    nvdisasm: Program,
}

/// A kernel's machine code and what it needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assembled {
    /// Registers of a thread.
    pub(crate) registers: u32,
    /// Bytes of local memory of a thread: its stack, and registers that did not fit.
    pub(crate) stack: u32,
    /// Bytes of registers that are stored for want of room, and loaded again.
    pub(crate) spills: u32,
    /// Bytes of shared memory.
    pub(crate) shared: u32,
    /// The code, where `nvdisasm` can read it.
    pub(crate) code: Option<Code>,
}

impl Assembler {
    /// Finds both, as `PTXAS` and `NVDISASM` or on `PATH`.
    pub(crate) fn find() -> Result<Self, ProgramError> {
        let (ptxas, nvdisasm) = (Program::named("PTXAS", "ptxas"), Program::named("NVDISASM", "nvdisasm"));
        ptxas.version()?;
        nvdisasm.version()?;
        Ok(Self { ptxas, nvdisasm })
    }

    /// Assembles PTX, and gives one of its kernels.
    pub(crate) fn assemble(&self, ptx: &[u8], capability: u32, function: &str) -> Result<Assembled, ProgramError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (from, to) = (folder.path().join("kernel.ptx"), folder.path().join("kernel.cubin"));
        fs::write(&from, ptx).expect("the folder is new");
        let report = self.ptxas.run(|command| {
            command.args(["-O3", "-v", "-arch", &format!("sm_{capability}"), "-o"]).arg(&to).arg(&from)
        })?;
        // Older architectures are beyond newer versions, which say so.
        let text = match self.nvdisasm.run(|command| command.arg("-c").arg(&to)) {
            Ok(text) => Some(text),
            Err(error) if error.to_string().contains("deprecated") => None,
            Err(error) => return Err(error),
        };
        let code = text.map(|text| Code::of(&text, function));
        Ok(Assembled { code, ..Assembled::from_report(&report, function) })
    }
}

impl Assembled {
    /// The columns of what is displayed.
    pub(crate) const HEADER: &str = "gpu     kernel     side  regs stack spill shared  code  loop  math  LDG            STG       LDS  STS  gen  BAR  BRA";

    /// Reads what `ptxas -v` says.
    fn from_report(report: &str, function: &str) -> Self {
        let start = format!("Compiling entry function '{function}'");
        let lines = report.lines().skip_while(|line| !line.contains(&start)).skip(1);
        let lines: Vec<_> = lines.take_while(|line| !line.contains("Compiling entry function")).collect();
        assert!(!lines.is_empty(), "ptxas does not tell of {function}:\n{report}");
        // The number in front of a word.
        let before = |word: &str| {
            let number = |line: &&str| {
                let text = &line[..line.find(word)?];
                let text = text.trim_end();
                text[text.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1)..].parse().ok()
            };
            lines.iter().find_map(number).unwrap_or(0)
        };
        Self {
            registers: before("registers"),
            stack: before("bytes stack frame"),
            spills: before("bytes spill stores") + before("bytes spill loads"),
            shared: before("bytes smem"),
            code: None,
        }
    }

    /// How many times the twin's instructions it takes: those of the innermost loop for each operation of floating point, so that
    /// it does not matter how often a loop was unrolled; all of them where there is no such loop.
    pub(crate) fn effort_beside(&self, twin: &Self) -> Option<f64> {
        let (own, twin) = (self.code.as_ref()?, twin.code.as_ref()?);
        let each = |code: &Code| code.in_loop as f64 / code.math_in_loop as f64;
        Some(match (own.math_in_loop, twin.math_in_loop) {
            (0, _) | (_, 0) => own.instructions as f64 / twin.instructions as f64,
            _ => each(own) / each(twin),
        })
    }

    /// What is worse than in the twin.
    pub(crate) fn complaints(&self, twin: &Self) -> Vec<String> {
        /// How many times the twin's instructions a single kernel may take.
        const MOST: f64 = 2.0;
        let mut complaints = Vec::new();
        if let Some(effort) = self.effort_beside(twin).filter(|&effort| effort > MOST) {
            complaints.push(format!("{effort:.2} times the instructions of CUDA C++, in the loop or in all"));
        }
        if let Some((own, twin)) = self.code.as_ref().zip(twin.code.as_ref()) {
            if own.generic + own.local > 0 {
                complaints.push(format!("{} generic accesses, {} to local memory", own.generic, own.local));
            }
            if own.barriers > twin.barriers + 2 {
                complaints.push(format!("{} barriers, {} in CUDA C++", own.barriers, twin.barriers));
            }
            if own.global_loads.is_empty() != twin.global_loads.is_empty() {
                complaints.push(format!("loads {:?}, {:?} in CUDA C++", own.global_loads, twin.global_loads));
            }
            if twin.constant_loads > 0 && own.constant_loads == 0 {
                complaints.push("nothing is loaded as constant, as it is in CUDA C++".to_owned());
            }
        }
        if self.spills > 0 || self.stack > twin.stack {
            complaints.push(format!("{} bytes of stack, {} bytes spilled", self.stack, self.spills));
        }
        if self.shared > twin.shared {
            complaints.push(format!("{} bytes of shared memory, {} in CUDA C++", self.shared, twin.shared));
        }
        complaints
    }
}

impl fmt::Display for Assembled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registers, stack, spills, shared, code } = self;
        write!(f, "{registers:>4} {stack:>5} {spills:>5} {shared:>6}")?;
        match code {
            Some(code) => write!(f, " {code}"),
            None => f.write_str("  (nvdisasm is too new for this GPU)"),
        }
    }
}
