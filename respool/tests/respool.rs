//! The worker's two halves on kernels that rustc compiles here: the spool step, and code for every target.

mod common;

use common::{assembly, generate, kernels, spool, spool_with};
use geobacter_respool::targets;
use geobacter_spool::{
    descriptor::{FloatingPoint, ParamKind},
    job::{Emit, HIDDEN_BLOCK},
    output::PRINTS_SYMBOL,
};
use object::{Object, ObjectSymbol};

/// Whether code for this target is PTX.
fn is_nvidia(target: &str) -> bool {
    targets::nvptx::NAMES.contains(&target)
}

fn amd() -> &'static [&'static str] {
    targets::amdgpu::NAMES
}

#[test]
fn every_target_takes_ordinary_rust_debug_and_release() {
    for optimise in [false, true] {
        let extracted = spool("plain.rs", optimise);
        let kernels = kernels(&extracted);
        let names: Vec<_> = kernels.iter().map(|kernel| kernel.descriptor.name.as_str()).collect();
        assert_eq!(names, ["described", "ordinary", "panics", "prints", "saxpy"]);
        for kernel in &kernels {
            assert!(kernel.descriptor.file.ends_with("plain.rs"), "{:?}", kernel.descriptor);
            for target in targets::names() {
                let compiled = generate(kernel, target, Emit::CodeObject);
                let resources = compiled.resources.expect("a code object has resources");
                assert_eq!(compiled.bytes.starts_with(b"\x7fELF"), !is_nvidia(target));
                assert_eq!(resources.max_workgroup, 256);
                assert_eq!(resources.dynamic_stack, kernel.descriptor.name == "ordinary", "{target}");
                let asks = |kind: &str| resources.hidden_args.iter().any(|argument| argument.kind == kind);
                let name = &*kernel.descriptor.name;
                let (prints, panics) = (name == "prints", ["ordinary", "panics"].contains(&name));
                assert_eq!(has_symbol(&compiled.bytes, PRINTS_SYMBOL), prints, "{target}");
                if is_nvidia(target) {
                    assert_eq!(asks(HIDDEN_BLOCK), prints || panics, "{target} {name}: {:?}", resources.hidden_args);
                } else {
                    assert_eq!(asks("hidden_hostcall_buffer"), prints, "{target} {name}");
                    assert_eq!(asks("hidden_printf_buffer"), panics, "{target} {name}: {:?}", resources.hidden_args);
                }
            }
        }
    }
}

/// The descriptor's layout is `geobacter_lang`'s, which the test's kernels are compiled with.
#[test]
fn descriptors_are_read_as_they_are_written() {
    for optimise in [false, true] {
        let extracted = spool("plain.rs", optimise);
        let kernel = kernels(&extracted).into_iter().find(|kernel| kernel.descriptor.name == "described");
        let descriptor = kernel.expect("it is there").descriptor;
        assert_eq!((&*descriptor.module, descriptor.dimensions, descriptor.workgroup), ("plain", 1, [256, 1, 1]));
        let source = include_str!("kernels/plain.rs");
        let line = source.lines().position(|line| line.starts_with("kernel!(described")).expect("it is there") + 1;
        assert_eq!(descriptor.line as usize, line);
        let params: Vec<_> = descriptor
            .params
            .iter()
            .map(|param| (param.kind, &*param.name, param.size, param.align, param.element_size))
            .collect();
        assert_eq!(
            params,
            [
                (ParamKind::Scalar, "scalar", 2, 2, 0),
                (ParamKind::In, "input", 16, 8, 4),
                (ParamKind::Out, "output", 16, 8, 1),
                (ParamKind::InOut, "both", 16, 8, 12),
                (ParamKind::Slice, "slice", 16, 8, 16),
                (ParamKind::Function, "function", 0, 1, 0),
                (ParamKind::Lds, "tile", 0, 1, 4),
                (ParamKind::LdsSlice, "launch_sized", 8, 4, 8),
                (ParamKind::Atomics, "counts", 16, 8, 4),
            ]
        );
        let lds: Vec<_> = descriptor.lds.iter().map(|lds| (&*lds.name, &*lds.ty, lds.size, lds.align)).collect();
        assert_eq!(lds, [("tile", "Lds<[f32; 256]>", 1024, 4), ("flags", "Lds<[u8; 3]>", 3, 1)]);
    }
}

