//! Source files, and places in them.
//!
//! A file keeps the byte offsets that it has on disk: what is no UTF-8 is replaced byte for byte,
//! so that a span can be handed to an editor as it is.

pub mod script;
pub mod secret;

use std::fmt;
use std::sync::OnceLock;

/// What standard input is called where it got no name.
pub const STDIN: &str = "<stdin>";

/// A file of the run, by its place in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A stretch of bytes in one file, half open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        Self { file, start: offset(start), end: offset(end) }
    }

    /// The smallest span that holds both; both are in the same file.
    pub fn to(self, other: Self) -> Self {
        Self { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    pub fn contains(self, other: Self) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }

    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A byte offset as spans hold it. Files of 4 GiB and more are refused when they are read.
pub fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

/// What a file is for, which decides what is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    /// A migration, replayed in order.
    Migration,
    /// `supabase/roles.sql`, replayed before the migrations.
    Roles,
    /// A seed: its rows are read, its DDL is out of place.
    Seed,
    /// A `.sql` file of the migrations folder that the Supabase CLI does not run.
    Skipped,
    /// Other SQL beside the migrations, which somebody may run by hand.
    Script,
    /// A test of the database, which `supabase test db` runs.
    Test,
    /// The configuration of the project or of the linter.
    Config,
}

/// One file, as text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The path as it is shown: relative to the working directory where possible, with `/`.
    pub path: String,
    pub role: FileRole,
    /// The text: bytes that are no UTF-8 read `?`, a byte order mark and NUL read as blanks.
    pub text: String,
    /// Where the text differs from the bytes on disk, and why.
    pub flaws: Vec<ByteFlaw>,
    /// The bytes of a byte order mark, which no editor counts as a column.
    mark: u32,
    /// Made when it is first asked for: few files of a long history have findings.
    lines: OnceLock<LineIndex>,
}

/// Bytes that a PostgreSQL server refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlawKind {
    InvalidUtf8,
    Nul,
}

/// A stretch of such bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteFlaw {
    pub kind: FlawKind,
    pub start: u32,
    pub end: u32,
}

impl SourceFile {
    /// Reads bytes as text of the same length.
    pub fn new(path: String, role: FileRole, mut bytes: Vec<u8>) -> Self {
        const MARK: &[u8] = b"\xEF\xBB\xBF";
        let mut flaws = Vec::new();
        let mark = if bytes.starts_with(MARK) { MARK.len() } else { 0 };
        bytes[..mark].fill(b' ');
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => replace_invalid(error.into_bytes(), &mut flaws),
        };
        let text = if text.contains('\0') { replace_nul(text, &mut flaws) } else { text };
        Self { path, role, text, flaws, mark: offset(mark), lines: OnceLock::new() }
    }

    /// Where an offset is, for a person and for the machine formats.
    pub fn position(&self, at: u32) -> Position {
        self.lines().position(&self.text, at.max(self.mark))
    }

    /// The bytes of a line, counted from one, without its line break.
    pub fn line(&self, number: usize) -> std::ops::Range<usize> {
        let starts = &self.lines().starts;
        let start = starts[number - 1] as usize;
        let end = starts.get(number).map_or(self.text.len(), |next| *next as usize - 1);
        start..start + self.text[start..end].trim_end_matches('\r').len()
    }

    fn lines(&self) -> &LineIndex {
        self.lines.get_or_init(|| LineIndex::new(&self.text, self.mark))
    }
}

fn replace_invalid(mut bytes: Vec<u8>, flaws: &mut Vec<ByteFlaw>) -> String {
    let mut from = 0;
    while let Err(error) = std::str::from_utf8(&bytes[from..]) {
        let start = from + error.valid_up_to();
        let end = error.error_len().map_or(bytes.len(), |length| start + length);
        bytes[start..end].fill(b'?');
        add_flaw(flaws, FlawKind::InvalidUtf8, start, end);
        from = end;
    }
    String::from_utf8(bytes).expect("each invalid byte was replaced")
}

fn replace_nul(text: String, flaws: &mut Vec<ByteFlaw>) -> String {
    for (start, _) in text.match_indices('\0') {
        add_flaw(flaws, FlawKind::Nul, start, start + 1);
    }
    text.replace('\0', " ")
}

/// Adds a stretch, or lengthens the one that it follows without a gap.
fn add_flaw(flaws: &mut Vec<ByteFlaw>, kind: FlawKind, start: usize, end: usize) {
    match flaws.last_mut() {
        Some(last) if last.kind == kind && last.end == offset(start) => last.end = offset(end),
        _ => flaws.push(ByteFlaw { kind, start: offset(start), end: offset(end) }),
    }
}

