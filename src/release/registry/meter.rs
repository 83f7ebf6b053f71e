//! How many bytes have been sent of how many, told to whoever wants to show it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// How often it is told, at most, how far an upload has come.
const STEPS: u64 = 50;

/// So many bytes of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Bytes that the registry has, or that are on their way.
    pub sent: u64,
    /// Bytes that it lacked when we began.
    pub total: u64,
}

/// Counts bytes. Copies of it count together.
#[derive(Clone)]
pub struct Meter {
    sent: Arc<AtomicU64>,
    total: Arc<AtomicU64>,
    told: Arc<AtomicU64>,
    tell: Arc<dyn Fn(Sent) + Send + Sync>,
}

impl Meter {
    /// A meter that tells every change worth telling.
    pub fn new(tell: impl Fn(Sent) + Send + Sync + 'static) -> Self {
        Self {
            sent: Arc::default(),
            total: Arc::default(),
            told: Arc::new(AtomicU64::new(u64::MAX)),
            tell: Arc::new(tell),
        }
    }

    /// A meter that nobody looks at.
    pub fn unseen() -> Self {
        Self::new(|_| ())
    }

    /// More is to be sent.
    pub fn expect(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
        self.tell();
    }

    /// More has been sent.
    pub fn advance(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        self.tell();
    }

    /// Something has to be sent again.
    pub fn fall_back(&self, bytes: u64) {
        self.sent.fetch_sub(bytes, Ordering::Relaxed);
        self.tell();
    }

    /// What has been counted.
    pub fn count(&self) -> Sent {
        Sent { sent: self.sent.load(Ordering::Relaxed), total: self.total.load(Ordering::Relaxed) }
    }

    fn tell(&self) {
        let count = self.count();
        let step = (count.sent * STEPS).checked_div(count.total).unwrap_or_default();
        if self.told.swap(step, Ordering::Relaxed) != step {
            (self.tell)(count);
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.count().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn only_changes_worth_telling_are_told_and_the_end_always_is() {
        let told: Arc<Mutex<Vec<Sent>>> = Arc::default();
        let meter = Meter::new({
            let told = Arc::clone(&told);
            move |sent| told.lock().unwrap().push(sent)
        });
        meter.expect(10_000);
        (0..10_000).for_each(|_| meter.advance(1));
        let all = told.lock().unwrap().clone();
        assert_eq!(all.len() as u64, STEPS + 1);
        assert_eq!(all.last(), Some(&Sent { sent: 10_000, total: 10_000 }));
        meter.fall_back(5_000);
        assert_eq!(told.lock().unwrap().last().unwrap().sent, 5_000, "what has to be sent again is told too");
    }
}
