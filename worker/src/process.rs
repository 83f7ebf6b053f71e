//! The worker as a process: environment in, ticks on standard output, talk on standard error, an exit code at the end.

use std::{
    env,
    error::Error,
    future,
    io::{self, Write},
    process::ExitCode,
    thread,
};

use dlt_model::report::Ending;
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

use crate::{Outcome, Settings, WorkerError, run};

/// Does the part of a run that the environment describes, until it is over or SIGTERM or SIGINT comes.
///
/// It has a thread and a runtime of its own, so it may be called from anywhere.
pub fn main_from_env() -> ExitCode {
    let life = thread::Builder::new().name("worker".to_owned()).spawn(live);
    let ended = life.map_err(|error| WorkerError::Engine(error.to_string())).and_then(|thread| {
        thread.join().unwrap_or_else(|_| Err(WorkerError::Engine("it panicked; see above".to_owned())))
    });
    match ended {
        Ok(outcome) => {
            say(&sentence(&outcome));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("error: {}", with_causes(&error)));
            ExitCode::FAILURE
        }
    }
}

fn live() -> Result<Outcome, WorkerError> {
    let settings = Settings::from_env()?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| WorkerError::Engine(format!("there is no event loop: {error}")))?;
    runtime.block_on(async {
        let stop = stop_signal().map_err(|error| WorkerError::Engine(format!("cannot listen to signals: {error}")))?;
        run(settings, stop, io::stdout()).await
    })
}

/// Ready at the first SIGTERM or SIGINT, or when the parent hangs up.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let hang_up = hang_up()?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = hang_up => {}
        }
    })
}

/// Ready at the end of standard input, if `DLT_STOP_ON_STDIN_EOF` is set: a parent holds the other end of that pipe for
/// as long as it lives, so no worker outlives it. Otherwise never.
fn hang_up() -> io::Result<impl Future<Output = ()>> {
    let (hung_up, ended) = oneshot::channel::<()>();
    let watches = env::var_os("DLT_STOP_ON_STDIN_EOF").is_some();
    if watches {
        let watch = move || {
            // An error is an end, too.
            drop(io::copy(&mut io::stdin(), &mut io::sink()));
            drop(hung_up);
        };
        thread::Builder::new().name("hang-up".to_owned()).spawn(watch)?;
    }
    Ok(async move {
        match watches {
            true => drop(ended.await),
            false => future::pending().await,
        }
    })
}

fn sentence(outcome: &Outcome) -> String {
    let how = match outcome.ending {
        Ending::Finished => "finished",
        Ending::Stopped => "stopped as told",
        Ending::NeverStarted => "gave up: no start instant came in time",
    };
    let lost = match outcome.lost_ticks {
        0 => String::new(),
        lost => format!(", {lost} ticks lost because nobody read them"),
    };
    format!("worker {how}: {} samples{lost}", outcome.samples)
}

/// An error and its sources in one line.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    for cause in std::iter::successors(error.source(), |&error| error.source()) {
        let cause = cause.to_string();
        if !line.contains(&cause) {
            line.push_str(": ");
            line.push_str(&cause);
        }
    }
    line
}

/// A closed standard error is no reason to fail.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
