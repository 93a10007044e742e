//! Why there are no devices, in the words that users see. Devices are looked for once in a process, so each case is a
//! process of its own: this test binary, started again with another environment.

use std::{env, process::Command};

use geobacter_runtime_amd::devices;
use hsa_rt_sys::LIBRARY_VARIABLE;

const MARK: &str = "REASON ";

/// Prints the reasons of this process; the other tests start it with their own environment.
#[test]
fn print_reasons() {
    for (source, reason) in &devices().absent {
        println!("{MARK}{source}: {reason}");
    }
}

fn reasons(environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "print_reasons", "--nocapture"]).env_remove("AMDGPU_SIM").env_remove(LIBRARY_VARIABLE);
    let output = command.envs(environment.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text.lines().filter_map(|line| line.find(MARK).map(|at| &line[at..])).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_library_that_is_not_there_or_not_hsa_is_named() {
    let text = reasons(&[(LIBRARY_VARIABLE, "libnobody-has-this.so.1")]);
    assert!(text.contains("AMD GPUs: cannot load the HSA runtime libnobody-has-this.so.1"), "{text}");
    let text = reasons(&[(LIBRARY_VARIABLE, "libc.so.6")]);
    assert!(text.contains("libc.so.6 has no function hsa_init"), "{text}");
}

#[test]
fn what_is_wrong_with_the_simulator_is_said() {
    let text = reasons(&[]);
    assert!(text.contains("simulated AMD GPUs: AMDGPU_SIM is not set; AMDGPU_SIM=gfx942 gives"), "{text}");
    let text = reasons(&[("AMDGPU_SIM", "teapot")]);
    assert!(text.contains("AMDGPU_SIM=teapot: "), "{text}");
    // This test binary was built by plain cargo, so there is no worker to disassemble for the simulator.
    let text = reasons(&[("AMDGPU_SIM", "gfx942")]);
    assert!(text.contains("the simulator cannot be used: this program carries no kernel archive"), "{text}");
}
