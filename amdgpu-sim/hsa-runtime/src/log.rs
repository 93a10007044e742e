//! What the simulator has to say, on standard error: faults of kernels first of all, of which an unmodified program
//! shows a status at best.

use std::{
    env, fmt,
    io::{IsTerminal, Write, stderr},
    sync::Once,
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};

/// The environment variable that says how much is told.
pub const LEVEL_VARIABLE: &str = "AMDGPU_SIM_LOG";

/// Has everything of the variable's level told from now on. Does nothing if somebody else listens already.
pub fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let text = env::var(LEVEL_VARIABLE).unwrap_or_default();
        let level = text.trim().parse().ok().filter(|_| !text.trim().is_empty());
        let colors = stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let listener = StandardError { level: level.unwrap_or(LevelFilter::ERROR), colors };
        let listens = tracing::subscriber::set_global_default(listener).is_ok();
        if listens && level.is_none() && !text.trim().is_empty() {
            tracing::error!("{LEVEL_VARIABLE}={text} is no level: off, error, warn, info, debug or trace");
        }
    });
}

/// Writes events to standard error.
#[derive(Debug)]
struct StandardError {
    level: LevelFilter,
    colors: bool,
}

impl Subscriber for StandardError {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let level = *event.metadata().level();
        let (color, plain) = match level {
            _ if !self.colors => ("", ""),
            Level::ERROR => ("\x1b[1;31m", "\x1b[0m"),
            Level::WARN => ("\x1b[33m", "\x1b[0m"),
            _ => ("\x1b[2m", "\x1b[0m"),
        };
        let word = level.as_str().to_ascii_lowercase();
        // In one piece, for several threads may have something to say. If standard error is gone, so is who would read.
        let line = format!("{color}amdgpu-sim: {word}:{plain} {}{}\n", text.message, text.fields);
        let _ = stderr().lock().write_all(line.as_bytes());
    }

    // Spans are not told.
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// An event's message, and its other fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.fields.push_str(&format!(" ({}: {value:?})", field.name()));
        }
    }
}
