//! What the driver compiles is compiled once, and kept for later processes. Each process is this test binary, started again.

mod common;

use std::{env, fs, path::Path, process::Command};

use geobacter_cuda_driver::sys::CUresult;
use geobacter_runtime_cuda::{Gpu, Options};
use ptx_sim::injection::{Injection, calls};

const MARK: &str = "LINKED ";

/// Loads kernels, and says how often the driver's compiler was called; the other test starts it with its own environment.
#[test]
#[ignore = "for a process of its own; the other tests start it"]
fn load_kernels() {
    let cards = common::cards(&env::var("TEST_CARDS").unwrap());
    let refused = env::var_os("TEST_REFUSE")
        .map(|_| Injection::new(&["cuModuleLoadDataEx"], 1, CUresult::CUDA_ERROR_INVALID_IMAGE).unwrap());
    for card in cards {
        let gpu = Gpu::open(card, "gpu", Options::from_environment()).unwrap();
        for kernel in ["affine", "poke"] {
            gpu.load(common::code(kernel)).unwrap();
        }
    }
    assert!(refused.is_none_or(|injection| injection.happened()));
    println!("{MARK}{}", calls("cuLinkComplete").unwrap());
}

/// How often the compiler was called in a process with this cache and these cards.
fn linked(cache: &Path, cards: &str, variables: &[(&str, &str)]) -> u32 {
    let output = Command::new(env::current_exe().unwrap())
        .args(["load_kernels", "--exact", "--ignored", "--nocapture"])
        .env("GEOBACTER_CACHE", cache)
        .env("TEST_CARDS", cards)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find_map(|line| line.split(MARK).nth(1)).unwrap_or_else(|| panic!("{text}"));
    line.trim().parse().unwrap()
}

#[test]
fn code_is_compiled_once_for_each_kind_of_card_and_driver() {
    let folder = tempfile::tempdir().unwrap();
    // Both kernels are of one module, but each has its own entry: the name is a part of what is shown only.
    let first = linked(folder.path(), "sm_90", &[]);
    assert!((1..=2).contains(&first), "{first}");
    assert_eq!(linked(folder.path(), "sm_90x2", &[]), 0, "another process, and a second card of the kind");
    assert_eq!(linked(folder.path(), "sm_90,sm_80", &[]), first, "another kind of card");
    assert_eq!(linked(folder.path(), "sm_90;driver=12.4", &[]), first, "another driver");
    assert_eq!(linked(folder.path(), "sm_80", &[]), 0);
    // What does not load is compiled again.
    assert_eq!(linked(folder.path(), "sm_80", &[("TEST_REFUSE", "1")]), 1);
    // A damaged entry is compiled again, too.
    for entry in fs::read_dir(folder.path().join("v2")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(linked(folder.path(), "sm_80", &[]), first);
    let none = Path::new("off");
    assert_eq!(linked(none, "sm_80", &[]), 2, "without a cache");
}
