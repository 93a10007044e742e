//! Diagnostics in the form that rustc gives its own: text for people, JSON for cargo and editors.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use geobacter_spool::diagnostic::{Diagnostic, SourceLocation};
use serde_json::{Value, json};

/// Whether text has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// ASCII only.
    Plain,
    /// With ANSI escape sequences.
    Ansi,
}

impl Style {
    fn renderer(self) -> Renderer {
        match self {
            Self::Plain => Renderer::plain(),
            Self::Ansi => Renderer::styled(),
        }
    }
}

/// A diagnostic as text. Source files in `folder` are named relative to it.
pub fn render(diagnostic: &Diagnostic, folder: &Path, style: Style) -> String {
    let quote = diagnostic.location.as_ref().and_then(|location| Quote::of(location, folder));
    let place = diagnostic.location.as_ref().map(|location| shown(&location.file, folder));

    let mut group = Group::with_title(Level::ERROR.primary_title(diagnostic.message.as_str()));
    match (&quote, &diagnostic.location, &place) {
        (Some(quote), Some(location), Some(place)) => {
            let annotation = AnnotationKind::Primary.span(quote.span.clone()).label(diagnostic.label.as_str());
            let snippet = Snippet::source(quote.line.as_str()).line_start(location.line as usize).path(place.as_str());
            group = group.element(snippet.annotation(annotation));
        }
        (None, Some(location), Some(place)) => {
            let origin = Origin::path(place.as_str()).line(location.line as usize);
            group = group.element(origin.char_column(location.column.max(1) as usize));
            group = group.element(Level::NOTE.message(diagnostic.label.as_str()));
        }
        _ => group = group.element(Level::NOTE.message(diagnostic.label.as_str())),
    }
    group = group.element(Level::NOTE.message(call_path(diagnostic, folder)));
    if !diagnostic.help.is_empty() {
        group = group.element(Level::HELP.message(diagnostic.help.as_str()));
    }
    format!("{}\n", style.renderer().render(&[group]))
}

/// A diagnostic as a message in rustc's JSON format.
pub(crate) fn message(diagnostic: &Diagnostic, folder: &Path, style: Style) -> Value {
    let spans: Vec<Value> =
        diagnostic.location.iter().map(|location| span(location, &diagnostic.label, folder)).collect();
    let child = |level: &str, message: String| json!({ "message": message, "code": null, "level": level, "spans": [], "children": [], "rendered": null });
    let mut children = vec![child("note", call_path(diagnostic, folder))];
    if !diagnostic.help.is_empty() {
        children.push(child("help", diagnostic.help.clone()));
    }
    json!({
        "$message_type": "diagnostic",
        "message": diagnostic.message,
        "code": null,
        "level": "error",
        "spans": spans,
        "children": children,
        "rendered": format!("{}\n", render(diagnostic, folder, style)),
    })
}

/// A failure that has no place in the source, as a message in rustc's JSON format.
pub(crate) fn failure_message(failure: &str, style: Style) -> Value {
    json!({
        "$message_type": "diagnostic",
        "message": failure,
        "code": null,
        "level": "error",
        "spans": [],
        "children": [],
        "rendered": format!("{}\n\n", render_failure(failure, style)),
    })
}

/// A failure that has no place in the source, as text.
pub(crate) fn render_failure(failure: &str, style: Style) -> String {
    style.renderer().render(&[Group::with_title(Level::ERROR.primary_title(failure))])
}

fn call_path(diagnostic: &Diagnostic, folder: &Path) -> String {
    let mut text = format!("reached from kernel `{}`", diagnostic.kernel);
    let frames = diagnostic.path.iter().filter(|frame| !is_own(&frame.function));
    for (index, frame) in frames.enumerate() {
        text.push_str(&format!("\n{}. `{}`", index + 1, frame.function));
        if let Some(site) = &frame.call_site {
            text.push_str(&format!(" at {}:{}", shown(&site.file, folder), site.line));
            if site.column > 0 {
                text.push_str(&format!(":{}", site.column));
            }
        }
    }
    text
}

