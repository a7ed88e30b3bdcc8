//! Where a request comes from, as far as the server tells.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::Extensions;

use crate::listen::TlsPeer;

/// The address of who sent a request: of a connection with TLS, or a plain one behind a proxy.
pub(crate) fn address(extensions: &Extensions) -> Option<SocketAddr> {
    let by_tls = extensions.get::<ConnectInfo<TlsPeer>>().map(|info| info.0.address);
    #[cfg(feature = "psk")]
    let by_tls = by_tls.or_else(|| {
        let info = extensions.get::<ConnectInfo<crate::psk::PskPeer>>();
        info.map(|info| info.0.address)
    });
    by_tls.or_else(|| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0))
}

/// The same without the port.
pub(crate) fn source(extensions: &Extensions) -> Option<IpAddr> {
    address(extensions).map(|address| address.ip())
}
