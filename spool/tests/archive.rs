//! The kernel archive: what is written is read back, and damage is named.

use geobacter_spool::{
    archive::{Archive, ArchiveError, FORMAT_VERSION, Kernel, KernelId, Producer, write},
    descriptor::{FloatingPoint, KernelDescriptor, LdsDescriptor, ParamDescriptor, ParamKind},
};
use proptest::prelude::*;

fn producer() -> Producer {
    Producer {
        rustc: "1.95.0".into(),
        llvm: "22.1.2".into(),
        sysroot: "sysroot".into(),
        worker: "bin/cargo-geobacter".into(),
        worker_build: "0123".into(),
    }
}

fn kernel(symbol: &str, bitcode: Vec<u8>) -> Kernel {
    Kernel {
        id: KernelId::of(symbol, &bitcode),
        symbol: symbol.into(),
        display_name: format!("demo::{symbol}"),
        descriptor: KernelDescriptor {
            name: symbol.into(),
            module: "demo".into(),
            file: "src/main.rs".into(),
            line: 3,
            column: 4,
            dimensions: 2,
            workgroup: [16, 8, 1],
            params: vec![ParamDescriptor {
                name: "x".into(),
                ty: "In<f32>".into(),
                kind: ParamKind::In,
                size: 16,
                align: 8,
                element_size: 4,
            }],
            lds: vec![LdsDescriptor { name: "tile".into(), ty: "Lds<[f32; 256]>".into(), size: 1024, align: 4 }],
            fp: FloatingPoint::Contract,
        },
        bitcode,
    }
}

fn archive() -> Vec<u8> {
    write(&producer(), &[kernel("saxpy", vec![7; 3000]), kernel("map", (0..=255).collect())]).expect("written")
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(modules in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2000), 0..6)) {
        let kernels: Vec<Kernel> =
            modules.into_iter().enumerate().map(|(i, bitcode)| kernel(&format!("k{i}"), bitcode)).collect();
        let bytes = write(&producer(), &kernels).expect("written");
        prop_assert_eq!(&bytes, &write(&producer(), &kernels).expect("written"), "builds are reproducible");
        let archives = Archive::read_section(&bytes).expect("read");
        prop_assert_eq!(archives.len(), 1);
        prop_assert_eq!(archives[0].producer(), &producer());
        let read: Vec<Kernel> = archives[0].kernels().map(|kernel| kernel.expect("read")).collect();
        prop_assert_eq!(&read, &kernels);
        for kernel in &kernels {
            prop_assert_eq!(archives[0].kernel(&kernel.symbol).expect("read"), Some(kernel.clone()));
        }
        prop_assert_eq!(archives[0].kernel("no such kernel").expect("read"), None);
    }

    #[test]
    fn a_flipped_bit_is_found(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut bytes = archive();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Archive::read_section(&bytes).is_err());
    }

    #[test]
    fn foreign_bytes_are_refused_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if bytes.iter().any(|&byte| byte != 0) {
            prop_assert!(Archive::read_section(&bytes).is_err());
        }
    }
}

#[test]
fn several_archives_follow_each_other_with_padding() {
    let mut section = vec![0; 16];
    for padding in [0, 3, 16] {
        section.extend(archive());
        section.extend(vec![0; padding]);
    }
    assert_eq!(Archive::read_section(&section).expect("read").len(), 3);
    assert_eq!(Archive::read_section(&[]).expect("read").len(), 0);
    assert_eq!(Archive::read_section(&[0; 40]).expect("read").len(), 0);
}

#[test]
fn every_truncation_is_named() {
    let bytes = archive();
    for length in 1..bytes.len() {
        let error = Archive::read_section(&bytes[..length]).map(|_| ()).expect_err("too short");
        assert!(matches!(error, ArchiveError::Truncated { .. }), "{length}: {error}");
        assert!(error.to_string().contains("cargo geobacter build"), "{error}");
    }
}

#[test]
fn another_version_is_named() {
    let mut bytes = archive();
    bytes[8] = 99;
    let error = Archive::read_section(&bytes).map(|_| ()).expect_err("another version");
    assert_eq!(error, ArchiveError::Version { what: "kernel archive", found: 99, expected: FORMAT_VERSION });
}

#[test]
fn the_id_depends_on_name_and_bitcode() {
    let id = KernelId::of("ab", b"c");
    assert_ne!(id, KernelId::of("a", b"bc"));
    assert_ne!(id, KernelId::of("ab", b"d"));
    assert_eq!(id, KernelId::of("ab", b"c"));
    assert_eq!(id.to_string().len(), 64);
    assert!(id.to_string().starts_with(&id.short()));
}
