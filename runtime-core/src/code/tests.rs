//! Caches and lookup, without a worker process: what would be asked of it is answered here.

use std::{
    cell::Cell,
    sync::{
        Barrier,
        atomic::{AtomicU32, AtomicUsize},
    },
    thread,
};

use geobacter_spool::{
    archive::{self as format, Kernel, KernelId},
    bundle::{self as bundle_format, Bundle, BundledCode},
    descriptor::{FloatingPoint, KernelDescriptor},
    job::Emit,
};

use super::*;
use crate::driver::CodeTarget;

fn producer(rustc: &str) -> Producer {
    Producer {
        rustc: rustc.into(),
        llvm: "22.1.2".into(),
        sysroot: "sysroot".into(),
        worker: "worker".into(),
        worker_build: "a1b2".into(),
    }
}

fn kernel(symbol: &str, bitcode: &[u8]) -> Kernel {
    let descriptor = KernelDescriptor {
        name: "saxpy".into(),
        module: "demo".into(),
        file: "src/main.rs".into(),
        line: 1,
        column: 1,
        dimensions: 1,
        workgroup: [64, 1, 1],
        params: Vec::new(),
        lds: Vec::new(),
        fp: FloatingPoint::Strict,
    };
    Kernel {
        id: KernelId::of(symbol, bitcode),
        symbol: symbol.into(),
        display_name: "demo::saxpy".into(),
        descriptor,
        bitcode: bitcode.into(),
    }
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

#[test]
fn the_disk_cache_is_asked_first_and_tells_everything_apart() {
    let folder = tempfile::tempdir().unwrap();
    let cache = DiskCache::at(folder.path());
    let compiled = Cell::new(0);
    let ask = |producer: &Producer, kernel: Kernel, target: &str| {
        let bitcode = kernel.bitcode.clone();
        let code = cached(producer, &CodeRequest::new(kernel, target, false, &[]), Some(&cache), |job| {
            compiled.set(compiled.get() + 1);
            assert_eq!((job.bitcode, job.target.as_str(), job.emit), (bitcode, target, Emit::CodeObject));
            let bytes = format!("{target}:{}", job.export).into_bytes();
            Ok(CompiledKernel { bytes, resources: Some(resources(&job.export)) })
        });
        (code.unwrap(), compiled.get())
    };
    let (new, old) = (producer("1.95.0"), producer("1.94.0"));
    let (first, calls) = ask(&new, kernel("_entry", b"one"), "gfx942");
    let export = format!("saxpy_{}", KernelId::of("_entry", b"one").short());
    assert_eq!((&*first.code_object, calls), (format!("gfx942:{export}").as_bytes(), 1));
    let (again, calls) = ask(&new, kernel("_entry", b"one"), "gfx942");
    assert_eq!((&again.code_object, &again.resources, calls), (&first.code_object, &first.resources, 1));
    // Another target, another body, another instance, another compiler.
    assert_eq!(ask(&new, kernel("_entry", b"one"), "gfx1100").1, 2);
    assert_eq!(ask(&new, kernel("_entry", b"two"), "gfx942").1, 3);
    assert_eq!(ask(&new, kernel("_other", b"one"), "gfx942").1, 4);
    assert_eq!(ask(&old, kernel("_entry", b"one"), "gfx942").1, 5);
    // Other constants, by their bytes.
    let specialised = |constants: &[u8]| {
        let request = CodeRequest::new(kernel("_entry", b"one"), "gfx942", false, constants);
        let code = cached(&new, &request, Some(&cache), |job| {
            compiled.set(compiled.get() + 1);
            Ok(CompiledKernel { bytes: job.constants, resources: Some(resources(&job.export)) })
        });
        (code.unwrap().code_object.to_vec(), compiled.get())
    };
    for (constants, calls) in [([1, 0], 6), ([0, 1], 7), ([1, 0], 7)] {
        assert_eq!(specialised(&constants), (constants.to_vec(), calls));
    }
}

#[test]
fn a_failure_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let cache = DiskCache::at(folder.path());
    for _ in 0..2 {
        let kernel = kernel("_entry", b"one");
        let error = cached(&producer("1.95.0"), &CodeRequest::new(kernel, "gfx942", false, &[]), Some(&cache), |_| {
            Err(WorkerError::Failed("no".into()).into())
        });
        assert_eq!(error.unwrap_err().to_string(), "no");
    }
    let none = Ok(CompiledKernel { bytes: vec![1], resources: None });
    let kernel = kernel("_entry", b"one");
    let error =
        cached(&producer("1.95.0"), &CodeRequest::new(kernel, "gfx942", false, &[]), None, |_| none).unwrap_err();
    assert!(matches!(error, CodeError::NoResources));
}

#[test]
fn a_kernel_is_found_in_any_archive_and_under_the_name_that_thin_lto_gives_it() {
    let kernels = |symbols: &[&str]| symbols.iter().map(|symbol| kernel(symbol, b"body")).collect::<Vec<_>>();
    let mut section = format::write(&producer("a"), &kernels(&["_a", "_b"])).unwrap();
    section.extend([0; 5]);
    section.extend(format::write(&producer("b"), &kernels(&["_c.d"])).unwrap());
    let archives = Archive::read_section(&section).unwrap();
    for (asked, producer, found) in [("_b", "a", "_b"), ("_c.d", "b", "_c.d"), ("_a.llvm.1234567890", "a", "_a")] {
        let (archive, kernel) = archive::find(&archives, asked).unwrap().unwrap();
        assert_eq!((archive.producer().rustc.as_str(), kernel.symbol.as_str()), (producer, found));
    }
    assert!(archive::find(&archives, "_c").unwrap().is_none());
}

