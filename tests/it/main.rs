//! Stories that drive the real `dlt` in a private directory with an empty HOME.

mod architecture;
mod buildspec;
mod cloud;
mod cost;
mod deployed;
mod deploying;
mod diffs;
mod doctor;
mod drift;
mod environments;
mod gate;
mod image;
mod judges;
mod lifecycle;
mod local;
mod pipeline;
mod planning;
mod registry;
mod rehearsal;
mod release;
mod reports;
mod runs;
mod shelf;
mod shipping;
mod support;
mod trouble;
