//! Engines that break one promise each: the suite notices.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kaskade_store::EngineError;
use kaskade_store::engine::{
    Batch, BoxFuture, CommitFailed, Cursor, Engine, Expect, Group, NodeLease, Peek, Row, Serial, Stored, Table,
    UnitOutcome, Version, Wanted,
};
use kaskade_testkit::conformance::{self, Place};
use kaskade_testkit::memory::MemoryEngine;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Breaks {
    ForgetsWhenOpenedAgain,
    ForgetsRemovals,
    IgnoresConditions,
    OneConflictFailsAll,
    DoesHalfAUnit,
    SaysDoneOfAConflict,
    ForgetsLinks,
    LetsTwoRowsHaveALink,
    SeesWhatHasEnded,
    ForgetsEnds,
    TakesTablesThatNobodyDeclared,
    PeeksAtNothing,
    PagesWithoutPrefix,
    PagesAreTooLong,
    CountsTooMany,
    ForgetsItsSerial,
    ReadsInAnotherOrder,
    ReadsNoVersions,
    ReadsNoEnds,
    PeeksAtOldVersions,
    PagesBeginAtTheirCursor,
    PagesAreTurnedAround,
    PagesOfLinksAreThoseOfRows,
    ForgetsTheOrderOfEnds,
    CountsAllNodesAsOne,
    IsNeverEmpty,
    IsEmptyWhereNothingIsDeclared,
}

struct Broken {
    memory: MemoryEngine,
    breaks: Breaks,
    declared: AtomicBool,
}

impl Broken {
    fn group(&self, mut group: Group) -> Group {
        let now = if self.breaks == Breaks::SeesWhatHasEnded {
            0
        } else {
            group.now
        };
        group.units = group.units.into_iter().map(|unit| self.unit(unit)).collect();
        Group { now, ..group }
    }

    fn unit(&self, unit: Batch) -> Batch {
        let mut broken = if unit.sees_ended() {
            Batch::seeing_ended()
        } else {
            Batch::default()
        };
        for (index, change) in unit.changes().iter().enumerate() {
            let mut change = change.clone();
            match self.breaks {
                Breaks::ForgetsRemovals if change.value.is_none() => continue,
                Breaks::DoesHalfAUnit if index > 0 => continue,
                Breaks::IgnoresConditions => change.expect = Expect::Any,
                Breaks::ForgetsLinks => change.value.iter_mut().for_each(|value| value.links.clear()),
                Breaks::ForgetsEnds => change.value.iter_mut().for_each(|value| value.expires = 0),
                _ => {}
            }
            broken.push(change);
        }
        broken
    }

    /// Takes the link away from whoever has it.
    fn free(&self, group: &Group) {
        for change in group.units.iter().flat_map(Batch::changes) {
            for link in change.value.iter().flat_map(|value| &value.links) {
                let wanted = [Wanted::Link(change.table, link.index, &link.octets)];
                let found = pollster::block_on(self.memory.read(&wanted)).unwrap();
                for owner in found.into_iter().flatten().filter(|owner| owner.key != change.key) {
                    let mut batch = Batch::default();
                    batch.remove(owner.table, &owner.key);
                    let (node, serial, now) = (group.node, group.serial, group.now);
                    let units = vec![batch];
                    self.memory
                        .write(&Group {
                            node,
                            serial,
                            now,
                            units,
                        })
                        .unwrap();
                }
            }
        }
    }
}

impl Engine for Broken {
    fn declare(&self, tables: &[Table]) -> Result<(), EngineError> {
        self.declared.store(true, Ordering::Relaxed);
        self.memory.declare(tables)
    }

