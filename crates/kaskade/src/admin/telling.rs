//! Events of an import on their way to whoever sends it, who may read them late: the import does not wait for that.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kaskade_net::admin::Producer;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::streams::{PATIENCE, line_of};
use super::subscriber::ImportEvent;

/// Events that wait: wrong lines, as many as are told, and the newest progress between them.
pub(super) struct Telling {
    waiting: Arc<Waiting>,
    writer: JoinHandle<()>,
}

#[derive(Default)]
struct Waiting {
    events: Mutex<Events>,
    more: Notify,
}

#[derive(Default)]
struct Events {
    list: VecDeque<ImportEvent>,
    is_over: bool,
    is_gone: bool,
}

impl Waiting {
    fn events(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gone(&self) {
        let mut events = self.events();
        events.is_gone = true;
        events.list.clear();
    }

    /// The next one, when there is one; `None` at the end.
    async fn next(&self) -> Option<ImportEvent> {
        loop {
            {
                let mut events = self.events();
                if let Some(event) = events.list.pop_front() {
                    return Some(event);
                }
                if events.is_over {
                    return None;
                }
            }
            self.more.notified().await;
        }
    }
}

impl Telling {
    pub(super) fn to(producer: Producer) -> Self {
        let waiting = Arc::new(Waiting::default());
        let writer = tokio::spawn(write(Arc::clone(&waiting), producer));
        Self { waiting, writer }
    }

    /// Tells an event. Of progress that nobody has read yet only the newest is told.
    pub(super) fn tell(&self, event: ImportEvent) {
        let mut events = self.waiting.events();
        let is_progress = |event: &ImportEvent| matches!(event, ImportEvent::Progress { .. });
        if is_progress(&event) && events.list.back().is_some_and(is_progress) {
            events.list.pop_back();
        }
        if !events.is_gone {
            events.list.push_back(event);
        }
        drop(events);
        self.waiting.more.notify_one();
    }

    /// Whether nobody reads any more.
    pub(super) fn is_gone(&self) -> bool {
        self.waiting.events().is_gone
    }

    /// Waits until all is told, for so long as somebody reads it.
    pub(super) async fn end(mut self) {
        self.waiting.events().is_over = true;
        self.waiting.more.notify_one();
        if timeout(PATIENCE, &mut self.writer).await.is_err() {
            self.writer.abort();
        }
    }
}

/// What is not told to its end ends all the same: nothing waits for more.
impl Drop for Telling {
    fn drop(&mut self) {
        self.waiting.events().is_over = true;
        self.waiting.more.notify_one();
    }
}

async fn write(waiting: Arc<Waiting>, mut producer: Producer) {
    while let Some(event) = waiting.next().await {
        let is_sent = match line_of(&event) {
            Ok(line) => producer.send(line).await,
            Err(error) => {
                tracing::warn!(%error, "an event of an import has no form");
                waiting.gone();
                return producer.break_off();
            }
        };
        if !is_sent {
            return waiting.gone();
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use kaskade_net::admin::Body;

    use super::*;

    #[tokio::test]
    async fn who_reads_late_is_told_how_far_it_has_come() {
        let (producer, mut body) = Body::stream(1);
        let telling = Telling::to(producer);
        let progress = |imported| ImportEvent::Progress { imported, line: 1 };
        for imported in 0..500 {
            telling.tell(progress(imported));
            tokio::task::yield_now().await;
        }
        let (line, reason) = (7, "wrong".to_owned());
        telling.tell(ImportEvent::Refused { line, reason });
        let ended = tokio::spawn(telling.end());
        let mut lines = Vec::new();
        while let Some(frame) = body.frame().await {
            lines.push(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap());
        }
        ended.await.unwrap();
        assert!(lines.len() < 10, "{lines:?}");
        let newest = lines.get(lines.len() - 2).unwrap();
        assert!(newest.contains("\"imported\":499"), "{newest}");
        assert!(lines.last().unwrap().contains("\"line\":7"));
    }

    #[tokio::test]
    async fn who_does_not_read_is_gone() {
        let (producer, body) = Body::stream(1);
        let telling = Telling::to(producer);
        drop(body);
        let (line, reason) = (7, "wrong".to_owned());
        telling.tell(ImportEvent::Refused { line, reason });
        while !telling.is_gone() {
            tokio::task::yield_now().await;
        }
        telling.end().await;
    }
}