/// The id is what every cache goes by.
#[test]
fn the_same_kernel_with_another_floating_point_option_is_another_kernel() {
    let of = |arguments: &[&str]| {
        let kernel = kernels(&spool_with("options.rs", false, arguments)).pop().expect("it is there");
        (kernel.descriptor.fp, kernel.id)
    };
    let (strict, again) = (of(&[]), of(&[]));
    let [contract, fast] = [r#"fp="contract""#, r#"fp="fast""#].map(|option| of(&["--cfg", option]));
    assert_eq!(strict, again, "an id depends on nothing else");
    let options = [FloatingPoint::Strict, FloatingPoint::Contract, FloatingPoint::Fast];
    assert_eq!([strict.0, contract.0, fast.0], options);
    assert!(strict.1 != contract.1 && contract.1 != fast.1 && fast.1 != strict.1);
}

#[test]
fn saxpy_is_what_a_hand_written_kernel_gives() {
    for optimise in [false, true] {
        let extracted = spool("plain.rs", optimise);
        let kernels = kernels(&extracted);
        let saxpy = kernels.iter().find(|kernel| kernel.descriptor.name == "saxpy").expect("saxpy");
        for target in amd() {
            let text = assembly(saxpy, target);
            let code: Vec<&str> = text.lines().take_while(|line| !line.contains("s_endpgm")).collect();
            let any = |what: &str| code.iter().any(|line| line.trim_start().starts_with(what));
            assert!(any("s_load"), "{text}");
            assert!(any("global_load") && any("global_store"), "{text}");
            assert!(!any("flat_") && !any("scratch_") && !any("buffer_"), "{text}");
            assert!(text.contains("plain.rs"), "the code names its source: {text}");
            assert!(code.iter().any(|line| line.trim_start().starts_with(".loc")), "{text}");
            // One comparison: the item against the grid. No check for each element.
            assert_eq!(code.iter().filter(|line| line.contains("v_cmp")).count(), 1, "{text}");
            let resources = generate(saxpy, target, Emit::CodeObject).resources.expect("resources");
            assert_eq!((resources.scratch, resources.lds), (0, 0));
        }
    }
}

/// Whether a code object has this symbol.
fn has_symbol(code_object: &[u8], symbol: &str) -> bool {
    if let Ok(ptx) = std::str::from_utf8(code_object) {
        return ptx.lines().any(|line| line.starts_with(".visible .global") && line.contains(symbol));
    }
    let file = object::File::parse(code_object).expect("an ELF file");
    file.dynamic_symbols().any(|found| found.name() == Ok(symbol))
}

/// The values of messages are read where the panic or the line is: nothing is kept in memory for them.
#[test]
fn messages_with_values_need_no_scratch() {
    for optimise in [false, true] {
        let kernels = kernels(&spool("plain.rs", optimise));
        let with_messages = kernels.iter().filter(|kernel| ["panics", "prints"].contains(&&*kernel.descriptor.name));
        for (kernel, target) in with_messages.flat_map(|kernel| targets::names().into_iter().map(move |t| (kernel, t)))
        {
            let resources = generate(kernel, target, Emit::CodeObject).resources.expect("resources");
            assert_eq!((resources.scratch, resources.dynamic_stack), (0, false), "{target}");
            // No list of arguments, and no formatting.
            let ir = String::from_utf8(generate(kernel, target, Emit::LlvmIr).bytes).expect("text");
            assert!(!ir.contains(" = alloca") && !ir.contains("@__gb_capture"), "{ir}");
        }
    }
}

#[test]
fn ptx_of_saxpy_is_what_a_hand_written_kernel_gives() {
    for optimise in [false, true] {
        let kernels = kernels(&spool("plain.rs", optimise));
        let saxpy = kernels.iter().find(|kernel| kernel.descriptor.name == "saxpy").expect("saxpy");
        for target in targets::nvptx::NAMES {
            let text = assembly(saxpy, target);
            assert!(text.lines().any(|line| line.trim() == format!(".target {target}")), "no debug mode: {text}");
            let any = |what: &str| text.lines().any(|line| line.trim_start().starts_with(what));
            assert!(any("ld.global") && any("st.global") && any("ld.param"), "{text}");
            // Every address is one of global memory, and no value lies on the stack.
            assert!(!any("ld.b32") && !any("st.b32") && !any("ld.local") && !text.contains("__local_depot"), "{text}");
            assert!(text.contains("plain.rs") && any(".loc"), "the code names its source: {text}");
            // What is only read may be read at any time; what the kernel writes, too, may not.
            let loads = |what: &str| text.lines().filter(|line| line.trim_start().starts_with(what)).count();
            assert_eq!((loads("ld.global.nc.b32"), loads("ld.global.b32")), (1, 1), "{text}");
            // One comparison: the item against the grid. No check for each element.
            let comparisons = text.lines().filter(|line| line.trim_start().starts_with("setp")).count();
            assert_eq!(comparisons, 1, "{text}");
            // Strict: a product and a sum are not one operation, and nobody else may make one of them.
            assert!(any("mul.rn.f32") && any("add.rn.f32"), "{text}");
        }
    }
}

#[test]
fn what_no_device_can_do_is_reported_with_the_way_to_it() {
    for optimise in [false, true] {
        let extracted = spool("forbidden.rs", optimise);
        for (kernel, message) in [
            ("prints", "a kernel cannot do input or output"),
            ("allocates", "a kernel cannot allocate memory"),
            ("reads_a_file", "a kernel cannot do input or output"),
            ("inline_assembly", "a kernel cannot use inline assembly"),
            ("calls_c", "a kernel cannot call a foreign function"),
            ("counts", "a kernel cannot use `core::sync::atomic`"),
            ("static_mut", "a kernel cannot use a mutable static"),
            ("thread_local", "a kernel cannot use a thread local"),
            ("dynamic", "a kernel cannot call through a pointer"),
        ] {
            let kernel = format!("forbidden::{kernel}");
            let found: Vec<_> = extracted.diagnostics.iter().filter(|diagnostic| diagnostic.kernel == kernel).collect();
            assert!(found.iter().any(|diagnostic| diagnostic.message == message), "{kernel}: {found:#?}");
            for diagnostic in found {
                let location = diagnostic.location.as_ref().expect("a location");
                assert!(location.file.ends_with("forbidden.rs"), "{diagnostic:#?}");
            }
        }
        let allocates = extracted.diagnostics.iter().filter(|diagnostic| diagnostic.kernel == "forbidden::allocates");
        assert_eq!(allocates.count(), 1, "the vector's destructor is no news");
        let logs = extracted.diagnostics.iter().find(|diagnostic| diagnostic.kernel == "forbidden::prints");
        let path: Vec<_> = logs.into_iter().flat_map(|diagnostic| &diagnostic.path).collect();
        assert!(optimise || path.iter().any(|frame| frame.function == "forbidden::log"), "{path:#?}");
        assert!(extracted.archive.is_empty());
    }
}
