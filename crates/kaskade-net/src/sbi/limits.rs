//! How much one node takes from its peers, and the most that it can cost in memory.
//!
//! | What a peer may try | What bounds it |
//! |---|---|
//! | connections that never finish their handshake | [`Limits::max_handshakes`], by source address too; the oldest goes |
//! | connections that do nothing | [`Limits::max_connections`], by source address too; the one idle longest goes |
//! | bodies that do not end | [`Limits::octets_per_connection`], [`Limits::octets`], [`BODY_TIMEOUT`](super::message::BODY_TIMEOUT) |
//! | answers that nobody reads | the same, and [`Limits::patience`] |
//! | requests that never end | [`STREAM_LIFE`] |
//! | headers of many fields | [`Limits::max_header_list`]: what nobody asks for is let go at once, see `head.rs` |
//! | streams reset as soon as they are opened, header blocks without end, frames of one octet | `h2` closes the connection |
//!
//! A source address is an IPv4 address or the first 64 bits of an IPv6 address.

use std::time::Duration;

/// What a request that waits costs beside its path and its body, in octets: its task, its stream in `h2`, its answer with
/// headers. Rounded up from what was measured (3 KiB for one that waits for its body, 5 to 7 KiB for an answer not read).
pub const STREAM_OCTETS: usize = 8 * 1024;

/// What the allocator takes for each octet that is counted, with what lies unused between two: 1.8 measured.
pub const ALLOCATOR_FACTOR: usize = 2;

/// What a connection costs beside its requests, in octets: socket, TLS, frames being read and written, what the peer may send
/// before anybody looks at it ([`CONNECTION_WINDOW`]), and [`MAX_UNPAID`] refusals.
pub const CONNECTION_OCTETS: usize = 128 * 1024 + CONNECTION_WINDOW as usize + MAX_UNPAID * STREAM_OCTETS;

/// What an unfinished handshake costs, in octets: a message of TLS of 64 KiB in pieces, and what is made of it.
pub const HANDSHAKE_OCTETS: usize = 128 * 1024;

/// What the header of a request takes while it is read, for each octet as RFC 9113 6.5.2 counts it: 6.5 measured with
/// hundreds of fields of one octet. It is let go before the request waits.
pub const HEADER_FACTOR: usize = 8;

/// Connections that were closed and whose tasks have not ended yet; for more, nobody new is taken in.
pub(crate) const MAX_ENDING: usize = 16;

/// Flow-control window of a connection, in octets: what a peer may send beyond what was read, over all streams.
pub const CONNECTION_WINDOW: u32 = 128 * 1024;

/// Answers of a connection that nobody paid for: refusals, and answers to complete requests while the node is full.
pub const MAX_UNPAID: usize = 16;

/// How long a request may take in all: body, work and the reading of the answer.
pub const STREAM_LIFE: Duration = Duration::from_secs(30);

/// File descriptors that are kept for everything but connections of the services: the store, the log, links to other network
/// functions, and both listeners of administration with all of their visitors.
pub const RESERVED_DESCRIPTORS: usize = 384;

/// What the peers of a node may use together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at once. For another, the one that was useful longest ago is closed.
    pub max_connections: usize,
    /// Of these, from one source address.
    pub max_connections_per_source: usize,
    /// Connections that have not finished their handshake (TCP, TLS, HTTP/2). For another, the oldest is closed.
    pub max_handshakes: usize,
    /// Of these, from one source address.
    pub max_handshakes_per_source: usize,
    /// Streams at once in one connection.
    pub max_concurrent_streams: u32,
    /// All header fields of a request together, in octets as RFC 9113 6.5.2 counts them.
    pub max_header_list: u32,
    /// Octets that requests of all connections hold while they wait: bodies, paths, answers that are not read.
    pub octets: usize,
    /// Of these, in one connection.
    pub octets_per_connection: usize,
    /// How long a handshake may take in all, and how long a peer may leave an answer unread.
    pub patience: Duration,
    /// After this long without a request a connection is closed.
    pub idle: Duration,
    /// How long requests in progress may take after a shutdown began.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_connections_per_source: 256,
            max_handshakes: 128,
            max_handshakes_per_source: 64,
            max_concurrent_streams: 128,
            max_header_list: 8 * 1024,
            octets: 256 * 1024 * 1024,
            octets_per_connection: 2 * 1024 * 1024,
            patience: Duration::from_secs(10),
            idle: Duration::from_secs(10 * 60),
            drain: Duration::from_secs(5),
        }
    }
}

/// The most memory that peers can take, in octets, by what takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorstCase {
    /// Requests that wait: for their body, for the answer, or for somebody to read it.
    pub requests: usize,
    /// Connections, without requests.
    pub connections: usize,
    /// Handshakes that are not finished.
    pub handshakes: usize,
    /// Headers that are being read: all streams of one connection on each thread.
    pub headers: usize,
}

