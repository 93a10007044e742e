//! Where counters go: to the program, and to a file or the terminal.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::PathBuf,
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;

use super::DispatchCounters;

/// The environment variable that switches counters on and says where they go.
pub const COUNTERS_VARIABLE: &str = "AMDGPU_SIM_COUNTERS";

/// Most dispatches that are kept for the program; older ones are dropped.
const KEPT: usize = 4096;

/// Where counters are written, beside that the program can take them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CountersOutput {
    /// Nowhere.
    Program,
    /// A table for each dispatch, to standard error.
    Terminal,
    /// An array of objects, in JSON.
    Json(PathBuf),
    /// A trace in Chrome's format.
    Trace(PathBuf),
}

impl FromStr for CountersOutput {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.trim() {
            "1" => Self::Program,
            "-" => Self::Terminal,
            name if name.ends_with(".trace") => Self::Trace(name.into()),
            name => Self::Json(name.into()),
        })
    }
}

/// Takes what dispatches leave.
#[derive(Debug)]
pub struct Recorder {
    output: CountersOutput,
    started: Instant,
    kept: Mutex<VecDeque<DispatchCounters>>,
    /// The file, once something was written; `None` if it cannot be written.
    list: Mutex<Option<Option<List>>>,
}

impl Recorder {
    /// For this output.
    pub fn new(output: CountersOutput) -> Self {
        Self { output, started: Instant::now(), kept: Mutex::default(), list: Mutex::default() }
    }

    /// When a span that began then began, and how long it has lasted, in microseconds since this was made.
    pub fn span(&self, began: Instant) -> (f64, f64) {
        let microseconds = |duration: Duration| duration.as_secs_f64() * 1e6;
        (microseconds(began.saturating_duration_since(self.started)), microseconds(began.elapsed()))
    }

    /// A dispatch has ended.
    pub fn add(&self, counters: DispatchCounters) {
        match &self.output {
            CountersOutput::Program => {}
            CountersOutput::Terminal => {
                // Whoever closes standard error does not want it.
                let _ = writeln!(io::stderr().lock(), "{counters}");
            }
            CountersOutput::Json(path) => self.write(path, &[&counters]),
            CountersOutput::Trace(path) => self.write(path, &events(&counters)),
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(counters);
    }

    /// What was added since this was last called, oldest first.
    pub fn take(&self) -> Vec<DispatchCounters> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    fn write(&self, path: &PathBuf, items: &[impl Serialize]) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |error: &io::Error| {
            tracing::error!("{COUNTERS_VARIABLE}: cannot write {}: {error}", path.display());
        };
        let open = list.get_or_insert_with(|| List::create(path).inspect_err(failed).ok());
        if let Some(file) = open
            && let Err(error) = items.iter().try_for_each(|item| file.push(item))
        {
            failed(&error);
            *open = None;
        }
    }
}

/// A JSON array in a file that is whole after each element: a program that ends in any way leaves one that can be read.
#[derive(Debug)]
struct List {
    file: File,
    empty: bool,
}

impl List {
    fn create(path: &PathBuf) -> io::Result<Self> {
        let mut file = File::create(path)?;
        file.write_all(b"[\n]\n")?;
        Ok(Self { file, empty: true })
    }

    fn push(&mut self, item: &impl Serialize) -> io::Result<()> {
        let mut text = if self.empty { Vec::new() } else { b",\n".to_vec() };
        serde_json::to_writer(&mut text, item)?;
        text.extend_from_slice(b"\n]\n");
        // Over the end of the array.
        self.file.seek(SeekFrom::End(if self.empty { -2 } else { -3 }))?;
        self.file.write_all(&text)?;
        self.empty = false;
        Ok(())
    }
}

/// An event of Chrome's trace format.
#[derive(Serialize)]
struct Event<'c> {
    name: &'c str,
    cat: &'static str,
    /// `X`: a span, with a start and a length.
    ph: &'static str,
    /// Microseconds.
    ts: f64,
    /// Microseconds.
    dur: f64,
    pid: usize,
    tid: u64,
    args: &'c DispatchCounters,
}

/// A dispatch as it ran in the simulator. Its counters, and the estimate of the device's time, are its arguments.
fn events(counters: &DispatchCounters) -> [Event<'_>; 1] {
    [Event {
        name: &counters.kernel,
        cat: "kernel",
        ph: "X",
        ts: counters.start_us,
        dur: counters.simulated_in_us,
        pid: counters.gpu,
        tid: counters.queue,
        args: counters,
    }]
}
