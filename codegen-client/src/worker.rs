//! The worker process, seen from the program that asks it.
//!
//! ```text
//!   (none) --start, Hello--> idle --request--> busy --answer--> idle
//!      ^                                        |
//!      +------ the process died or fell silent -+
//! ```
//! A request whose worker died is sent once more, to a new worker; if that one dies too, the request is at fault and the
//! caller gets [`WorkerError::Died`]. A worker that answers nothing for [`Worker::timeout`] is killed, and the caller gets
//! [`WorkerError::Silent`]: what takes that long once would take it again.

use std::{
    env, io,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use geobacter_spool::{
    job::{
        CompileJob, CompiledKernel, DisassembleJob, ExtractJob, Extracted, Instruction, PROTOCOL_VERSION, Request,
        Response,
    },
    wire,
};

/// How long one answer may take if nothing else is said. Optimising the largest kernels takes seconds.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);
/// Environment variable with another number of seconds; 0 is for ever.
const TIMEOUT_VARIABLE: &str = "GEOBACTER_WORKER_TIMEOUT";

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// There is no worker program.
    #[error("no code generation worker: neither GEOBACTER_WORKER, nor {}, nor `cargo-geobacter` on PATH is an executable; install it with `cargo install cargo-geobacter`, or run the program with `cargo geobacter run`", recorded.display())]
    NotFound {
        /// The worker that the program's archive names.
        recorded: PathBuf,
    },
    /// The worker program does not start.
    #[error("the code generation worker {} does not start: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The worker died twice while it worked on the same request.
    #[error(
        "the code generation worker died ({how}) while it worked on {what}, and again when it was retried{}",
        tail(stderr)
    )]
    Died {
        /// The request, for example "kernel saxpy for gfx942".
        what: String,
        /// How the last worker ended.
        how: String,
        /// The last lines of its standard error.
        stderr: String,
    },
    /// The worker gave no answer in time, and was killed.
    #[error(
        "the code generation worker worked on {what} for {} s without an answer, and was killed; if it needs longer, say how many seconds in {TIMEOUT_VARIABLE}{}",
        after.as_secs_f32(),
        tail(stderr)
    )]
    Silent {
        /// The request, for example "kernel saxpy for gfx942".
        what: String,
        /// How long it was waited for.
        after: Duration,
        /// The last lines of the worker's standard error.
        stderr: String,
    },
    /// The worker answers what makes no sense.
    #[error(
        "the code generation worker speaks another protocol ({0}); reinstall cargo-geobacter and rebuild the program"
    )]
    Protocol(String),
    /// The worker says why it cannot do it.
    #[error("{0}")]
    Failed(String),
}

fn tail(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!("; its last words:\n{}", stderr.trim_end()) }
}

/// A worker process, started when it is first asked.
#[derive(Debug)]
pub struct Worker {
    program: PathBuf,
    sysroot: PathBuf,
    /// `None`: for ever.
    timeout: Option<Duration>,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    answers: mpsc::Receiver<io::Result<Option<Response>>>,
    stderr: mpsc::Receiver<String>,
    timeout: Option<Duration>,
}

enum Failure {
    /// The process is gone; a new one may do better.
    Dead { how: String, stderr: String },
    /// The process fell silent, and is gone now.
    Silent { after: Duration, stderr: String },
    /// Asking again would give the same.
    Final(WorkerError),
}

impl Worker {
    /// The worker for bitcode of the toolchain at `sysroot`. Looked for in this order: `$GEOBACTER_WORKER`, `recorded`
    /// (the worker that the program's archive names), `cargo-geobacter` on `PATH`.
    ///
    /// # Errors
    /// [`WorkerError::NotFound`].
    pub fn find(recorded: &Path, sysroot: &Path) -> Result<Self, WorkerError> {
        let on_path = || {
            let path = env::var_os("PATH")?;
            env::split_paths(&path).map(|folder| folder.join("cargo-geobacter")).find(|file| file.is_file())
        };
        let program = env::var_os("GEOBACTER_WORKER")
            .map(PathBuf::from)
            .into_iter()
            .chain([recorded.to_owned()])
            .find(|file| file.is_file())
            .or_else(on_path)
            .ok_or_else(|| WorkerError::NotFound { recorded: recorded.to_owned() })?;
        Ok(Self::new(program, sysroot))
    }

    /// The worker that `program worker` starts. It may take `$GEOBACTER_WORKER_TIMEOUT` seconds for an answer, else 300.
    pub fn new(program: impl Into<PathBuf>, sysroot: impl Into<PathBuf>) -> Self {
        let seconds = env::var(TIMEOUT_VARIABLE).ok().and_then(|text| text.trim().parse().ok());
        let timeout = match seconds {
            None => Some(DEFAULT_TIMEOUT),
            Some(0) => None,
            Some(seconds) => Some(Duration::from_secs(seconds)),
        };
        Self { program: program.into(), sysroot: sysroot.into(), timeout, running: Mutex::new(None) }
    }

    /// The same, with another time for each answer; `None` is for ever. For workers that are started from now on.
    pub fn with_timeout(self, timeout: Option<Duration>) -> Self {
        Self { timeout, ..self }
    }

