//! Transactions of a file: what they take back was never there.

use crate::catalog::Catalog;
use crate::catalog::apply::{Applied, Misfit};
use crate::catalog::misfit::SqlState;
use crate::sql::name::Ident;
use crate::sql::statement::{Statement, StatementKind, Transaction};

pub(super) fn apply(catalog: &mut Catalog, change: &Transaction) -> Applied {
    match change {
        Transaction::Begin => catalog.session.running.explicit = true,
        Transaction::Commit | Transaction::Rollback => {
            let ended = std::mem::take(&mut catalog.session.running);
            if let Some(after) = ended.after {
                catalog.session = *after;
            }
        }
        Transaction::Savepoint(_) | Transaction::Release(_) | Transaction::RollbackTo(_) => {}
    }
    Ok(())
}

/// Refuses a command that cannot run between BEGIN and COMMIT.
pub(super) fn expect_none(catalog: &Catalog, command: &str) -> Applied {
    let alone = ["CREATE INDEX CONCURRENTLY", "VACUUM", "ALTER SYSTEM"];
    if catalog.session.running.explicit && alone.contains(&command) {
        let why = format!("{command} cannot run between BEGIN and COMMIT");
        return Err(Misfit::refused(SqlState::ACTIVE_SQL_TRANSACTION, why));
    }
    Ok(())
}

/// For each statement of a file, whether what it does is still there at the end of its transaction.
/// A transaction that the file leaves open is taken to be committed.
pub(super) fn kept(statements: &[Statement]) -> Vec<bool> {
    // How many transactions or savepoints take a statement back: the steps up and down.
    let mut steps = vec![0_i32; statements.len() + 1];
    let mut take_back = |from: usize, to: usize| {
        steps[from] += 1;
        steps[to] -= 1;
    };
    let mut start = None;
    let mut savepoints: Vec<(&Ident, usize)> = Vec::new();
    for (at, statement) in statements.iter().enumerate() {
        let StatementKind::Transaction(transaction) = &statement.kind else { continue };
        match transaction {
            Transaction::Begin => {
                start = start.or(Some(at));
            }
            Transaction::Commit => {
                start = None;
                savepoints.clear();
            }
            Transaction::Rollback => {
                if let Some(start) = start.take() {
                    take_back(start, at);
                }
                savepoints.clear();
            }
            Transaction::Savepoint(name) => savepoints.push((name, at)),
            Transaction::Release(name) => {
                if let Some(found) = savepoints.iter().rposition(|(savepoint, _)| *savepoint == name) {
                    savepoints.truncate(found);
                }
            }
            Transaction::RollbackTo(name) => {
                if let Some(found) = savepoints.iter().rposition(|(savepoint, _)| *savepoint == name) {
                    take_back(savepoints[found].1, at);
                    savepoints.truncate(found + 1);
                    savepoints[found].1 = at;
                }
            }
        }
    }
    let mut taken_back = 0;
    let kept = steps.iter().take(statements.len()).map(|step| {
        taken_back += step;
        taken_back == 0
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use crate::catalog::name::QName;
    use crate::testing::Bench;

    /// Which of the tables `a` to `e` are there after a file.
    fn tables(sql: &str) -> String {
        let bench = Bench::new(sql);
        let made = |name: &&str| bench.catalog.table(&QName::new("public", *name)).is_some();
        ["a", "b", "c", "d", "e"].into_iter().filter(made).collect()
    }

    #[test]
    fn what_is_rolled_back_was_never_there() {
        assert_eq!(
            tables(
                "create table a (id int); begin; create table b (id int); rollback; create table c (id int);
                 begin; create table d (id int); commit; begin; create table e (id int);"
            ),
            "acde"
        );
    }

    #[test]
    fn a_savepoint_takes_back_what_came_after_it() {
        assert_eq!(
            tables(
                "begin; create table a (id int); savepoint s; create table b (id int); rollback to s;
                 create table c (id int); rollback to savepoint s; create table d (id int); commit;
                 create table e (id int);"
            ),
            "ade"
        );
    }

    #[test]
    fn savepoints_are_inside_each_other() {
        assert_eq!(
            tables(
                "begin; savepoint s; create table a (id int); savepoint t; create table b (id int); release s;
                 rollback to t; create table c (id int); commit;"
            ),
            "abc",
            "a released savepoint takes those within it along"
        );
        assert_eq!(
            tables(
                "begin; savepoint s; create table a (id int); savepoint s; create table b (id int);
                 rollback to s; release s; create table c (id int); rollback to s; create table d (id int);
                 commit;"
            ),
            "d",
            "a new savepoint hides an older one of its name"
        );
    }
}
