//! The control plane with a store in memory and pretended workers.

mod api;
mod interleavings;
mod life;
mod stage;
mod store;