impl WorstCase {
    /// All of it together.
    pub const fn octets(&self) -> usize {
        self.requests
            .saturating_add(self.connections)
            .saturating_add(self.handshakes)
            .saturating_add(self.headers)
    }
}

impl Limits {
    /// The most memory that peers can take by whatever they send or do not read, on so many threads.
    pub const fn worst_case(&self, threads: usize) -> WorstCase {
        let headers = (self.max_header_list as usize).saturating_mul(HEADER_FACTOR);
        WorstCase {
            requests: self.octets.saturating_mul(ALLOCATOR_FACTOR),
            connections: self.max_connections.saturating_mul(CONNECTION_OCTETS),
            handshakes: self
                .max_handshakes
                .saturating_add(MAX_ENDING)
                .saturating_mul(HANDSHAKE_OCTETS),
            headers: headers
                .saturating_mul(self.max_concurrent_streams as usize)
                .saturating_mul(threads),
        }
    }

    /// File descriptors that these limits need.
    pub const fn descriptors(&self) -> usize {
        self.max_connections
            .saturating_add(self.max_handshakes)
            .saturating_add(RESERVED_DESCRIPTORS)
    }

    /// The limits that fit into so many file descriptors: connections are what gives way, down to one.
    #[must_use]
    pub fn within_descriptors(&self, descriptors: usize) -> Self {
        let mut fitted = self.clone();
        if self.descriptors() <= descriptors {
            return fitted;
        }
        let room = descriptors.saturating_sub(RESERVED_DESCRIPTORS).max(2);
        // An eighth for handshakes, as in the defaults.
        fitted.max_handshakes = self.max_handshakes.min((room / 8).max(1));
        fitted.max_connections = self.max_connections.min(room - fitted.max_handshakes);
        // Nobody may take them all.
        let most = |of: usize| (of - of / 4).max(1);
        fitted.max_handshakes_per_source = self.max_handshakes_per_source.min(most(fitted.max_handshakes));
        fitted.max_connections_per_source = self.max_connections_per_source.min(most(fitted.max_connections));
        fitted
    }

    /// The limits that fit this process, after its limit of open files (`RLIMIT_NOFILE`) was raised as far as it may be and
    /// these limits need.
    pub fn for_this_process(&self) -> Self {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let needed = u64::try_from(self.descriptors()).unwrap_or(u64::MAX);
        let mut limit = getrlimit(Resource::Nofile);
        if limit.current.is_some_and(|current| current < needed) {
            let current = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
            let raised = Rlimit {
                current: Some(current),
                maximum: limit.maximum,
            };
            if setrlimit(Resource::Nofile, raised).is_ok() {
                limit = raised;
            }
        }
        let descriptors = limit
            .current
            .map_or(usize::MAX, |current| usize::try_from(current).unwrap_or(usize::MAX));
        self.within_descriptors(descriptors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_cost_what_the_documentation_says() {
        let limits = Limits::default();
        // docs/ausf-udm.md: 2 x 256 MiB for requests, 1024 connections of 384 KiB, 144 handshakes of 128 KiB, and on each
        // thread 128 headers of 64 KiB.
        assert_eq!(CONNECTION_OCTETS, 384 * 1024);
        let worst = limits.worst_case(2);
        let parts = [worst.requests, worst.connections, worst.handshakes, worst.headers];
        assert_eq!(parts.map(|octets| octets >> 20), [512, 384, 18, 16]);
        assert_eq!(worst.octets(), 930 << 20);
        assert!(limits.octets_per_connection >= limits.max_concurrent_streams as usize * (STREAM_OCTETS + 1024));
    }

    #[test]
    fn limits_follow_the_descriptors() {
        let limits = Limits::default();
        assert_eq!(limits.within_descriptors(100_000), limits);
        assert_eq!(limits.within_descriptors(limits.descriptors()), limits);
        for descriptors in [0, 64, 66, 100, 256, 384, 386, 400, 1024] {
            let fitted = limits.within_descriptors(descriptors);
            assert!(
                fitted.descriptors() <= descriptors.max(RESERVED_DESCRIPTORS + 2),
                "{fitted:?}"
            );
            assert!(fitted.max_connections >= 1 && fitted.max_handshakes >= 1);
            assert!(fitted.max_connections_per_source <= fitted.max_connections);
        }
        assert_eq!(limits.within_descriptors(1024).max_connections, 560);
        let administration = crate::admin::Limits::default().descriptors();
        assert!(2 * administration + 64 <= RESERVED_DESCRIPTORS, "{administration}");
    }
}
