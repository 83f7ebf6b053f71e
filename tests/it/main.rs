//! Stories that drive the real `dlt` in a private directory with an empty HOME.

mod architecture;
mod buildspec;
mod cloud;
mod cost;
mod deployed;
mod deploying;
mod drift;
mod doctor;
mod diffs;
mod environments;
mod gate;
mod image;
mod judges;
mod local;
mod reports;
mod registry;
mod release;
mod planning;
mod support;
