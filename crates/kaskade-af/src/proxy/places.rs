//! Places of requests at the application: so many in all, of which one user has a share.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use kaskade_faults::fault;
use kaskade_keys::AKid;
use kaskade_net::log_limit;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One user has this part of the places, and one at least.
const SHARE: usize = 8;

/// Requests of each user who has any: no more users than places.
#[derive(Clone, Default)]
struct Users(Arc<Mutex<HashMap<String, usize>>>);

impl Users {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a user who has fewer than so many requests has one more now.
    fn enter(&self, user: &str, most: usize) -> bool {
        let mut users = self.lock();
        match users.get_mut(user) {
            Some(requests) if *requests >= most && !fault!("proxy-one-user-has-all-places") => false,
            Some(requests) => {
                *requests += 1;
                true
            }
            None => {
                users.insert(user.to_owned(), 1);
                true
            }
        }
    }

    fn leave(&self, user: &str) {
        let mut users = self.lock();
        if let Some(requests) = users.get_mut(user) {
            *requests -= 1;
            if *requests == 0 {
                users.remove(user);
            }
        }
    }
}

/// All places.
pub(super) struct Places {
    all: Arc<Semaphore>,
    share: usize,
    users: Users,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Self {
            all: Arc::new(Semaphore::new(most)),
            share: (most / SHARE).max(1),
            users: Users::default(),
        }
    }

    /// A place for a request of a user; `None` where there is none left, or the user has a share already.
    pub(super) fn take(&self, user: &AKid) -> Option<Place> {
        let permit = Arc::clone(&self.all).try_acquire_owned().ok();
        if permit.is_none() && !fault!("proxy-requests-without-bound") {
            log_limit!(warn, "the application behind the proxy has too many requests");
            return None;
        }
        let user = user.to_string();
        if !self.users.enter(&user, self.share) {
            log_limit!(warn, "a user has too many requests at the application behind the proxy");
            return None;
        }
        Some(Place {
            user,
            users: self.users.clone(),
            _permit: permit,
        })
    }
}

/// The place of a request, which is free again when this is dropped.
pub(super) struct Place {
    user: String,
    users: Users,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Place {
    /// The body of the answer, which keeps the place until it ends or nobody wants it any more.
    pub(super) fn kept_by(self, body: Body) -> Body {
        if fault!("proxy-place-free-before-the-end") {
            return body;
        }
        Body::new(Kept {
            body,
            place: Some(self),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.users.leave(&self.user);
    }
}

struct Kept {
    body: Body,
    place: Option<Place>,
}

impl HttpBody for Kept {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.place = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_without_requests_are_forgotten() {
        let users = Users::default();
        for user in ["a", "a", "b"] {
            assert!(users.enter(user, 2));
        }
        assert!(!users.enter("a", 2));
        for user in ["a", "b"] {
            users.leave(user);
        }
        assert_eq!(users.lock().len(), 1);
        assert!(users.enter("a", 2));
        for _ in 0..2 {
            users.leave("a");
        }
        assert!(users.lock().is_empty());
    }
}