#[test]
fn a_program_of_plain_cargo_has_no_archive() {
    assert!(archive::is_empty());
    assert!(matches!(worker("gfx942"), Err(CodeError::NoArchive)));
    assert!(matches!(compiler_version(), Err(CodeError::NoArchive)));
}

#[test]
fn all_kernels_are_prepared_once_but_those_that_the_program_carries() {
    let names: Vec<String> = (0..40).map(|i| format!("_prepared{i}")).collect();
    // Code of other runs in the disk cache must not be taken for it.
    let body = format!("{:?}", std::time::SystemTime::now());
    let kernels: Vec<Kernel> = names.iter().map(|name| kernel(name, body.as_bytes())).collect();
    let archive = format::write(&producer("p"), &kernels).unwrap();
    let archive = Archive::read_section(&archive).unwrap().remove(0);
    let carried = BundledCode {
        key: BundleKey { symbol: names[7].clone(), target: "gfx942".into(), checked: false },
        kernel: kernels[7].id,
        display_name: "demo::saxpy".into(),
        code_object: vec![1],
        resources: resources("carried"),
        text: None,
    };
    let section = bundle_format::write(&producer("p"), &[carried]).unwrap();
    let bundles = Bundle::read_section(&section).unwrap();
    let compiled = AtomicUsize::new(0);
    let prepare = |isa: &str, checked: bool, fails: Option<&str>| {
        let target = CodeTarget { isa, checked };
        prepared::prepare_archive(&archive, &bundles, target, |(): &mut (), job: CompileJob| {
            if fails == Some(&job.entry) {
                return Err(WorkerError::Failed("no".into()).into());
            }
            compiled.fetch_add(1, Ordering::Relaxed);
            let bytes = format!("{} for {}", job.entry, job.target).into_bytes();
            Ok(CompiledKernel { bytes, resources: Some(resources(&job.export)) })
        })
    };
    prepare("gfx942", false, None).unwrap();
    assert_eq!(compiled.load(Ordering::Relaxed), 39);
    prepare("gfx942", false, None).unwrap();
    assert_eq!(compiled.load(Ordering::Relaxed), 39, "nothing is left to do");
    prepare("gfx942", true, None).unwrap();
    assert_eq!(compiled.load(Ordering::Relaxed), 79, "what is carried is for the other mode");
    for (i, name) in names.iter().enumerate() {
        let key = BundleKey { symbol: name.clone(), target: "gfx942".into(), checked: false };
        let code = prepared::find(&key).map(|code| code.code_object.to_vec());
        assert_eq!(code, (i != 7).then(|| format!("{name} for gfx942").into_bytes()));
    }
    let (kernel, error) = prepare("gfx90a", false, Some(&names[3])).unwrap_err();
    assert_eq!((kernel, error.to_string().as_str()), ("demo::saxpy", "no"));
}

#[test]
fn threads_load_a_kernel_once_for_each_device() {
    let record = AtomicPtr::default();
    let loads = AtomicU32::new(0);
    let start = Barrier::new(8);
    let sum = AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..8 {
            let (record, loads, start, sum) = (&record, &loads, &start, &sum);
            scope.spawn(move || {
                start.wait();
                for round in 0..300 {
                    let device = 1 + (thread + round) % 3;
                    let kernel = Loaded::of(record).get_or_load(device, &[], |_| {
                        loads.fetch_add(1, Ordering::Relaxed);
                        Ok::<LoadedKernel, ()>(Arc::new(device))
                    });
                    let kernel = kernel.unwrap();
                    assert_eq!(kernel.downcast_ref(), Some(&device));
                    sum.fetch_add(device, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!((loads.into_inner(), sum.into_inner()), (3, 8 * 600));
}

#[test]
fn variants_are_told_apart_and_bounded() {
    let record = AtomicPtr::default();
    let table = Loaded::of(&record);
    let loads = Cell::new(0);
    let get = |device: usize, value: u32| -> Vec<u8> {
        let kernel = table.get_or_load(device, &value.to_le_bytes(), |constants| {
            loads.set(loads.get() + 1);
            Ok::<LoadedKernel, ()>(Arc::new(constants.to_vec()))
        });
        kernel.unwrap().downcast_ref::<Vec<u8>>().unwrap().clone()
    };
    for _ in 0..2 {
        for value in 0..MAX_VARIANTS as u32 {
            assert_eq!(get(1, value), value.to_le_bytes());
        }
        assert_eq!(loads.get(), MAX_VARIANTS);
    }
    // From here on one code does for all of them, and what was there stays.
    for value in 1000..2000 {
        assert!(get(1, value).is_empty());
    }
    assert_eq!((get(1, 7), loads.get()), (7u32.to_le_bytes().to_vec(), MAX_VARIANTS + 1));
    assert_eq!((get(2, 1000), loads.get()), (1000u32.to_le_bytes().to_vec(), MAX_VARIANTS + 2));
}

#[test]
fn what_does_not_load_is_tried_again() {
    let record = AtomicPtr::default();
    let table = Loaded::of(&record);
    assert_eq!(table.get_or_load(1, &[], |_| Err("no")).unwrap_err(), "no");
    assert!(table.get_or_load(1, &[], |_| Ok::<LoadedKernel, ()>(Arc::new(5u8))).is_ok());
    let kernel = Loaded::of(&record).get_or_load(1, &[], |_| Err("not asked")).unwrap();
    assert_eq!(kernel.downcast_ref(), Some(&5u8));
}
