//! The device code bundle: what is written is found again under its key and no other, once, and damage is named.

use geobacter_spool::{
    archive::{ArchiveError, KernelId, Producer},
    bundle::{Bundle, BundleKey, BundledCode, write},
    job::{Instruction, KernelResources},
};

fn producer() -> Producer {
    Producer {
        rustc: "1.95.0".into(),
        llvm: "22.1.2".into(),
        sysroot: "sysroot".into(),
        worker: "bin/cargo-geobacter".into(),
        worker_build: "0123".into(),
    }
}

fn key(symbol: &str, target: &str, checked: bool) -> BundleKey {
    BundleKey { symbol: symbol.into(), target: target.into(), checked }
}

fn resources(symbol: &str) -> KernelResources {
    KernelResources {
        symbol: symbol.into(),
        kernarg_size: 64,
        kernarg_align: 16,
        explicit_kernarg_size: 48,
        hidden_args: Vec::new(),
        lds: 0,
        scratch: 0,
        dynamic_stack: false,
        vgprs: 4,
        agprs: 0,
        sgprs: 16,
        vgpr_spills: 0,
        sgpr_spills: 0,
        wave_size: 64,
        max_workgroup: 64,
        occupancy: 8,
        code_size: 100,
    }
}

/// Bytes that do not compress.
fn noise(seed: u32, length: u32) -> Vec<u8> {
    (0..length).map(|index| ((index + 7919 * seed).wrapping_mul(2_654_435_761) >> 21) as u8).collect()
}

fn instructions(name: &str) -> Vec<Instruction> {
    vec![Instruction { offset: 0, length: 4, text: name.into() }]
}

fn code(key: BundleKey, seed: u32) -> BundledCode {
    let text = (key.target == "gfx942").then(|| (noise(seed, 64), instructions(&format!("s_nop {seed}"))));
    BundledCode {
        kernel: KernelId::of(&key.symbol, b"bitcode"),
        display_name: format!("demo::{}", key.symbol),
        code_object: noise(seed, 5000),
        resources: resources(&format!("{}_{seed}", key.symbol)),
        text,
        key,
    }
}

#[test]
fn code_is_found_under_its_whole_key() {
    let codes = [
        code(key("saxpy", "gfx942", false), 1),
        code(key("saxpy", "gfx942", true), 2),
        code(key("saxpy", "gfx1100", false), 3),
        code(key("map", "gfx942", false), 4),
    ];
    let section = write(&producer(), &codes).expect("written");
    assert_eq!(section, write(&producer(), &codes).expect("written"), "builds are reproducible");
    let bundles = Bundle::read_section(&section).expect("read");
    let [bundle] = &bundles[..] else { panic!("{} bundles", bundles.len()) };
    assert_eq!(bundle.producer(), &producer());
    assert_eq!(bundle.entries().len(), 4);
    for code in &codes {
        let (code_object, resources) = bundle.code(&code.key).expect("read").expect("found");
        assert_eq!((&code_object, resources), (&code.code_object, &code.resources));
    }
    for absent in [key("map", "gfx942", true), key("saxpy", "gfx1100", true), key("sax", "gfx942", false)] {
        assert!(bundle.code(&absent).expect("read").is_none(), "{absent:?}");
    }
    assert_eq!(bundle.text("gfx942", &noise(2, 64)).expect("read"), Some(instructions("s_nop 2")));
    assert_eq!(bundle.text("gfx90a", &noise(2, 64)).expect("read"), None);
    assert_eq!(bundle.text("gfx942", &noise(3, 64)).expect("read"), None);
}

#[test]
fn what_is_the_same_stands_in_it_once() {
    let one = write(&producer(), &[code(key("saxpy", "gfx942", false), 1)]).expect("written").len();
    let both = [code(key("saxpy", "gfx942", false), 1), code(key("saxpy", "gfx942", true), 1)];
    let both = write(&producer(), &both).expect("written").len();
    assert!(both < one + 1000, "{one} and {both}: the code object has 5000 bytes");
}

#[test]
fn damage_and_other_versions_are_named() {
    let good = write(&producer(), &[code(key("saxpy", "gfx942", false), 1)]).expect("written");
    for at in [0, 9, 20, 60, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        let error = Bundle::read_section(&bytes).map(|_| ()).expect_err("damaged").to_string();
        assert!(error.contains("device code bundle") && error.contains("cargo geobacter build"), "{at}: {error}");
    }
    let error = Bundle::read_section(&good[..good.len() - 1]).map(|_| ()).expect_err("cut off");
    assert!(matches!(error, ArchiveError::Truncated { .. }), "{error}");

    // Another runtime: its version stands at the start of the index.
    let mut bytes = good.clone();
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    let at = bytes.windows(version.len()).position(|window| window == version).expect("the version");
    bytes[at] = b'9';
    let (header, body) = bytes.split_at_mut(52);
    header[20..].copy_from_slice(blake3::hash(body).as_bytes());
    let error = Bundle::read_section(&bytes).map(|_| ()).expect_err("another version");
    assert!(matches!(error, ArchiveError::Runtime { .. }), "{error}");
}