/// Whether a function is Geobacter's own: how a launch gets to the kernel function, and group scope to an item's closure, is
/// nobody's concern in a call path.
fn is_own(function: &str) -> bool {
    let path = function.trim_start_matches(['<', '&']);
    path.starts_with("geobacter_lang::")
        || path.starts_with("safe_lds::")
        || function.contains(">::entry::{closure")
        // The call of a closure through a reference to it.
        || function.contains(" as core::ops::function::Fn") && function.contains("<(geobacter_lang::")
}

/// A file's name as rustc would show it.
fn shown(file: &str, folder: &Path) -> String {
    // The distributed libraries' files are named `/rustc/COMMIT/library/..`.
    if let Some((_commit, library)) = file.strip_prefix("/rustc/").and_then(|rest| rest.split_once('/')) {
        return library.to_owned();
    }
    Path::new(file).strip_prefix(folder).map_or_else(|_| file.to_owned(), |relative| relative.display().to_string())
}

fn span(location: &SourceLocation, label: &str, folder: &Path) -> Value {
    let quote = Quote::of(location, folder);
    let column = location.column.max(1) as usize;
    let (start, end) = quote.as_ref().map_or((column, column), |quote| {
        let characters = |bytes: usize| quote.line[..bytes].chars().count() + 1;
        (characters(quote.span.start), characters(quote.span.end))
    });
    let text: Vec<Value> = quote
        .iter()
        .map(|quote| json!({ "text": quote.line, "highlight_start": start, "highlight_end": end }))
        .collect();
    let (offset, span) = quote.as_ref().map_or((0, 0..0), |quote| (quote.offset, quote.span.clone()));
    json!({
        "file_name": shown(&location.file, folder),
        "byte_start": offset + span.start,
        "byte_end": offset + span.end,
        "line_start": location.line,
        "line_end": location.line,
        "column_start": start,
        "column_end": end,
        "is_primary": true,
        "text": text,
        "label": label,
        "suggested_replacement": null,
        "suggestion_applicability": null,
        "expansion": null,
    })
}

/// A line of a source file, and what in it a location means.
struct Quote {
    line: String,
    /// Bytes of the file before the line.
    offset: usize,
    span: Range<usize>,
}

