//! The worker process: what a program sees when it dies, hangs up, or cannot find its LLVM.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use geobacter_codegen_client::{Worker, WorkerError};
use geobacter_spool::job::{CompileJob, DisassembleJob, Emit};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cargo-geobacter");

fn sysroot() -> PathBuf {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc runs");
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim())
}

/// `s_nop 0` and `s_endpgm`, which every AMD GPU has.
fn job() -> DisassembleJob {
    DisassembleJob { target: "gfx942".into(), code: [0xBF80_0000u32, 0xBF81_0000].map(u32::to_le_bytes).concat() }
}

fn works(worker: &Worker) {
    let instructions = worker.disassemble(job()).unwrap_or_else(|error| panic!("{error}"));
    let text: Vec<_> = instructions.iter().map(|instruction| instruction.text.as_str()).collect();
    assert_eq!(text, ["s_nop 0", "s_endpgm"]);
}

fn signal(name: &str, process: u32) {
    let _ = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
}

#[test]
fn it_starts_when_it_is_asked_and_again_when_it_was_killed() {
    let worker = Worker::new(PROGRAM, sysroot());
    assert_eq!(worker.process_id(), None);
    works(&worker);
    let first = worker.process_id().expect("it stays");
    works(&worker);
    assert_eq!(worker.process_id(), Some(first));
    signal("KILL", first);
    works(&worker);
    assert_ne!(worker.process_id(), Some(first));
}

#[test]
fn a_worker_that_is_killed_in_the_middle_of_a_job_is_replaced_and_the_job_is_done() {
    let worker = Worker::new(PROGRAM, sysroot());
    works(&worker);
    let first = worker.process_id().expect("it stays");
    // Stopped, it takes the job and cannot answer it.
    signal("STOP", first);
    thread::scope(|scope| {
        let job = scope.spawn(|| works(&worker));
        thread::sleep(Duration::from_millis(300));
        assert!(!job.is_finished(), "the job waits for the worker that is stopped");
        signal("KILL", first);
    });
    assert_ne!(worker.process_id(), Some(first));
}

