//! The `dlt` command: environments, templates, deployments, runs.
//!
//! `config`, `render`, `check`, `import` and `export` think; `deploy` acts and says what happens as events; `cli` reads arguments and shows.

pub mod check;
pub mod cli;
pub mod cloud;
pub mod config;
pub mod cost;
pub mod deploy;
pub mod doctor;
pub mod drift;
pub mod exit;
pub mod export;
pub mod failure;
#[cfg(test)]
mod forms;
pub mod gate;
pub mod import;
pub mod journal;
pub mod logs;
pub mod recovery;
pub mod rehearsal;
pub mod release;
pub mod render;
pub mod report;
pub mod run;
pub mod runs;
pub mod sources;
pub mod system;
pub mod target;
pub mod terminal;
pub mod text;
pub mod timing;
