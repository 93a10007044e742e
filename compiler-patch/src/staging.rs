//! The private folder into which rustc compiles a crate that may hold kernels.
//!
//! `-C save-temps` leaves temporaries of every kind in the output folder, some in folders with random names that cannot
//! be told from those of a rustc that still runs. So each such rustc gets an output folder of its own, inside of the real
//! one and hence on the same file system, and only its outputs are moved out of it.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// A private output folder. It is removed when this is dropped.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    out_dir: PathBuf,
    stem: String,
}

impl Staging {
    /// Makes an empty folder for the crate whose outputs are named after `stem`.
    pub fn new(out_dir: &Path, stem: &str) -> io::Result<Self> {
        // Absolute, since debug information and the linker name the files in it.
        let out_dir = std::path::absolute(out_dir)?;
        let folder = out_dir.join(format!("{stem}.geobacter-tmp"));
        remove(&folder)?;
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, out_dir, stem: stem.to_owned() })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a file of the folder will be.
    pub fn published(&self, file: &Path) -> Option<PathBuf> {
        Some(self.out_dir.join(file.strip_prefix(&self.folder).ok()?))
    }

    /// Makes a file visible in the output folder before rustc is done with it: rustc still reads the metadata file after
    /// it has said that it is there.
    pub fn publish_early(&self, file: &Path) -> io::Result<()> {
        let Some(target) = self.published(file) else { return Ok(()) };
        let draft = draft_of(&target);
        let _ = fs::remove_file(&draft);
        fs::hard_link(file, &draft).or_else(|_| fs::copy(file, &draft).map(drop))?;
        fs::rename(&draft, &target)
    }

    /// Moves all outputs into the output folder. `emits` are the kinds that `--emit` asked for, `tracked` the environment
    /// variables that the outputs depend on beside those that the source names.
    pub fn publish<'a>(&self, emits: impl Iterator<Item = &'a str>, tracked: &[&str]) -> io::Result<()> {
        let emits: Vec<&str> = emits.collect();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if !entry.file_type()?.is_file() || !self.is_output(&entry.file_name().to_string_lossy(), &emits) {
                continue;
            }
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "d") {
                self.correct_dep_info(&path, tracked)?;
            }
            fs::rename(&path, self.out_dir.join(entry.file_name()))?;
        }
        Ok(())
    }

    fn is_output(&self, name: &str, emits: &[&str]) -> bool {
        if let Some(library) = name.strip_prefix("lib").and_then(|name| name.strip_prefix(&self.stem)) {
            return library.starts_with('.');
        }
        // With `save-temps`, whole-program bitcode and objects may have the names of outputs that nobody asked for.
        name.strip_prefix(&self.stem).is_some_and(|rest| match rest {
            "" | ".d" | ".dwp" => true,
            ".bc" => emits.contains(&"llvm-bc"),
            ".ll" => emits.contains(&"llvm-ir"),
            ".s" => emits.contains(&"asm"),
            ".o" => emits.contains(&"obj"),
            ".mir" => emits.contains(&"mir"),
            _ => false,
        })
    }

    /// Dep-info names the outputs: they shall be named where they are going to be. It also names, as rustc does it for `env!`, the
    /// variables whose change makes cargo compile the crate again.
    fn correct_dep_info(&self, file: &Path, tracked: &[&str]) -> io::Result<()> {
        let text = fs::read_to_string(file)?;
        let makefile = |path: &Path| path.display().to_string().replace(' ', "\\ ");
        let mut text = text.replace(&makefile(&self.folder), &makefile(&self.out_dir));
        for variable in tracked {
            let escaped = |value: String| value.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
            let value = env::var(variable).map_or_else(|_| String::new(), |value| format!("={}", escaped(value)));
            text.push_str(&format!("\n# env-dep:{variable}{value}\n"));
        }
        fs::write(file, text)
    }

    /// Moves the crate's unoptimised bitcode into `target`, in place of what an earlier build left there.
    pub fn keep_modules(&self, target: &Path) -> io::Result<()> {
        remove(target)?;
        fs::create_dir_all(target)?;
        for module in crate::sidecar::modules_in(&self.folder).map_err(io::Error::other)? {
            if let Some(name) = module.file_name() {
                fs::rename(&module, target.join(name))?;
            }
        }
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What stays is removed by the next build of the crate.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn draft_of(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    name.into()
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_move_and_temporaries_go() {
        let out = tempfile::tempdir().expect("folder");
        let staging = Staging::new(out.path(), "a-1").expect("made");
        let inside = staging.folder().to_owned();
        let outputs = ["liba-1.rlib", "liba-1.rmeta", "a-1", "a-1.d"];
        let temporaries = ["a-1.a.0-cgu.0.rcgu.bc", "a-1.a.0-cgu.0.rcgu.no-opt.bc", "a-1.o", "link.json"];
        for name in outputs.iter().chain(&temporaries) {
            fs::write(inside.join(name), inside.join("a-1").display().to_string()).expect("written");
        }
        fs::create_dir(inside.join("rmetaXyZ123")).expect("folder");
        let modules = out.path().join("liba-1.geobacter.d");
        fs::create_dir(&modules).expect("folder");
        fs::write(modules.join("stale.no-opt.bc"), "").expect("written");

        staging.publish(["link"].into_iter(), &["GEOBACTER_NO_SUCH_VARIABLE"]).expect("published");
        staging.keep_modules(&modules).expect("kept");
        drop(staging);

        let names = |folder: &Path| -> Vec<String> {
            let mut names: Vec<_> = fs::read_dir(folder)
                .expect("folder")
                .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        };
        assert_eq!(names(out.path()), ["a-1", "a-1.d", "liba-1.geobacter.d", "liba-1.rlib", "liba-1.rmeta"]);
        assert_eq!(names(&modules), ["a-1.a.0-cgu.0.rcgu.no-opt.bc"]);
        let dep_info = fs::read_to_string(out.path().join("a-1.d")).expect("dep-info");
        let named = format!("{}\n# env-dep:GEOBACTER_NO_SUCH_VARIABLE\n", out.path().join("a-1").display());
        assert_eq!(dep_info, named);
    }

    #[test]
    fn metadata_is_visible_early_and_stays_readable() {
        let out = tempfile::tempdir().expect("folder");
        let staging = Staging::new(out.path(), "a").expect("made");
        let rmeta = staging.folder().join("liba.rmeta");
        fs::write(&rmeta, "metadata").expect("written");
        fs::write(out.path().join("liba.rmeta"), "of the last build").expect("written");
        staging.publish_early(&rmeta).expect("published");
        assert_eq!(fs::read_to_string(out.path().join("liba.rmeta")).expect("there"), "metadata");
        assert!(rmeta.is_file());
    }
}
