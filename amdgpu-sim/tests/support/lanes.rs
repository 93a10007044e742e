//! Runs instructions on given registers: kernels that load registers from memory, execute some text, and store registers.

use super::{Buffer, FaultReport, Program, Shape, agent, link, run, simulate};

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

/// Where kernels run: the GPU's name and the lanes of a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The GPU's name.
    pub target: &'static str,
    /// 32 or 64.
    pub lanes: usize,
}

/// A gfx942.
pub const GFX942: Machine = Machine { target: "gfx942", lanes: 64 };
/// A gfx90a.
pub const GFX90A: Machine = Machine { target: "gfx90a", lanes: 64 };

impl Machine {
    /// The RDNA targets, in both wave sizes.
    pub fn rdna(target: &'static str) -> [Self; 2] {
        [32, 64].map(|lanes| Self { target, lanes })
    }

    fn is_cdna(self) -> bool {
        self.target.starts_with("gfx9")
    }

    /// The assembler's words for what changed its name between generations.
    fn words(self) -> [&'static str; 5] {
        match self.target {
            "gfx90a" | "gfx942" | "gfx1030" => [
                "s_load_dwordx2",
                "global_load_dword",
                "global_store_dword",
                "s_waitcnt vmcnt(0)",
                "s_waitcnt lgkmcnt(0)",
            ],
            "gfx1100" => {
                ["s_load_b64", "global_load_b32", "global_store_b32", "s_waitcnt vmcnt(0)", "s_waitcnt lgkmcnt(0)"]
            }
            _ => ["s_load_b64", "global_load_b32", "global_store_b32", "s_wait_loadcnt 0x0", "s_wait_kmcnt 0x0"],
        }
    }

    fn body(self, case: &Case) -> String {
        let [load_pair, load, store, wait_vector, wait_scalar] = self.words();
        let mut body = String::from("v_lshlrev_b32_e32 v1, 2, v0\n");
        let inputs = case.inputs.iter().map(|(file, first, words)| (*file, *first, words.words.len() / 64, true));
        let (file, first, count) = case.output;
        for (index, (file, first, count, input)) in inputs.chain([(file, first, count, false)]).enumerate() {
            if !input {
                body += &format!("{wait_vector}\n{}\n", case.text);
                body += if self.lanes == 32 { "s_mov_b32 exec_lo, -1\n" } else { "s_mov_b64 exec, -1\n" };
            }
            body += &format!("{load_pair} s[4:5], s[0:1], {}\n{wait_scalar}\n", index * 8);
            for register in 0..count {
                if register > 0 && register % 4 == 0 {
                    body += "s_add_u32 s4, s4, 1024\ns_addc_u32 s5, s5, 0\n";
                }
                let (register, offset) = (first + register, register % 4 * 256);
                body += &if input {
                    format!("{load} {file}{register}, v1, s[4:5] offset:{offset}\n")
                } else {
                    format!("{store} v1, {file}{register}, s[4:5] offset:{offset}\n")
                };
            }
        }
        body + "s_endpgm\n"
    }

    fn kernel(self, name: &str, body: &str) -> String {
        let more = match (self.is_cdna(), self.lanes) {
            (true, _) => ".amdhsa_next_free_vgpr 512\n.amdhsa_accum_offset 256\n".to_owned(),
            (false, lanes) => {
                format!(".amdhsa_next_free_vgpr 256\n.amdhsa_wavefront_size32 {}\n", u8::from(lanes == 32))
            }
        };
        format!(
            ".text\n.globl {name}\n.p2align 8\n.type {name},@function\n{name}:\n{body}.Lend_{name}:\n\
             .size {name}, .Lend_{name}-{name}\n.rodata\n.p2align 6\n.amdhsa_kernel {name}\n\
             .amdhsa_user_sgpr_kernarg_segment_ptr 1\n{more}.amdhsa_next_free_sgpr 64\n\
             .amdhsa_group_segment_fixed_size 4096\n.amdhsa_kernarg_size 256\n.end_amdhsa_kernel\n"
        )
    }

