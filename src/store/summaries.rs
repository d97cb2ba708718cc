use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::sqlite::{Store, StoreError, connect};
use crate::model::{RunId, SUMMARY_FORMAT, Summary};

/// A run of the store, and what is kept of its judgement.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The run.
    pub run: RunId,
    /// Its judgement in short, by the rules asked for and from all of its records; none where there is none (any more).
    pub summary: Option<Summary>,
}

/// Every run with its last record: two looks into the index for each, however many records it has.
pub(super) const RUNS: &str = "
    WITH RECURSIVE each(run) AS (
        SELECT MIN(run) FROM record
        UNION ALL
        SELECT (SELECT MIN(run) FROM record WHERE record.run > each.run) FROM each WHERE run IS NOT NULL
    )
    SELECT run, (SELECT MIN(seq) FROM record WHERE record.run = each.run) AS first,
           (SELECT MAX(seq) FROM record WHERE record.run = each.run) AS last
    FROM each WHERE run IS NOT NULL";

/// How many of its first records are looked through for a run's manifest: it may be registered, and then noted as begun.
const FOREMOST: u32 = 4;

/// Summaries of judged runs stand beside the evidence and are none: they are opinions, in no chain, and may be dropped at any
/// time. Each rule set writes its own, and what was judged from fewer records than there are now counts as not there.
impl Store {
    /// Every audit in the store, the oldest first, with what is kept of its judgement by these rules. Those that are known
    /// to be of another service than the one asked for are left out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn kept(&self, rules: u32, service: Option<&str>) -> Result<Vec<Kept>, StoreError> {
        let connection = connect(self.path())?;
        if !has_table(&connection)? {
            // Nothing is kept yet; a store that cannot be written can still be read.
            make_table(&connection, "TEMP")?;
        }
        let mut rows = connection.prepare(&format!(
            "SELECT runs.run, summary.service, CASE WHEN ?2 IS NULL OR summary.service = ?2 THEN summary.body END,
                    runs.first
             FROM ({RUNS}) AS runs
             LEFT JOIN summary ON summary.run = runs.run AND summary.rules = ?1 AND summary.covers = runs.last"
        ))?;
        let mut rows = rows.query(params![rules, service])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let of = text(row, 1)?;
            let is_another = of.is_some_and(|of| service.is_some_and(|asked| asked != of));
            let Some(run) = text(row, 0)?.and_then(RunId::parse).filter(|_| !is_another) else {
                continue;
            };
            // One that an earlier version wrote, or a later one, is made anew.
            let summary = text(row, 2)?.and_then(|body| serde_json::from_str::<Summary>(body).ok());
            let summary = summary.filter(|summary| summary.format == SUMMARY_FORMAT);
            if summary.is_some() || is_audit(&connection, run)? {
                found.push((row.get::<_, u64>(3)?, Kept { run, summary }));
            }
        }
        // Here, because what is sorted there is copied whole.
        found.sort_unstable_by_key(|(first, _)| *first);
        Ok(found.into_iter().map(|(_, kept)| kept).collect())
    }

    /// Keeps what judged runs come to, each with the number of the last record it was judged from. Of several for one run by
    /// the same rules the last is kept.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn keep<'a>(
        &self,
        summaries: impl IntoIterator<Item = (u64, &'a Summary)>,
    ) -> Result<(), StoreError> {
        let mut connection = connect(self.path())?;
        make_table(&connection, "")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (covers, summary) in summaries {
            let body = serde_json::to_string(summary)
                .map_err(|error| StoreError::Write(error.to_string()))?;
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO summary (run, rules, covers, service, body)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    summary.run.to_string(),
                    summary.rules,
                    covers,
                    summary.service,
                    body
                ])?;
        }
        transaction.commit()?;
        Ok(())
    }
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<Option<&'r str>> {
    let value = row.get_ref(column)?.as_str_or_null();
    value.map_err(rusqlite::Error::from)
}

fn has_table(connection: &Connection) -> rusqlite::Result<bool> {
    let there = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'summary'";
    connection.query_row(there, [], |row| Ok(row.get::<_, u64>(0)? > 0))
}

