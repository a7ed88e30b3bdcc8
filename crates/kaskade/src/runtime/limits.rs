//! How much peers may use.

use std::time::Duration;

use kaskade::config::{Config, LimitsConfig};
use kaskade_net::sbi::limits::Limits;

/// What peers may use, as it is configured.
pub(crate) fn limits(config: &Config) -> Limits {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let LimitsConfig {
        max_connections,
        max_connections_per_source,
        max_handshakes,
        max_handshakes_per_source,
        max_streams,
        requests_mib,
        requests_kib_per_connection,
        patience,
        idle,
    } = config.limits;
    let mut limits = Limits::default();
    limits.max_connections = count(max_connections);
    limits.max_connections_per_source = count(max_connections_per_source);
    limits.max_handshakes = count(max_handshakes);
    limits.max_handshakes_per_source = count(max_handshakes_per_source);
    limits.max_concurrent_streams = u32::try_from(max_streams).unwrap_or(u32::MAX);
    limits.octets = count(requests_mib.saturating_mul(1 << 20));
    limits.octets_per_connection = count(requests_kib_per_connection.saturating_mul(1 << 10));
    limits.patience = Duration::from_secs(patience);
    limits.idle = Duration::from_secs(idle);
    limits
}
