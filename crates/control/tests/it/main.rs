//! The control plane with a store in memory and pretended workers.

mod api;
mod interleavings;
mod life;
mod schedules;
mod stage;
mod store;
