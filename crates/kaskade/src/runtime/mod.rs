//! A node while it runs, from its configuration to its end.
//!
//! | Module | What |
//! |---|---|
//! | [`parts`] | what is opened before anything listens: data folder, store, home network keys, audit log |
//! | [`store`], [`kinds`] | how it is opened, by a node and by the commands beside one; what it consists of |
//! | [`roles`], [`tls`], [`limits`] | roles out of their sections |
//! | [`running`] | sockets, and the end in order |
//! | [`li`] | lawful interception |
//! | [`monitoring`], [`nrf`] | where it is watched, and where it is registered |
//! | [`reload`] | a changed configuration, all or nothing |
//! | [`signals`], [`supervisor`] | what somebody outside wants, and what the system's manager is told |
//! | [`log`], [`log_output`] | lines of the log, whose filter may change, and an output that takes none |

pub(crate) mod kinds;
pub(crate) mod li;
pub(crate) mod limits;
pub(crate) mod log;
pub(crate) mod log_output;
pub(crate) mod monitoring;
pub(crate) mod nef;
mod nrf;
pub(crate) mod parts;
pub(crate) mod reload;
pub(crate) mod roles;
pub(crate) mod running;
pub(crate) mod signals;
pub(crate) mod store;
pub(crate) mod supervisor;
pub(crate) mod tls;
