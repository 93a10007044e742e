//! Which instructions a GPU has, as LLVM's disassembler knows them: each opcode of each encoding, with plain operands.

use std::{collections::BTreeMap, fmt::Write as _, fs, process::Command};

use super::{
    encodings::{Encoding, encodings},
    target::Target,
};
use crate::support::tool;

/// One form of an instruction.
#[derive(Clone, Debug)]
pub struct Form {
    /// Its encoding: `VOP2`.
    pub encoding: &'static str,
    /// How it is encoded: `e32`, `e64`, `sdwa`, `dpp`, `dpp8`, `e64_dpp`, `e64_dpp8`, or empty where there is one way.
    pub form: &'static str,
    /// Its mnemonic in the assembler, with the suffix of the encoding where there is one.
    pub mnemonic: String,
    /// Instances of it, with operands of several kinds.
    pub texts: Vec<String>,
}

/// One instruction of a GPU.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// Its mnemonic without the suffix of an encoding.
    pub name: String,
    /// Its forms.
    pub forms: Vec<Form>,
}

/// Words of an instruction that may be one, behind the number that its marker has.
struct Candidate {
    encoding: &'static Encoding,
    words: [u32; 3],
}

fn candidates(target: &Target) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for encoding in encodings(target.generation) {
        for opcode in 0..1_u32 << encoding.width {
            for fill in encoding.fills {
                let words = [encoding.word | opcode << encoding.low | fill[0], fill[1], fill[2]];
                // The marker hides itself.
                if words[0] >> 16 == MARKER >> 16 {
                    continue;
                }
                candidates.push(Candidate { encoding, words });
            }
        }
    }
    candidates
}

/// Most instances of a form.
const INSTANCES: usize = 8;

/// `s_nop` with a number tells which candidate follows.
const MARKER: u32 = 0xbf80_0000;

fn disassemble(target: &Target, candidates: &[Candidate]) -> String {
    let mut input = String::new();
    for (number, candidate) in candidates.iter().enumerate() {
        for words in [&[MARKER | number as u32][..], &candidate.words[..]] {
            let bytes: Vec<String> =
                words.iter().flat_map(|word| word.to_le_bytes()).map(|byte| format!("{byte:#x}")).collect();
            writeln!(input, "[{}]", bytes.join(",")).unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bytes.txt");
    fs::write(&path, input).unwrap();
    let output = Command::new(tool("llvm-mc").unwrap())
        .arg("-disassemble")
        .args(target.options())
        .arg(&path)
        .output()
        .expect("llvm-mc starts");
    String::from_utf8(output.stdout).expect("llvm-mc prints text")
}

/// What a mnemonic says about its encoding, cut off.
fn split(mnemonic: &str, text: &str, encoding: &'static str) -> (String, &'static str) {
    let eight = text.contains("dpp8:");
    let suffixes = [
        ("_e64_dpp", if eight { "e64_dpp8" } else { "e64_dpp" }),
        ("_dpp", if eight { "dpp8" } else { "dpp" }),
        ("_sdwa", "sdwa"),
        ("_e64", "e64"),
        ("_e32", "e32"),
    ];
    for (suffix, form) in suffixes {
        if let Some(name) = mnemonic.strip_suffix(suffix) {
            return (name.to_owned(), form);
        }
    }
    let form = match encoding {
        // Instructions of only one encoding have no suffix.
        "VOPD" => "vopd",
        "VOP1" | "VOP2" | "VOPC" if eight => "dpp8",
        "VOP1" | "VOP2" | "VOPC" if text.contains("row_mask:") => "dpp",
        _ if eight => "e64_dpp8",
        _ if text.contains("row_mask:") => "e64_dpp",
        _ => "",
    };
    (mnemonic.to_owned(), form)
}

/// All instructions of a GPU, by name.
///
/// The same opcode with another address form (`global_load_dword v0, v0, s[0:1]`) is the same form.
pub fn instructions(target: &Target) -> Vec<Instruction> {
    let candidates = candidates(target);
    let mut found: BTreeMap<String, Vec<Form>> = BTreeMap::new();
    // A marker is 16 bits wide.
    for chunk in candidates.chunks(1 << 16) {
        let text = disassemble(target, chunk);
        let mut current = None;
        for line in text.lines().map(str::trim) {
            if let Some(number) = line.strip_prefix("s_nop ") {
                let number =
                    number.strip_prefix("0x").map_or_else(|| number.parse(), |hex| usize::from_str_radix(hex, 16));
                current = number.ok();
                continue;
            }
            // Only what comes first behind the marker starts where the candidate does.
            let Some(number) = current.take() else { continue };
            // LLVM prints operands that no instruction has, with a comment.
            if line.contains("/*") {
                continue;
            }
            let encoding = chunk[number].encoding.name;
            for part in line.split(" :: ") {
                let mnemonic = part.split_whitespace().next().unwrap_or_default();
                let (name, form) = split(mnemonic, part, encoding);
                let forms = found.entry(name).or_default();
                if let Some(known) = forms.iter_mut().find(|known| known.form == form) {
                    if known.texts.len() < INSTANCES && !known.texts.iter().any(|text| text == line) {
                        known.texts.push(line.to_owned());
                    }
                } else {
                    forms.push(Form { encoding, form, mnemonic: mnemonic.to_owned(), texts: vec![line.to_owned()] });
                }
            }
        }
    }
    let nop = Form { encoding: "SOPP", form: "", mnemonic: "s_nop".to_owned(), texts: vec!["s_nop 0".to_owned()] };
    found.insert("s_nop".to_owned(), vec![nop]);
    found.into_iter().map(|(name, forms)| Instruction { name, forms }).collect()
}
