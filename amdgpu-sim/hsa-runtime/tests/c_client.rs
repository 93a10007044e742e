//! A client in C, compiled by the system's compiler against AMD's own headers: the bindings say what the headers say, and
//! the library does what the client asks of it.

mod support;

use std::{fmt::Write, fs, process::Command};

use support::{LIBRARY, Surroundings, have, passes, run, source};

const HEADER: &str = "/usr/include/hsa/hsa_ext_amd.h";
const BINDINGS: &str = include_str!("../../../runtime-amd/hsa-rt-sys/src/bindings.rs");

/// The text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

/// How C names a type of the bindings. `None` for what has no name there.
fn c_type(name: &str) -> Option<String> {
    if name.contains("__bindgen") {
        return None;
    }
    Some(if name.ends_with("_s") { format!("struct {name}") } else { name.to_owned() })
}

/// What the bindings say of constants, sizes and offsets, as assertions in C; and how many of each.
fn assertions() -> (String, [usize; 3]) {
    let mut text = String::new();
    let [mut constants, mut sizes, mut offsets] = [0; 3];
    for line in BINDINGS.lines() {
        let Some(constant) = line.strip_prefix("pub const ") else { continue };
        let (Some((name, _)), Some(value)) = (constant.split_once(':'), between(constant, "= ", ";")) else { continue };
        if value.parse::<i64>().is_ok() || value.parse::<u64>().is_ok() {
            constants += 1;
            // Both sides in 64 bits: the bindings have enumerations as unsigned, the headers some as signed.
            writeln!(text, "_Static_assert((long long)({name}) == (long long)({value}ull), \"{name}\");").unwrap();
        }
    }
    // Each test that bindgen writes says of one type what the Rust side has, and fails there if it has not.
    for test in BINDINGS.split("fn bindgen_test_layout_").skip(1) {
        let (Some(name), Some(size)) =
            (between(test, "size_of::<", ">()"), between(test, ">(),", "usize").map(str::trim))
        else {
            continue;
        };
        let Some(c_name) = c_type(name) else { continue };
        sizes += 1;
        writeln!(text, "_Static_assert(sizeof({c_name}) == {size}, \"{name}\");").unwrap();
        for field in test.split("fn test_field_").skip(1) {
            let field_name = between(field, "(*ptr).", ")").unwrap();
            let offset = between(field, "- ptr as usize\n            },\n", "usize").unwrap().trim();
            if field_name.contains("__bindgen") {
                continue;
            }
            offsets += 1;
            let field_name = if field_name == "type_" { "type" } else { field_name };
            writeln!(text, "_Static_assert(offsetof({c_name}, {field_name}) == {offset}, \"{name}.{field_name}\");")
                .unwrap();
        }
    }
    (text, [constants, sizes, offsets])
}

#[test]
fn the_bindings_are_what_the_headers_say() {
    if !have(&["cc", HEADER]) {
        return;
    }
    let (assertions, counts) = assertions();
    // If bindgen comes to write other text, nothing must be compared with nothing.
    assert!(counts[0] > 600 && counts[1] > 50 && counts[2] > 250, "{counts:?}");
    let surroundings = Surroundings::new();
    let file = surroundings.path("abi.c");
    let includes = fs::read_to_string(source("../../../runtime-amd/hsa-rt-sys/wrapper.h")).unwrap();
    fs::write(&file, format!("#include <stddef.h>\n{includes}\n{assertions}")).unwrap();
    run(Command::new("cc").args(["-std=gnu11", "-fsyntax-only"]).arg(file));
}

#[test]
fn the_client_passes() {
    let needs = ["cc", HEADER, "/usr/bin/clang-22", "/usr/bin/ld.lld-22"];
    if !have(&needs) {
        return;
    }
    let surroundings = Surroundings::new();
    let (object, code, client) =
        (surroundings.path("kernels.o"), surroundings.path("kernels.co"), surroundings.path("client"));
    run(Command::new("clang-22")
        .args(["-x", "cl", "-cl-std=CL2.0", "-target", "amdgcn-amd-amdhsa", "-mcpu=gfx90a", "-nogpulib", "-O2"])
        .args(["-fvisibility=default", "-c"])
        .arg(source("c/kernels.cl"))
        .arg("-o")
        .arg(&object));
    run(Command::new("ld.lld-22").arg("-shared").arg(object).arg("-o").arg(&code));
    let parts = ["client", "information", "signals", "memory", "queues", "code", "refusals"];
    run(Command::new("cc")
        .args(["-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror"])
        .args(parts.map(|part| source("c").join(format!("{part}.c"))))
        .arg(surroundings.path(LIBRARY))
        .args(["-lpthread", "-o"])
        .arg(&client));
    passes(surroundings.command(client, "gfx90a,gfx942").arg(code));
}

#[test]
fn every_function_of_the_systems_library_is_exported_with_its_version() {
    let system = "/usr/lib/x86_64-linux-gnu/libhsa-runtime64.so.1";
    if !have(&["nm", system]) {
        return;
    }
    let functions = |library: &std::path::Path| -> Vec<String> {
        let output = run(Command::new("nm").args(["-D", "--defined-only"]).arg(library));
        let text = String::from_utf8(output.stdout).unwrap();
        let names = text.lines().filter_map(|line| line.split_once(" T ")).map(|(_, name)| name.to_owned());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("hsa_")).collect();
        names.sort();
        names
    };
    let expected = functions(system.as_ref());
    assert!(expected.len() > 200 && expected.iter().all(|name| name.ends_with("@@ROCR_1")), "{expected:?}");
    assert_eq!(functions(&support::built_library()), expected);
}
