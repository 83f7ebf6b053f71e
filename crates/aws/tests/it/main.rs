//! The adapters against the emulated AWS: what they promise, and what they make of AWS's refusals.

mod emulator;
mod fleet;
mod others;
mod store;
