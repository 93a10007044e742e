//! Runs instructions on given registers: kernels that load registers from memory, execute some text, and store registers.

use super::{Buffer, FaultReport, Program, Shape, assemble};

/// Words of registers in all lanes of a wave of 64: `words[register * 64 + lane]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Registers {
    /// The words.
    pub words: Vec<u32>,
}

impl Registers {
    /// Clear registers.
    pub fn new(count: usize) -> Self {
        Self { words: vec![0; count * 64] }
    }

    /// Registers that hold these elements, one for each lane.
    pub fn of<T>(values: &[T], words: impl Fn(&T) -> u64, count: usize) -> Self {
        let mut registers = Self::new(count);
        for (lane, value) in values.iter().enumerate() {
            for register in 0..count {
                registers.words[register * 64 + lane] = (words(value) >> (32 * register)) as u32;
            }
        }
        registers
    }

    /// Puts an element of `bits` bits, number `slot` of its lane, into clear registers.
    pub fn put(&mut self, lane: usize, slot: usize, bits: usize, value: u64) {
        let at = slot * bits;
        self.words[at / 32 * 64 + lane] |= (value << (at % 32)) as u32;
        if bits == 64 {
            self.words[(at / 32 + 1) * 64 + lane] |= (value >> 32) as u32;
        }
    }

    /// An element, with what is above it in its register.
    pub fn get(&self, lane: usize, slot: usize, bits: usize) -> u64 {
        let at = slot * bits;
        let low = u64::from(self.words[at / 32 * 64 + lane] >> (at % 32));
        if bits == 64 { low | u64::from(self.words[(at / 32 + 1) * 64 + lane]) << 32 } else { low }
    }
}

/// One kernel.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it executes.
    pub text: String,
    /// What it loads before: the registers' file, the first one, and the words of all.
    pub inputs: Vec<(&'static str, usize, Registers)>,
    /// What it stores after: the registers' file, the first one, and how many.
    pub output: (&'static str, usize, usize),
}

impl Case {
    fn body(&self) -> String {
        let mut body = String::from("v_lshlrev_b32_e32 v1, 2, v0\n");
        let inputs = self.inputs.iter().map(|(file, first, words)| (*file, *first, words.words.len() / 64, true));
        let (file, first, count) = self.output;
        for (index, (file, first, count, load)) in inputs.chain([(file, first, count, false)]).enumerate() {
            if !load {
                body += "s_waitcnt vmcnt(0)\n";
                body += &self.text;
                body += "\ns_mov_b64 exec, -1\n";
            }
            body += &format!("s_load_dwordx2 s[4:5], s[0:1], {}\ns_waitcnt lgkmcnt(0)\n", index * 8);
            for register in 0..count {
                if register > 0 && register % 8 == 0 {
                    body += "s_add_u32 s4, s4, 2048\ns_addc_u32 s5, s5, 0\n";
                }
                let (register, offset) = (first + register, register % 8 * 256);
                body += &if load {
                    format!("global_load_dword {file}{register}, v1, s[4:5] offset:{offset}\n")
                } else {
                    format!("global_store_dword v1, {file}{register}, s[4:5] offset:{offset}\n")
                };
            }
        }
        body + "s_endpgm\n"
    }
}

fn kernel(name: &str, body: &str) -> String {
    format!(
        ".text\n.globl {name}\n.p2align 8\n.type {name},@function\n{name}:\n{body}.Lend_{name}:\n\
         .size {name}, .Lend_{name}-{name}\n.rodata\n.p2align 6\n.amdhsa_kernel {name}\n\
         .amdhsa_user_sgpr_kernarg_segment_ptr 1\n.amdhsa_next_free_vgpr 512\n.amdhsa_next_free_sgpr 64\n\
         .amdhsa_accum_offset 256\n.amdhsa_group_segment_fixed_size 4096\n.amdhsa_kernarg_size 256\n.end_amdhsa_kernel\n"
    )
}

/// Runs kernels, each with one wave, and gives what each stored, or its fault.
pub fn run_cases(cases: &[Case]) -> Vec<Result<Registers, Box<FaultReport>>> {
    let mut text = String::from(".amdgcn_target \"amdgcn-amd-amdhsa--gfx942\"\n.amdhsa_code_object_version 5\n");
    for (index, case) in cases.iter().enumerate() {
        text += &kernel(&format!("k{index}"), &case.body());
    }
    let program = Program::new(&assemble(&text));
    let run = |(index, case): (usize, &Case)| {
        let buffers: Vec<Buffer<u32>> = case.inputs.iter().map(|(_, _, words)| Buffer::new(&words.words)).collect();
        let out = Buffer::new(&vec![0xdead_beef_u32; case.output.2 * 64]);
        let args: Vec<u64> = buffers.iter().chain([&out]).map(|buffer| buffer.address as u64).collect();
        program.launch(&format!("k{index}"), &args, Shape::linear(64, 64))?;
        Ok(Registers { words: out.read() })
    };
    cases.iter().enumerate().map(run).collect()
}
