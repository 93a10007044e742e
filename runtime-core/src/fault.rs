//! Reads a fault record against the code object that wrote it.
//!
//! Device code copies no strings: it leaves their addresses. Here they are followed in the ELF file that was loaded, or in the
//! device's memory ([`Constants`]), in the layouts of the pinned toolchain: `core::panic::Location`, and the templates of
//! `core::fmt::Arguments`. What cannot be followed costs its part of the report, never the report: the launch did panic.

use std::borrow::Cow;

use geobacter_spool::fault::{FaultKind, FaultRecord, NO_ADDRESS, TEMPLATE};

use crate::{
    driver::{KernelPanic, PanicLocation},
    format,
    image::{Constants, Image},
};

/// The panic that a launch left in its fault record; `None` if no item panicked.
pub fn decode(record: &FaultRecord, constants: Constants<'_>) -> Option<KernelPanic> {
    if record.panicked == 0 {
        return None;
    }
    let image = Image::new(constants, record.anchor);
    let message = image.as_ref().and_then(|image| message(record, image));
    let message = message.unwrap_or_else(|| "a panic whose message could not be read".to_owned());
    let location = image.as_ref().and_then(|image| location(record, image));
    Some(KernelPanic::new(message, location, record.group, record.item).with_items(record.panicked.into()))
}

fn message(record: &FaultRecord, image: &Image<'_>) -> Option<String> {
    let text = |address, length| image.text(address, length);
    // What the kernel's source says, with the values behind those that the kind has.
    let source = |own: usize| {
        if record.message_length == TEMPLATE {
            format::message(&image.template(record.message)?, &record.values[own..], &text)
        } else {
            image.text(record.message, record.message_length).map(Cow::into_owned)
        }
    };
    let number = |index: usize| record.values[index].bytes[0];
    let assertion = |operator: &str| {
        let [left, right] = [0, 1].map(|index: usize| format::plain(&record.values[index], &text));
        let message = if record.message == NO_ADDRESS { String::new() } else { format!(": {}", source(2)?) };
        Some(format!("assertion `left {operator} right` failed{message}\n  left: {left}\n right: {right}"))
    };
    match FaultKind::from_number(record.kind)? {
        FaultKind::Message => source(0),
        FaultKind::Unwrap => Some(format!("{}: {}", source(1)?, format::plain(&record.values[0], &text))),
        FaultKind::Bounds => {
            Some(format!("index out of bounds: the len is {} but the index is {}", number(1), number(0)))
        }
        FaultKind::SliceRange => Some(slice_range(number(0), number(1), number(2))),
        FaultKind::CopyLengths => Some(format!(
            "copy_from_slice: source slice length ({}) does not match destination slice length ({})",
            number(1),
            number(0)
        )),
        FaultKind::AssertEqual => assertion("=="),
        FaultKind::AssertDifferent => assertion("!="),
        FaultKind::AssertMatches => assertion("matches"),
    }
}

/// What is wrong with a range of a slice, in the order in which `core` looks.
fn slice_range(start: u64, end: u64, length: u64) -> String {
    if start > length {
        format!("range start index {start} out of range for slice of length {length}")
    } else if end <= length && start > end {
        format!("slice index starts at {start} but ends at {end}")
    } else {
        format!("range end index {end} out of range for slice of length {length}")
    }
}

/// `core::panic::Location`: the file name (address, length), line, column.
fn location(record: &FaultRecord, image: &Image<'_>) -> Option<PanicLocation> {
    let address = record.location;
    let fields = image.bytes(address, 24)?;
    let length = u64::from_le_bytes(fields[8..16].try_into().ok()?);
    // The name is followed by a NUL, which the length does not count.
    let file = image.text(image.pointer(address)?, length)?.into_owned();
    let line = u32::from_le_bytes(fields[16..20].try_into().ok()?);
    let column = u32::from_le_bytes(fields[20..24].try_into().ok()?);
    Some(PanicLocation { file, line, column })
}

#[cfg(test)]
mod tests;
