//! SQL text to statements: the only door to PostgreSQL's parser.
//!
//! Parsing never fails. A file gives its statements, its comments and what is wrong with it; a
//! broken statement hides none of its neighbours.

pub mod comment;
pub mod expr;
mod lower;
pub mod name;
mod parser;
pub mod plpgsql;
pub mod spatial;
mod split;
pub mod statement;
pub mod token;

use std::ops::Range;

use rayon::prelude::*;

use crate::source::{FileId, FileRole, FlawKind, SourceFile, Span};
use crate::sql::comment::Comment;
use crate::sql::lower::ParseError;
use crate::sql::name::ObjectName;
use crate::sql::plpgsql::BodyError;
use crate::sql::split::{Piece, Splitter};
use crate::sql::statement::{BodyText, FunctionBody, RowTarget, Statement, StatementKind};
use crate::sql::token::{Code, Lexer};

/// The stack that a thread needs to parse whatever PostgreSQL's own parser takes.
pub const STACK_SIZE: usize = 64 << 20;

/// One file, read.
#[derive(Clone, Debug)]
pub struct Migration {
    pub file: FileId,
    /// Rows of a seed left out. Empty once the catalog has them and nobody else asks.
    pub statements: Vec<Statement>,
    /// Where each statement stands.
    pub places: Vec<Span>,
    pub comments: Vec<Comment>,
    pub errors: Vec<SyntaxError>,
    /// What the Supabase CLI would stumble on and psql would not, or the other way round.
    pub skipped: Vec<Skipped>,
}

/// A place that PostgreSQL would not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The token that the parser stopped at, or the bytes that are no text.
    pub span: Span,
    /// The statement that is lost by it.
    pub statement: Span,
    /// The server's words, without "ERROR:".
    pub message: String,
}

/// Text that is no SQL and was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub span: Span,
    pub kind: SkippedKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkippedKind {
    /// `\restrict …`, `\connect …`
    MetaCommand,
    /// The rows after COPY … FROM stdin.
    CopyData,
    /// The rest of a file with too many broken statements.
    Rest,
}

/// How often the cut of one file may start anew inside of a broken statement.
const MAX_RESTARTS: usize = 50;

/// How many broken statements of one file are told.
const MAX_ERRORS: usize = 1000;

/// Up to which length statements that move rows are checked, or decoded where the model reads them.
const MAX_DATA: usize = 256 << 10;

/// Up to which length those of migrations are decoded; beyond, they hold constants.
const MAX_CHANGE: usize = 64 << 10;

/// How much text of rows that migrations write out is decoded of one file; beyond, they are like those
/// before.
const MAX_ROWS: usize = 1 << 20;

/// Reads a file. The caller provides the stack: see [`STACK_SIZE`].
pub fn parse(file: FileId, source: &SourceFile) -> Migration {
    let text = way_up(&source.text);
    let code = Code::file(file, text);
    let check_data = source.role == FileRole::Migration;
    let mut splitter = Splitter::file(text);
    let mut restarts = 0;
    let mut statements: Vec<Statement> = Vec::new();
    let mut places = Vec::new();
    let mut errors = Vec::new();
    let mut rows = 0;
    let mut ahead = Ahead::default();
    while let Some((piece, early)) = ahead.next(&mut splitter, code, check_data, rows < MAX_ROWS) {
        let mut range = piece.range;
        let mut boundary = None;
        if piece.unterminated {
            boundary = split::boundary(code.text, range.clone());
            range.end = boundary.map_or(range.end, |boundary| boundary.end);
        }
        let read = |range| read(code, range, check_data, rows < MAX_ROWS);
        let mut result = early.unwrap_or_else(|| read(range.clone()));
        if result.is_err() && boundary.is_none() {
            boundary = split::boundary(code.text, range.clone());
            if let Some(boundary) = boundary {
                range.end = boundary.end;
                result = read(range.clone());
            }
        }
        match result {
            Ok(Some(statement)) => {
                read_body(&statement);
                places.push(statement.span);
                if matches!(statement.kind, StatementKind::Change(_)) {
                    rows += range.len();
                }
                if adds(&statement, statements.last(), check_data) {
                    statements.push(statement);
                }
            }
            Ok(None) => {}
            Err(error) => errors.push(SyntaxError {
                span: code.span(error.at.start, error.at.end),
                statement: code.span(range.start, range.end),
                message: error.message,
            }),
        }
        if let Some(boundary) = boundary {
            restarts += 1;
            splitter.restart(boundary.resume);
            ahead.stop();
        }
        if restarts > MAX_RESTARTS || errors.len() > MAX_ERRORS {
            splitter.give_up(boundary.map_or(range.end, |boundary| boundary.resume));
            ahead.stop();
        }
    }
    errors.extend(flaws(file, source, &places, &errors));
    errors.sort_by_key(|error| error.span.start);
    let skipped = splitter.skipped.iter();
    let skipped =
        skipped.map(|(range, kind)| Skipped { span: code.span(range.start, range.end), kind: *kind });
    let skipped = skipped.collect();
    let comments = comment::attach(code, splitter.comments, &statements, &places);
    Migration { file, statements, places, comments, errors, skipped }
}

