//! What kernels print: lines, from the device's buffer to whoever wants them.

pub mod pool;

use std::{
    fmt,
    io::{self, Write as _},
    sync::{Arc, PoisonError, RwLock},
};

use geobacter_spool::{
    fault::TEMPLATE,
    format::Value,
    output::{HEADER, OutputRecord, PRINTS_SYMBOL, header},
};
use object::{Object, ObjectSymbol, read};

use crate::{
    format,
    image::{Constants, Image},
};

/// A line that a kernel has printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputLine {
    /// The kernel's name.
    pub kernel: String,
    /// Id of the work-group.
    pub group: [u32; 3],
    /// Id of the work-item in its group.
    pub item: [u32; 3],
    /// The text, without the end of the line.
    pub text: String,
    /// Not 0 in the last line of a launch whose buffer was full: so many lines more were printed, and are lost. Such a line is
    /// not the kernel's, and its text says so.
    pub lost: u64,
}

impl OutputLine {
    /// A line of this item.
    pub fn new(kernel: &str, group: [u32; 3], item: [u32; 3], text: String) -> Self {
        Self { kernel: kernel.to_owned(), group, item, text, lost: 0 }
    }

    /// Says that a launch has lost so many lines.
    fn of_loss(kernel: &str, lost: u64) -> Self {
        let lines = if lost == 1 { "line" } else { "lines" };
        let text = format!("... and {lost} {lines} more of kernel `{kernel}` were lost; GEOBACTER_OUTPUT_BUFFER=bytes");
        Self { kernel: kernel.to_owned(), text, lost, ..Self::default() }
    }
}

type Handler = dyn Fn(OutputLine) + Send + Sync;

/// Where the lines of a device's kernels go: to standard output, or to the program.
#[derive(Default)]
pub struct OutputSink(RwLock<Option<Arc<Handler>>>);

impl OutputSink {
    /// The sink of everything that has none of its own.
    pub fn standard() -> &'static Self {
        static STANDARD: OutputSink = OutputSink(RwLock::new(None));
        &STANDARD
    }

    /// From now on lines go to `handler`.
    pub fn set(&self, handler: impl Fn(OutputLine) + Send + Sync + 'static) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(handler));
    }

    /// A line goes its way.
    pub fn line(&self, line: OutputLine) {
        // Without the lock: a handler may set another one, or launch a kernel that prints.
        let handler = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        match handler {
            Some(handler) => handler(line),
            None => {
                let mut text = line.text;
                text.push('\n');
                // In one piece. If nobody reads standard output any more, that is no reason for a kernel to fail.
                let _ = io::stdout().lock().write_all(text.as_bytes());
            }
        }
    }

    /// All lines that the launch of a kernel has left in a device's buffer, header included. `constants` are those of the code
    /// that ran.
    pub fn lines(&self, kernel: &str, buffer: &[u8], constants: Constants<'_>) {
        let lost = read_lines(buffer, constants, |record, text| {
            self.line(OutputLine::new(kernel, record.group, record.item, text));
        });
        if lost > 0 {
            self.line(OutputLine::of_loss(kernel, lost));
        }
    }
}

impl fmt::Debug for OutputSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self.0.read().unwrap_or_else(PoisonError::into_inner).is_some();
        f.write_str(if own { "OutputSink(the program)" } else { "OutputSink(standard output)" })
    }
}

/// Whether the kernel in this code object prints, and its launch needs a buffer.
pub fn prints(code_object: &[u8]) -> bool {
    let Ok(file) = read::elf::ElfFile64::<object::LittleEndian>::parse(code_object) else { return false };
    file.symbols().chain(file.dynamic_symbols()).any(|symbol| symbol.name() == Ok(PRINTS_SYMBOL))
}

/// How many bytes of the buffer, header included, a launch may have written.
pub fn used(buffer: &[u8]) -> usize {
    let reserved = usize::try_from(field(buffer, header::RESERVED)).unwrap_or(usize::MAX);
    HEADER.saturating_add(reserved).min(buffer.len())
}

fn field(buffer: &[u8], at: usize) -> u64 {
    buffer.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// Reads record after record; gives how many lines are lost.
fn read_lines(buffer: &[u8], constants: Constants<'_>, mut line: impl FnMut(&OutputRecord, String)) -> u64 {
    let lost = field(buffer, header::LOST);
    let mut records = buffer.get(HEADER..used(buffer)).unwrap_or_default();
    let mut image = None;
    while let Some(bytes) = records.first_chunk() {
        let record = OutputRecord::from_bytes(bytes);
        let size = record.size as usize;
        let Some((whole, rest)) = records.split_at_checked(size).filter(|_| size >= OutputRecord::SIZE) else {
            // Reserved by an item that was stopped before it could write, as when a launch takes too long. How long the
            // record would be nobody knows; or it is the first that did not fit, which is counted already.
            return if size == 0 && lost == 0 { 1 } else { lost };
        };
        records = rest;
        let values: Vec<_> = whole[OutputRecord::SIZE..].as_chunks().0.iter().map(Value::from_bytes).collect();
        let image = image.get_or_insert_with(|| Image::new(constants, record.anchor)).as_ref();
        let text = image.and_then(|image| text(&record, &values, image));
        line(&record, text.unwrap_or_else(|| "a line that could not be read".to_owned()));
    }
    lost
}

fn text(record: &OutputRecord, values: &[Value], image: &Image<'_>) -> Option<String> {
    let text = |address, length| image.text(address, length);
    match record.message_length {
        TEMPLATE => format::message(&image.template(record.message)?, values, &text),
        length => text(record.message, length).map(|text| text.into_owned()),
    }
}

#[cfg(test)]
mod tests;
