//! Changes to a valid code object.

use super::Choices;

/// Numbers that sizes and offsets are not meant to be.
fn edge(choices: &mut dyn Choices, length: usize) -> u64 {
    let length = length as u64;
    let near = u64::from(choices.below(3));
    match choices.below(10) {
        0 => near,
        1 => u64::MAX - near,
        2 => i64::MAX as u64 + near,
        3 => u64::from(u32::MAX) - near,
        4 => 0x7fff_ffff + near,
        5 => (length + near).saturating_sub(1),
        6 => 1 << choices.below(64),
        7 => (1 << 30) - near,
        8 => u64::from(choices.below(4096)),
        _ => u64::from(choices.word()) << 32 | u64::from(choices.word()),
    }
}

/// Where a code object has what says how it is to be read: headers, symbols, relocations, descriptors.
fn place(choices: &mut dyn Choices, file: &[u8]) -> usize {
    let word = |at: usize| word(file, at).unwrap_or(0);
    let sections = word(40);
    let end = file.len().max(1) as u32;
    match choices.below(8) {
        0 => choices.below(64) as usize,
        1 => 64 + choices.below(56 * 4) as usize,
        2 | 3 => sections.saturating_add(choices.below(64 * 12) as usize),
        4..7 => {
            // The contents of one of the sections, without the code's.
            let header = sections.saturating_add(64 * choices.below(12) as usize);
            let (offset, size) = (word(header.saturating_add(24)), word(header.saturating_add(32)));
            offset.saturating_add(choices.below(size.clamp(1, 4096) as u32) as usize)
        }
        _ => choices.below(end) as usize,
    }
}

/// Eight bytes of the file as a number.
fn word(file: &[u8], at: usize) -> Option<usize> {
    let bytes = file.get(at..at.checked_add(8)?)?;
    usize::try_from(u64::from_le_bytes(bytes.try_into().ok()?)).ok()
}

/// Changes some of a code object, or cuts it off.
pub fn mutate(choices: &mut dyn Choices, file: &mut Vec<u8>) {
    for _ in 0..=choices.below(4) {
        let at = place(choices, file) & !(choices.below(2) as usize * 7);
        let value = edge(choices, file.len()).to_le_bytes();
        let size = 1 << choices.below(4);
        if let Some(place) = at.checked_add(size).and_then(|end| file.get_mut(at..end)) {
            place.copy_from_slice(&value[..size]);
        }
    }
    if choices.one_in(8) {
        let length = choices.below(file.len().max(1) as u32) as usize;
        file.truncate(length);
    }
}
