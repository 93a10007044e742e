//! What is kept between runs of a program: a second run starts no worker, and no cache entry is ever trusted blindly.
//!
//! Under plain cargo the examples carry no kernel archive and need no worker; the tests then say so and pass.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use object::{Object, ObjectSection};

const DEVICE: &str = "sim:gfx942";

/// A cache folder, and a worker that counts its starts.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// `None` where there is no worker to count, because the test was not started by `cargo geobacter test`.
    fn new() -> Option<Self> {
        let Some(worker) = env::var_os("GEOBACTER_WORKER") else {
            eprintln!("skipped: run by plain cargo, so the examples have no device code; use `cargo geobacter test`");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("worker");
        let starts = folder.path().join("starts");
        let text =
            format!("#!/bin/sh\necho $$ >> {}\nexec {} \"$@\"\n", starts.display(), Path::new(&worker).display());
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        Some(Self { folder })
    }

    fn saxpy(&self) -> Command {
        self.saxpy_on(DEVICE)
    }

    fn saxpy_on(&self, device: &str) -> Command {
        let mut folder = env::current_exe().unwrap();
        folder.pop();
        folder.pop();
        let mut command = Command::new(folder.join("examples/saxpy"));
        command
            .args(["--n", "5000", "--device", device])
            .env("AMDGPU_SIM", "gfx942")
            .env("GEOBACTER_CACHE", self.cache())
            .env("GEOBACTER_WORKER", self.folder.path().join("worker"));
        command
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn entries(&self) -> Vec<PathBuf> {
        let versions = fs::read_dir(self.cache()).unwrap().map(|version| version.unwrap().path());
        versions.flat_map(|version| fs::read_dir(version).unwrap()).map(|entry| entry.unwrap().path()).collect()
    }

    fn worker_starts(&self) -> usize {
        fs::read_to_string(self.folder.path().join("starts")).unwrap_or_default().lines().count()
    }
}

#[track_caller]
fn passed(output: &Output) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(out, format!("PASS saxpy device={DEVICE} n=5000 max_abs_err=0\n"));
}

#[test]
fn a_second_run_starts_no_worker() {
    let Some(machine) = Machine::new() else { return };
    passed(&machine.saxpy().output().unwrap());
    assert_eq!(machine.worker_starts(), 1);
    passed(&machine.saxpy().output().unwrap());
    assert_eq!(machine.worker_starts(), 1);
    passed(&machine.saxpy().env("GEOBACTER_CACHE", "off").output().unwrap());
    assert_eq!(machine.worker_starts(), 2);
}

#[test]
fn a_damaged_entry_is_built_again() {
    let Some(machine) = Machine::new() else { return };
    passed(&machine.saxpy().output().unwrap());
    let entries = machine.entries();
    assert!(!entries.is_empty());
    for damage in [|bytes: &mut Vec<u8>| bytes.truncate(100), |bytes: &mut Vec<u8>| bytes[200] ^= 0x40] {
        let starts = machine.worker_starts();
        for entry in &entries {
            let mut bytes = fs::read(entry).unwrap();
            damage(&mut bytes);
            fs::write(entry, bytes).unwrap();
        }
        passed(&machine.saxpy().output().unwrap());
        assert_eq!(machine.worker_starts(), starts + 1);
        passed(&machine.saxpy().output().unwrap());
        assert_eq!(machine.worker_starts(), starts + 1);
    }
}

#[test]
fn two_processes_fill_the_cache_at_once() {
    let Some(machine) = Machine::new() else { return };
    let start = || -> Child { machine.saxpy().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap() };
    let processes: Vec<Child> = (0..4).map(|_| start()).collect();
    for process in processes {
        passed(&process.wait_with_output().unwrap());
    }
    let starts = machine.worker_starts();
    passed(&machine.saxpy().output().unwrap());
    assert_eq!(machine.worker_starts(), starts, "the entries that they left are whole");
}

