//! rustc's JSON messages on their way to cargo.
//!
//! Two kinds change: an artifact's path becomes the one that cargo expects, and the file is moved there first; and what
//! rustc says of a failed link step becomes the diagnostics of the kernels when those are why it failed.

use std::{
    io::{self, BufRead, Write},
    path::Path,
};

use serde_json::Value;

use crate::{link::Report, staging::Staging};

/// Forwards all messages, and tells whether the link shim's report stands for some that were left out.
pub fn forward(messages: impl BufRead, staging: &Staging, report: &Path, out: &mut impl Write) -> io::Result<bool> {
    let mut failed_in_shim = false;
    for line in messages.split(b'\n') {
        let line = line?;
        let message = if line.starts_with(b"{") { serde_json::from_slice::<Value>(&line).ok() } else { None };
        match message {
            Some(message) if message["$message_type"] == "artifact" => {
                write_line(out, artifact(message, staging)?.to_string().as_bytes())?;
            }
            Some(message) if is_link_failure(&message) && report.exists() => failed_in_shim = true,
            Some(message) if failed_in_shim && is_summary(&message) => {}
            _ => write_line(out, &line)?,
        }
    }
    Ok(failed_in_shim)
}

fn artifact(mut message: Value, staging: &Staging) -> io::Result<Value> {
    if let Some(file) = message["artifact"].as_str().map(Path::new) {
        if message["emit"] == "metadata" {
            // cargo starts the users of this crate as soon as it reads the message.
            staging.publish_early(file)?;
        }
        if let Some(published) = staging.published(file) {
            message["artifact"] = Value::String(published.display().to_string());
        }
    }
    Ok(message)
}

fn is_link_failure(message: &Value) -> bool {
    message["message"].as_str().is_some_and(|text| text.starts_with("linking with `"))
}

fn is_summary(message: &Value) -> bool {
    message["message"].as_str().is_some_and(|text| text.starts_with("aborting due to"))
}

/// Writes a report as messages: JSON if `json` says so.
pub fn write_report(report: &Report, json: Option<bool>, color: bool, out: &mut impl Write) -> io::Result<()> {
    use crate::render::{Style, failure_message, message, render, render_failure};
    let folder = std::env::current_dir()?;
    let style = if json.unwrap_or(color) { Style::Ansi } else { Style::Plain };
    for diagnostic in &report.diagnostics {
        match json {
            Some(_) => write_line(out, message(diagnostic, &folder, style).to_string().as_bytes())?,
            None => write_line(out, render(diagnostic, &folder, style).as_bytes())?,
        }
    }
    if let Some(failure) = &report.failure {
        match json {
            Some(_) => write_line(out, failure_message(failure, style).to_string().as_bytes())?,
            None => write_line(out, render_failure(failure, style).as_bytes())?,
        }
    }
    Ok(())
}

fn write_line(out: &mut impl Write, line: &[u8]) -> io::Result<()> {
    out.write_all(line)?;
    out.write_all(b"\n")?;
    out.flush()
}
