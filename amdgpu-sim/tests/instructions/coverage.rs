//! The table of a GPU's instructions: which have a model and agree with it, which the simulator only executes, and which
//! it does not know.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use super::{enumerate::Instruction, probe::Key, target::Target};

/// The environment variable that has the tables written instead of compared.
pub const BLESS_VARIABLE: &str = "AMDGPU_SIM_BLESS";

/// What the tests know about a form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It does what the model does.
    Tested,
    /// The simulator knows it, even if a kernel with it ends in another fault; no model says whether it does the right thing.
    Executed,
    /// It runs, and does not do what the model does.
    Differs,
    /// The simulator says that it does not know it.
    Unsupported(String),
    /// It is for graphics, or for a part of the GPU that compute does not use.
    OutOfScope,
}

impl Status {
    fn word(&self) -> &'static str {
        match self {
            Self::Tested => "tested",
            Self::Executed => "executed",
            Self::Differs => "differs",
            Self::Unsupported(_) => "unsupported",
            Self::OutOfScope => "out-of-scope",
        }
    }
}

/// Whether an instruction is for graphics: images, exports, interpolation, ray tracing, the global data share.
pub fn is_graphics(instruction: &Instruction) -> bool {
    const ENCODINGS: [&str; 8] = ["MIMG", "VIMAGE", "VSAMPLE", "EXP", "VINTRP", "VINTERP", "LDSDIR", "VDSDIR"];
    const PARTS: [&str; 7] = ["image_", "bvh", "_gws_", "ordered", "interp", "_format_", "screen_partition"];
    let name = &instruction.name;
    instruction.forms.iter().all(|form| ENCODINGS.contains(&form.encoding))
        || PARTS.iter().any(|part| name.contains(part))
}

/// What is known about one instruction.
struct Line {
    name: String,
    encodings: Vec<&'static str>,
    /// Its forms by their status.
    forms: BTreeMap<Status, Vec<&'static str>>,
}

/// The coverage of one GPU.
pub struct Coverage {
    target: Target,
    lines: Vec<Line>,
}

impl Coverage {
    /// Makes the table of what is known about each form.
    pub fn new(target: Target, instructions: &[Instruction], status: &dyn Fn(&Key) -> Status) -> Self {
        let lines = instructions
            .iter()
            .map(|instruction| {
                let mut encodings: Vec<_> = instruction.forms.iter().map(|form| form.encoding).collect();
                encodings.dedup();
                let mut by_status: BTreeMap<Status, Vec<&'static str>> = BTreeMap::new();
                for form in &instruction.forms {
                    let status = if is_graphics(instruction) {
                        Status::OutOfScope
                    } else {
                        status(&(instruction.name.clone(), form.form))
                    };
                    by_status.entry(status).or_default().push(form.form);
                }
                Line { name: instruction.name.clone(), encodings, forms: by_status }
            })
            .collect();
        Self { target, lines }
    }

    /// How many instructions there are, and how many have all or some forms of each status. An instruction counts as the
    /// worst of its forms.
    pub fn summary(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for line in &self.lines {
            let worst = line.forms.keys().next_back().expect("an instruction has a form");
            *counts.entry(worst.word()).or_default() += 1;
        }
        let count = |word: &str| counts.get(word).copied().unwrap_or(0);
        let graphics = count("out-of-scope");
        format!(
            "{}: {} instructions, {} of them for compute: {} tested with a model, {} executed only, {} differ from \
             the model, {} unsupported",
            self.target.name,
            self.lines.len(),
            self.lines.len() - graphics,
            count("tested"),
            count("executed"),
            count("differs"),
            count("unsupported"),
        )
    }

    /// The table: one line for each instruction.
    pub fn text(&self) -> String {
        let mut text = format!("# {}\n# mnemonic, encodings, status of its forms\n", self.summary());
        for Line { name, encodings, forms } in &self.lines {
            let parts: Vec<String> = forms
                .iter()
                .map(|(status, forms)| {
                    let forms = forms.join(" ");
                    let why = match status {
                        Status::Unsupported(why) => format!(" ({why})"),
                        _ => String::new(),
                    };
                    format!("{} {forms}{why}", status.word()).replace("  ", " ").trim_end().to_owned()
                })
                .collect();
            writeln!(text, "{name} {} {}", encodings.join(","), parts.join("; ")).unwrap();
        }
        text
    }

    /// Compares the table with the one that is checked in, or writes that one.
    ///
    /// # Errors
    /// The lines that differ.
    pub fn check(&self) -> Result<(), String> {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/instructions/coverage"));
        let path = folder.join(format!("{}.txt", self.target.name));
        let text = self.text();
        if std::env::var_os(BLESS_VARIABLE).is_some() {
            fs::write(&path, &text).map_err(|error| format!("{}: {error}", path.display()))?;
            return Ok(());
        }
        let kept = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if kept == text {
            return Ok(());
        }
        let missing = |from: &str, of: &str, sign: char| -> Vec<String> {
            let lines: std::collections::BTreeSet<&str> = of.lines().collect();
            from.lines().filter(|line| !lines.contains(line)).map(|line| format!("{sign} {line}")).collect()
        };
        let mut lines = missing(&kept, &text, '-');
        lines.extend(missing(&text, &kept, '+'));
        Err(format!(
            "{} is not what the tests find; run them with {BLESS_VARIABLE}=1 if that is right\n{}",
            path.display(),
            lines.join("\n")
        ))
    }
}
