//! `list`: what a finished program carries.

use std::{collections::BTreeMap, fs, path::Path, process::ExitCode};

use anyhow::Context;
use geobacter_spool::{
    archive::{self, Archive, KernelId},
    bundle::{self, Bundle, BundleEntry},
    descriptor::FloatingPoint,
};
use object::{Object, ObjectSection};
use serde_json::json;

use crate::{
    print,
    table::{bytes, table},
};

/// One kernel of a program.
#[derive(Default)]
struct Carried<'a> {
    name: String,
    /// Whether the archive has it, from which code for other devices can be made.
    archived: bool,
    /// What a device may do with its floating-point arithmetic, which the archive knows.
    fp: Option<FloatingPoint>,
    codes: Vec<&'a BundleEntry>,
}

/// Lists the kernels of a program, and the device code that it carries for them.
pub fn list(program: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let context = || format!("cannot read what {} carries", program.display());
    let file = fs::read(program).with_context(context)?;
    let file = object::File::parse(&*file).with_context(context)?;
    let section = |name| match file.section_by_name(name) {
        Some(section) => section.data().with_context(context),
        None => Ok(&[][..]),
    };
    let archives = Archive::read_section(section(archive::SECTION)?).with_context(context)?;
    let bundles = Bundle::read_section(section(bundle::SECTION)?).with_context(context)?;

    let mut kernels: BTreeMap<KernelId, Carried<'_>> = BTreeMap::new();
    for kernel in archives.iter().flat_map(Archive::summaries) {
        let name = kernel.display_name.to_owned();
        *kernels.entry(kernel.id).or_default() =
            Carried { name, archived: true, fp: Some(kernel.fp), codes: Vec::new() };
    }
    for entry in bundles.iter().flat_map(Bundle::entries) {
        let kernel = kernels.entry(entry.kernel).or_default();
        kernel.name.clone_from(&entry.display_name);
        kernel.codes.push(entry);
    }
    let mut kernels: Vec<_> = kernels.into_iter().collect();
    kernels.sort_by(|(a_id, a), (b_id, b)| (&a.name, a_id).cmp(&(&b.name, b_id)));
    for (_, kernel) in &mut kernels {
        kernel.codes.sort_by(|a, b| a.key.cmp(&b.key));
    }

    if json {
        let kernels: Vec<_> = kernels
            .iter()
            .map(|(id, kernel)| {
                let code = |entry: &&BundleEntry| {
                    json!({
                        "gpu": entry.key.target,
                        "checked": entry.key.checked,
                        "bytes": entry.size(),
                        "resources": entry.resources,
                    })
                };
                json!({
                    "kernel": kernel.name,
                    "id": id.to_string(),
                    "archived": kernel.archived,
                    "fp": kernel.fp,
                    "code": kernel.codes.iter().map(code).collect::<Vec<_>>(),
                })
            })
            .collect();
        let all = json!({ "program": program, "kernels": kernels });
        print::json(&all)?;
        return Ok(ExitCode::SUCCESS);
    }
    if kernels.is_empty() {
        print::text(&format!("{} carries no kernels\n", program.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let columns =
        [("KERNEL", false), ("ARCHIVED", false), ("FP", false), ("GPU", false), ("CHECKED", false), ("CODE", true)];
    let rows = kernels.iter().flat_map(|(_, kernel)| {
        let fp = kernel.fp.map_or("-".into(), |fp| fp.to_string());
        let start = [kernel.name.clone(), yes(kernel.archived), fp];
        let row = move |end: [String; 3]| start.iter().cloned().chain(end).collect::<Vec<_>>();
        match &kernel.codes[..] {
            [] => vec![row(["-".into(), "-".into(), "-".into()])],
            codes => codes
                .iter()
                .map(|code| row([code.key.target.clone(), yes(code.key.checked), bytes(code.size())]))
                .collect(),
        }
    });
    print::text(&table(&columns, rows))?;
    Ok(ExitCode::SUCCESS)
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.into()
}
