//! How each peer is told to do a task. What it cannot do it is not told.

use std::{fs, path::Path, process::Command};

use super::Tool;
use crate::{
    server::Protocol,
    task::{Kind, Task},
};

/// More requests than any tool makes in the time it has.
const NO_END: &str = "50000000";

/// The command, or nothing when the tool cannot do the task.
pub fn command(tool: Tool, program: &Path, task: &Task, url: &str, folder: &Path, threads: usize) -> Option<Command> {
    let Task { kind, protocol, users, streams, secs, .. } = *task;
    let is_http2 = protocol == Protocol::Http2;
    if streams > 1 && !matches!(tool, Tool::H2load | Tool::Oha) {
        return None;
    }
    let (connections, streams) = ((users / streams).to_string(), streams.to_string());
    let (users, threads) = (users.to_string(), threads.to_string());
    let (seconds, for_seconds) = (secs.to_string(), format!("{secs}s"));
    let page = format!("{url}/");
    let mut command = Command::new(program);
    match (tool, kind) {
        (Tool::Wrk, Kind::Steady) if !is_http2 => {
            command.args(["-t", &threads, "-c", &users, "-d", &for_seconds, "--timeout", "20s", &page]);
        }
        (Tool::Wrk2, Kind::Open { rate }) if !is_http2 => {
            let rate = rate.to_string();
            command.args(["-t", &threads, "-c", &users, "-d", &for_seconds, "-R", &rate, "--latency", &page]);
        }
        (Tool::H2load, Kind::Steady) => {
            command.args(if is_http2 { [].as_slice() } else { &["--h1"] });
            command.args(["-t", &threads, "-c", &connections, "-m", &streams, "-D", &seconds, &page]);
        }
        (Tool::Ab, Kind::Steady) if !is_http2 && threads == "1" => {
            command.args(["-q", "-r", "-k", "-c", &users, "-t", &seconds, "-n", NO_END, &page]);
        }
        // Over HTTP/2 it has one connection for all, which is another task.
        (Tool::Hey, Kind::Steady) if !is_http2 => {
            // The name that it asks a TLS server for is its Host header, and would hold the port.
            command.args(["-host", "localhost", "-z", &for_seconds, "-c", &users, &page]);
        }
        (Tool::Oha, Kind::Steady | Kind::Open { .. }) => {
            command.args(["--no-tui", "--insecure", "--output-format", "json", "-z", &for_seconds, "-c", &connections]);
            if is_http2 {
                command.args(["--http2", "-p", &streams]);
            }
            if let Kind::Open { rate } = kind {
                command.args(["-q", &rate.to_string(), "--latency-correction"]);
            }
            command.arg(&page);
        }
        (Tool::K6, Kind::Steady | Kind::Scenario) => {
            let script = match kind {
                Kind::Scenario => include_str!("../../scripts/scenario.js"),
                _ => include_str!("../../scripts/steady.js"),
            };
            command.args(["run", "--quiet", "--no-usage-report", "--vus", &users, "--duration", &for_seconds]);
            command.args(["--env", &format!("URL={url}")]).arg(written(folder, "script.js", script));
        }
        (Tool::Goose, Kind::Steady | Kind::Scenario) if !is_http2 => {
            let scenario = if kind == Kind::Scenario { "shopper" } else { "reader" };
            // All users within a tenth of a second, and what they did meanwhile is kept.
            let hatched = (task.users * 10).to_string();
            command.args(["--host", url, "--users", &users, "--hatch-rate", &hatched, "--run-time", &for_seconds]);
            command.args(["--scenarios", scenario, "--no-reset-metrics", "--no-telnet", "--no-websocket", "--quiet"]);
            command.arg("--accept-invalid-certs");
        }
        (Tool::Locust, Kind::Steady | Kind::Scenario) if !is_http2 => {
            let user = if kind == Kind::Scenario { "Shopper" } else { "Reader" };
            let file = written(folder, "locustfile.py", include_str!("../../scripts/locustfile.py"));
            command.arg("-f").arg(file).args(["--headless", "--only-summary", "--host", url]);
            command.args(["-u", &users, "-r", &users, "-t", &for_seconds, user]);
        }
        (Tool::Taurus, Kind::Steady | Kind::Scenario) if !is_http2 => {
            let plan = include_str!("../../scripts/taurus.yml")
                .replace("USERS", &users)
                .replace("DURATION", &for_seconds)
                .replace("SCENARIO", if kind == Kind::Scenario { "shopper" } else { "reader" })
                .replace("URL", url)
                .replace("FOLDER", &folder.display().to_string());
            command.arg("-q").arg(written(folder, "taurus.yml", &plan)).current_dir(folder);
            // Which JMeter it drives, where that was settled; it looks for one itself where not.
            command.args(program.ancestors().nth(2).map(|venv| venv.join("jmeter.yml")).filter(|file| file.is_file()));
        }
        _ => return None,
    }
    Some(command)
}

