//! Why there are no devices, in the words that users see. Devices are looked for once in a process, so each case is a process of its
//! own: this test binary, started again with another environment.

use std::{env, path::Path, process::Command};

use geobacter_cuda_driver::LIBRARY_VARIABLE;
use geobacter_runtime_cuda::{CONTROL, KernelDriverError, SIMULATOR_VARIABLE, devices, diagnose};

const MARK: &str = "REASON ";

/// Prints devices and reasons of this process; the other tests start it with their own environment.
#[test]
fn print_reasons() {
    for device in devices().devices() {
        println!("{MARK}{}: {} for {}", device.id(), device.info().name, device.info().isa);
    }
    for (source, reason) in &devices().absent {
        println!("{MARK}{source}: {reason}");
    }
}

fn reasons(environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "print_reasons", "--nocapture"]);
    command.env_remove(SIMULATOR_VARIABLE).env_remove(LIBRARY_VARIABLE);
    let output = command.envs(environment.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text.lines().filter_map(|line| line.find(MARK).map(|at| &line[at..])).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_library_that_is_not_there_or_no_driver_is_named() {
    let text = reasons(&[(LIBRARY_VARIABLE, "libnobody-has-this.so.1")]);
    assert!(text.contains("NVIDIA GPUs: cannot load the CUDA driver libnobody-has-this.so.1"), "{text}");
    let text = reasons(&[(LIBRARY_VARIABLE, "libc.so.6")]);
    assert!(text.contains("libc.so.6 has no function cuInit"), "{text}");
}

#[test]
fn the_simulator_is_asked_for_by_its_variable() {
    let text = reasons(&[]);
    assert!(text.contains("simulated NVIDIA GPUs: PTX_SIM is not set; PTX_SIM=sm_90 gives"), "{text}");
    let text = reasons(&[(SIMULATOR_VARIABLE, "teapot")]);
    assert!(text.contains("simulated NVIDIA GPUs: the simulator cannot be used: PTX_SIM=teapot: "), "{text}");
    let text = reasons(&[(SIMULATOR_VARIABLE, "sm_90x2,sm_80")]);
    for device in ["sim:sm_90: ", "sim:sm_90:1: ", "sim:sm_80: "] {
        assert!(text.contains(&format!("{MARK}{device}")), "{text}");
    }
    assert!(!text.contains("simulated NVIDIA GPUs"), "{text}");
}

#[test]
fn a_driver_that_is_too_old_is_told_with_what_is_needed() {
    let text = reasons(&[(SIMULATOR_VARIABLE, "sm_70;driver=11.8")]);
    assert!(
        text.contains(
            "simulated NVIDIA GPUs: the CUDA driver is for CUDA 11.8, CUDA 12.0 is needed; install a newer driver"
        ),
        "{text}"
    );
}

#[test]
fn a_card_that_is_too_old_is_named_and_the_others_are_there() {
    let text = reasons(&[(SIMULATOR_VARIABLE, "sm_61,sm_75")]);
    assert!(text.contains("sim:sm_75: ") && text.contains(" for sm_75"), "{text}");
    let line = text.lines().find(|line| line.contains("sim:sm_61")).unwrap();
    assert!(line.contains("simulated NVIDIA GPUs: sim:sm_61 (") && line.contains("GTX 1080"), "{line}");
    assert!(line.contains("has compute capability 6.1; 7.0 (Volta) or higher is needed"), "{line}");
}

#[test]
fn a_diagnosis_tells_library_and_kernel_driver_apart() {
    match diagnose().kernel_driver {
        Ok(()) => assert!(Path::new(CONTROL).exists()),
        Err(KernelDriverError::Missing) => assert!(!Path::new(CONTROL).exists()),
        Err(other) => assert!(other.to_string().contains(CONTROL), "{other}"),
    }
}
