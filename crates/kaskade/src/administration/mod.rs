//! What an administrator sends to a node and hears from it: bodies, queries and lines, read strictly.
//!
//! | Room | What |
//! |---|---|
//! | [`text`] | members and parameters that are text, each with its one form |
//! | [`body`] | bodies and queries: what is unknown, missing, twice or wrong is named by its pointer |
//! | [`batches`] | subscribers that come as lines |
//! | [`not_done`] | refusals, as `application/problem+json` |

pub mod batches;
pub mod body;
mod new_subscriber;
pub mod not_done;
mod requests;
pub mod text;

pub use new_subscriber::{NewSubscriber, refused};
pub use not_done::{NotDone, ProblemDetails};
pub use requests::{
    AddQuery, Changes, ContextQuery, EntriesQuery, FunctionQuery, ListQuery, MayQuery, Networks, NewHnKey, ShowQuery,
    or_null,
};
