//! The whole system on one machine: the control plane over an embedded store, child processes and server-sent events.

mod alarm;
mod door;
mod driver;
mod events;
mod fleet;
mod live;
mod lock;
mod marker;
mod store;
mod system;

pub use self::{
    driver::Timer,
    fleet::{Processes, WorkerCommand},
    live::{Broadcast, Ticks, Watch},
    lock::{DataLock, InUse},
    store::RedbStore,
    system::{LocalSystem, StartError},
};