#[test]
fn a_request_whose_worker_dies_twice_is_an_error_and_the_next_one_works() {
    let folder = tempfile::tempdir().expect("a folder");
    let pids = folder.path().join("pids");
    let script = folder.path().join("worker");
    // Slow to start, so that it is alive long enough to be found and killed before it answers.
    let text = format!("#!/bin/sh\necho $$ >> {}\nsleep 0.3\nexec {PROGRAM} \"$@\"\n", pids.display());
    fs::write(&script, text).expect("writable");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("executable");

    let worker = Worker::new(&script, sysroot());
    let killing = AtomicBool::new(true);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut killed = 0;
            while killing.load(Ordering::Relaxed) {
                let started = fs::read_to_string(&pids).unwrap_or_default();
                for pid in started.lines().skip(killed) {
                    signal("KILL", pid.parse().expect("a number"));
                    killed += 1;
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        let error = worker.disassemble(job()).expect_err("both workers were killed");
        killing.store(false, Ordering::Relaxed);
        assert!(matches!(error, WorkerError::Died { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("signal: 9") && text.contains("8 bytes of gfx942 code"), "{text}");
        assert_eq!(fs::read_to_string(&pids).expect("readable").lines().count(), 2, "tried twice, not more");
    });
    works(&worker);
}

/// A worker program that notes the process id of each worker that it becomes.
fn noting_worker(folder: &Path) -> (Worker, PathBuf) {
    let (script, pids) = (folder.join("worker"), folder.join("pids"));
    fs::write(&script, format!("#!/bin/sh\necho $$ >> {}\nexec {PROGRAM} \"$@\"\n", pids.display())).expect("writable");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("executable");
    (Worker::new(&script, sysroot()), pids)
}

#[test]
fn a_worker_that_is_killed_at_any_moment_costs_no_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let (worker, pids) = noting_worker(folder.path());
    let started = || fs::read_to_string(&pids).unwrap_or_default();
    let done = AtomicBool::new(false);
    let answers = thread::scope(|scope| {
        scope.spawn(|| {
            let mut random: u32 = 0x9e37_79b9;
            let mut killed = 0;
            while killed < 50 {
                // While it starts, loads LLVM, reads a job, answers, or waits for the next.
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                thread::sleep(Duration::from_micros((random >> 15).into()));
                let before = started();
                if let Some(pid) = before.lines().skip(killed).last() {
                    signal("KILL", pid.parse().expect("a number"));
                    killed = before.lines().count();
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        let mut answers = 0;
        while !done.load(Ordering::Relaxed) {
            match worker.disassemble(job()) {
                Ok(instructions) => {
                    let text: Vec<_> = instructions.iter().map(|instruction| &*instruction.text).collect();
                    assert_eq!(text, ["s_nop 0", "s_endpgm"]);
                    answers += 1;
                }
                Err(error) => {
                    assert!(matches!(error, WorkerError::Died { .. }), "{error}");
                    assert!(error.to_string().contains("8 bytes of gfx942 code"), "{error}");
                }
            }
        }
        answers
    });
    assert!(answers > 0, "every worker was killed before it could answer");
    works(&worker);
    drop(worker);
    // None is left.
    for pid in started().lines() {
        assert!(!Path::new("/proc").join(pid).exists(), "worker {pid} is still there");
    }
}

#[test]
fn a_worker_that_hangs_is_killed_and_the_next_job_works() {
    let worker = Worker::new(PROGRAM, sysroot()).with_timeout(Some(Duration::from_secs(2)));
    works(&worker);
    let hanging = worker.process_id().expect("it stays");
    signal("STOP", hanging);
    let error = worker.disassemble(job()).expect_err("it cannot answer");
    assert!(matches!(error, WorkerError::Silent { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("8 bytes of gfx942 code for 2 s") && text.contains("GEOBACTER_WORKER_TIMEOUT"), "{text}");
    works(&worker);
    assert_ne!(worker.process_id(), Some(hanging));
}

#[test]
fn a_missing_or_damaged_llvm_is_named() {
    let empty = tempfile::tempdir().expect("a folder");
    let message = |sysroot: &Path| match Worker::new(PROGRAM, sysroot).disassemble(job()) {
        Err(WorkerError::Failed(message)) => message,
        other => panic!("{other:?}"),
    };
    let text = message(empty.path());
    assert!(text.contains("no libLLVM.so in") && text.contains("rustup"), "{text}");

    let lib = empty.path().join("lib");
    fs::create_dir(&lib).expect("writable");
    fs::write(lib.join("libLLVM.so.22.1-rust-1.95.0-stable"), "damaged").expect("writable");
    let text = message(empty.path());
    assert!(text.contains("cannot load") && text.contains("libLLVM.so.22.1"), "{text}");
}

#[test]
fn what_llvm_and_respool_refuse_is_an_answer_and_not_a_death() {
    let worker = Worker::new(PROGRAM, sysroot());
    let job = |target: &str, checked: bool| CompileJob {
        constants: Vec::new(),
        checked,
        bitcode: b"not bitcode".to_vec(),
        entry: "entry".into(),
        export: "saxpy".into(),
        target: target.into(),
        emit: Emit::CodeObject,
    };
    let unknown = worker.compile(job("gfx000", false)).expect_err("no such target").to_string();
    assert!(unknown.contains("unknown target `gfx000`") && unknown.contains("gfx1100"), "{unknown}");
    let process = worker.process_id();
    for checked in [false, true, true, false] {
        let bitcode = worker.compile(job("gfx942", checked)).expect_err("no bitcode").to_string();
        assert!(bitcode.contains("kernel saxpy") && bitcode.contains("rebuild"), "{bitcode}");
    }
    assert_eq!(worker.process_id(), process, "the worker lives on");
}

#[test]
fn a_missing_worker_is_named() {
    let nowhere = Path::new("/nonexistent/cargo-geobacter");
    let error = Worker::new(nowhere, sysroot()).disassemble(job()).expect_err("no such program");
    assert!(matches!(error, WorkerError::Start { .. }), "{error}");
    assert!(error.to_string().contains("/nonexistent/cargo-geobacter"), "{error}");
}

/// `v_cmpx_gt_i32` as LLVM 15 writes it, with 0 in the field that hardware ignores, and as later ones do.
#[test]
fn instructions_are_read_as_other_compilers_write_them() {
    let worker = Worker::new(PROGRAM, sysroot());
    let code = [0xD494_0000u32, 0x0002_0002, 0xD494_007E, 0x0002_0002].map(u32::to_le_bytes).concat();
    let instructions = worker.disassemble(DisassembleJob { target: "gfx1030".into(), code }).expect("it answers");
    let text: Vec<_> = instructions.iter().map(|instruction| (instruction.length, instruction.text.as_str())).collect();
    assert_eq!(text, [(8, "v_cmpx_gt_i32_e64 s2, v0"); 2]);
}