impl Quote {
    /// `None` if the file is not there any more or is shorter than that.
    fn of(location: &SourceLocation, folder: &Path) -> Option<Self> {
        let path: PathBuf = folder.join(&location.file);
        let text = fs::read_to_string(path).ok()?;
        let line = text.lines().nth((location.line as usize).checked_sub(1)?)?;
        let offset = line.as_ptr() as usize - text.as_ptr() as usize;
        let indent = line.len() - line.trim_start().len();
        // Debug information counts bytes, and names only where something begins.
        let start = match location.column as usize {
            0 => indent,
            column => (0..column.min(line.len() + 1)).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0),
        };
        let rest = &line[start..];
        let word = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':' | '!'))).unwrap_or(rest.len());
        let length = match word {
            0 => rest.chars().next().map_or(0, char::len_utf8),
            _ if location.column == 0 => rest.trim_end().len(),
            word => word,
        };
        Some(Self { line: line.to_owned(), offset, span: start..start + length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geobacter_spool::diagnostic::Frame;

    fn diagnostic(location: Option<SourceLocation>) -> Diagnostic {
        let site = |line| Some(SourceLocation { file: "src/main.rs".into(), line, column: 5 });
        Diagnostic {
            kernel: "demo::fill".into(),
            message: "a kernel cannot allocate memory".into(),
            label: "calls `alloc::alloc::alloc`".into(),
            path: vec![
                Frame { function: "geobacter_lang::entry::each::<1>".into(), call_site: site(1) },
                Frame { function: "<demo::fill>::entry::{closure#0}".into(), call_site: site(8) },
                Frame { function: "demo::fill".into(), call_site: site(9) },
                Frame { function: "demo::helper".into(), call_site: None },
                Frame {
                    function: "alloc::vec::push".into(),
                    call_site: Some(SourceLocation {
                        file: "/rustc/0123/library/alloc/src/vec.rs".into(),
                        line: 7,
                        column: 0,
                    }),
                },
            ],
            location,
            help: "use a buffer that the host allocates".into(),
        }
    }

    fn project() -> (tempfile::TempDir, SourceLocation) {
        let folder = tempfile::tempdir().expect("folder");
        fs::create_dir(folder.path().join("src")).expect("folder");
        let source = "fn helper(v: &mut Vec<u32>) {\n    // ü\n    let é = 1; v.push(é);\n}\n";
        fs::write(folder.path().join("src/main.rs"), source).expect("source");
        let file = folder.path().join("src/main.rs").display().to_string();
        (folder, SourceLocation { file, line: 3, column: 19 })
    }

    #[test]
    fn text_quotes_the_source_and_lists_the_calls() {
        let (folder, location) = project();
        insta::assert_snapshot!(render(&diagnostic(Some(location)), folder.path(), Style::Plain), @r"
        error: a kernel cannot allocate memory
         --> src/main.rs:3:18
          |
        3 |     let é = 1; v.push(é);
          |                  ^^^^ calls `alloc::alloc::alloc`
          |
          = note: reached from kernel `demo::fill`
                  1. `demo::fill` at src/main.rs:9:5
                  2. `demo::helper`
                  3. `alloc::vec::push` at library/alloc/src/vec.rs:7
          = help: use a buffer that the host allocates
        ");
    }

    #[test]
    fn text_without_the_source_still_says_everything() {
        let folder = tempfile::tempdir().expect("folder");
        let location = SourceLocation { file: "/gone/lib.rs".into(), line: 7, column: 3 };
        insta::assert_snapshot!(render(&diagnostic(Some(location)), folder.path(), Style::Plain), @r"
        error: a kernel cannot allocate memory
        --> /gone/lib.rs:7:3
         = note: calls `alloc::alloc::alloc`
         = note: reached from kernel `demo::fill`
                 1. `demo::fill` at src/main.rs:9:5
                 2. `demo::helper`
                 3. `alloc::vec::push` at library/alloc/src/vec.rs:7
         = help: use a buffer that the host allocates
        ");
        insta::assert_snapshot!(render(&diagnostic(None), folder.path(), Style::Plain), @r"
        error: a kernel cannot allocate memory
         |
         = note: calls `alloc::alloc::alloc`
         = note: reached from kernel `demo::fill`
                 1. `demo::fill` at src/main.rs:9:5
                 2. `demo::helper`
                 3. `alloc::vec::push` at library/alloc/src/vec.rs:7
         = help: use a buffer that the host allocates
        ");
    }

    #[test]
    fn json_has_the_span_in_characters_and_bytes() {
        let (folder, location) = project();
        let message = message(&diagnostic(Some(location)), folder.path(), Style::Ansi);
        let span = &message["spans"][0];
        assert_eq!(span["file_name"], "src/main.rs");
        // `é` takes two bytes.
        assert_eq!((&span["column_start"], &span["column_end"]), (&json!(18), &json!(22)));
        let source = fs::read(folder.path().join("src/main.rs")).expect("source");
        let bytes = |key: &str| span[key].as_u64().expect("number") as usize;
        assert_eq!(&source[bytes("byte_start")..bytes("byte_end")], b"push");
        assert!(message["rendered"].as_str().expect("text").contains('\u{1b}'));
    }

    #[test]
    fn any_location_can_be_quoted() {
        let (folder, location) = project();
        for line in 0..7 {
            for column in 0..60 {
                let location = SourceLocation { line, column, ..location.clone() };
                let diagnostic = diagnostic(Some(location));
                assert!(render(&diagnostic, folder.path(), Style::Plain).contains("a kernel cannot allocate memory"));
                message(&diagnostic, folder.path(), Style::Plain);
            }
        }
    }
}
