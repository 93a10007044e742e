//! What the tests of real clients share: the tools that make them, and the surroundings that they run in.

#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

/// What programs look for.
pub const LIBRARY: &str = "libhsa-runtime64.so.1";
/// How long a client may take before it counts as hanging.
const LIMIT: Duration = Duration::from_secs(120);

/// The library, as cargo has built it for this test.
pub fn built_library() -> PathBuf {
    let library = deps().join("libhsa_runtime64.so");
    assert!(library.is_file(), "cargo has not built {}", library.display());
    library
}

fn deps() -> PathBuf {
    env::current_exe().expect("the test has a path").parent().expect("a file is in a folder").to_owned()
}

/// The worker that clients are to use: that of `cargo geobacter test`, or this package's own.
fn worker() -> PathBuf {
    let own = || deps().with_file_name("examples").join("worker");
    env::var_os("GEOBACTER_WORKER").map_or_else(own, PathBuf::from)
}

/// A file of this package's tests.
pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// Whether everything is there that a test needs; says so if not, which is a failure where the environment asks for all
/// tools.
pub fn have(needs: &[&str]) -> bool {
    let there = |need: &&&str| match need.strip_prefix('/') {
        Some(_) => Path::new(need).exists(),
        None => env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|at| at.join(need).is_file())),
    };
    let missing: Vec<_> = needs.iter().filter(|need| !there(need)).collect();
    if !missing.is_empty() {
        assert!(env::var_os("GEOBACTER_REQUIRE_TOOLS").is_none(), "{missing:?} are not installed");
        eprintln!("skipped: {missing:?} are not installed");
    }
    missing.is_empty()
}

/// Runs a tool to its end; what it says if it fails is the test's failure.
pub fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    output
}

/// A folder with the library under the name that programs look for, where a test makes its programs.
pub struct Surroundings {
    folder: tempfile::TempDir,
}

/// How a client ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What stood on its standard error.
    pub stderr: String,
}

impl Surroundings {
    /// A folder with a link to the library.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        symlink(built_library(), folder.path().join(LIBRARY)).expect("a link can be made");
        Self { folder }
    }

    /// A folder with a copy of the library, beside which there is no worker.
    pub fn with_copy() -> Self {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        fs::copy(built_library(), folder.path().join(LIBRARY)).expect("the library can be copied");
        Self { folder }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command that runs a program on these devices.
    pub fn command(&self, program: impl AsRef<Path>, devices: &str) -> Command {
        let mut command = Command::new(program.as_ref());
        let paths = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        let paths = [self.folder.path().to_owned()].into_iter().chain(env::split_paths(&paths));
        command
            .env("LD_LIBRARY_PATH", env::join_paths(paths).expect("paths have no colons"))
            .env("AMDGPU_SIM", devices)
            .env("GEOBACTER_WORKER", worker())
            // What one run leaves must not hide what another one gets wrong.
            .env("GEOBACTER_CACHE", self.path("cache"))
            .env_remove("GEOBACTER_CHECK");
        command
    }
}

/// Runs a client to its end, or until it has had its time.
pub fn end(command: &mut Command) -> Ended {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let began = Instant::now();
    while child.try_wait().expect("the client can be waited for").is_none() {
        if began.elapsed() > LIMIT {
            // It is this test's own child.
            child.kill().expect("the client can be ended");
            let output = child.wait_with_output().expect("the client has ended");
            panic!("{command:?} hangs; it said:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("the client has ended");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs a client that checks itself and says PASS.
pub fn passes(command: &mut Command) {
    let ended = end(command);
    assert!(ended.code == Some(0) && ended.stdout.lines().last() == Some("PASS"), "{command:?}: {ended:#?}");
}

/// What HIP programs are compiled for: what both Debian's HIP and the simulator know, waves of 64 and of 32.
pub const HIP_TARGETS: [&str; 2] = ["gfx90a", "gfx1030"];

/// Compiles a HIP program of this package for all of [`HIP_TARGETS`].
pub fn compile_hip(surroundings: &Surroundings, name: &str) -> PathBuf {
    let program = surroundings.path(name);
    run(Command::new("hipcc")
        .args(HIP_TARGETS.map(|target| format!("--offload-arch={target}")))
        .arg("-O2")
        .arg(source("hip").join(format!("{name}.hip")))
        .arg("-o")
        .arg(&program));
    program
}
