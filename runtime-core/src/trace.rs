//! `GEOBACTER_TRACE=<file>`: everything that devices did, and when, for Chrome's `about:tracing` and Perfetto.
//!
//! The format is the *Trace Event Format*'s array of complete events (`ph: "X"`), with a process for each device and a
//! thread for each stream. It is written as work is seen to have ended; the closing bracket, which readers do not need,
//! is missing, so that a program may end, or crash, at any time.

use std::{
    collections::HashSet,
    env,
    fs::File,
    io::Write as _,
    process,
    sync::{LazyLock, Mutex, PoisonError},
    time::Instant,
};

use serde_json::json;

/// Environment variable with the file.
const TRACE_VARIABLE: &str = "GEOBACTER_TRACE";

/// Something that a device did.
pub(crate) struct Span<'a> {
    pub(crate) what: &'a str,
    pub(crate) device: &'a str,
    /// Number of the stream; 0 for what was waited for without one.
    pub(crate) stream: u64,
    pub(crate) enqueued: Instant,
    pub(crate) start: Instant,
    pub(crate) end: Instant,
}

struct Writer {
    file: File,
    /// When time began.
    origin: Instant,
    devices: Vec<String>,
    streams: HashSet<(usize, u64)>,
}

static WRITER: LazyLock<Option<Mutex<Writer>>> = LazyLock::new(|| {
    let path = env::var_os(TRACE_VARIABLE).filter(|path| !path.is_empty())?;
    let file = File::create(&path).and_then(|mut file| file.write_all(b"[\n").map(|()| file));
    match file {
        Ok(file) => {
            let origin = Instant::now();
            Some(Mutex::new(Writer { file, origin, devices: Vec::new(), streams: HashSet::new() }))
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the file that GEOBACTER_TRACE names cannot be written; nothing is traced");
            None
        }
    }
});

/// Whether somebody wants to know.
pub(crate) fn is_on() -> bool {
    WRITER.is_some()
}

/// Writes what a device did.
pub(crate) fn write(span: &Span<'_>) {
    let Some(writer) = &*WRITER else { return };
    writer.lock().unwrap_or_else(PoisonError::into_inner).write(span);
}

impl Writer {
    fn write(&mut self, span: &Span<'_>) {
        let Span { what, device, stream, enqueued, start, end } = *span;
        let process = self.devices.iter().position(|known| known == device).unwrap_or_else(|| {
            self.devices.push(device.to_owned());
            self.devices.len() - 1
        });
        let mut text = String::new();
        // Several programs may be looked at together.
        let pid = process::id() as usize * 64 + process;
        if self.streams.insert((process, stream)) {
            let thread = if stream == 0 { "waited for".to_owned() } else { format!("stream {stream}") };
            for (name, value) in [("process_name", device), ("thread_name", &thread)] {
                let line = json!({ "name": name, "ph": "M", "pid": pid, "tid": stream, "args": { "name": value } });
                text.push_str(&format!("{line},\n"));
            }
        }
        let microseconds = |from: Instant, to: Instant| to.saturating_duration_since(from).as_nanos() as f64 / 1e3;
        let line = json!({
            "name": what, "cat": "device", "ph": "X", "pid": pid, "tid": stream,
            "ts": microseconds(self.origin, start), "dur": microseconds(start, end),
            "args": { "waited_us": microseconds(enqueued, start) },
        });
        text.push_str(&format!("{line},\n"));
        // In one piece, so that the file can be read at any time.
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            tracing::warn!(%error, "a trace cannot be written");
        }
    }
}
