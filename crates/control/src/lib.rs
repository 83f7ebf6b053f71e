//! The control plane: what can be done with scenarios and runs, wherever it runs.
//!
//! It knows no AWS, no process and no socket: those stand behind the [`ports`]. The same code answers API Gateway, a
//! browser on this machine, and the command line.

pub mod ports;