/// How much text is read by as many threads as there are.
const AHEAD: usize = 128 << 10;

/// A result of [`read`], where there is one.
type Early = Option<Result<Option<Statement>, ParseError>>;

/// The pieces of a large file, of which many are read beside each other until one of them is broken.
#[derive(Default)]
struct Ahead {
    pieces: std::vec::IntoIter<(Piece, Early)>,
    /// Whether rows were asked for.
    rows: bool,
    stopped: bool,
}

impl Ahead {
    fn next(
        &mut self,
        splitter: &mut Splitter<'_>,
        code: Code<'_>,
        check_data: bool,
        rows: bool,
    ) -> Option<(Piece, Early)> {
        if let Some((piece, early)) = self.pieces.next() {
            return Some((piece, early.filter(|_| self.rows == rows)));
        }
        // Other threads are known to have the stack that this one has where it is one of them.
        if self.stopped || code.text.len() < AHEAD || rayon::current_thread_index().is_none() {
            return splitter.next().map(|piece| (piece, None));
        }
        let (mut pieces, mut length) = (Vec::new(), 0);
        while length < AHEAD
            && let Some(piece) = splitter.next()
        {
            length += piece.range.len();
            pieces.push(piece);
        }
        let read = |piece: Piece| {
            let early = (!piece.unterminated).then(|| read(code, piece.range.clone(), check_data, rows));
            if let Some(Ok(Some(statement))) = &early {
                read_body(statement);
            }
            (piece, early)
        };
        let read: Vec<_> = pieces.into_par_iter().map(read).collect();
        (self.pieces, self.rows) = (read.into_iter(), rows);
        self.pieces.next()
    }

    /// What comes next is no longer told by what was cut.
    fn stop(&mut self) {
        *self = Self { stopped: true, ..Self::default() };
    }
}

/// A file without the statements that take it back, which goose, sql-migrate and dbmate keep behind a comment.
fn way_up(text: &str) -> &str {
    const MARKS: [(&str, &str); 3] = [
        ("-- +goose up", "-- +goose down"),
        ("-- +migrate up", "-- +migrate down"),
        ("-- migrate:up", "-- migrate:down"),
    ];
    let starts =
        |line: &str, mark: &str| line.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    let mut down = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(mark) = down
            && starts(line, mark)
        {
            return &text[..at];
        }
        if down.is_none() {
            down = MARKS.iter().find(|(up, _)| starts(line, up)).map(|(_, down)| *down);
        }
        at += line.len();
    }
    text
}

/// Whether a statement says more than the one before it. There may be a million rows: that they are there is
/// all there is to know of them, and of a seed's not even that.
fn adds(statement: &Statement, last: Option<&Statement>, check_data: bool) -> bool {
    match (&statement.kind, last.map(|last| &last.kind)) {
        (StatementKind::Data(_), _) if !check_data => false,
        (StatementKind::Data(Some(one)), Some(StatementKind::Data(Some(other)))) => !one.is_like(other),
        _ => true,
    }
}

/// Reads the PL/pgSQL of a function, which the replay asks for: files are read beside each other, and
/// replayed one after the other.
fn read_body(statement: &Statement) {
    if let StatementKind::CreateFunction(create) = &statement.kind
        && create.language.as_deref() == Some("plpgsql")
        && let Some(FunctionBody::Text(body)) = &create.body
    {
        body.block();
    }
}

