//! A rustc command line, as far as the wrapper has to understand it.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
};

/// Options that take a value, which may be the next argument.
const VALUED: &[&str] = &[
    "--allow",
    "--cap-lints",
    "--cfg",
    "--check-cfg",
    "--codegen",
    "--color",
    "--crate-name",
    "--crate-type",
    "--deny",
    "--diagnostic-width",
    "--edition",
    "--emit",
    "--env-set",
    "--error-format",
    "--explain",
    "--extern",
    "--forbid",
    "--force-warn",
    "--json",
    "--out-dir",
    "--print",
    "--remap-path-prefix",
    "--remap-path-scope",
    "--sysroot",
    "--target",
    "--warn",
];

/// Short options that take a value, joined or as the next argument.
const VALUED_SHORT: &[&str] = &["-A", "-C", "-D", "-F", "-L", "-W", "-Z", "-l", "-o"];

/// One argument, or two that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    /// `-C`, `--crate-name`; empty for an input.
    option: String,
    /// What follows it.
    value: Option<OsString>,
    /// As it was written.
    written: Vec<OsString>,
}

impl Item {
    fn text(&self) -> &str {
        self.value.as_deref().and_then(OsStr::to_str).unwrap_or_default()
    }

    /// Key and value of a codegen option. rustc takes `_` for `-` in the key.
    fn codegen(&self) -> Option<(String, &str)> {
        if !matches!(self.option.as_str(), "-C" | "--codegen") {
            return None;
        }
        let (key, value) = self.text().split_once('=').unwrap_or((self.text(), ""));
        Some((key.replace('_', "-"), value))
    }
}

/// A rustc command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// rustc, and before it the wrapper for workspace members (`RUSTC_WORKSPACE_WRAPPER`) if there is one.
    pub program: Vec<OsString>,
    items: Vec<Item>,
    /// Whether the arguments came in a file, because there are too many for a command line.
    pub from_file: bool,
}

impl Invocation {
    /// Understands `rustc` and its arguments. A `@file` argument is replaced by the arguments in the file.
    ///
    /// # Errors
    /// When an argument file cannot be read.
    pub fn parse(command: &[OsString]) -> io::Result<Self> {
        let is_rustc = |argument: &OsString| Path::new(argument).file_stem().is_some_and(|stem| stem == "rustc");
        let leading = 1 + usize::from(command.get(1).is_some_and(is_rustc));
        let (program, arguments) = command.split_at(leading.min(command.len()));

        let mut expanded = Vec::with_capacity(arguments.len());
        let mut from_file = false;
        for argument in arguments {
            match argument.to_str().and_then(|argument| argument.strip_prefix('@')) {
                Some(file) => {
                    from_file = true;
                    expanded.extend(fs::read_to_string(file)?.lines().map(OsString::from));
                }
                None => expanded.push(argument.clone()),
            }
        }
        let mut items = Vec::with_capacity(expanded.len());
        let mut rest = expanded.into_iter();
        while let Some(argument) = rest.next() {
            items.push(Self::item(argument, &mut rest));
        }
        Ok(Self { program: program.to_vec(), items, from_file })
    }

    fn item(argument: OsString, rest: &mut impl Iterator<Item = OsString>) -> Item {
        let Some(text) = argument.to_str().filter(|text| text.len() > 1 && text.starts_with('-')) else {
            // An input: a file, or `-`. (An option in another encoding than UTF-8 can only be a joined path, which the
            // wrapper has no need to know.)
            return Item { option: String::new(), value: Some(argument.clone()), written: vec![argument] };
        };
        let (option, joined) = if text.starts_with("--") {
            match text.split_once('=') {
                Some((option, value)) => (option.to_owned(), Some(OsString::from(value))),
                None => (text.to_owned(), None),
            }
        } else if let Some(short) = VALUED_SHORT.iter().find(|short| text.starts_with(**short)) {
            let value = &text[short.len()..];
            ((*short).to_owned(), (!value.is_empty()).then(|| value.into()))
        } else {
            (text.to_owned(), None)
        };
        let valued = VALUED.contains(&option.as_str()) || VALUED_SHORT.contains(&option.as_str());
        let mut written = vec![argument];
        let value = joined.or_else(|| {
            let value = if valued { rest.next() } else { None };
            written.extend(value.clone());
            value
        });
        Item { option, value, written }
    }

    fn values(&self, option: &str) -> impl DoubleEndedIterator<Item = &Item> {
        self.items.iter().filter(move |item| item.option == option)
    }

