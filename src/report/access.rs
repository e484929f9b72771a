//! The matrix of who reaches which rows. `docs/formats.md` describes its JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::one_line;
use crate::access::{Cell, Relations};
use crate::catalog::origin::Origin;
use crate::predicate::Reach;
use crate::source::{Sources, Span};
use crate::sql::statement::PolicyCommand;

/// Raised when a field is renamed, removed or changes its meaning; a new field does not raise it.
const FORMAT: u32 = 1;

/// The matrix of one project.
#[derive(Serialize)]
pub(crate) struct Matrix {
    project: String,
    relations: Vec<RelationRows>,
}

#[derive(Serialize)]
struct RelationRows {
    schema: String,
    name: String,
    #[serde(skip)]
    quoted: String,
    roles: Vec<RoleRow>,
}

#[derive(Serialize)]
struct RoleRow {
    role: String,
    select: CellForm,
    insert: CellForm,
    update: CellForm,
    delete: CellForm,
}

#[derive(Serialize)]
struct CellForm {
    rows: &'static str,
    without_condition: &'static str,
    new_rows: Option<&'static str>,
    returning: Option<&'static str>,
    owner_columns: Vec<String>,
    columns: Option<Vec<String>>,
    reasons: Vec<ReasonForm>,
    #[serde(skip)]
    words: String,
}

#[derive(Serialize)]
struct ReasonForm {
    text: String,
    rows: Option<&'static str>,
    place: Option<Place>,
}

#[derive(Serialize)]
struct Place {
    file: String,
    line: usize,
    column: usize,
    offset: u32,
}

impl RoleRow {
    fn cells(&self) -> [(&'static str, &CellForm); 4] {
        [
            ("select", &self.select),
            ("insert", &self.insert),
            ("update", &self.update),
            ("delete", &self.delete),
        ]
    }
}

pub(super) fn word(reach: Reach) -> &'static str {
    match reach {
        Reach::None => "none",
        Reach::Own => "own",
        Reach::Tenant => "tenant",
        Reach::Some => "some",
        Reach::Unknown => "unknown",
        Reach::All => "all",
    }
}

impl Matrix {
    pub(crate) fn new(project: &str, relations: &[Relations<'_>], sources: &Sources) -> Self {
        let relations = relations
            .iter()
            .map(|relation| RelationRows {
                schema: relation.name.schema.to_string(),
                name: relation.name.name.to_string(),
                quoted: relation.name.quoted(),
                roles: relation
                    .rows
                    .iter()
                    .map(|row| {
                        let [select, insert, update, delete] =
                            row.cells.each_ref().map(|cell| CellForm::new(cell, sources));
                        RoleRow { role: row.role.name.to_string(), select, insert, update, delete }
                    })
                    .collect(),
            })
            .collect();
        Self { project: project.to_string(), relations }
    }
}

impl CellForm {
    fn new(cell: &Cell, sources: &Sources) -> Self {
        let columns = cell.columns.as_ref();
        let mut words = cell.reach.word().to_string();
        if columns.is_some() && cell.reach != Reach::None {
            words += ", some columns";
        }
        let changes = matches!(cell.command, PolicyCommand::Update | PolicyCommand::Delete);
        if changes && cell.blind != cell.reach {
            words += " *";
        }
        Self {
            rows: word(cell.reach),
            without_condition: word(cell.blind),
            new_rows: cell.new_rows.map(word),
            returning: cell.returned.map(word),
            owner_columns: cell.owner_columns.iter().map(ToString::to_string).collect(),
            columns: columns.map(|columns| columns.iter().map(ToString::to_string).collect()),
            reasons: cell
                .reasons
                .iter()
                .map(|reason| ReasonForm {
                    text: reason.text.clone(),
                    rows: reason.reach.map(word),
                    place: match reason.origin {
                        Origin::Statement(span) => Some(place(span, sources)),
                        Origin::Platform => None,
                    },
                })
                .collect(),
            words,
        }
    }
}

fn place(span: Span, sources: &Sources) -> Place {
    let file = sources.get(span.file);
    let position = file.position(span.start);
    Place { file: file.path.clone(), line: position.line, column: position.column, offset: span.start }
}

/// Writes one JSON object.
pub(crate) fn render_json(matrices: &[Matrix], out: &mut dyn Write) -> io::Result<()> {
    #[derive(Serialize)]
    struct Envelope<'a> {
        format: u32,
        projects: &'a [Matrix],
    }
    serde_json::to_writer_pretty(&mut *out, &Envelope { format: FORMAT, projects: matrices })?;
    writeln!(out)
}

const HEADS: [&str; 4] = ["select", "insert", "update", "delete"];