#[test]
fn a_damaged_archive_is_named_and_the_host_still_runs() {
    let Some(machine) = Machine::new() else { return };
    let program = PathBuf::from(machine.saxpy().get_program());
    let bytes = fs::read(&program).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let section = file.section_by_name("geobacter_archive").unwrap();
    let (start, length) = section.file_range().map(|(start, length)| (start as usize, length as usize)).unwrap();
    type Damage = fn(&mut [u8]);
    let damages: [(Damage, &str); 3] = [
        (|archive| archive[..8].copy_from_slice(b"FOREIGN!"), "not a kernel archive"),
        (|archive| archive[12..20].copy_from_slice(&(1u64 << 40).to_le_bytes()), "truncated"),
        (|archive| archive[1000] ^= 1, "damaged"),
    ];
    for (damage, message) in damages {
        let mut bytes = bytes.clone();
        damage(&mut bytes[start..start + length]);
        let damaged = machine.folder.path().join("damaged");
        fs::write(&damaged, &bytes).unwrap();
        fs::set_permissions(&damaged, fs::Permissions::from_mode(0o755)).unwrap();
        let output = Command::new(&damaged)
            .args(["--n", "100"])
            .env("AMDGPU_SIM", "gfx942")
            .env_remove("PTX_SIM")
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.starts_with("PASS saxpy device=host"), "{out}{err}");
        assert!(err.contains(message) && err.contains("cargo geobacter build"), "{err}");
    }
    assert_eq!(machine.worker_starts(), 0);
}

#[test]
fn a_worker_that_cannot_start_costs_one_device_and_not_the_program() {
    let Some(machine) = Machine::new() else { return };
    fs::write(machine.folder.path().join("worker"), "#!/bin/sh\necho out of order >&2\nexit 7\n").unwrap();
    let output = machine.saxpy_on("all").output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    assert!(out.contains("PASS saxpy device=host"), "{out}{err}");
    let all = format!("{out}{err}");
    assert!(all.contains("FAIL saxpy device=sim:gfx942"), "{all}");
    assert!(all.contains("saxpy") && all.contains("gfx942") && all.contains("out of order"), "{all}");
}

#[test]
fn a_dump_holds_what_became_of_a_kernel_also_of_one_from_the_cache() {
    let Some(machine) = Machine::new() else { return };
    let folder = machine.folder.path().join("dump/of/saxpy");
    for _ in 0..2 {
        passed(&machine.saxpy().env("GEOBACTER_DUMP", &folder).output().unwrap());
        let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<(String, Vec<u8>)> = files
            .map(|file| {
                let name = file.file_name().unwrap().to_str().unwrap();
                let ending = name.split_once(".gfx942.").unwrap_or_else(|| panic!("{name}")).1.to_owned();
                (ending, fs::read(&file).unwrap())
            })
            .collect();
        files.sort();
        let [(_, object), (_, resources), (_, optimised), (_, assembly), (_, source)] = &files[..] else {
            panic!("{files:?}")
        };
        assert_eq!(
            files.iter().map(|(ending, _)| &**ending).collect::<Vec<_>>(),
            ["hsaco", "json", "optimised.ll", "s", "source.ll"]
        );
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert!(object.starts_with(b"\x7fELF"));
        assert!(text(resources).contains("\"vgprs\": "), "{}", text(resources));
        assert!(text(source).contains("x86_64") && text(source).contains("__gb_group_id_x"));
        assert!(text(optimised).contains("amdgpu_kernel") && !text(optimised).contains("__gb_group_id_x"));
        assert!(text(assembly).contains("global_load_dword"));
        fs::remove_dir_all(&folder).unwrap();
    }
    let file = machine.folder.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    let output = machine.saxpy().env("GEOBACTER_DUMP", &file).output().unwrap();
    let error = String::from_utf8_lossy(&output.stdout);
    assert_eq!(error.matches("GEOBACTER_DUMP asks for").count(), 1, "{error}");
    assert!(!output.status.success() && error.contains("kernel `saxpy` on device sim:gfx942"), "{error}");
}
