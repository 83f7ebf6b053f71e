//! The local system with real processes, real files and real sockets.

mod http;
mod stage;
mod system;
