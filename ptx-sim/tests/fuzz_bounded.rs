//! Fuzzing with fixed seeds: PTX that nobody meant. None may make the simulator panic, hang or touch memory that is not its
//! own. `GEOBACTER_FUZZ_ROUNDS=n` runs as many rounds, each with other seeds.

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use ptx_sim::{FaultKind, Launch, Memory, Module, Target};
use support::Random;

const SAMPLE: &str = include_str!("support/sample.ptx");
/// Changed modules of each sort.
const CHANGED: u64 = 3000;

fn seeds() -> std::ops::Range<u64> {
    let rounds = std::env::var("GEOBACTER_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    0..CHANGED * rounds.unwrap_or(1)
}

/// What came of the modules.
#[derive(Debug, Default)]
struct Outcome {
    loaded: u64,
    ended: u64,
    faulted: u64,
}

/// Loads a module, and runs its kernels for a little while.
fn run(text: &str, outcome: &mut Outcome) {
    let memory = Arc::new(Memory::new(1 << 20));
    let Ok(module) = Module::load(text, Target::parse("sm_90").unwrap(), &memory) else { return };
    outcome.loaded += 1;
    let buffer = memory.allocate(1024, 256).unwrap();
    for name in module.kernels() {
        let kernel = module.kernel(name).unwrap();
        let mut params = vec![0; kernel.param_bytes() as usize];
        for param in kernel.params().iter().filter(|param| param.size == 8) {
            params[param.offset as usize..][..8].copy_from_slice(&buffer.to_le_bytes());
        }
        let (stop, (ended, wait)) = (AtomicBool::new(false), mpsc::channel::<()>());
        let result = std::thread::scope(|scope| {
            let stop = &stop;
            scope.spawn(move || {
                // Ends at once when the other side is gone.
                if wait.recv_timeout(Duration::from_millis(20)) == Err(mpsc::RecvTimeoutError::Timeout) {
                    stop.store(true, Ordering::Relaxed);
                }
            });
            let launch =
                Launch { grid: [2, 1, 1], block: [40, 1, 1], dynamic_shared: 64, params: &params, stop: Some(stop) };
            let result = kernel.launch(&launch);
            drop(ended);
            result
        });
        match result {
            Ok(()) => outcome.ended += 1,
            Err(fault) => {
                assert!(!fault.to_string().is_empty());
                outcome.faulted += u64::from(fault.kind != FaultKind::Stopped);
            }
        }
    }
}

#[test]
fn the_sample_runs() {
    let mut outcome = Outcome::default();
    run(SAMPLE, &mut outcome);
    assert_eq!((outcome.loaded, outcome.ended), (1, 1), "{outcome:?}");
    support::accepted_by_ptxas("sm_90", SAMPLE);
}

/// Words, numbers and marks of a text.
fn words(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '%' | '_' | '$' | '.');
        let length = if is_word(first) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (word, after) = rest.split_at(length);
        all.push(word);
        rest = after;
    }
    all
}

/// Numbers that sizes, offsets and counts are not meant to be.
fn edge(random: &mut Random) -> String {
    let near = random.below(3);
    match random.below(7) {
        0 => near.to_string(),
        1 => (u64::MAX - near).to_string(),
        2 => (i64::MAX as u64 + near).to_string(),
        3 => (u64::from(u32::MAX) - near).to_string(),
        4 => format!("-{}", 1_u64 << random.below(64)),
        5 => (1_u64 << random.below(64)).to_string(),
        _ => format!("0x{:x}", random.next()),
    }
}

fn changed(random: &mut Random, words: &[&str]) -> String {
    let mut all: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    for _ in 0..=random.below(3) {
        let count = all.len() as u64;
        let at = random.below(count) as usize;
        let other = all[random.below(count) as usize].clone();
        match random.below(6) {
            0 => drop(all.remove(at)),
            1 => all.insert(at, other),
            2 => all[at] = other,
            // Words of one sort are exchanged, so that more is loaded.
            3 | 4 => {
                let sort = all[at].chars().next();
                let same: Vec<String> = all.iter().filter(|word| word.chars().next() == sort).cloned().collect();
                all[at] = same[random.below(same.len() as u64) as usize].clone();
            }
            _ => {
                let numbers: Vec<usize> =
                    (0..all.len()).filter(|n| all[*n].starts_with(|c: char| c.is_ascii_digit())).collect();
                all[numbers[random.below(numbers.len() as u64) as usize]] = edge(random);
            }
        }
    }
    all.concat()
}

#[test]
fn changed_words() {
    let words = words(SAMPLE);
    let mut outcome = Outcome::default();
    for seed in seeds() {
        let text = changed(&mut Random::new(seed), &words);
        let started = Instant::now();
        run(&text, &mut outcome);
        assert!(started.elapsed() < Duration::from_secs(10), "seed {seed} takes {:?}", started.elapsed());
    }
    println!("{outcome:?}");
    // Else nothing of interest is run.
    assert!(outcome.ended > 100 && outcome.faulted > 50, "{outcome:?}");
}

#[test]
fn changed_bytes() {
    let mut outcome = Outcome::default();
    for seed in seeds() {
        let mut random = Random::new(seed + 1_000_000);
        let mut bytes = SAMPLE.as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = if random.below(8) == 0 { random.next() as u8 } else { b' ' + random.below(95) as u8 };
        }
        run(&String::from_utf8_lossy(&bytes), &mut outcome);
    }
    println!("{outcome:?}");
}

#[test]
fn texts_that_are_cut_off_are_refused() {
    // What is behind the kernel is debug information.
    let whole = &SAMPLE[..SAMPLE.find(".section").unwrap()].trim_end();
    for length in (0..whole.len()).step_by(7) {
        let mut outcome = Outcome::default();
        run(&whole[..length], &mut outcome);
        // At the end of a definition the text is whole, without the kernel.
        assert_eq!(outcome.ended + outcome.faulted, 0, "{length}");
    }
    // What is nested deeply.
    for text in ["{", "[", "(", ".global .u32 a = {", "{ {", "@"] {
        let items = format!(".visible .entry k() {{ mov.u32 {}", text.repeat(100_000));
        run(&support::module("sm_90", &items), &mut Outcome::default());
        run(&support::module("sm_90", &format!(".global .u32 a = {}", text.repeat(100_000))), &mut Outcome::default());
    }
}