/// Whether a text is nothing but statements, one or more.
pub fn is_sql(text: &str) -> bool {
    let source = SourceFile::new(String::new(), FileRole::Script, text.as_bytes().to_vec());
    let migration = parse(FileId(0), &source);
    migration.errors.is_empty() && migration.skipped.is_empty() && !migration.places.is_empty()
}

/// Reads the body of a function in language `sql`: statements that could not be parsed are left out
/// and make the second value false.
pub fn parse_body(body: &BodyText) -> (Vec<Statement>, bool) {
    let code = Code::body(body);
    let mut statements = Vec::new();
    let mut whole = true;
    for piece in Splitter::body(code.text) {
        match lower::statement(code, piece.range) {
            Ok(statement) => statements.extend(statement),
            Err(_) => whole = false,
        }
    }
    statements.shrink_to_fit();
    (statements, whole)
}

/// What is wrong with the body of a function in language `sql`, where something is.
pub fn body_error(body: &BodyText) -> Option<BodyError> {
    let code = Code::body(body);
    let error = Splitter::body(code.text).find_map(|piece| lower::statement(code, piece.range).err())?;
    Some(BodyError { span: code.span(error.at.start, error.at.end), message: error.message })
}

/// Reads a statement; one that writes rows out only where they are asked for.
fn read(
    code: Code<'_>,
    range: Range<usize>,
    check_data: bool,
    rows: bool,
) -> Result<Option<Statement>, ParseError> {
    let small = range.len() < MAX_DATA;
    let is_read = |kind| match kind {
        RowKind::Read => false,
        RowKind::Written if !rows => false,
        RowKind::Written | RowKind::Changed => check_data && range.len() < MAX_CHANGE,
    };
    let change = match row_statement(code, range.clone()) {
        RowStatement::No => return lower::statement(code, range),
        RowStatement::Of(target, kind) if is_read(kind) || small && is_settings(&target.table) => {
            return lower::statement(code, range);
        }
        RowStatement::Of(target, _) => Some(target),
        RowStatement::Unnamed => None,
    };
    if check_data && small {
        lower::check(code, range.clone())?;
    }
    let kind = StatementKind::Data(change.filter(|_| check_data).map(Box::new));
    Ok(Some(Statement { span: code.span(range.start, range.end), kind }))
}