/// Writes a table for a terminal.
pub(crate) fn render_table(matrices: &[Matrix], out: &mut dyn Write) -> io::Result<()> {
    let relations = || matrices.iter().flat_map(|matrix| &matrix.relations);
    let length = |text: &str| text.chars().count();
    let first = relations()
        .flat_map(|relation| {
            let roles = relation.roles.iter().map(|row| length(&row.role) + 2);
            roles.chain([length(&relation.quoted)])
        })
        .max()
        .unwrap_or(0);
    let mut widths = HEADS.map(length);
    for row in relations().flat_map(|relation| &relation.roles) {
        for (width, (_, cell)) in widths.iter_mut().zip(row.cells()) {
            *width = (*width).max(length(&cell.words));
        }
    }
    for matrix in matrices {
        if matrices.len() > 1 {
            writeln!(out, "{}", one_line(&matrix.project))?;
        }
        for relation in &matrix.relations {
            let mut line = format!("{:<first$}", one_line(&relation.quoted));
            for (head, width) in HEADS.iter().zip(widths) {
                line += &format!("  {head:<width$}");
            }
            writeln!(out, "{}", line.trim_end())?;
            for row in &relation.roles {
                let mut line = format!("  {:<width$}", one_line(&row.role), width = first.saturating_sub(2));
                for ((_, cell), width) in row.cells().into_iter().zip(widths) {
                    line += &format!("  {:<width$}", cell.words);
                }
                writeln!(out, "{}", line.trim_end())?;
            }
        }
    }
    footnote(matrices, out)
}

/// Writes a table in Markdown.
pub(crate) fn render_markdown(matrices: &[Matrix], out: &mut dyn Write) -> io::Result<()> {
    let safe = |text: &str| one_line(text).replace('|', "\\|");
    for matrix in matrices {
        if matrices.len() > 1 {
            writeln!(out, "## {}\n", safe(&matrix.project))?;
        }
        writeln!(out, "| relation | role | select | insert | update | delete |\n|---|---|---|---|---|---|")?;
        for relation in &matrix.relations {
            for row in &relation.roles {
                let cells = row.cells().map(|(_, cell)| cell.words.replace('*', "\\*"));
                let cells = cells.join(" | ");
                writeln!(out, "| {} | {} | {cells} |", safe(&relation.quoted), safe(&row.role))?;
            }
        }
        writeln!(out)?;
    }
    footnote(matrices, out)
}

fn footnote(matrices: &[Matrix], out: &mut dyn Write) -> io::Result<()> {
    let mut rows = matrices.iter().flat_map(|matrix| &matrix.relations).flat_map(|relation| &relation.roles);
    if rows.any(|row| row.cells().iter().any(|(_, cell)| cell.words.ends_with('*'))) {
        writeln!(out, "* a statement that reads no column, such as one without WHERE, reaches other rows")?;
    }
    Ok(())
}

/// Writes what makes the cells of each relation so.
pub(crate) fn render_reasons(matrices: &[Matrix], out: &mut dyn Write) -> io::Result<()> {
    for relation in matrices.iter().flat_map(|matrix| &matrix.relations) {
        writeln!(out, "{}", one_line(&relation.quoted))?;
        for row in &relation.roles {
            for (command, cell) in row.cells() {
                writeln!(out, "  {} {command}: {}", one_line(&row.role), cell.summary())?;
                for reason in &cell.reasons {
                    let rows = reason.rows.map(|rows| format!(": {rows}")).unwrap_or_default();
                    write!(out, "    {}{rows}", one_line(&reason.text))?;
                    match &reason.place {
                        Some(place) => writeln!(out, "  -- {}:{}", one_line(&place.file), place.line)?,
                        None => writeln!(out)?,
                    }
                }
            }
        }
    }
    Ok(())
}

impl CellForm {
    fn summary(&self) -> String {
        let mut text = self.words.trim_end_matches(" *").to_string();
        let names = |names: &[String]| names.iter().map(|name| one_line(name)).collect::<Vec<_>>().join(", ");
        if self.rows == "own" && !self.owner_columns.is_empty() {
            text += &format!(" by {}", names(&self.owner_columns));
        }
        if let Some(columns) = &self.columns {
            text += &format!(" ({})", names(columns));
        }
        if self.words.ends_with('*') {
            text += &format!("; without a condition {}", self.without_condition);
        }
        if let Some(new) = self.new_rows.filter(|new| *new != self.rows && self.rows != "none") {
            text += &format!("; new rows {new}");
        }
        if let Some(returned) = self.returning.filter(|returned| *returned != self.rows) {
            text += &format!("; with RETURNING {returned}");
        }
        text
    }
}
