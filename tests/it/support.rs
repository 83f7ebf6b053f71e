//! What the stories share: the real binary in a private directory, an emulated AWS, and a look at what they print.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A private directory with an empty HOME; the binary sees nothing else of this machine.
pub struct Sandbox {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Sandbox {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(folder.path().join("home")).expect("an empty home");
        Self { folder, variables: Vec::new() }
    }

    /// Every later command sees this variable.
    pub fn variable(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside the sandbox")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// The binary, ready to be given arguments.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path().join("home"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    pub fn start(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_dlt"));
        command.args(arguments);
        command
    }

    /// Runs `dlt` to its end.
    pub fn dlt(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.start(arguments).output().expect("the binary starts"))
    }

    /// What was printed has the form that `docs/schema` promises; the judge is not ours.
    #[track_caller]
    pub fn fits(&self, schema: &str, printed: &str) {
        let file = self.write(&format!("{schema}.json"), printed);
        let mut judge = self.command(python("judges/bin/python"));
        judge.args(["-W", "ignore", "-m", "jsonschema", "--instance"]).arg(file);
        judge.arg(root().join(format!("docs/schema/{schema}.json")));
        Ended::of(judge.output().expect("the judge starts")).with_code(0);
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            err: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        }
    }

    /// The same, once it has been seen to end as expected.
    #[track_caller]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("not JSON ({error}):\n{}", self.out))
    }

    /// Standard output as one JSON value a line.
    #[track_caller]
    pub fn events(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))).collect()
    }
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program of the tests' own Python environment.
pub fn python(name: &str) -> PathBuf {
    let path = root().join(".venv").join(name);
    assert!(path.exists(), "{} is missing; `tests/run` installs it", path.display());
    path
}

/// An emulated AWS of its own; it ends with this value, and everything it started with it.
pub struct EmulatedAws {
    process: Child,
    pub endpoint: String,
}

impl EmulatedAws {
    pub fn start(log: &Path) -> Self {
        let port = free_port();
        let mut process = Command::new(python("bin/python"))
            .arg(root().join("tests/emulator/aws.py"))
            .args(["--port", &port.to_string(), "--log"])
            .arg(log)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let ready = lines.next().and_then(Result::ok).unwrap_or_default();
        let endpoint =
            ready.strip_prefix("ready ").unwrap_or_else(|| panic!("the emulated AWS did not start: {ready}"));
        Self { process, endpoint: endpoint.to_owned() }
    }

    /// Points a sandbox at it.
    pub fn serve(&self, sandbox: &mut Sandbox) {
        sandbox
            .variable("AWS_ENDPOINT_URL", &self.endpoint)
            .variable("AWS_ACCESS_KEY_ID", "test")
            .variable("AWS_SECRET_ACCESS_KEY", "test")
            .variable("AWS_EC2_METADATA_DISABLED", "true");
    }
}

impl Drop for EmulatedAws {
    fn drop(&mut self) {
        // SIGTERM, so that it ends the processes it started.
        drop(Command::new("kill").arg(self.process.id().to_string()).status());
        drop(self.process.wait());
    }
}

/// A port that nobody listened on a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// Asks again until the answer is there.
#[track_caller]
pub fn eventually<T>(what: &str, deadline: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < deadline, "{what}: not within {deadline:?}");
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where a test waits between two looks")]
fn pause() {
    std::thread::sleep(Duration::from_millis(200));
}
