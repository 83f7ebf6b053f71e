//! Asking the person at the keyboard, and hearing Ctrl-C.

use std::{
    io::{BufRead, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{oneshot, watch};

use crate::{
    deploy::{
        consent::{Consent, Demand},
        event::{Event, Observer},
        follow::Wish,
        screen::show::Pause,
    },
    exit::Exit,
    failure::Failure,
    terminal,
};

/// True when there is somebody to ask.
pub fn somebody_is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Where it can be read what would be done, by whoever cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// This command says it.
    By(&'static str),
    /// It was said just before.
    Before,
}

/// Refuses before anything is done when a question will come and nobody is there to answer it.
pub fn answerable(yes: bool, json: bool, shown: Shown) -> Result<(), Failure> {
    if yes || (somebody_is_there() && !json) { Ok(()) } else { Err(nobody(shown)) }
}

fn nobody(shown: Shown) -> Failure {
    let failure = Failure::new(Exit::Guarded, "this changes things, and there is no terminal to ask at");
    failure.hint(match shown {
        Shown::By(command) => format!("pass --yes to agree beforehand; `{command}` shows what would be done"),
        Shown::Before => "pass --yes to agree to what was shown".to_owned(),
    })
}

/// Asks for what is still to be agreed to. The answer is what was agreed to; a no is a failure that says so.
pub async fn ask(demand: Demand, pause: &Pause) -> Result<Consent, Failure> {
    let no = || Failure::new(Exit::Guarded, "not agreed to: nothing more was changed");
    match demand {
        Demand::Nothing => Ok(Consent::default()),
        Demand::Confirm => {
            let answer = question(pause, "Go on? [y/N] ").await?;
            let yes = ["y", "yes"].contains(&answer.to_lowercase().as_str());
            if yes { Ok(Consent { yes, ..Consent::default() }) } else { Err(no()) }
        }
        Demand::Names(names) => {
            if !somebody_is_there() {
                let allow: Vec<String> = names.iter().map(|name| format!("--allow-data-loss {name}")).collect();
                let message = format!("this would lose the data in {}", names.join(", "));
                return Err(
                    Failure::new(Exit::Guarded, message).hint(format!("if that is meant, pass {}", allow.join(" ")))
                );
            }
            let mut losses = std::collections::BTreeSet::new();
            for name in names {
                let text = format!("This loses the data in {name}. Type its name to agree: ");
                if question(pause, &text).await? != name {
                    return Err(no());
                }
                losses.insert(name);
            }
            Ok(Consent { yes: false, losses })
        }
    }
}

/// Asks yes or no where nothing goes on beside it.
pub fn agreed(text: &str) -> bool {
    let mut stderr = std::io::stderr();
    drop(stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()));
    let mut line = String::new();
    let is_answered = std::io::stdin().lock().read_line(&mut line).is_ok_and(|count| count > 0);
    is_answered && ["y", "yes"].contains(&line.trim().to_lowercase().as_str())
}

/// Asks yes or no.
pub async fn confirm(text: &str, pause: &Pause) -> Result<(), Failure> {
    let answer = question(pause, &format!("{text} [y/N] ")).await?;
    if ["y", "yes"].contains(&answer.to_lowercase().as_str()) {
        return Ok(());
    }
    Err(Failure::new(Exit::Guarded, "not agreed to: nothing was changed"))
}

/// Asks for a name to be typed before something is taken away.
pub async fn confirm_by_name(name: &str, pause: &Pause) -> Result<(), Failure> {
    let text = format!("Type `{name}` to remove all of this: ");
    if question(pause, &text).await? == name {
        return Ok(());
    }
    Err(Failure::new(Exit::Guarded, "not agreed to: nothing was removed"))
}

async fn question(pause: &Pause, text: &str) -> Result<String, Failure> {
    if !somebody_is_there() {
        return Err(nobody(Shown::Before));
    }
    pause.quiet().await;
    let mut stderr = std::io::stderr();
    drop(stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()));
    let line = read_line().await.ok().flatten();
    line.ok_or_else(|| Failure::new(Exit::Guarded, "no answer: nothing more was changed"))
}

/// A line from the keyboard. A thread of its own waits for it, so that a question without an answer holds nobody up.
fn read_line() -> oneshot::Receiver<Option<String>> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let line = read.ok().filter(|count| *count > 0).map(|_| line.trim().to_owned());
        drop(sender.send(line));
    });
    receiver
}

/// Works, and hears Ctrl-C meanwhile. While AWS works for us the first one explains and offers a choice, and the second
/// leaves; before that, and where nobody is there to choose, the first one leaves. `choice` is the event that explains.
pub async fn interruptible<T>(
    work: impl Future<Output = Result<T, Failure>>,
    in_flight: Arc<AtomicUsize>,
    wishes: watch::Sender<Wish>,
    observer: &Observer,
    choice: Event,
) -> Result<T, Failure> {
    tokio::pin!(work);
    let mut asked = false;
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|error| Failure::from_error(Exit::Internal, "failed to listen for SIGTERM", &error))?;
    let mut answer: Option<oneshot::Receiver<Option<String>>> = None;
    loop {
        tokio::select! {
            result = &mut work => return result,
            _ = terminated.recv() => {
                leave(&in_flight, &wishes)?;
            }
            _ = tokio::signal::ctrl_c() => {
                if asked {
                    leave(&in_flight, &wishes)?;
                } else if in_flight.load(Ordering::SeqCst) == 0 {
                    return Err(interrupted());
                } else if somebody_is_there() {
                    asked = true;
                    observer.tell(choice.clone());
                    answer = Some(read_line());
                } else {
                    // Nobody is there to choose, and whoever interrupts a pipeline wants it to end.
                    leave(&in_flight, &wishes)?;
                }
            }
            line = async { answer.as_mut().expect("guarded by the branch's condition").await }, if answer.is_some() => {
                answer = None;
                match line.ok().flatten().as_deref() {
                    Some("cancel" | "c") => drop(wishes.send_replace(Wish::Cancel)),
                    Some(_) => answer = Some(read_line()),
                    None => {}
                }
            }
        }
    }
}

fn leave(in_flight: &AtomicUsize, wishes: &watch::Sender<Wish>) -> Result<(), Failure> {
    if in_flight.load(Ordering::SeqCst) == 0 {
        return Err(interrupted());
    }
    wishes.send_replace(Wish::Detach);
    Ok(())
}

fn interrupted() -> Failure {
    terminal::say("");
    Failure::new(Exit::Interrupted, "interrupted; no operation was going on in AWS")
        .hint("the same command goes on from here: what is uploaded stays, and nothing is done twice")
}
