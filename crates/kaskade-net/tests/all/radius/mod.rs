//! EAP over RADIUS: the server without sockets, over UDP, over TLS, and with other people's programs.

mod freeradius;
pub mod radsec;
mod refused;
mod runs;
mod toy;
mod udp;
