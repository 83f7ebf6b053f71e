//! `dlt scenarios`: the scenarios that a system keeps.

mod get;
mod list;
mod put;
mod rm;
mod schedule;

use super::{Global, Output};
use crate::{exit::Exit, failure::Failure};

/// What can be done with scenarios.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    List(Box<list::Args>),
    Get(Box<get::Args>),
    Put(Box<put::Args>),
    Rm(Box<rm::Args>),
    Schedule(Box<schedule::Args>),
}

/// Does it.
///
/// # Errors
/// A system that cannot be asked, a scenario that is not there or not valid.
pub async fn run(verb: Verb, global: &Global) -> Result<Exit, Failure> {
    match verb {
        Verb::List(args) => list::run(&args, global).await,
        Verb::Get(args) => get::run(&args).await,
        Verb::Put(args) => put::run(&args, global).await,
        Verb::Rm(args) => rm::run(&args, global).await,
        Verb::Schedule(args) => schedule::run(&args, global).await,
    }
}
