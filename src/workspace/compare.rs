//! What a change brings: the same projects before and after, checked and compared.

use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::access::Rights;
use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::catalog::table::Table;
use crate::change::access::{self, New, Side};
use crate::change::buckets;
use crate::change::stops::Cause;
use crate::change::{self, AccessChange, Brought, Change, Fixed, Renamed, Subject};
use crate::diagnostic::{self, Diagnostic, Identity, Severity, selected};
use crate::report::Report;
use crate::rule::{Check, Findings, Group, Rule};
use crate::rules;
use crate::source::{FileId, Span};
use crate::workload::Workload;
use crate::workspace::boundary::Base;
use crate::workspace::mended::Aftermath;
use crate::workspace::merged::Merged;
use crate::workspace::{Baselining, Replayed, Workspace, keys};

impl Workspace {
    /// Runs the rules on what there is and on what there was, and reports the difference.
    pub fn check_against(&mut self, base: &Base) -> Report {
        let started = Instant::now();
        let mut change =
            Change { base: base.name.clone(), removed: base.removed.clone(), ..Change::default() };
        let before = &base.workspace;
        let keys = keys::keys(&self.projects, &keys::folders(&self.projects, &self.prefix));
        let mut introduced = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            let mut merged = self.compare_files(at, before, base.merged.as_ref());
            let is_rewritten = self.tells_rewritten(&self.projects[at], &merged);
            let mut access = self.compare_access(at, before, &merged);
            let said = access
                .changes
                .iter_mut()
                .filter_map(|one| Some((merged.rewritten.get(&one.cause?.place.file)?, one)));
            said.for_each(|(file, one)| one.message.push_str(&format!(", where {file} has not run yet")));
            let mut widened = Findings::new(rules::named(change::WIDENED));
            let (was, is) = (&before.projects[at].catalog, &self.projects[at].catalog);
            access::report(&access.changes, is, &mut widened);
            change.access.extend(buckets::compare(was, is, &mut widened));
            merged.findings.extend(widened.list);
            let mut recreated = Findings::new(rules::named(change::recreated::RULE));
            change::recreated::report(was, is, &merged.new, &mut recreated);
            merged.findings.extend(recreated.list);
            let mut checked = self.check_project(&self.projects[at], std::mem::take(&mut merged.findings));
            let mut known = before.check_project(&before.projects[at], Vec::new()).found;
            change::move_files(&mut known, &before.projects[at].shown, &self.projects[at].shown);
            let renamed = &access.renamed;
            renamed.apply(&mut known);
            let is_new = |file: FileId| merged.new.contains(&file);
            let kept = self.kept(&self.projects[at], before, &before.projects[at], &merged);
            let brought = Brought { file: &is_new, place: &|place| is_new(place.file) && !kept.has(place) };
            let mut told = checked.found.clone();
            let baseline = self.silence(&self.projects[at], &mut told);
            let found = std::mem::take(&mut checked.found);
            // What is still there and only no longer said, or seen, is not mended; nor is what databases keep that
            // ran a migration as it was.
            let settings = &self.projects[at].settings;
            let mut hidden = self.hidden_without_rls(at, before, renamed, &known);
            hidden.extend(self.hidden_by_doubts(at, before));
            let aftermath = Aftermath::new((was, &known), (is, &found), &access.changes);
            let is_mended = |one: &Diagnostic| {
                let fingerprint = one.fingerprint();
                !is_rewritten
                    && settings.is_on(one.rule)
                    && !checked.unsaid.contains(&fingerprint)
                    && !hidden.contains(&fingerprint)
                    && !access.leaves_open(one)
                    && !aftermath.may_hide(one)
                    && !has_new_doubts(one, is, was)
            };
            let was_done = |one: &Diagnostic, deed: &str| access.was_done(one, deed);
            let mut compared =
                change::compare((&known, &before.sources), found, &brought, &is_mended, &was_done);
            let mut brought = std::mem::take(&mut compared.introduced);
            brought.iter_mut().for_each(|diagnostic| change::move_to_change(diagnostic, &is_new));
            self.move_to_causes(&self.projects[at], &mut brought, &compared, &merged);
            brought = change::without_old_places(brought, &compared, &is_new);
            brought = self.without_allowed(&self.projects[at], brought, &mut checked.silenced);
            let place = |mut one: AccessChange| {
                one.statement =
                    one.cause.and_then(|cause| self.statement_around(&self.projects[at], cause.place));
                one
            };
            // Where there was no project, the schemas of this one are no news.
            let was_there = !before.projects[at].migrations.is_empty();
            let is_news = |one: &AccessChange| was_there || one.subject != Subject::Schema;
            change.access.extend(access.changes.into_iter().filter(is_news).map(place));
            let of_project = |one: Fixed| Fixed { fingerprint: diagnostic::key(one.fingerprint, key), ..one };
            change.fixed.extend(compared.fixed.into_iter().map(of_project));
            change.staying += compared.staying;
            checked.found = brought;
            if let Some(baseline) = baseline {
                let told: FxHashSet<_> =
                    told.iter().flat_map(Diagnostic::each).map(Diagnostic::fingerprint).collect();
                let is_told = |diagnostic: &Diagnostic| told.contains(&diagnostic.fingerprint());
                let brought = checked.found.len();
                checked.found = selected(checked.found, is_told, "are not in the baseline");
                checked.baselined = brought - checked.found.len();
                // A change that mends something says so; only who asks is told to prune.
                if self.baselining == Baselining::Strict {
                    checked.found.extend(self.stale(&self.projects[at], &baseline));
                }
            }
            // Not before: what the baseline holds back says nothing of what a change opens.
            checked.found = change::without_repeats(checked.found, &compared.grown);
            introduced.push(checked);
        }
        let of_base = before.problems.iter().map(|problem| format!("in {}: {problem}", base.name));
        self.problems.extend(of_base);
        let mut report = self.report(introduced);
        report.change = Some(change);
        self.timings.check = started.elapsed();
        report
    }

    /// Whether it is an error that merged migrations are no longer what databases ran.
    fn tells_rewritten(&self, replayed: &Replayed, merged: &Merged) -> bool {
        let is_told = |one: &Diagnostic| {
            one.rule == "ad-hoc-ddl" && one.severity > Severity::Info && self.is_on(one, &replayed.settings)
        };
        merged.findings.iter().any(is_told)
    }

    /// Who can do what in a project and could not before, and the other way round.
    fn compare_access(&self, at: usize, base: &Self, merged: &Merged) -> access::Compared {
        let (before, after) = (&base.projects[at], &self.projects[at]);
        let (known, found) = (Workload::of(&before.catalog), Workload::of(&after.catalog));
        let was = Rights::explained(&before.catalog, &known).with_passages();
        let is = Rights::explained(&after.catalog, &found).with_passages();
        access::compare(
            Side { rights: &was, workload: &known, catalog: &before.catalog, sources: &base.sources },
            Side { rights: &is, workload: &found, catalog: &after.catalog, sources: &self.sources },
            &New {
                files: &merged.new,
                kept: &self.kept(after, base, before, merged),
                history: &|| self.history(after, merged),
            },
        )
    }

    /// The statement of a project that a place is in.
    fn statement_around(&self, replayed: &Replayed, place: Span) -> Option<Span> {
        let of_file =
            replayed.migrations.iter().map(|(_, file)| file).find(|file| file.file == place.file)?;
        of_file.places.iter().find(|one| one.start <= place.start && place.end <= one.end).copied()
    }

    /// The findings of the base that do not show where row level security was switched off, and come back
    /// with it; those about who reaches the rows of such a table among them.
    fn hidden_without_rls(
        &self,
        at: usize,
        base: &Self,
        renamed: &Renamed,
        known: &[Diagnostic],
    ) -> FxHashSet<String> {
        let (was, replayed) = (&base.projects[at].catalog, &self.projects[at]);
        let is_off = |table: &&Table| {
            let before = was.table(renamed.former(&table.name));
            !table.rls.value && before.is_some_and(|before| before.rls.value)
        };
        let off: Vec<&Table> = replayed.catalog.tables.values().filter(is_off).collect();
        if off.is_empty() {
            return FxHashSet::default();
        }
        let mut catalog = replayed.catalog.clone();
        off.iter().for_each(|table| catalog.tables[&table.oid].rls.value = true);
        let workload = Workload::of(&catalog);
        let rights = Rights::new(&catalog, &workload);
        let shown = self.run_rules_on(replayed, &catalog, &workload, &rights, &|_| true);
        let is_about_rows = |one: &&Diagnostic| {
            let object = &one.object;
            let of_table = |table: &&Table| {
                let QName { schema, name } = &table.name;
                object.schema.as_deref() == Some(schema.as_str()) && object.name == *name.as_str()
            };
            let is_of_group = |rule: &Rule| matches!(rule.group, Group::Rls | Group::Auth);
            rules::find(one.rule).is_some_and(is_of_group) && off.iter().any(of_table)
        };
        let about_rows = known.iter().flat_map(Diagnostic::each).filter(is_about_rows);
        shown.iter().flat_map(Diagnostic::each).chain(about_rows).map(Diagnostic::fingerprint).collect()
    }

    /// What rules would still find if nothing that the change leaves in doubt had changed.
    fn hidden_by_doubts(&self, at: usize, base: &Self) -> FxHashSet<String> {
        let (was, replayed) = (&base.projects[at].catalog, &self.projects[at]);
        if !replayed.catalog.has_new_doubts(was) {
            return FxHashSet::default();
        }
        let shown = self.found_without_doubts(replayed);
        shown.iter().flat_map(Diagnostic::each).map(Diagnostic::fingerprint).collect()
    }

    /// Takes out what comments allow where the change made it so, counts it, and takes out that these
    /// comments were idle.
    fn without_allowed(
        &self,
        replayed: &Replayed,
        found: Vec<Diagnostic>,
        silenced: &mut usize,
    ) -> Vec<Diagnostic> {
        let mut suppressions = self.suppressions(replayed);
        let is_told = |one: &Diagnostic| {
            let is_allowed = suppressions.allows(one);
            *silenced += usize::from(is_allowed);
            !is_allowed
        };
        let mut left = selected(found, is_told, "are told here");
        left.retain(|one| one.rule != "unused-suppression" || !suppressions.is_used(one.span));
        left
    }

    /// Moves findings that stand in no file of the change to the statement of it that made them so.
    /// Of what was there and got worse, that is the one that made it as bad as it is; of what was there fewer times,
    /// the one that made it more.
    fn move_to_causes(
        &self,
        replayed: &Replayed,
        found: &mut [Diagnostic],
        compared: &change::Compared,
        merged: &Merged,
    ) {
        let is_new = |file: FileId| merged.new.contains(&file);
        let mut misplaced = change::misplaced(found, &is_new);
        misplaced.retain(|one| matches!(rules::named(one.rule).check, Check::Catalog(_)));
        let asked: Vec<(&str, String)> = misplaced.iter().map(|one| (one.rule, one.fingerprint())).collect();
        if asked.is_empty() {
            return;
        }
        let holds = |catalog: &Catalog, at: &[usize]| {
            let workload = Workload::of(catalog);
            let rights = Rights::new(catalog, &workload);
            let of_rules: FxHashSet<&str> = at.iter().map(|at| asked[*at].0).collect();
            let is_asked = |rule: &Rule| of_rules.contains(rule.id);
            let found = self.run_rules_on(replayed, catalog, &workload, &rights, &is_asked);
            let mut here: FxHashMap<String, Vec<Diagnostic>> = FxHashMap::default();
            for one in found.into_iter().flat_map(Diagnostic::into_each) {
                here.entry(one.fingerprint()).or_default().push(one);
            }
            let holds = |(_, fingerprint): &(&str, String)| {
                let list = here.get(fingerprint).map_or(&[][..], Vec::as_slice);
                match compared.grown.get(fingerprint) {
                    Some(grown) => list.iter().any(|one| grown.is_reached_by(one)),
                    None => list.len() > compared.count_before(fingerprint),
                }
            };
            at.iter().map(|at| holds(&asked[*at])).collect()
        };
        let causes = self.history(replayed, merged).causes(asked.len(), holds);
        for (one, cause) in misplaced.iter_mut().zip(causes) {
            let exposed = || {
                let schema = one.object.schema.as_deref()?;
                let place = replayed.catalog.api.exposed_at.get(schema).copied();
                place.filter(|place| is_new(place.file)).map(Cause::at)
            };
            let caused = |cause: Cause| Cause { place: self.sources.first_line(cause.place), ..cause };
            if let Some(cause) = cause.map(caused).or_else(exposed) {
                one.move_to(cause.place, cause.note().to_string());
            }
        }
        found.iter_mut().filter(|one| one.is_about_project()).for_each(|habit| {
            habit.retain(|_| true);
        });
    }
}

/// Whether the change leaves in doubt what a finding of the base is about. Files are read as they are.
fn has_new_doubts(finding: &Diagnostic, after: &Catalog, before: &Catalog) -> bool {
    let Identity { kind, schema, name, .. } = &finding.object;
    let object = QName::new(schema.as_deref().unwrap_or_default(), name.as_str());
    *kind != "file" && after.has_new_doubts_about(&object, before)
}
