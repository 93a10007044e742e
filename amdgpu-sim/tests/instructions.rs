//! Every instruction of every GPU: enumerated by LLVM, tested against a model of its own, counted.

#[path = "instructions/mod.rs"]
mod model;
mod support;

use std::collections::BTreeSet;

#[test]
fn gfx942() {
    let target = model::target::GFX942;
    let start = std::time::Instant::now();
    let list = model::enumerate::instructions(&target);
    println!("enumerated {:?}", start.elapsed());
    let unsupported = model::probe::unsupported(&target, 0, &list);
    println!("probed {:?}", start.elapsed());
    let keys: BTreeSet<(String, &str)> = unsupported.iter().map(|(key, _)| key.clone()).collect();
    std::fs::write("/tmp/unsupported.txt", unsupported.iter().map(|u| format!("{u:?}\n")).collect::<String>()).unwrap();
    let cases = model::cases(&target, &list, &|name, form| !keys.iter().any(|key| key.0 == name && key.1 == form));
    println!("{} cases {:?}", cases.len(), start.elapsed());
    let differences = model::kernel::run(&target, 0, model::wave::Mode::DEFAULT, &cases);
    println!("ran {:?}", start.elapsed());
    let mut seen = BTreeSet::new();
    for (case, difference) in &differences {
        let case = &cases[*case];
        if seen.insert((case.name.clone(), case.form)) {
            println!("{} {}: {}: {difference}", case.name, case.form, case.label());
        }
    }
    println!("{} differences", differences.len());
}