/// A place as a person counts: lines and columns from one, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// Where each line starts.
#[derive(Clone, Debug)]
struct LineIndex {
    starts: Vec<u32>,
}

impl LineIndex {
    fn new(text: &str, first: u32) -> Self {
        let newlines = memchr::memchr_iter(b'\n', text.as_bytes());
        Self { starts: std::iter::once(first).chain(newlines.map(|at| offset(at + 1))).collect() }
    }

    fn position(&self, text: &str, at: u32) -> Position {
        let line = self.starts.partition_point(|start| *start <= at) - 1;
        let mut end = (at as usize).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let start = (self.starts[line] as usize).min(end);
        Position { line: line + 1, column: text[start..end].chars().count() + 1 }
    }
}

/// Every file of a run.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    pub fn add(&mut self, file: SourceFile) -> FileId {
        self.files.push(file);
        FileId(offset(self.files.len() - 1))
    }

    pub fn get(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(at, file)| (FileId(offset(at)), file))
    }

    /// The text under a span.
    pub fn text(&self, span: Span) -> &str {
        &self.get(span.file).text[span.range()]
    }

    /// Whether an error comes of what stands in place of bytes that a server refuses: it is at them, at the word
    /// around them, or at the next one.
    pub fn is_of_flaw(&self, error: Span) -> bool {
        let SourceFile { text, flaws, .. } = self.get(error.file);
        let before = flaws.partition_point(|flaw| flaw.start <= error.end);
        let Some(flaw) = flaws[..before].last() else { return false };
        if flaw.end <= error.start {
            let between = &text[flaw.end as usize..error.start as usize];
            return between.bytes().all(|byte| byte == b' ' || byte == b'\t');
        }
        !text[error.range()].contains(char::is_whitespace)
    }

    /// The first line under a span.
    pub fn first_line(&self, span: Span) -> Span {
        let length = self.text(span).find(['\n', '\r']).unwrap_or(span.range().len());
        Span::new(span.file, span.start as usize, span.start as usize + length)
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> SourceFile {
        SourceFile::new("x.sql".into(), FileRole::Migration, bytes.to_vec())
    }

    #[test]
    fn invalid_bytes_keep_their_offsets() {
        let file = file(b"a\xFFb\xF0\x9F\xFF");
        assert_eq!(file.text, "a?b???");
        assert_eq!(file.flaws.len(), 2);
        assert_eq!((file.flaws[1].start, file.flaws[1].end), (3, 6), "neighbours are one stretch");
    }

    #[test]
    fn a_byte_order_mark_and_nul_become_blanks() {
        let file = file(b"\xEF\xBB\xBFselect\x001");
        assert_eq!(file.text, "   select 1");
        assert_eq!(file.flaws, [ByteFlaw { kind: FlawKind::Nul, start: 9, end: 10 }]);
    }

    #[test]
    fn a_byte_order_mark_is_no_column() {
        let file = file(b"\xEF\xBB\xBFselect\n1");
        let places = [0, 3, 4, 9, 10].map(|at| (file.position(at).line, file.position(at).column));
        assert_eq!(places, [(1, 1), (1, 1), (1, 2), (1, 7), (2, 1)]);
        assert_eq!([file.line(1), file.line(2)], [3..9, 10..11]);
    }

    #[test]
    fn lines_end_before_their_break() {
        let file = file(b"a\r\n\nbc");
        assert_eq!([file.line(1), file.line(2), file.line(3)], [0..1, 3..3, 4..6]);
    }

    #[test]
    fn columns_count_characters() {
        let file = file("é\nxé!".as_bytes());
        assert_eq!(file.position(0), Position { line: 1, column: 1 });
        assert_eq!(file.position(6), Position { line: 2, column: 3 });
        assert_eq!(file.position(999), Position { line: 2, column: 4 });
    }

    #[test]
    fn an_error_beside_bytes_that_cannot_be_read_comes_of_them() {
        let mut sources = Sources::default();
        let text = b"create table caf\xE9 (id int);\nselect 1 \xE9 from x;\n-- \xE9\ncreat x";
        let id = sources.add(SourceFile::new("x.sql".into(), FileRole::Migration, text.to_vec()));
        let of_flaw = |word: &str| {
            let at = sources.get(id).text.find(word).expect("it is there");
            sources.is_of_flaw(Span::new(id, at, at + word.len()))
        };
        let found = ["caf", "?", "(", "from", "caf?"].map(of_flaw);
        assert_eq!(found, [true; 5]);
        let found = ["create", "id", "x;", "creat x", "1"].map(of_flaw);
        assert_eq!(found, [false; 5]);
    }
}
