//! Listens to a command's events on their way to the screen, and remembers how long things took.

use tokio::{sync::mpsc, task::JoinHandle};

use super::{samples::Samples, store};
use crate::deploy::event::Event;

/// The same events for the next reader, and the work of learning, which ends when nobody is left who could tell an event.
///
/// What cannot be kept is lost without a word: it is a convenience, and no operation fails for it.
pub fn listen(mut events: mpsc::UnboundedReceiver<Event>) -> (mpsc::UnboundedReceiver<Event>, JoinHandle<()>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let learning = tokio::spawn(async move {
        let mut samples = Samples::default();
        while let Some(event) = events.recv().await {
            samples.take(&event);
            drop(sender.send(event));
        }
        drop(sender);
        let (account, samples) = samples.into_parts();
        drop(tokio::task::spawn_blocking(move || store::add(&account, &samples)).await);
    });
    (receiver, learning)
}
