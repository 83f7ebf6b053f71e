//! The `dlt` command: environments, templates, deployments, runs.
//!
//! `config` and `render` and `check` think; `deploy` acts and says what happens as events; `cli` reads arguments and shows.