    /// The last value of a codegen option, which is the one that counts. `Some("")` if it has none.
    pub fn codegen(&self, key: &str) -> Option<&str> {
        self.items.iter().rev().filter_map(Item::codegen).find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// `--crate-name`.
    pub fn crate_name(&self) -> Option<&str> {
        self.values("--crate-name").next_back().map(Item::text)
    }

    /// Every `--crate-type`.
    pub fn crate_types(&self) -> impl Iterator<Item = &str> {
        self.values("--crate-type").flat_map(|item| item.text().split(','))
    }

    /// Whether this compiles a test harness.
    pub fn is_test(&self) -> bool {
        self.values("--test").next().is_some()
    }

    /// `--target`: a triple or a file.
    pub fn target(&self) -> Option<&str> {
        self.values("--target").next_back().map(Item::text)
    }

    /// `--sysroot`.
    pub fn sysroot(&self) -> Option<&str> {
        self.values("--sysroot").next_back().map(Item::text)
    }

    /// `--out-dir`, or the working folder.
    pub fn out_dir(&self) -> PathBuf {
        self.values("--out-dir").next_back().and_then(|item| item.value.clone()).map_or_else(|| ".".into(), Into::into)
    }

    /// The part of the output's file names that says which crate it is: `NAME-HASH`.
    pub fn stem(&self) -> Option<String> {
        Some(format!("{}{}", self.crate_name()?, self.codegen("extra-filename").unwrap_or_default()))
    }

    /// The kinds of output that `--emit` asks for, without their paths.
    pub fn emits(&self) -> impl Iterator<Item = &str> {
        self.values("--emit").flat_map(|item| item.text().split(',')).map(|kind| match kind.split_once('=') {
            Some((kind, _)) => kind,
            None => kind,
        })
    }

    /// The files of the crates that this one uses.
    pub fn externs(&self) -> impl Iterator<Item = PathBuf> {
        self.values("--extern").filter_map(|item| item.text().split_once('=')).map(|(_, path)| path.into())
    }

    /// Whether messages are JSON, and if so whether the text in them has colours.
    pub fn json(&self) -> Option<bool> {
        let json = self.values("--error-format").next_back().is_some_and(|item| item.text() == "json");
        let ansi = |item: &Item| item.text().split(',').any(|option| option == "diagnostic-rendered-ansi");
        json.then(|| self.values("--json").any(ansi))
    }

    /// Whether this asks rustc something rather than making it compile a crate into `--out-dir`.
    fn is_query(&self) -> bool {
        self.items.iter().any(|item| match item.option.as_str() {
            "--print" | "--version" | "--help" | "--explain" | "-V" | "-vV" | "-h" | "-o" => true,
            "" => item.text() == "-",
            _ => false,
        })
    }

    /// Whether this compiles code that runs inside of the build: a build script or a procedural macro.
    fn is_for_the_build(&self) -> bool {
        let build_script = self.crate_name().is_some_and(|name| name.starts_with("build_script_"));
        build_script || self.crate_types().any(|kind| kind == "proc-macro")
    }

    /// Whether this makes machine code of a crate that may end up in a program.
    pub fn makes_code(&self) -> bool {
        !self.is_query()
            && !self.is_for_the_build()
            && self.crate_name().is_some()
            && (self.emits().next().is_none() || self.emits().any(|kind| kind == "link"))
    }

    /// Whether the output is something that later crates use.
    pub fn makes_library(&self) -> bool {
        !self.is_test() && self.crate_types().any(|kind| matches!(kind, "lib" | "rlib" | "dylib"))
    }

    /// Whether rustc will start the linker.
    pub fn links(&self) -> bool {
        self.is_test()
            || self.crate_types().next().is_none()
            || self.crate_types().any(|kind| matches!(kind, "bin" | "cdylib" | "dylib"))
    }

    /// Whether debug information is asked for.
    fn asks_for_debuginfo(&self) -> bool {
        let short = self.values("-g").next().is_some();
        short || self.codegen("debuginfo").is_some_and(|level| !matches!(level, "0" | "none"))
    }

    /// The linker that rustc would start, if this names one or names its flavor.
    pub fn linker(&self) -> Option<&str> {
        self.codegen("linker").or_else(|| {
            self.codegen("linker-flavor").map(|flavor| match flavor {
                flavor if flavor.ends_with("cc") || flavor.ends_with("lld-cc") => "cc",
                flavor if flavor.contains("lld") => "lld",
                _ => "ld",
            })
        })
    }

    /// The option for symbols that name all types, unless another mangling is asked for: by the symbol of a formatting
    /// function is known what it formats.
    pub fn full_names(&self) -> Option<&'static str> {
        self.codegen("symbol-mangling-version").is_none().then_some("-Csymbol-mangling-version=v0")
    }

