//! Which forms the simulator knows: each runs once, by itself.

use std::collections::BTreeSet;

use amdgpu_sim::FaultKind;

use super::{
    enumerate::Instruction,
    kernel::{assemble, header, kernel, refused_lines, wait},
    target::Target,
    wave::Mode,
};
use crate::support::{Buffer, Program, Shape, agent, agents, pools};

/// A form: the instruction's name and the form's.
pub type Key = (String, &'static str);

/// Instructions that end a wave's progress for good, or wait for what never comes.
const HALTS: [&str; 4] = ["s_sethalt", "s_sendmsghalt", "s_wait_event", "s_barrier_leave"];

/// The forms that the simulator does not know, each with what it says.
pub fn unsupported(target: &Target, instructions: &[Instruction]) -> Vec<(Key, String)> {
    let forms: Vec<(Key, &str)> = instructions
        .iter()
        .filter(|instruction| !HALTS.contains(&instruction.name.as_str()))
        .flat_map(|instruction| {
            instruction.forms.iter().map(|form| ((instruction.name.clone(), form.form), form.text.as_str()))
        })
        .collect();
    let lines: String = forms.iter().map(|(_, text)| format!("{text}\n")).collect();
    let refused: BTreeSet<usize> = refused_lines(target, &lines);
    let mut text = header(target);
    for (number, (_, instruction)) in forms.iter().enumerate() {
        if refused.contains(&(number + 1)) {
            continue;
        }
        // The buffer is an address, a descriptor, and the vector address.
        let body = format!(
            "s_load_dwordx4 s[0:3], s[0:1], 0x0\n{}v_mov_b32 v0, s0\nv_mov_b32 v1, s1\n{instruction}\n",
            wait(target)
        );
        text += &kernel(target, &format!("k{number}"), &Mode::DEFAULT, &body);
    }
    let code = assemble(target, &text);
    let gpu = agent(target.name);
    let mut program = Program::on(gpu, &code);
    let buffer = Buffer::of(pools(agents()[0])[0], &[0_u32; 16384]);
    let mut unsupported = Vec::new();
    for (number, (key, instruction)) in forms.iter().enumerate() {
        if refused.contains(&(number + 1)) {
            unsupported.push((key.clone(), format!("LLVM does not assemble `{instruction}`")));
            continue;
        }
        let arguments = [buffer.address as u64, 0x0002_7000 << 32 | 65536];
        let shape = Shape::linear(target.lanes as u32, target.lanes as u16);
        if let Err(report) = program.launch(&format!("k{number}"), &arguments, shape) {
            if report.kind == FaultKind::UnsupportedInstruction {
                unsupported.push((key.clone(), report.detail.clone()));
            }
            program.renew_queue();
        }
    }
    unsupported
}
