//! `cargo geobacter sim`: a C program that knows nothing of Geobacter sees simulated agents, and its exit code comes back.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// Prints the name of each agent, and exits with the number of its arguments.
const PROGRAM: &str = r#"
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
typedef struct { uint64_t handle; } agent_t;
static int (*get_info)(agent_t, int, void *);
static int show(agent_t agent, void *data) {
    char name[64] = "";
    get_info(agent, 0, name);
    return puts(name) < 0;
}
int main(int argc, char **argv) {
    void *library = dlopen("libhsa-runtime64.so.1", RTLD_NOW);
    if (!library) return puts(dlerror()), 100;
    int (*init)(void) = (int (*)(void))dlsym(library, "hsa_init");
    int (*agents)(int (*)(agent_t, void *), void *) = (int (*)(int (*)(agent_t, void *), void *))dlsym(library, "hsa_iterate_agents");
    get_info = (int (*)(agent_t, int, void *))dlsym(library, "hsa_agent_get_info");
    if (init() || agents(show, 0)) return 101;
    return argc - 1;
}
"#;

fn sim(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-geobacter"));
    command.args(["geobacter", "sim"]).args(arguments).env_remove("AMDGPU_SIM");
    command.output().expect("cargo-geobacter starts")
}

/// The program, if there is a C compiler.
fn program(folder: &Path) -> Option<String> {
    let (source, program) = (folder.join("agents.c"), folder.join("agents"));
    fs::write(&source, PROGRAM).expect("the folder can be written");
    match Command::new("cc").arg(&source).arg("-o").arg(&program).arg("-ldl").output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(program.to_str().expect("the path is UTF-8").to_owned())
        }
        Err(error) => {
            assert!(std::env::var_os("GEOBACTER_REQUIRE_TOOLS").is_none(), "no C compiler: {error}");
            println!("skipped: no C compiler: {error}");
            None
        }
    }
}

#[test]
fn a_program_sees_the_devices_that_were_asked_for() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let Some(program) = program(folder.path()) else { return };
    let names = |output: &Output| -> Vec<String> {
        String::from_utf8_lossy(&output.stdout).lines().skip(1).map(str::to_owned).collect()
    };
    let output = sim(&["--device", "gfx1100x2,gfx942", "--", &program, "--one", "two"]);
    assert_eq!(
        (names(&output), output.status.code()),
        (vec!["gfx1100".into(), "gfx1100".into(), "gfx942".into()], Some(2))
    );
    let output = sim(&[&program]);
    assert_eq!((names(&output), output.status.code()), (vec!["gfx90a".to_owned()], Some(0)), "{output:?}");
}

#[test]
fn what_cannot_be_run_is_named() {
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let output = sim(&["--device", "gfx906", "--", "true"]);
    assert!(output.status.code() == Some(2) && said(&output).contains("gfx1201"), "{output:?}");
    let output = sim(&["--", "./no such program"]);
    assert!(output.status.code() == Some(1) && said(&output).contains("cannot run `./no such program`"), "{output:?}");
    assert_eq!(sim(&[]).status.code(), Some(2));
}