    fn peek(&self, table: Table, key: &[u8], visit: &mut dyn FnMut(Stored<'_>)) -> Peek {
        match self.breaks {
            Breaks::PeeksAtNothing => Peek::Absent,
            Breaks::PeeksAtOldVersions => self.memory.peek(table, key, &mut |stored| {
                let version = Version(stored.version.0.saturating_sub(64));
                visit(Stored { version, ..stored });
            }),
            _ => self.memory.peek(table, key, visit),
        }
    }

    fn read<'a>(&'a self, wanted: &'a [Wanted<'a>]) -> BoxFuture<'a, Result<Vec<Option<Row>>, EngineError>> {
        Box::pin(async move {
            let mut rows = self.memory.read(wanted).await?;
            match self.breaks {
                Breaks::ReadsInAnotherOrder => rows.reverse(),
                Breaks::ReadsNoVersions => rows.iter_mut().flatten().for_each(|row| row.version = Version(0)),
                Breaks::ReadsNoEnds => rows.iter_mut().flatten().for_each(|row| row.expires = 0),
                _ => {}
            }
            Ok(rows)
        })
    }

    fn page<'a>(&'a self, from: Cursor<'a>, limit: usize) -> BoxFuture<'a, Result<Vec<Row>, EngineError>> {
        Box::pin(async move {
            let from = match (self.breaks, from) {
                (Breaks::PagesWithoutPrefix, Cursor::Keys { table, after, .. })
                | (Breaks::PagesOfLinksAreThoseOfRows, Cursor::Links { table, after, .. }) => Cursor::Keys {
                    table,
                    after,
                    prefix: b"",
                },
                (_, from) => from,
            };
            let more = usize::from(self.breaks == Breaks::PagesAreTooLong);
            let mut rows = self.memory.page(from, limit.saturating_add(more)).await?;
            match (self.breaks, from) {
                (
                    Breaks::PagesBeginAtTheirCursor,
                    Cursor::Keys {
                        table,
                        after: Some(after),
                        ..
                    },
                ) => {
                    let at = self.memory.read(&[Wanted::Key(table, after)]).await?;
                    rows.splice(0..0, at.into_iter().flatten());
                    rows.truncate(limit);
                }
                (Breaks::PagesAreTurnedAround, Cursor::Keys { .. }) => rows.reverse(),
                (Breaks::ForgetsTheOrderOfEnds, Cursor::Expired { .. }) => rows.sort_by(|a, b| a.key.cmp(&b.key)),
                _ => {}
            }
            Ok(rows)
        })
    }

    fn len(&self, table: Table) -> BoxFuture<'_, Result<u64, EngineError>> {
        let more = u64::from(self.breaks == Breaks::CountsTooMany);
        Box::pin(async move { Ok(self.memory.len(table).await? + more) })
    }

    fn is_empty(&self) -> Result<bool, EngineError> {
        match self.breaks {
            Breaks::IsNeverEmpty => Ok(false),
            Breaks::IsEmptyWhereNothingIsDeclared if !self.declared.load(Ordering::Relaxed) => Ok(true),
            _ => self.memory.is_empty(),
        }
    }

    fn is_shared(&self) -> bool {
        self.memory.is_shared()
    }

    fn nodes(&self) -> BoxFuture<'_, Result<Vec<NodeLease>, EngineError>> {
        self.memory.nodes()
    }

    fn serial(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>> {
        match self.breaks {
            Breaks::ForgetsItsSerial => Box::pin(async { Ok(Serial::default()) }),
            Breaks::CountsAllNodesAsOne => self.memory.serial(0),
            _ => self.memory.serial(node),
        }
    }

    fn commit(&self, group: Group) -> BoxFuture<'_, Result<Vec<UnitOutcome>, CommitFailed>> {
        Box::pin(async move {
            match self.breaks {
                Breaks::LetsTwoRowsHaveALink => self.free(&group),
                Breaks::TakesTablesThatNobodyDeclared => {
                    let changes = group.units.iter().flat_map(Batch::changes);
                    self.memory
                        .declare(&changes.map(|change| change.table).collect::<Vec<_>>())?;
                }
                _ => {}
            }
            let tried = self.memory.copy().write(&group)?;
            let conflict = tried.iter().find(|outcome| matches!(outcome, UnitOutcome::Conflict(_)));
            if let (Breaks::OneConflictFailsAll, Some(conflict)) = (self.breaks, conflict) {
                return Ok(vec![conflict.clone(); group.units.len()]);
            }
            let mut outcomes = self.memory.write(&self.group(group))?;
            if self.breaks == Breaks::SaysDoneOfAConflict {
                outcomes.fill(UnitOutcome::Done);
            }
            Ok(outcomes)
        })
    }

    fn recover(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>> {
        self.memory.recover(node)
    }
}

fn place(breaks: Breaks) -> Place {
    let memory = MemoryEngine::default();
    Box::new(move || {
        let memory = match breaks {
            Breaks::ForgetsWhenOpenedAgain => MemoryEngine::default(),
            _ => memory.clone(),
        };
        Arc::new(Broken {
            memory,
            breaks,
            declared: AtomicBool::default(),
        }) as Arc<dyn Engine>
    })
}

#[test]
fn every_broken_promise_is_noticed() {
    let all = [
        Breaks::ForgetsWhenOpenedAgain,
        Breaks::ForgetsRemovals,
        Breaks::IgnoresConditions,
        Breaks::OneConflictFailsAll,
        Breaks::DoesHalfAUnit,
        Breaks::SaysDoneOfAConflict,
        Breaks::ForgetsLinks,
        Breaks::LetsTwoRowsHaveALink,
        Breaks::SeesWhatHasEnded,
        Breaks::ForgetsEnds,
        Breaks::TakesTablesThatNobodyDeclared,
        Breaks::PeeksAtNothing,
        Breaks::PagesWithoutPrefix,
        Breaks::PagesAreTooLong,
        Breaks::CountsTooMany,
        Breaks::ForgetsItsSerial,
        Breaks::ReadsInAnotherOrder,
        Breaks::ReadsNoVersions,
        Breaks::ReadsNoEnds,
        Breaks::PeeksAtOldVersions,
        Breaks::PagesBeginAtTheirCursor,
        Breaks::PagesAreTurnedAround,
        Breaks::PagesOfLinksAreThoseOfRows,
        Breaks::ForgetsTheOrderOfEnds,
        Breaks::CountsAllNodesAsOne,
        Breaks::IsNeverEmpty,
        Breaks::IsEmptyWhereNothingIsDeclared,
    ];
    let missed: Vec<_> = all.into_iter().filter(|breaks| !is_noticed(*breaks)).collect();
    assert!(missed.is_empty(), "not noticed: {missed:?}");
}

fn is_noticed(breaks: Breaks) -> bool {
    let run = AssertUnwindSafe(|| conformance::rows(|| place(breaks)));
    catch_unwind(run).is_err()
}
