//! Which loops and groups a user is in.

use crate::engine::Transaction;

/// A loop or group under way.
pub enum Frame<'r> {
    Turns {
        done: u64,
        times: u64,
        /// What the counting variable of the loop around this one holds.
        outer: Option<String>,
    },
    While {
        left: u64,
    },
    Items(std::vec::IntoIter<String>),
    Group(Option<Transaction<'r>>),
}

/// Loops and groups, the innermost last. Dropping them means that their transactions were interrupted.
#[derive(Default)]
pub struct Frames<'r>(Vec<Frame<'r>>);

impl<'r> Frames<'r> {
    pub fn push(&mut self, frame: Frame<'r>) {
        self.0.push(frame);
    }

    pub fn pop(&mut self) {
        self.0.pop();
    }

    /// Leaves a group; its transaction is complete.
    pub fn leave(&mut self) {
        if let Some(Frame::Group(Some(transaction))) = self.0.pop() {
            transaction.complete();
        }
    }

    /// A sample failed: so do the transactions that it is a part of.
    pub fn fail(&mut self) {
        for frame in &mut self.0 {
            if let Frame::Group(Some(transaction)) = frame {
                transaction.fail();
            }
        }
    }

    /// The number of the next turn; at the end of the loop `index` is again what it was before it.
    pub fn next_turn(&mut self, index: &mut String) -> Option<u64> {
        let Some(Frame::Turns { done, times, outer }) = self.0.last_mut() else { return None };
        let before = outer.get_or_insert_with(|| std::mem::take(index));
        if done == times {
            *index = std::mem::take(before);
            self.0.pop();
            return None;
        }
        *done += 1;
        Some(*done - 1)
    }

    /// Whether the loop may turn once more.
    pub fn may_turn(&mut self) -> bool {
        match self.0.last_mut() {
            Some(Frame::While { left }) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    /// The next item; at the end the loop is left.
    pub fn next_item(&mut self) -> Option<String> {
        let next = match self.0.last_mut() {
            Some(Frame::Items(items)) => items.next(),
            _ => None,
        };
        if next.is_none() {
            self.0.pop();
        }
        next
    }
}
