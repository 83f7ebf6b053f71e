//! What one thread of one worker takes of an execution.

use dlt_model::segment::Segment;

/// A thread's place among the threads of its worker, and the worker's among the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    worker: Segment,
    thread: Segment,
}

impl Share {
    /// The share of a thread of a worker.
    pub fn new(worker: Segment, thread: Segment) -> Self {
        Self { worker, thread }
    }

    /// Its virtual users. They are dealt out in turn, so that a ramp loads all workers and threads alike.
    pub fn users(self) -> Segment {
        self.worker.part(self.thread.index, self.thread.count)
    }

    /// Its iterations of an execution with so many users, if it has any: they are dealt out among the threads that have a
    /// user, so that none is dealt to nobody.
    pub fn iterations(self, users: u64) -> Option<Segment> {
        let worker = among(self.worker, users)?;
        let thread = among(self.thread, self.worker.share_of(users))?;
        Some(worker.part(thread.index, thread.count))
    }
}

/// The same place among those who have a user.
fn among(segment: Segment, users: u64) -> Option<Segment> {
    let count = u32::try_from(users).unwrap_or(u32::MAX).min(segment.count);
    (segment.index < count).then_some(Segment { index: segment.index, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_user_gets_no_iteration() {
        let shares =
            Segment::split(2).flat_map(|worker| Segment::split(2).map(move |thread| Share::new(worker, thread)));
        let iterations: Vec<_> = shares.map(|share| share.iterations(3).map_or(0, |part| part.share_of(10))).collect();
        // Worker 0 has users 0 and 2, one on each thread; worker 1 has user 1.
        assert_eq!(iterations, [3, 2, 5, 0]);
    }
}