/// What a statement is to a model that knows no rows.
enum RowStatement {
    /// Something else than a change of rows.
    No,
    Of(RowTarget, RowKind),
    /// COPY, VALUES, and what is broken.
    Unnamed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RowKind {
    /// INSERT … VALUES
    Written,
    /// Any other change of one table's rows.
    Changed,
    /// What only reads them: ANALYZE.
    Read,
}

/// Whether rows of a table are settings: buckets, cron jobs, queues, secrets.
fn is_settings(table: &ObjectName) -> bool {
    match &table.schema {
        Some(schema) => ["storage", "cron", "pgmq", "vault"].iter().any(|settings| schema == settings),
        None => table.name == "buckets",
    }
}

/// Tells a change of rows by its tokens: that is all that is read of most of them.
fn row_statement(code: Code<'_>, range: Range<usize>) -> RowStatement {
    let text = code.text;
    let mut tokens = Lexer::within(text, range).filter(|token| !token.is_comment()).peekable();
    let Some(first) = tokens.next() else { return RowStatement::No };
    if ["copy", "values"].iter().any(|word| first.is_word(text, word)) {
        return RowStatement::Unnamed;
    }
    let reads = first.is_word(text, "analyze");
    if !reads && !["insert", "update", "delete", "merge"].iter().any(|word| first.is_word(text, word)) {
        return RowStatement::No;
    }
    while tokens
        .next_if(|token| ["into", "from", "only", "verbose"].iter().any(|word| token.is_word(text, word)))
        .is_some()
    {}
    if reads && tokens.peek().is_none_or(|token| token::ident(*token, text).is_none()) {
        return RowStatement::No;
    }
    let mut name = || tokens.next().and_then(|token| Some((token::ident(token, text)?, token)));
    let Some((mut table, mut at)) = name() else { return RowStatement::Unnamed };
    let (start, mut schema) = (at.start, None);
    if tokens.next_if(|token| token.is(text, '.')).is_some() {
        let mut name = || tokens.next().and_then(|token| Some((token::ident(token, text)?, token)));
        let Some((inner, token)) = name() else { return RowStatement::Unnamed };
        schema = Some(std::mem::replace(&mut table, inner));
        at = token;
    }
    let table = ObjectName { schema, name: table, span: code.span(start, at.end) };
    let mut columns = Vec::new();
    if first.is_word(text, "insert") && tokens.next_if(|token| token.is(text, '(')).is_some() {
        // A list of names; what else it is, a sub-select or a field, has none.
        for token in tokens.by_ref() {
            match token::ident(token, text) {
                Some(name) => columns.push((name, code.span(token.start, token.end))),
                None if token.is(text, ',') => {}
                None if token.is(text, ')') => break,
                None => {
                    columns.clear();
                    break;
                }
            }
        }
        if columns.first().is_some_and(|(name, _)| *name == "select") {
            columns.clear();
        }
    }
    let kind = match reads {
        true => RowKind::Read,
        false if tokens.next().is_some_and(|token| token.is_word(text, "values")) => RowKind::Written,
        false => RowKind::Changed,
    };
    RowStatement::Of(RowTarget { table, columns }, kind)
}

/// The bytes that a server would refuse, as errors.
fn flaws(file: FileId, source: &SourceFile, places: &[Span], broken: &[SyntaxError]) -> Vec<SyntaxError> {
    let error = |flaw: &crate::source::ByteFlaw| {
        let span = Span { file, start: flaw.start, end: flaw.end };
        let read = places.partition_point(|place| place.end <= flaw.start);
        let unread = broken.partition_point(|error| error.statement.end <= flaw.start);
        let mut near =
            places.get(read).copied().into_iter().chain(broken.get(unread).map(|error| error.statement));
        let holder = near.find(|holder| holder.contains(span));
        let message = match flaw.kind {
            FlawKind::InvalidUtf8 => "invalid byte sequence for encoding \"UTF8\"",
            FlawKind::Nul => "invalid byte sequence for encoding \"UTF8\": 0x00",
        };
        SyntaxError { span, statement: holder.unwrap_or(span), message: message.into() }
    };
    source.flaws.iter().take(MAX_ERRORS).map(error).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (SourceFile, Migration) {
        read_as(text.as_bytes(), FileRole::Migration)
    }

    fn read_as(bytes: &[u8], role: FileRole) -> (SourceFile, Migration) {
        let source = SourceFile::new("x.sql".into(), role, bytes.to_vec());
        let migration = parse(FileId(0), &source);
        (source, migration)
    }

    fn texts<'a>(source: &'a SourceFile, migration: &Migration) -> Vec<&'a str> {
        migration.statements.iter().map(|statement| &source.text[statement.span.range()]).collect()
    }

    #[test]
    fn what_takes_a_migration_back_is_not_run() {
        for [up, down] in [
            ["-- +goose Up\n-- +goose StatementBegin", "-- +goose Down"],
            ["-- migrate:up transaction:false", "-- migrate:down"],
            ["-- +migrate Up", "-- +migrate Down"],
        ] {
            let (source, migration) =
                read(&format!("-- é\n{up}\ncreate table a (id int)\n{down}\ndrop table a;"));
            assert_eq!(texts(&source, &migration), ["create table a (id int)"], "{up}");
        }
        let (source, migration) = read("drop table a; -- +goose Down\n-- migrate:down\ndrop table b;");
        assert_eq!(texts(&source, &migration).len(), 2, "nothing says that it goes up before");
    }

    #[test]
    fn a_large_file_is_the_same_to_many_threads() {
        let whole =
            "create function f() returns int language plpgsql as $$ begin return 1; end $$;\n".repeat(1_000);
        let rows = format!("insert into t (id) values ('{}');\n", "x".repeat(1_000)).repeat(2_000);
        let open = "insert into t (id) values ('x;\n";
        for broken in
            ["", "create tabel a ();\n", "create table a (id int)\ncreate table b (id int);\n", open]
        {
            let text = format!("-- é\n{whole}{broken}{rows}create table c (id int);\n");
            let alone = read(&text).1;
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("there are threads");
            let together = pool.install(|| read(&text).1);
            assert_eq!(format!("{alone:?}"), format!("{together:?}"), "{broken}");
        }
    }

    #[test]
    fn of_many_rows_the_first_are_read() {
        let row = format!("insert into t (id, a) values (1, '{}');\n", "x".repeat(1_000));
        let rows = 2 * MAX_ROWS / row.len();
        let (_, migration) = read(&format!(
            "{}insert into u values (1);\nupdate u set id = 2;\ninsert into storage.buckets (id) values ('late');",
            row.repeat(rows)
        ));
        let count =
            |is: fn(&StatementKind) -> bool| migration.statements.iter().filter(|one| is(&one.kind)).count();
        assert_eq!(migration.places.len(), rows + 3);
        assert_eq!(count(|kind| matches!(kind, StatementKind::Data(Some(_)))), 2, "one for each table");
        let read = count(|kind| matches!(kind, StatementKind::Change(_)));
        assert!((MAX_ROWS / row.len()..rows).contains(&read), "{read} of {rows}");
        assert!(matches!(migration.statements.last().unwrap().kind, StatementKind::Change(_)), "a bucket");
    }

    #[test]
    fn a_broken_statement_hides_no_other() {
        let good = [
            "create table a (id int, note text default 'it''s; fine')",
            "create function f() returns int language plpgsql as $$\nbegin\n  insert into a values (1);\n  return 1;\nend;\n$$",
            "comment on table a is 'a; b'",
            "create policy \"own rows\" on a using (true)",
            "do $do$ begin execute $$ select 1; $$; end $do$",
            "insert into a values (1, 'x')",
            "create function g() returns int begin atomic select 1; select 2; end",
            "grant select on a to \"anon\"",
            "create rule r as on insert to a do also (select 1; select 2)",
            "select f()",
            "create view v as select id from a where note = 'x'",
            "alter table a enable row level security",
            "create function h() returns int language sql as $body$ select 1; $body$",
            "create index on a (lower(note))",
        ];
        for broken in 0..good.len() {
            for missing in ["'", "\"", "(", ")", "$$", "$body$", "$do$"] {
                for (place, _) in good[broken].match_indices(missing) {
                    let mut list = good.map(str::to_owned);
                    list[broken].replace_range(place..place + missing.len(), "");
                    let text = list.join(";\n") + ";\n";
                    let (source, migration) = read(&text);
                    let found = texts(&source, &migration);
                    for (index, statement) in list.iter().enumerate() {
                        assert!(
                            index == broken || found.contains(&statement.as_str()),
                            "{statement}\nis lost by\n{}\n{:?}",
                            list[broken],
                            migration.errors
                        );
                    }
                    // What is wrong within a body is no error of the file.
                    let in_body = list[broken].contains('$');
                    assert!(in_body || !migration.errors.is_empty(), "{}", list[broken]);
                }
            }
        }
    }

    #[test]
    fn an_error_covers_the_broken_part() {
        let text =
            "create table a (note text default 'x);\n\n-- next\ncreate table b (note text default 'y');";
        let (source, migration) = read(text);
        assert_eq!(texts(&source, &migration), ["create table b (note text default 'y')"]);
        assert_eq!(migration.errors.len(), 1);
        assert_eq!(&text[migration.errors[0].statement.range()], "create table a (note text default 'x)");
        assert!(migration.errors[0].message.starts_with("unterminated quoted string"));
        assert_eq!(migration.comments.len(), 1);
    }

    #[test]
    fn too_many_broken_statements_end_the_reading() {
        let text = "frm 'a;\nselect 1;\n".repeat(200);
        let (_, migration) = read(&text);
        assert!(migration.errors.len() <= MAX_RESTARTS + 1);
        assert_eq!(migration.skipped.last().map(|skipped| skipped.kind), Some(SkippedKind::Rest));
    }

    #[test]
    fn what_is_meant_for_other_tools_is_an_error_at_its_place() {
        for (text, at) in [
            ("select * from t where id = :id", ":"),
            ("grant usage on schema ${SCHEMA} to anon", "$"),
            ("create table {{ name }} (id int)", "{"),
        ] {
            let (source, migration) = read(text);
            assert_eq!(migration.errors.len(), 1, "{text}");
            assert_eq!(&source.text[migration.errors[0].span.range()], at);
        }
    }

    #[test]
    fn a_missing_semicolon_behind_a_body_is_one_error() {
        let (source, migration) = read(
            "create function g() returns trigger language plpgsql as $function$
declare x text;
begin
  x := 'a';
  if new.id = 1 then new.a := x; end if;
return new;
end;
$function$
drop trigger if exists tr on t;
select 2;",
        );
        let errors: Vec<_> = migration.errors.iter().map(|error| &source.text[error.span.range()]).collect();
        assert_eq!(errors, ["drop"]);
        assert_eq!(migration.statements.len(), 1);
    }

    #[test]
    fn many_rows_are_read_only_where_they_are_settings() {
        let kinds =
            |text| read(text).1.statements.into_iter().map(|statement| statement.kind).collect::<Vec<_>>();
        let many = format!("insert into t values ('{}')", "x".repeat(MAX_CHANGE));
        for text in [many.as_str(), "copy t to stdout", "values (1)"] {
            assert!(matches!(kinds(text)[..], [StatementKind::Data(_)]), "{text}");
        }
        for text in [
            "insert into storage.buckets (id) values ('a')",
            "delete from cron.job",
            "update buckets set public = true",
            "with x as (select 1) insert into t select * from x",
            "insert into t values (1)",
            "update only t set a = 1",
        ] {
            assert!(matches!(kinds(text)[..], [StatementKind::Change(_)]), "{text}");
        }
    }

    #[test]
    fn rows_are_checked_in_migrations_and_not_in_seeds() {
        let text = b"insert into t valus (1);";
        assert_eq!(read_as(text, FileRole::Migration).1.errors.len(), 1);
        assert_eq!(read_as(text, FileRole::Seed).1.errors, []);
    }

    #[test]
    fn bytes_that_are_no_text_are_errors() {
        let (_, migration) = read_as(b"select 1;\nselect '\xFF';\n-- \0", FileRole::Migration);
        assert_eq!(migration.statements.len(), 2);
        let spans: Vec<_> = migration.errors.iter().map(|error| (error.span, error.statement)).collect();
        assert_eq!(spans[0], (Span::new(FileId(0), 18, 19), migration.statements[1].span));
        assert_eq!(spans[1], (Span::new(FileId(0), 25, 26), Span::new(FileId(0), 25, 26)));
        assert!(migration.errors[1].message.ends_with("0x00"));
    }

    #[test]
    fn comments_know_their_statement() {
        let text = "-- first\nselect 1 -- in\n, 2; -- trails\n\n/* next */ select 3; /* own */ select 4;
            do $$ begin -- body\n null; end $$;\n-- last";
        let (_, migration) = read(text);
        let found: Vec<_> =
            migration.comments.iter().map(|comment| (comment.text.as_str(), comment.statement)).collect();
        let expected = [
            ("first", Some(0)),
            ("in", Some(0)),
            ("trails", Some(0)),
            ("next", Some(1)),
            ("own", Some(2)),
            ("body", Some(3)),
            ("last", None),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_body_of_sql_is_read_in_place() {
        let text =
            "create function f() returns int language sql as $$ select 1; insert into t values (2); frm $$;";
        let (source, migration) = read(text);
        let StatementKind::CreateFunction(function) = &migration.statements[0].kind else { panic!() };
        let Some(crate::sql::statement::FunctionBody::Text(body)) = &function.body else { panic!() };
        let (statements, whole) = parse_body(body);
        assert!(!whole);
        let texts: Vec<_> = statements.iter().map(|statement| &source.text[statement.span.range()]).collect();
        assert_eq!(texts, ["select 1", "insert into t values (2)"]);
        assert!(matches!(statements[1].kind, StatementKind::Change(_)));
    }

    #[test]
    fn garbage_does_not_hang() {
        for unit in
            ["'", "$$ $a$ ", "(;", "create rule r as (", "select 'a;\nselect ", "{{ x }};\n", "\u{1F980};"]
        {
            parse(
                FileId(0),
                &SourceFile::new(
                    "x.sql".into(),
                    FileRole::Migration,
                    unit.repeat(100_000 / unit.len()).into(),
                ),
            );
        }
    }
}
