//! What subcommands print on standard output.
//!
//! Whoever closes the other end has seen enough: `cargo geobacter list | head` is no failure.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

/// Prints a text, without its colours where they are not wanted: `NO_COLOR`, or no terminal.
pub fn text(text: &str) -> io::Result<()> {
    until_closed(anstream::stdout().write_all(text.as_bytes()))
}

/// Prints bytes as they are.
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    until_closed(io::stdout().write_all(bytes))
}

/// Prints a value for scripts.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_string_pretty(value)?;
    line.push('\n');
    Ok(bytes(line.as_bytes())?)
}

fn until_closed(written: io::Result<()>) -> io::Result<()> {
    match written.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
