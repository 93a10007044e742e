//! Words that are likely to be instructions.

use amdgpu_sim::Disassembler;

use super::{
    Choices, TARGETS,
    elf::{Descriptor, Kernel},
    llvm::Llvm,
};

/// Fixed bits of the encodings: what a first word has, and which bits of it are open. The ISA guides' chapter "Microcode
/// Formats"; the last ones are those of RDNA.
const ENCODINGS: [(u32, u32); 23] = [
    (0x8000_0000, 0x3fff_ffff), // SOP2, and what else begins so
    (0xb000_0000, 0x0fff_ffff), // SOPK
    (0xbe80_0000, 0x007f_ffff), // SOP1
    (0xbf00_0000, 0x007f_ffff), // SOPC
    (0xbf80_0000, 0x007f_ffff), // SOPP
    (0x0000_0000, 0x7fff_ffff), // VOP2
    (0x7e00_0000, 0x01ff_ffff), // VOP1
    (0x7c00_0000, 0x01ff_ffff), // VOPC
    (0x7c00_0000, 0x01ff_07ff), // VOPC
    (0x7e00_00f9, 0x01ff_ff00), // SDWA
    (0x7e00_00fa, 0x01ff_ff00), // DPP
    (0x0200_00fa, 0x7dff_ff00), // DPP
    (0xd000_0000, 0x03ff_ffff), // VOP3 of GFX9, XOP
    (0xd380_0000, 0x007f_ffff), // VOP3P of GFX9
    (0xd800_0000, 0x03ff_ffff), // DS
    (0xdc00_0000, 0x03ff_ffff), // FLAT
    (0xe000_0000, 0x03ff_ffff), // MUBUF
    (0xc000_0000, 0x03ff_ffff), // SMEM of GFX9
    (0xf400_0000, 0x03ff_ffff), // SMEM
    (0xd400_0000, 0x03ff_ffff), // VOP3
    (0xcc00_0000, 0x03ff_ffff), // VOP3P
    (0xc800_0000, 0x03ff_ffff), // VOPD
    (0xec00_0000, 0x03ff_ffff), // VGLOBAL of RDNA 4
];

/// The word of `s_endpgm`.
pub fn end(target: &str) -> u32 {
    if matches!(target, "gfx1100" | "gfx1201") { 0xbfb0_0000 } else { 0xbf81_0000 }
}

/// A first word and one behind it. Registers are mostly low ones: those hold something, and there are as many.
fn instruction(choices: &mut dyn Choices, code: &mut Vec<u32>) {
    if choices.one_in(16) {
        code.push(choices.word());
        return;
    }
    let (fixed, open) = ENCODINGS[choices.below(ENCODINGS.len() as u32) as usize];
    let mut word = fixed | choices.word() & open;
    let wide = fixed >= 0xc000_0000 || fixed & 0xf8 == 0xf8;
    if !wide && !choices.one_in(4) {
        // Low registers: the first operand of vector instructions is one, as is that of scalar ones.
        word &= if fixed < 0x8000_0000 { 0xfffe_07ff } else { 0xffff_0f0f };
        word |= if fixed < 0x8000_0000 { 0x100 } else { 0 };
    }
    if choices.one_in(2) {
        // Few of the bits that only some instructions have.
        word &= fixed | open & 0x03ff_0000 | 0xff;
    }
    code.push(word);
    if wide || choices.one_in(8) {
        let low = [0x0003_0303, 0x0000_0100, 0x047d_0001, 0x8003_0003, 0x0003_0300, u32::MAX];
        code.push(choices.word() & low[choices.below(6) as usize]);
    }
}

/// Instructions of which LLVM says that the target has them, among so many tries.
pub fn known(choices: &mut dyn Choices, target: usize, tries: usize) -> Vec<Vec<u32>> {
    let mut code = Vec::new();
    (0..tries).for_each(|_| instruction(choices, &mut code));
    let bytes: Vec<u8> = code.iter().flat_map(|word| word.to_le_bytes()).collect();
    let found = Llvm::get().disassemble(TARGETS[target], &bytes).unwrap_or_default();
    let words = |at: u32, length: u32| code[at as usize / 4..(at + length) as usize / 4].to_vec();
    found.iter().filter(|one| !one.text.is_empty()).map(|one| words(one.offset, one.length)).collect()
}

/// A kernel of a few instructions: mostly of those that are known.
pub fn kernel(choices: &mut dyn Choices, target: usize, known: &[Vec<u32>]) -> Kernel {
    let mut code = Vec::new();
    for _ in 0..=choices.below(4) {
        if known.is_empty() || choices.one_in(16) {
            instruction(choices, &mut code);
        } else {
            code.extend(&known[choices.below(known.len() as u32) as usize]);
        }
    }
    // Without an end it runs on into the padding, or the next kernel.
    if !choices.one_in(16) {
        code.push(end(TARGETS[target]));
    }
    let mut descriptor = Descriptor::default();
    if target >= 2 && choices.one_in(2) {
        // Waves of 32.
        descriptor.properties |= 1 << 10;
    }
    if choices.one_in(8) {
        hostile(choices, &mut descriptor);
    }
    Kernel { descriptor, code }
}

/// Fields that ask for more than there is.
fn hostile(choices: &mut dyn Choices, descriptor: &mut Descriptor) {
    let wild = choices.word();
    match choices.below(8) {
        0 => descriptor.group_segment = wild,
        1 => descriptor.private_segment = wild,
        2 => descriptor.kernarg = wild,
        3 => descriptor.entry = i64::from(wild as i32) << choices.below(32),
        4 => descriptor.rsrc1 = wild,
        5 => descriptor.rsrc2 = wild,
        6 => descriptor.properties = wild as u16,
        _ => descriptor.preload = wild as u16,
    }
}
