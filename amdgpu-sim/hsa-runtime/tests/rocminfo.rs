//! `rocminfo`, as the system has it, lists the simulated agents. What it asks the system before it asks HSA anything is
//! answered by a small library that is preloaded.

mod support;

use std::process::Command;

use support::{Surroundings, end, have, run, source};

#[test]
fn agents_are_listed() {
    if !have(&["rocminfo", "cc"]) {
        return;
    }
    let surroundings = Surroundings::new();
    let stub = surroundings.path("driver_is_there.so");
    run(Command::new("cc")
        .args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&stub)
        .arg(source("rocminfo/driver_is_there.c"))
        .arg("-ldl"));
    let devices = "gfx90a,gfx942x2,gfx1030,gfx1100,gfx1201";
    let ended = end(surroundings.command("rocminfo", devices).env("LD_PRELOAD", stub));
    assert!(ended.code == Some(0) && ended.stderr.is_empty(), "{ended:#?}");
    let value = |line: &str, key: &str| line.trim().strip_prefix(key).map(|rest| rest.trim().to_owned());
    let values = |key: &str| ended.stdout.lines().filter_map(|line| value(line, key)).collect::<Vec<_>>();

    // An agent's name, or that of its ISA, whichever line it is.
    let names = values("Name:");
    let isa = |target: &str, features: &str| vec![target.to_owned(), format!("amdgcn-amd-amdhsa--{target}{features}")];
    let cdna = ":sramecc+:xnack-";
    let expected = [
        isa("gfx90a", cdna),
        isa("gfx942", cdna),
        isa("gfx942", cdna),
        isa("gfx1030", ""),
        isa("gfx1100", ""),
        isa("gfx1201", ""),
    ];
    assert_eq!(names[1..], expected.concat(), "{}", ended.stdout);
    assert_eq!(values("Marketing Name:")[1..3], ["AMD Instinct MI250X", "AMD Instinct MI300X"]);
    assert_eq!(values("Device Type:"), ["CPU", "GPU", "GPU", "GPU", "GPU", "GPU", "GPU"]);
    assert_eq!(values("Wavefront Size:"), ["64(0x40)", "64(0x40)", "64(0x40)", "32(0x20)", "32(0x20)", "32(0x20)"]);
    assert_eq!(values("Compute Unit:")[1..], ["110", "304", "304", "80", "96", "64"]);
    // No two are the same device.
    for key in ["Uuid:", "BDFID:", "Node:"] {
        let mut all = values(key);
        let count = all.len();
        all.sort();
        all.dedup();
        assert!(count == 7 && all.len() == 7, "{key} {all:?}");
    }
    // Three pools for each agent: kernel arguments with the host, LDS with each GPU.
    assert_eq!(values("Segment:").len(), 21);
    assert_eq!(values("Segment:").iter().filter(|segment| segment.contains("KERNARG")).count(), 1);
    assert_eq!(values("Segment:").iter().filter(|segment| segment.contains("GROUP")).count(), 6);
}
