//! Fuzzing with fixed seeds: code objects and instructions that nobody meant. None may make the simulator panic, hang or
//! touch memory that is not its own. `GEOBACTER_FUZZ_ROUNDS=n` runs as many rounds, each with other seeds; `fuzz/` looks for
//! more without an end.

#[path = "support/fuzz/mod.rs"]
mod fuzz;

use std::{
    cell::Cell,
    panic,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use fuzz::{
    Random, TARGETS,
    client::{Client, Outcome},
    elf::{Descriptor, Kernel, code_object},
    instructions,
    mutate::mutate,
};

/// The seeds of all rounds, so many in each.
fn seeds(count: u64) -> std::ops::Range<u64> {
    let rounds = std::env::var("GEOBACTER_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    0..count * rounds.unwrap_or(1)
}

/// Code objects with random instructions for each target, and kernels in each of them.
const OBJECTS: u64 = 40;
const KERNELS: usize = 32;
/// Changed code objects for each target.
const CHANGED: u64 = 1500;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("k{n}")).collect()
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static IS_TEST: Cell<bool> = const { Cell::new(false) };
}

/// Counts panics of the simulator's threads; those of a test fail it anyway.
fn notice_panics() {
    static HOOK: OnceLock<()> = OnceLock::new();
    IS_TEST.set(true);
    HOOK.get_or_init(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_TEST.get() {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            before(info);
        }));
    });
}

fn sum(total: &mut Outcome, one: Outcome) {
    total.loaded |= one.loaded;
    total.ended += one.ended;
    total.faulted += one.faulted;
}

fn random_instructions(gpu: usize) {
    notice_panics();
    let mut total = Outcome::default();
    let known = instructions::known(&mut Random::new(gpu as u64 + 1), gpu, 20_000);
    println!("{}: {} instructions", TARGETS[gpu], known.len());
    for seed in seeds(OBJECTS) {
        let mut random = Random::new(seed * 5 + gpu as u64 + 1);
        let kernels: Vec<Kernel> = (0..KERNELS).map(|_| instructions::kernel(&mut random, gpu, &known)).collect();
        sum(&mut total, Client::get().run(gpu, &code_object(TARGETS[gpu], &kernels), &names(KERNELS)));
        assert_eq!(PANICS.load(Ordering::Relaxed), 0, "the simulator panics with seed {seed}");
    }
    println!("{}: {} kernels ended, {} faulted", TARGETS[gpu], total.ended, total.faulted);
    // Else nothing of interest is run.
    assert!(total.ended > 100 && total.faulted > 100, "{total:?}");
}

macro_rules! for_each_target {
    ($( $gpu:literal: $instructions:ident $objects:ident; )*) => { $(
        #[test]
        fn $instructions() {
            random_instructions($gpu);
        }

        #[test]
        fn $objects() {
            changed_code_objects($gpu);
        }
    )* };
}

for_each_target! {
    0: random_instructions_on_gfx90a changed_code_objects_on_gfx90a;
    1: random_instructions_on_gfx942 changed_code_objects_on_gfx942;
    2: random_instructions_on_gfx1030 changed_code_objects_on_gfx1030;
    3: random_instructions_on_gfx1100 changed_code_objects_on_gfx1100;
    4: random_instructions_on_gfx1201 changed_code_objects_on_gfx1201;
}

/// A code object with two kernels that end at once.
fn valid(gpu: usize) -> Vec<u8> {
    let kernel = Kernel { descriptor: Descriptor::default(), code: vec![instructions::end(TARGETS[gpu])] };
    code_object(TARGETS[gpu], &[kernel.clone(), kernel])
}

fn changed_code_objects(gpu: usize) {
    notice_panics();
    let whole = valid(gpu);
    let outcome = Client::get().run(gpu, &whole, &names(2));
    assert!(outcome.loaded && outcome.ended == 2, "{}", amdgpu_sim::last_error().unwrap_or_default());
    let mut loaded = 0;
    let cases = seeds(CHANGED);
    for seed in cases.clone() {
        let mut random = Random::new(seed * 7 + gpu as u64 + 1);
        let mut changed = whole.clone();
        mutate(&mut random, &mut changed);
        let started = Instant::now();
        loaded += u64::from(Client::get().run(gpu, &changed, &names(2)).loaded);
        assert_eq!(PANICS.load(Ordering::Relaxed), 0, "the simulator panics with seed {seed}");
        assert!(started.elapsed() < Duration::from_secs(20), "seed {seed} takes {:?}", started.elapsed());
    }
    println!("{}: {loaded} of {} changed code objects are loaded", TARGETS[gpu], cases.end);
    assert!(loaded > 0 && loaded < cases.end);
}

#[test]
fn cut_off_code_objects_are_refused() {
    notice_panics();
    let whole = valid(1);
    for length in (0..whole.len()).filter(|n| *n < 1024 || n % 61 == 0 || *n + 1024 > whole.len()) {
        let outcome = Client::get().run(1, &whole[..length], &names(2));
        assert!(!outcome.loaded, "{length} of {} bytes are loaded", whole.len());
    }
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
}

/// Descriptors of which one field is at an edge.
#[test]
fn descriptors_that_ask_for_too_much_are_refused() {
    notice_panics();
    let plain = Descriptor::default();
    for (gpu, target) in TARGETS.into_iter().enumerate() {
        let code = vec![instructions::end(target)];
        let mut kernels = Vec::new();
        for bit in 0..32 {
            let wild = 1_u32 << bit;
            for value in [wild, wild - 1, !wild] {
                let all = [
                    Descriptor { group_segment: value, ..plain },
                    Descriptor { private_segment: value, ..plain },
                    Descriptor { kernarg: value, ..plain },
                    Descriptor { entry: i64::from(value as i32), ..plain },
                    Descriptor { entry: i64::MIN >> bit, ..plain },
                    Descriptor { rsrc1: value, ..plain },
                    Descriptor { rsrc2: value, ..plain },
                    Descriptor { properties: value as u16, ..plain },
                    Descriptor { preload: value as u16, ..plain },
                ];
                kernels.extend(all.map(|descriptor| Kernel { descriptor, code: code.clone() }));
            }
        }
        for part in kernels.chunks(256) {
            let outcome = Client::get().run(gpu, &code_object(target, part), &names(part.len()));
            assert_eq!(outcome.ended + outcome.faulted, part.len());
        }
    }
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
}

/// A code object of which the executable segment says that it is larger in memory than what the file has of it.
#[test]
fn code_that_the_file_does_not_have_is_not_decoded() {
    notice_panics();
    let mut file = valid(1);
    // `p_memsz` of the second segment.
    file[64 + 56 + 40..][..8].copy_from_slice(&(1_u64 << 29).to_le_bytes());
    let started = Instant::now();
    let outcome = Client::get().run(1, &file, &names(2));
    assert!(outcome.loaded && outcome.ended == 2, "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(10), "it takes {:?}", started.elapsed());
}

/// Two executable segments, the second one far behind the first.
#[test]
fn code_with_a_gap_is_refused() {
    notice_panics();
    let mut file = valid(1);
    file[64 + 4..][..4].copy_from_slice(&5_u32.to_le_bytes());
    file[64 + 56 + 16..][..8].copy_from_slice(&(1_u64 << 29).to_le_bytes());
    let started = Instant::now();
    assert!(!Client::get().run(1, &file, &names(2)).loaded);
    assert!(started.elapsed() < Duration::from_secs(10), "it takes {:?}", started.elapsed());
}