    fn assemble(self, cases: &[Case]) -> Vec<u8> {
        let target = self.target;
        let mut text = format!(".amdgcn_target \"amdgcn-amd-amdhsa--{target}\"\n.amdhsa_code_object_version 5\n");
        for (index, case) in cases.iter().enumerate() {
            text += &self.kernel(&format!("k{index}"), &self.body(case));
        }
        let folder = tempfile::tempdir().unwrap();
        let (source, object) = (folder.path().join("in.s"), folder.path().join("out.o"));
        std::fs::write(&source, text).unwrap();
        let (object, cpu) = (object.to_str().unwrap(), format!("-mcpu={target}"));
        let mut args = vec!["-triple=amdgcn-amd-amdhsa", &cpu, "-filetype=obj", source.to_str().unwrap(), "-o", object];
        if self.lanes == 64 && !self.is_cdna() {
            args.push("-mattr=-wavefrontsize32,+wavefrontsize64");
        }
        run("llvm-mc", &args);
        link(folder.path(), object)
    }

    /// Runs kernels, each with one wave, and gives what each stored, or its fault.
    pub fn run(self, cases: &[Case]) -> Vec<Result<Registers, Box<FaultReport>>> {
        all_targets();
        let program = Program::on(agent(self.target), &self.assemble(cases));
        let launch = |(index, case): (usize, &Case)| {
            let inputs = case.inputs.iter().map(|(_, _, words)| &words.words);
            let buffers: Vec<Buffer<u32>> = inputs.map(|words| Buffer::of(program.pool(), words)).collect();
            let out = Buffer::of(program.pool(), &vec![0xdead_beef_u32; case.output.2 * 64]);
            let args: Vec<u64> = buffers.iter().chain([&out]).map(|buffer| buffer.address as u64).collect();
            let lanes = self.lanes as u32;
            program.launch(&format!("k{index}"), &args, Shape::linear(lanes, lanes as u16))?;
            let mut words = out.read();
            // Lanes that the wave has not are 0.
            words.iter_mut().enumerate().filter(|(at, _)| at % 64 >= self.lanes).for_each(|(_, word)| *word = 0);
            Ok(Registers { words })
        };
        cases.iter().enumerate().map(launch).collect()
    }
}

/// Has the simulator a device of each target. To be called before anything else of this test process uses it.
pub fn all_targets() {
    simulate("gfx942,gfx90a,gfx1030,gfx1100,gfx1201");
}

/// Words that look random, the same in every run.
pub fn words(seed: u64, count: usize) -> Vec<u32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as u32
    };
    (0..count).map(|_| next()).collect()
}

/// A test of one instruction: sources in v2, v4, v6; the result in v8, which holds `old` before.
pub struct Test {
    /// What it executes.
    pub text: String,
    /// The sources' values, one for each lane.
    pub sources: Vec<Vec<u64>>,
    /// Registers of the result.
    pub width: usize,
    /// What is in the result's registers before.
    pub old: Vec<u32>,
    /// What the result shall be in each lane.
    pub expected: Vec<u64>,
}

/// Runs tests and compares.
pub fn check(machine: Machine, tests: Vec<Test>) {
    let cases: Vec<Case> = tests
        .iter()
        .map(|test| {
            let mut inputs: Vec<_> = test
                .sources
                .iter()
                .zip([2, 4, 6])
                .map(|(values, first)| ("v", first, Registers::of(values, |value| *value, 2)))
                .collect();
            inputs.push(("v", 8, Registers::of(&test.old, |value| u64::from(*value), 2)));
            Case { text: test.text.clone(), inputs, output: ("v", 8, test.width) }
        })
        .collect();
    for (test, got) in tests.iter().zip(machine.run(&cases)) {
        let got = got.unwrap_or_else(|report| panic!("{}: {report}", test.text));
        for lane in 0..machine.lanes {
            let value = got.get(lane, 0, 32 * test.width);
            let sources: Vec<_> = test.sources.iter().map(|values| format!("{:#x}", values[lane])).collect();
            let expected = test.expected[lane];
            assert_eq!(
                value, expected,
                "{}: {}, {sources:?}: {value:#x}, not {expected:#x}",
                machine.target, test.text
            );
        }
    }
}
