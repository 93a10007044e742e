//! Debug information as PTX takes it: source lines, and nothing else.
//!
//! With more of it, LLVM's back end writes `.target sm_90, debug`, for which the driver's compiler does not optimise. LLVM knows a
//! mode with lines alone, but its C API cannot change the mode of a compile unit, so this is done in LLVM's assembly language.

use std::borrow::Cow;

const UNIT: &str = "= distinct !DICompileUnit(";
const MODES: [&str; 2] = ["emissionKind: FullDebug", "emissionKind: LineTablesOnly"];
const LINES: &str = "emissionKind: DebugDirectivesOnly";

/// The module's text with compile units in that mode; `None` if they are already.
pub fn only(text: &str) -> Option<String> {
    let mut changed = false;
    let lines = text.lines().map(|line| {
        // Metadata stands at the beginning of its line, so no constant can look like it.
        let is_unit = line.starts_with('!') && line.contains(UNIT);
        match MODES.iter().find(|mode| is_unit && line.contains(**mode)) {
            Some(mode) => {
                changed = true;
                Cow::Owned(line.replacen(mode, LINES, 1))
            }
            None => Cow::Borrowed(line),
        }
    });
    let text = lines.fold(String::with_capacity(text.len()), |mut text, line| {
        text.push_str(&line);
        text.push('\n');
        text
    });
    changed.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_compile_units_change() {
        let text = "@x = constant [5 x i8] c\"!DICompileUnit(emissionKind: FullDebug\"\n\
                    !0 = distinct !DICompileUnit(language: DW_LANG_Rust, emissionKind: FullDebug, nameTableKind: None)\n";
        let expected = "@x = constant [5 x i8] c\"!DICompileUnit(emissionKind: FullDebug\"\n\
                    !0 = distinct !DICompileUnit(language: DW_LANG_Rust, emissionKind: DebugDirectivesOnly, nameTableKind: None)\n";
        assert_eq!(only(text).as_deref(), Some(expected));
        assert_eq!(only(expected), None);
        assert_eq!(only("!0 = !{}\n"), None);
    }
}