fn written(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file can be written in a fresh temporary folder");
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(tool: Tool, kind: Kind, protocol: Protocol, streams: u64) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let task = Task { kind, protocol, users: 64, streams, secs: 5, stall: None };
        let command = command(tool, Path::new("/venv/bin/tool"), &task, "https://x", folder.path(), 1)?;
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        Some(words.join(" "))
    }

    #[test]
    fn users_that_share_connections_are_connections_and_streams_to_those_who_know_both() {
        let shared = |tool| line(tool, Kind::Steady, Protocol::Http2, 8);
        assert_eq!(shared(Tool::H2load).as_deref(), Some("-t 1 -c 8 -m 8 -D 5 https://x/"));
        assert!(shared(Tool::Oha).is_some_and(|line| line.contains("-c 8 --http2 -p 8 ")));
        for tool in Tool::ALL.into_iter().filter(|tool| !matches!(tool, Tool::Worker(_) | Tool::H2load | Tool::Oha)) {
            assert_eq!(shared(tool), None, "{tool:?}");
        }
    }

    #[test]
    fn a_connection_per_user_is_said_as_such() {
        let own = |tool, protocol| line(tool, Kind::Steady, protocol, 1).expect("it can");
        assert_eq!(own(Tool::H2load, Protocol::Http2), "-t 1 -c 64 -m 1 -D 5 https://x/");
        assert_eq!(own(Tool::H2load, Protocol::Http1), "--h1 -t 1 -c 64 -m 1 -D 5 https://x/");
        assert!(own(Tool::Oha, Protocol::Http1).contains("-c 64 https://x/"));
    }

    #[test]
    fn scripted_peers_have_both_tasks_where_they_can() {
        let can = |tool, protocol| [Kind::Steady, Kind::Scenario].map(|kind| line(tool, kind, protocol, 1).is_some());
        for tool in [Tool::K6, Tool::Goose, Tool::Locust, Tool::Taurus] {
            assert_eq!(can(tool, Protocol::Http1), [true, true], "{tool:?}");
        }
        for tool in [Tool::K6, Tool::Goose, Tool::Locust, Tool::Taurus] {
            assert_eq!(can(tool, Protocol::Http2), [tool == Tool::K6; 2], "{tool:?}");
        }
        assert_eq!(can(Tool::Wrk, Protocol::Http1), [true, false]);
    }

    #[test]
    fn taurus_is_told_which_scenario_and_which_jmeter() {
        let venv = tempfile::tempdir().expect("a folder");
        let (folder, program) = (venv.path(), venv.path().join("bin/bzt"));
        let task = Task { kind: Kind::Scenario, protocol: Protocol::Http1, users: 7, streams: 1, secs: 5, stall: None };
        let arguments = || command(Tool::Taurus, &program, &task, "http://x", folder, 1).expect("it can");
        assert_eq!(arguments().get_args().count(), 2);
        fs::write(folder.join("jmeter.yml"), "").expect("written");
        assert_eq!(arguments().get_args().last(), Some(folder.join("jmeter.yml").as_os_str()));
        let plan = fs::read_to_string(folder.join("taurus.yml")).expect("a plan");
        for part in ["concurrency: 7\n", "hold-for: 5s\n", "scenario: shopper\n", "url: http://x/orders\n"] {
            assert!(plan.contains(part), "{plan}");
        }
    }
}
