//! Connections that the users of one thread share: who needs one gets one with room, or opens the next.

use std::{
    cell::RefCell,
    rc::{Rc, Weak},
};

use tokio::sync::Mutex;

use super::{Hold, Link};
use crate::transport::Origin;

/// How many origins are remembered; beyond it, those without a connection are forgotten.
const MAX_ORIGINS: usize = 256;

/// A thread's shared connections.
#[derive(Default)]
pub struct Pools(RefCell<Vec<Pool>>);

struct Pool {
    origin: Origin,
    links: Vec<Weak<Link>>,
    /// Held while a connection is opened, so that those who come meanwhile share it.
    gate: Rc<Mutex<()>>,
}

impl Pools {
    /// What must be held while a connection to the origin is opened.
    pub fn gate(&self, origin: &Origin) -> Rc<Mutex<()>> {
        let mut pools = self.0.borrow_mut();
        if let Some(pool) = pools.iter().find(|pool| pool.origin == *origin) {
            return Rc::clone(&pool.gate);
        }
        if pools.len() >= MAX_ORIGINS {
            pools.retain(|pool| {
                pool.links.iter().any(|link| link.strong_count() > 0) || Rc::strong_count(&pool.gate) > 1
            });
        }
        let gate = Rc::default();
        pools.push(Pool { origin: origin.clone(), links: Vec::new(), gate: Rc::clone(&gate) });
        gate
    }

    /// A connection that has room for one more user.
    pub fn find(&self, origin: &Origin, users: u32) -> Option<Hold> {
        let pools = self.0.borrow();
        let pool = pools.iter().find(|pool| pool.origin == *origin)?;
        let mut links = pool.links.iter().filter_map(Weak::upgrade);
        links.find(|link| link.is_usable() && link.users() < users).map(|link| link.hold())
    }

    /// Shares a connection from now on.
    pub fn share(&self, origin: &Origin, hold: &Hold) {
        if let Some(pool) = self.0.borrow_mut().iter_mut().find(|pool| pool.origin == *origin) {
            pool.links.retain(|link| link.strong_count() > 0);
            pool.links.push(Rc::downgrade(hold.link()));
        }
    }
}
