//! Small real things to test with: a store in memory, a fleet of pretended workers, a clock that is stepped by hand.

mod fleet;
mod memory;
mod quiet;

pub use self::{
    fleet::FakeFleet,
    memory::MemoryStore,
    quiet::{BrokenDriver, LiveOff, NoDriver, NoLive, SteppedClock},
};
