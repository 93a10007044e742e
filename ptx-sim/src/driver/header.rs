//! The first directives of PTX: which version it is in, and which GPU it is for.

/// What a module says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Major and minor version of PTX, and its line.
    pub version: ((u32, u32), u32),
    /// The GPU, and its line.
    pub target: (String, u32),
}

/// Why text does not begin as PTX does: the line, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoHeader {
    /// The line; the first one is 1.
    pub line: u32,
    /// What is wrong.
    pub message: &'static str,
}

impl Header {
    /// Reads the first directives.
    pub fn read(text: &str) -> Result<Self, NoHeader> {
        let mut words = Words { rest: text, line: 1 };
        let mut word = || words.next();
        let wrong = |line, message| NoHeader { line, message };
        let (directive, line) = word().ok_or(wrong(1, "there is no text"))?;
        if directive != ".version" {
            return Err(wrong(line, "PTX begins with .version"));
        }
        let (number, line) = word().ok_or(wrong(line, "the text ends after .version"))?;
        let version =
            number.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        let version = (version.ok_or(wrong(line, "this is no version of PTX"))?, line);
        let (directive, line) = word().ok_or(wrong(line, "the text ends after the version"))?;
        if directive != ".target" {
            return Err(wrong(line, ".version is followed by .target"));
        }
        let (name, line) = word().ok_or(wrong(line, "the text ends after .target"))?;
        Ok(Self { version, target: (name.to_owned(), line) })
    }
}

/// Words of PTX, without comments and commas, each with its line.
struct Words<'a> {
    rest: &'a str,
    line: u32,
}

impl<'a> Words<'a> {
    fn skip(&mut self, bytes: usize) {
        let (skipped, rest) = self.rest.split_at(bytes);
        self.line += skipped.bytes().filter(|byte| *byte == b'\n').count() as u32;
        self.rest = rest;
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = (&'a str, u32);

    fn next(&mut self) -> Option<Self::Item> {
        let is_gap = |c: char| c.is_whitespace() || c == ',';
        loop {
            let trimmed = self.rest.trim_start_matches(is_gap);
            self.skip(self.rest.len() - trimmed.len());
            let comment = match self.rest {
                text if text.starts_with("//") => text.find('\n'),
                text if text.starts_with("/*") => text.find("*/").map(|end| end + 2),
                _ => break,
            };
            self.skip(comment.unwrap_or(self.rest.len()));
        }
        let end = self.rest.find(|c| is_gap(c) || c == '/').unwrap_or(self.rest.len());
        let (word, line) = (&self.rest[..end], self.line);
        self.skip(end);
        (!word.is_empty()).then_some((word, line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_found_behind_comments() {
        let text = "//\n// Generated\n/* a\n   b */ .version 7.8 // so\n.target sm_90a, debug\n.address_size 64";
        let header = Header::read(text).unwrap();
        assert_eq!(header, Header { version: ((7, 8), 4), target: ("sm_90a".to_owned(), 5) });
    }

    #[test]
    fn other_text_is_refused_with_its_line() {
        for (text, line) in [
            ("", 1),
            ("\n\nint main() {}", 3),
            (".version", 1),
            (".version\n8", 2),
            (".version 8.0\n.entry", 2),
            (".version 8.0\n.target", 2),
            ("/* no end", 1),
            ("/", 1),
        ] {
            assert_eq!(Header::read(text).unwrap_err().line, line, "{text:?}");
        }
    }
}
