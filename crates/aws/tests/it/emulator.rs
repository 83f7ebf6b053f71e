//! The emulated AWS of `tests/emulator`, for as long as a test needs it.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use aws_sdk_dynamodb::config::Credentials;
use dlt_aws::Cloud;

/// An emulated AWS of its own; it ends with this value, and everything it started with it.
pub struct Emulator {
    process: Child,
    endpoint: String,
}

impl Emulator {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// One that lets every request through, for tests that need roles and do not make any.
    pub fn without_policies() -> Self {
        Self::start_with(&["--no-iam"])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let python = std::env::var("DLT_EMULATOR_PYTHON").unwrap_or_else(|_| format!("{root}/.venv/bin/python"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        let mut process = Command::new(&python)
            .arg(format!("{root}/tests/emulator/aws.py"))
            .args(["--port", &port.to_string()])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("failed to start {python}: {error}; `tests/run` installs it, or set DLT_EMULATOR_PYTHON")
            });
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped")).read_line(&mut line).expect("it speaks");
        let endpoint = line.trim().strip_prefix("ready ").expect("the emulator says when it is ready").to_owned();
        Self { process, endpoint }
    }

    /// The way to it, as the account's root.
    pub async fn cloud(&self) -> Cloud {
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("us-east-1"))
            .endpoint_url(&self.endpoint)
            .credentials_provider(Credentials::new("test", "test", None, None, "test"));
        Cloud::from(config.load().await)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // SIGTERM lets it end its own children; the standard library only knows SIGKILL.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