    /// How long an answer may take; `None` is for ever.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The program that is started.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Process id of the worker that runs now, if one does.
    pub fn process_id(&self) -> Option<u32> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|running| running.child.id())
    }

    /// Generates device code.
    ///
    /// # Errors
    /// Any [`WorkerError`].
    pub fn compile(&self, job: CompileJob) -> Result<CompiledKernel, WorkerError> {
        let what = format!("kernel {} for {}", job.export, job.target);
        match self.ask(&Request::Compile(job), &what)? {
            Response::Compiled(kernel) => Ok(kernel),
            other => Err(unexpected(&other)),
        }
    }

    /// Disassembles device code.
    ///
    /// # Errors
    /// Any [`WorkerError`].
    pub fn disassemble(&self, job: DisassembleJob) -> Result<Vec<Instruction>, WorkerError> {
        let what = format!("{} bytes of {} code", job.code.len(), job.target);
        match self.ask(&Request::Disassemble(job), &what)? {
            Response::Disassembled(instructions) => Ok(instructions),
            other => Err(unexpected(&other)),
        }
    }

    /// Collects what kernels reach, checks it, and makes the archive.
    ///
    /// # Errors
    /// Any [`WorkerError`].
    pub fn extract(&self, job: ExtractJob) -> Result<Extracted, WorkerError> {
        match self.ask(&Request::Extract(job), "the kernels of this program")? {
            Response::Extracted(extracted) => Ok(extracted),
            other => Err(unexpected(&other)),
        }
    }

    fn ask(&self, request: &Request, what: &str) -> Result<Response, WorkerError> {
        let mut slot = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = (String::new(), String::new());
        for _attempt in 0..2 {
            let attempt = match slot.take() {
                Some(running) => Ok(running),
                None => self.start(),
            };
            match attempt.and_then(|mut running| running.ask(request).map(|answer| (running, answer))) {
                Ok((running, answer)) => {
                    *slot = Some(running);
                    return match answer {
                        Response::Failed { message } => Err(WorkerError::Failed(message)),
                        answer => Ok(answer),
                    };
                }
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Silent { after, stderr }) => {
                    tracing::warn!(what, ?after, "the code generation worker gave no answer");
                    return Err(WorkerError::Silent { what: what.to_owned(), after, stderr });
                }
                Err(Failure::Dead { how, stderr }) => {
                    tracing::warn!(what, how, "the code generation worker died");
                    last = (how, stderr);
                }
            }
        }
        let (how, stderr) = last;
        Err(WorkerError::Died { what: what.to_owned(), how, stderr })
    }

    fn start(&self) -> Result<Running, Failure> {
        tracing::debug!(program = %self.program.display(), "starting the code generation worker");
        let mut child = Command::new(&self.program)
            .arg("worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| Failure::Final(WorkerError::Start { program: self.program.clone(), source }))?;
        let input = child.stdin.take();
        let (answer, answers) = mpsc::channel();
        if let Some(mut output) = child.stdout.take() {
            // Ends with the process: its end of the pipe closes.
            thread::spawn(move || {
                loop {
                    let message = wire::receive::<Response>(&mut output);
                    let last = !matches!(message, Ok(Some(_)));
                    if answer.send(message).is_err() || last {
                        break;
                    }
                }
            });
        }
        let (line, stderr) = mpsc::channel();
        if let Some(errors) = child.stderr.take() {
            thread::spawn(move || {
                for text in io::BufRead::lines(io::BufReader::new(errors)).map_while(Result::ok) {
                    if line.send(text).is_err() {
                        break;
                    }
                }
            });
        }
        let mut running = Running { child, input, answers, stderr, timeout: self.timeout };
        let hello = Request::Hello { protocol: PROTOCOL_VERSION, sysroot: self.sysroot.clone() };
        match running.ask(&hello)? {
            Response::Ready { .. } => Ok(running),
            Response::Failed { message } => Err(Failure::Final(WorkerError::Failed(message))),
            other => Err(Failure::Final(unexpected(&other))),
        }
    }
}

impl Running {
    fn ask(&mut self, request: &Request) -> Result<Response, Failure> {
        let sent = match &mut self.input {
            Some(input) => wire::send(input, request),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        if let Err(error) = sent {
            return Err(self.dead(&format!("its input closed: {error}")));
        }
        let answer = match self.timeout {
            Some(timeout) => self.answers.recv_timeout(timeout),
            None => self.answers.recv().map_err(|mpsc::RecvError| mpsc::RecvTimeoutError::Disconnected),
        };
        match answer {
            Ok(Ok(Some(answer))) => Ok(answer),
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                Err(Failure::Final(WorkerError::Protocol(error.to_string())))
            }
            Ok(Ok(None) | Err(_)) | Err(mpsc::RecvTimeoutError::Disconnected) => Err(self.dead("its output closed")),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let after = self.timeout.unwrap_or_default();
                Err(Failure::Silent { after, stderr: self.end() })
            }
        }
    }

    fn dead(&mut self, how: &str) -> Failure {
        // Closed output without exit happens only to a hung process: give it a moment, then end it.
        let mut status = None;
        for _ in 0..50 {
            status = self.child.try_wait().ok().flatten();
            if status.is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let how = status.map_or_else(|| how.to_owned(), |status: ExitStatus| status.to_string());
        Failure::Dead { how, stderr: self.end() }
    }

    /// Ends the process, and gives the last lines of its standard error.
    fn end(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut lines = Vec::new();
        // Children of the process may hold its standard error open for longer.
        while let Ok(line) = self.stderr.recv_timeout(Duration::from_millis(200)) {
            lines.push(line);
        }
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The worker ends at the end of its input.
        self.input = None;
        let _ = self.child.wait();
    }
}

fn unexpected(response: &Response) -> WorkerError {
    let kind = format!("{response:?}");
    WorkerError::Protocol(format!("unexpected answer {}", kind.split(['(', '{']).next().unwrap_or_default().trim()))
}