    /// The arguments that make rustc leave its bitcode in `out_dir`, and start `linker`.
    pub fn spooled(&self, out_dir: &Path, linker: Option<&Path>) -> Vec<OsString> {
        let keep = |item: &&Item| match item.codegen() {
            // Incremental compilation reuses codegen units without writing their bitcode again.
            Some((key, _)) if key == "incremental" || key == "save-temps" => false,
            Some((key, _)) if key == "linker" => linker.is_none(),
            Some((key, level)) if key == "debuginfo" => !matches!(level, "0" | "none"),
            // The files of `unpacked` debug information are named, by absolute path, where rustc has put them.
            Some((key, kind)) if key == "split-debuginfo" => kind != "unpacked",
            _ => item.option != "--out-dir",
        };
        let mut arguments: Vec<OsString> =
            self.items.iter().filter(keep).flat_map(|item| item.written.iter().cloned()).collect();
        arguments.extend(["--out-dir".into(), out_dir.into(), "-Csave-temps".into()]);
        // It duplicates blocks with barriers and wave operations in them.
        arguments.push("-Zmir-enable-passes=-JumpThreading".into());
        // A debug build would take instances of generic functions from any upstream library, `libstd` included.
        arguments.push("-Zshare-generics=no".into());
        arguments.extend(self.full_names().map(OsString::from));
        if !self.asks_for_debuginfo() {
            // Diagnostics and device panics name source lines.
            arguments.push("-Cdebuginfo=line-tables-only".into());
        }
        if let Some(linker) = linker {
            let mut option = OsString::from("-Clinker=");
            option.push(linker);
            arguments.push(option);
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Invocation {
        Invocation::parse(&line.split(' ').map(OsString::from).collect::<Vec<_>>()).expect("no argument file")
    }

    const CARGO: &str = "/t/bin/rustc --crate-name l --edition=2024 l/src/lib.rs --error-format=json \
        --json=diagnostic-rendered-ansi,artifacts --crate-type lib --emit=dep-info,metadata,link -C embed-bitcode=no \
        -C debuginfo=0 --check-cfg cfg(docsrs,test) -C metadata=73 -C extra-filename=-4b --out-dir /p/deps \
        -C incremental=/p/inc -L dependency=/p/deps --extern a=/p/deps/liba-1.rmeta --extern noprelude:b=/p/libb.rlib \
        --extern proc_macro";

    #[test]
    fn cargos_command_line_is_understood() {
        let rustc = parse(CARGO);
        assert!(rustc.makes_code() && rustc.makes_library() && !rustc.links());
        assert_eq!(rustc.stem().as_deref(), Some("l-4b"));
        assert_eq!(rustc.out_dir(), Path::new("/p/deps"));
        assert_eq!(rustc.externs().collect::<Vec<_>>(), [Path::new("/p/deps/liba-1.rmeta"), Path::new("/p/libb.rlib")]);
        assert_eq!(rustc.json(), Some(true));
    }

    #[test]
    fn joined_and_separate_values_are_the_same() {
        let joined = parse("rustc --crate-name=x --crate-type=cdylib,rlib -Clinker=clang -Cextra_filename=-9 x.rs");
        let separate = parse("rustc --crate-name x --crate-type cdylib,rlib -C linker=clang -C extra-filename=-9 x.rs");
        for rustc in [joined, separate] {
            assert_eq!(rustc.stem().as_deref(), Some("x-9"));
            assert_eq!(rustc.linker(), Some("clang"));
            assert!(rustc.makes_library() && rustc.links());
        }
    }

    #[test]
    fn what_runs_inside_of_the_build_is_left_alone() {
        assert!(!parse("rustc -vV").makes_code());
        assert!(!parse("rustc - --crate-name ___ --print=file-names --crate-type bin").makes_code());
        assert!(!parse("rustc --crate-name x --crate-type proc-macro --emit=link x.rs").makes_code());
        assert!(!parse("rustc --crate-name build_script_build --crate-type bin --emit=link build.rs").makes_code());
        assert!(!parse("rustc --crate-name x --crate-type lib --emit=dep-info,metadata x.rs").makes_code());
    }

    #[test]
    fn a_spooled_crate_is_compiled_whole_and_into_the_given_folder() {
        let arguments = parse(CARGO).spooled(Path::new("/s"), None);
        let text = arguments.join(OsStr::new(" ")).into_string().expect("UTF-8");
        for gone in ["incremental", "/p/deps -C", "debuginfo=0"] {
            assert!(!text.contains(gone), "{gone} in {text}");
        }
        for present in ["--out-dir /s", "-Csave-temps", "-Cdebuginfo=line-tables-only", "-C embed-bitcode=no"] {
            assert!(text.contains(present), "{present} not in {text}");
        }
        // Formatting functions are known by their symbols; whoever wants other symbols gets them.
        assert!(text.contains("-Csymbol-mangling-version=v0"), "{text}");
        let asks = parse(&format!("{CARGO} -Csymbol_mangling_version=legacy")).spooled(Path::new("/s"), None);
        assert!(!asks.iter().any(|argument| argument == "-Csymbol-mangling-version=v0"), "{asks:?}");
    }

    #[test]
    fn the_linker_follows_from_its_flavor() {
        for (flavor, linker) in
            [("gnu-cc", "cc"), ("gnu-lld-cc", "cc"), ("gnu-lld", "lld"), ("ld.lld", "lld"), ("ld", "ld")]
        {
            assert_eq!(parse(&format!("rustc -Clinker-flavor={flavor}")).linker(), Some(linker));
        }
        assert_eq!(parse("rustc x.rs").linker(), None);
    }
}
