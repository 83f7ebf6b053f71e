//! The only place that writes to the terminal outside of a verb's own result.

use crate::failure::Failure;

/// Prints a failure to standard error, coloured where colour is welcome.
pub fn complain(failure: &Failure) {
    let text = failure.to_string();
    let painted = match text.strip_prefix("error:") {
        Some(rest) => format!("{}{rest}", console::style("error:").for_stderr().red().bold()),
        None => text,
    };
    say(&painted);
}

/// Prints a line of talk to standard error. A reader that has gone away is no reason to fail.
pub fn say(line: &str) {
    use std::io::Write;
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}

/// Prints a line of a result to standard output. A reader that has gone away (`| head`) is no reason to fail.
pub fn print(line: &str) {
    use std::io::Write;
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}