fn make_table(connection: &Connection, temporary: &str) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "CREATE {temporary} TABLE IF NOT EXISTS summary (
             run     TEXT NOT NULL,
             rules   INTEGER NOT NULL,
             covers  INTEGER NOT NULL,
             service TEXT NOT NULL,
             body    TEXT NOT NULL,
             PRIMARY KEY (run, rules)
         ) STRICT"
    ))
}

/// Whether a run set out to do anything: what a collector keeps for itself has no manifest.
fn is_audit(connection: &Connection, run: RunId) -> rusqlite::Result<bool> {
    let mut begins = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM (SELECT body FROM record WHERE run = ?1 ORDER BY seq LIMIT ?2)
                        WHERE body LIKE '{\"record\":\"manifest\"%')",
    )?;
    begins.query_row(params![run.to_string(), FOREMOST], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Circumstances, Gap, Record, Timestamp};

    fn record(kind: &str) -> Record {
        let at = Timestamp::UNIX_EPOCH;
        match kind {
            "gap" => Record::Gap(Gap {
                from: at,
                to: at,
                missed: 1,
                reason: "test".into(),
            }),
            _ => serde_json::from_str(
                r#"{"record":"manifest","started":"2026-11-23T10:00:00Z","tool":{"name":"waxseal","version":"0.1.0"},
                    "scenario":{"path":"x","digest":"","service":"x","title":"X","checked":"","networks":[],"agents":[]},
                    "seed":1,"window":{"secs":1,"nanos":0},"sealed":true,"public":"","auditor":"","browser":"",
                    "variants":[],"trials":[],"expectations":[]}"#,
            )
            .unwrap(),
        }
    }

    fn summary(run: RunId, rules: u32, service: &str) -> Summary {
        Summary {
            format: SUMMARY_FORMAT,
            run,
            started: Timestamp::UNIX_EPOCH,
            service: service.into(),
            title: String::new(),
            rules,
            provisional: false,
            circumstances: Circumstances {
                scenario: String::new(),
                tool: String::new(),
                region: None,
                browser: String::new(),
                window_ms: 0,
            },
            variants: Vec::new(),
            cells: Vec::new(),
        }
    }

    #[tokio::test]
    async fn what_was_judged_is_kept_until_there_is_more_to_judge() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("evidence.db")).unwrap();
        let (one, two, own) = (RunId(9), RunId(2), RunId(5));
        for (run, kind) in [
            (one, "manifest"),
            (own, "gap"),
            (two, "manifest"),
            (one, "gap"),
        ] {
            store.append(run, &record(kind)).await.unwrap();
        }
        let kept = |rules, service| {
            let kept = store.kept(rules, service).unwrap();
            kept.into_iter()
                .map(|one| (one.run, one.summary.is_some()))
                .collect::<Vec<_>>()
        };
        assert_eq!(kept(1, None), [(one, false), (two, false)]);
        let (first, second) = (summary(one, 1, "x"), summary(two, 1, "y"));
        store.keep([(4, &first), (3, &second)]).unwrap();
        assert_eq!(kept(1, None), [(one, true), (two, true)]);
        assert_eq!(kept(1, Some("x")), [(one, true)]);
        assert_eq!(
            store.kept(1, Some("x")).unwrap()[0].summary.as_ref(),
            Some(&first)
        );
        // Other rules know nothing of it, write beside it, and leave it as it was.
        assert_eq!(kept(2, None), [(one, false), (two, false)]);
        store.keep([(4, &summary(one, 2, "x"))]).unwrap();
        assert_eq!(kept(2, None), [(one, true), (two, false)]);
        assert_eq!(kept(1, Some("x")), [(one, true)]);
        // A late visitor.
        store.append(one, &record("gap")).await.unwrap();
        assert_eq!(kept(1, None), [(one, false), (two, true)]);
        // It is no evidence, and may go.
        assert_eq!(store.verify().unwrap(), Ok(5));
        Connection::open(store.path())
            .unwrap()
            .execute_batch("DROP TABLE summary")
            .unwrap();
        assert_eq!(kept(1, None), [(one, false), (two, false)]);
    }
}
