//! A real registry for the stories about images: Debian's, on a loopback port, and a wire before it that can break.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;

use crate::support::{eventually, free_port};

/// Where Debian's package puts it.
const PROGRAM: &str = "/usr/bin/docker-registry";
const PATIENCE: Duration = Duration::from_secs(30);
/// A user and a password that a registry with a door lets in, and what `htpasswd -B` makes of them.
pub const USER: (&str, &str) = ("eva", "right");
const HTPASSWD: &str = "eva:$2y$05$abcdefghijklmnopqrstuu8xaCxxL82bnl.UY74PMksDxIJShppPC\n";

/// What is special about a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Open,
    /// It wants a password.
    Locked,
    /// Its disk has so many MiB.
    Small(u32),
}

/// A registry that ends with this value.
pub struct Registry {
    folder: TempDir,
    kind: Kind,
    pub port: u16,
    process: Option<Child>,
}

impl Registry {
    pub fn start(kind: Kind) -> Self {
        assert!(Path::new(PROGRAM).exists(), "{PROGRAM} is missing; `tests/run` installs it");
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        std::fs::create_dir(folder.path().join("data")).expect("a folder");
        std::fs::write(folder.path().join("htpasswd"), HTPASSWD).expect("a file");
        let mut registry = Self { folder, kind, port, process: None };
        std::fs::write(registry.path("config.yml"), registry.config()).expect("a file");
        registry.serve();
        registry
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> String {
        let mut config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: \"127.0.0.1:{}\", secret: the-same-after-a-restart}}\n",
            self.path("data").display(),
            self.port
        );
        if self.kind == Kind::Locked {
            let file = self.path("htpasswd");
            writeln!(config, "auth: {{htpasswd: {{realm: test, path: {}}}}}", file.display()).expect("a text grows");
        }
        config
    }

    /// Starts it, or starts it again over the same files.
    pub fn serve(&mut self) {
        let (config, log) = (self.path("config.yml"), std::fs::File::create(self.path("log")).expect("a file"));
        let mut command = match self.kind {
            // A disk of its own, in a world of mounts of its own.
            Kind::Small(mib) => {
                let data = self.path("data");
                let script = format!(
                    "mount -t tmpfs -o size={mib}m none {} && exec {PROGRAM} serve {}",
                    data.display(),
                    config.display()
                );
                let mut command = Command::new("unshare");
                command.args(["--mount", "--map-root-user", "sh", "-c", &script]);
                command
            }
            Kind::Open | Kind::Locked => {
                let mut command = Command::new(PROGRAM);
                command.arg("serve").arg(config);
                command
            }
        };
        let log_too = log.try_clone().expect("a file");
        let mut child = command.stdin(Stdio::null()).stdout(log).stderr(log_too).spawn().expect("the registry starts");
        eventually("the registry answers", PATIENCE, || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!(
                    "the registry ended with {status}: {}",
                    std::fs::read_to_string(self.path("log")).unwrap_or_default()
                );
            }
            TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
        self.process = Some(child);
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.process.take() {
            child.kill().and_then(|()| child.wait()).expect("it ran");
        }
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A wire to a registry that does something once, when so many bytes have gone over it; connections then break.
pub struct Wire {
    pub port: u16,
    carried: Arc<AtomicU64>,
}

impl Wire {
    pub fn to(port: u16, break_after_bytes: u64, what_then: impl FnOnce() + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let wire = Self { port: listener.local_addr().expect("bound").port(), carried: Arc::default() };
        let carried = Arc::clone(&wire.carried);
        let then = Arc::new(Mutex::new(Some(what_then)));
        // Ends with the process: a listener has no other end.
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let (carried, then) = (Arc::clone(&carried), Arc::clone(&then));
                let ends = (near.try_clone().expect("a socket"), far.try_clone().expect("a socket"));
                std::thread::spawn(move || carry(ends.1, ends.0, |_| true));
                std::thread::spawn(move || {
                    carry(near, far, |bytes| {
                        let all = carried.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        if all < break_after_bytes {
                            return true;
                        }
                        let then = then.lock().expect("nobody panicked").take();
                        let first = then.is_some();
                        if let Some(then) = then {
                            then();
                        }
                        !first
                    });
                });
            }
        });
        wire
    }

    /// How many bytes went to the registry.
    pub fn carried(&self) -> u64 {
        self.carried.load(Ordering::SeqCst)
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, go_on: impl Fn(u64) -> bool) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 || !go_on(length as u64) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}
