//! Which forms the simulator knows: each runs once, by itself.

use std::collections::{BTreeMap, BTreeSet};

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

/// The forms that the simulator does not know, each with what it says. One is known if an instance of it is.
pub fn unsupported(target: &Target, instructions: &[Instruction]) -> Vec<(Key, String)> {
    let mut instances: Vec<(Key, &str)> = Vec::new();
    for instruction in instructions {
        for form in &instruction.forms {
            let key = (instruction.name.clone(), form.form);
            instances.extend(form.texts.iter().map(|text| (key.clone(), text.as_str())));
        }
    }
    let lines: String = instances.iter().map(|(_, text)| format!("{text}\n")).collect();
    let refused: BTreeSet<usize> = refused_lines(target, &lines);
    let is_refused = |number: usize| refused.contains(&(number + 1));
    let mut text = header(target);
    for (number, (_, instruction)) in instances.iter().enumerate().filter(|(number, _)| !is_refused(*number)) {
        // The buffer is an address, a descriptor, and the vector address.
        let body = format!(
            "s_load_dwordx4 s[0:3], s[0:1], 0x0\n{}v_mov_b32 v0, s0\nv_mov_b32 v1, s1\n{instruction}\n",
            wait(target)
        );
        text += &kernel(target, &format!("k{number}"), &Mode::DEFAULT, &body);
    }
    let mut program = Program::on(agent(target.name), &assemble(target, &text));
    let buffer = Buffer::of(pools(agents()[0])[0], &[0_u32; 16384]);
    let arguments = [buffer.address as u64, 0x0002_7000 << 32 | 65536];
    let shape = Shape::linear(target.lanes as u32, target.lanes as u16);
    let mut unknown: BTreeMap<Key, String> = BTreeMap::new();
    let mut known: BTreeSet<Key> = BTreeSet::new();
    for (number, (key, instruction)) in instances.iter().enumerate() {
        if known.contains(key) {
            continue;
        }
        if is_refused(number) {
            unknown.entry(key.clone()).or_insert_with(|| format!("LLVM does not assemble `{instruction}`"));
            continue;
        }
        let outcome = program.launch(&format!("k{number}"), &arguments, shape);
        match outcome {
            Err(report) if report.kind == FaultKind::UnsupportedInstruction => {
                unknown.insert(key.clone(), report.detail.clone());
                program.renew_queue();
                continue;
            }
            Err(_) => program.renew_queue(),
            Ok(()) => {}
        }
        known.insert(key.clone());
    }
    unknown.into_iter().filter(|(key, _)| !known.contains(key)).collect()
}
