//! When: the instants at which iterations are meant to begin, whatever the target does. Pure arithmetic, no clock.
//!
//! A closed execution has a [`Level`], how many users iterate at which time; an open one has [`Arrivals`], the instants at
//! which iterations begin, whoever is free. A thread knows its [`Share`] of both from numbers alone.

mod arrivals;
mod level;
#[cfg(test)]
mod properties;
mod share;

use dlt_model::load::Executor;

pub use self::{
    arrivals::Arrivals,
    level::{Level, Stint},
    share::Share,
};

/// How an execution's iterations come about.
#[derive(Clone, Debug, PartialEq)]
pub enum Pacing {
    /// Users iterate for as long as they are wanted, one iteration after the other.
    Closed {
        /// Who is wanted when.
        level: Level,
        /// How many iterations there are.
        quota: Quota,
    },
    /// Iterations begin at instants of their own.
    Open {
        /// Those instants.
        arrivals: Arrivals,
        /// Users that are there from the beginning.
        pre_allocated: u64,
        /// Users that may come; an iteration that finds none of them free is dropped and counted.
        most: u64,
    },
}

/// How many iterations the users of a closed execution make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// As many as there is time for.
    Endless,
    /// So many each.
    Each(u64),
    /// So many all together.
    Shared(u64),
}

impl Pacing {
    /// As the executor says.
    pub fn of(executor: &Executor) -> Self {
        let closed = |quota| Self::Closed { level: Level::of(executor), quota };
        match executor {
            Executor::ConstantVus { .. } | Executor::RampingVus { .. } => closed(Quota::Endless),
            Executor::PerVuIterations { iterations, .. } => closed(Quota::Each(*iterations)),
            Executor::SharedIterations { iterations, .. } => closed(Quota::Shared(*iterations)),
            Executor::ConstantArrivalRate { pre_allocated_virtual_users, max_virtual_users, .. }
            | Executor::RampingArrivalRate { pre_allocated_virtual_users, max_virtual_users, .. } => Self::Open {
                arrivals: Arrivals::of(executor),
                pre_allocated: *pre_allocated_virtual_users,
                most: (*max_virtual_users).max(*pre_allocated_virtual_users),
            },
        }
    }

    /// Whether it waits for no instant: users are as fast as the target lets them.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// The most users that there can be at once.
    pub fn users(&self) -> u64 {
        match self {
            Self::Closed { level, .. } => level.peak(),
            Self::Open { most, .. } => *most,
        }
    }
}
