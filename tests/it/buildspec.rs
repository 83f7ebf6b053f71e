//! A buildspec run as CodeBuild runs it: variables, parameters, phases in one shell, reports.

use std::{
    collections::BTreeMap,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde::Deserialize;

use crate::support::Sandbox;

/// Phases in CodeBuild's order. After a failure of `build`, `post_build` is run all the same; after any other, nothing is.
const PHASES: [&str; 4] = ["install", "pre_build", "build", "post_build"];

#[derive(Debug, Deserialize)]
struct Buildspec {
    version: f64,
    #[serde(default)]
    env: Environment,
    phases: BTreeMap<String, Phase>,
    #[serde(default)]
    reports: BTreeMap<String, Report>,
    artifacts: Option<Artifacts>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Artifacts {
    #[serde(default)]
    base_directory: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Environment {
    variables: BTreeMap<String, String>,
    parameter_store: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Phase {
    #[serde(default)]
    commands: Vec<String>,
    #[serde(default, rename = "finally")]
    afterwards: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    files: Vec<String>,
    #[serde(default)]
    base_directory: String,
    file_format: String,
}

/// A build that is going on.
pub struct Build {
    pub process: Child,
    folder: PathBuf,
    spec: Buildspec,
}

/// A build that is over.
#[derive(Debug)]
pub struct Built {
    /// The exit code of the first command that failed; 0 when none did.
    pub code: i32,
    /// The whole log, standard output and standard error as they came.
    pub log: String,
    /// Each phase that was begun, and the exit code of its first failure.
    pub phases: Vec<(String, i32)>,
    /// The report files of each group.
    pub reports: BTreeMap<String, Vec<String>>,
    /// The folder whose files the next stage gets.
    pub artifacts: Option<PathBuf>,
}

impl Build {
    /// Starts a build in a clean container: nothing but the sandbox's variables, the buildspec's and, over them, the project's.
    pub fn start(
        sandbox: &Sandbox,
        text: &str,
        project: &[(&str, &str)],
        parameter: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        let spec: Buildspec = serde_yaml::from_str(text).expect("a buildspec");
        assert!((spec.version - 0.2).abs() < f64::EPSILON, "commands share a shell since 0.2");
        let unknown: Vec<&String> = spec.phases.keys().filter(|name| !PHASES.contains(&name.as_str())).collect();
        assert!(unknown.is_empty(), "CodeBuild knows no phase {unknown:?}");
        let bin = sandbox.path().join("bin");
        std::fs::create_dir_all(&bin).expect("a folder");
        let dlt = bin.join("dlt");
        if !dlt.exists() {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dlt"), &dlt).expect("a link");
        }
        let folder = sandbox.path().to_owned();
        let script = sandbox.write("codebuild/script.sh", &script(&spec, sandbox));
        let stored = spec.env.parameter_store.iter().map(|(name, parameter_name)| {
            let name_in_store = project
                .iter()
                .find(|(key, _)| Some(*key) == parameter_name.strip_prefix('$'))
                .map_or(parameter_name.as_str(), |(_, value)| value);
            let value = parameter(name_in_store).unwrap_or_else(|| panic!("there is no parameter {name_in_store}"));
            (name.clone(), value)
        });
        let stored: Vec<(String, String)> = stored.collect();
        let log = std::fs::File::create(folder.join("codebuild/log")).expect("a log");
        let mut command: Command = sandbox.command("/bin/sh");
        command
            .arg(script)
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .env("CODEBUILD_BUILD_ID", "qa:1")
            .envs(&spec.env.variables)
            .envs(stored)
            .envs(project.iter().copied())
            .process_group(0)
            .stdout(Stdio::from(log.try_clone().expect("the same log")))
            .stderr(Stdio::from(log));
        let process = command.spawn().expect("a shell");
        Self { process, folder, spec }
    }

    /// Stops the build as `StopBuild` does, by a signal to everything in it.
    pub fn stop(&self) {
        let group = format!("-{}", self.process.id());
        let sent = Command::new("kill").args(["-TERM", "--", &group]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// The log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("codebuild/log")).unwrap_or_default()
    }

    /// Waits for the end, and reads the reports as CodeBuild does.
    pub fn end(mut self) -> Built {
        self.process.wait().expect("it ends");
        let log = self.log();
        let phases = std::fs::read_to_string(self.folder.join("codebuild/phases")).unwrap_or_default();
        let phases: Vec<(String, i32)> = phases
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, code)| (name.to_owned(), code.parse().expect("a code")))
            .collect();
        let mut reports = BTreeMap::new();
        for (group, report) in &self.spec.reports {
            assert_eq!(report.file_format, "JUNITXML");
            let folder = self.folder.join(&report.base_directory);
            let texts = report.files.iter().filter_map(|name| std::fs::read_to_string(folder.join(name)).ok());
            reports.insert(group.clone(), texts.collect());
        }
        let code = phases.iter().map(|(_, code)| *code).find(|code| *code != 0).unwrap_or(0);
        let artifacts = self.spec.artifacts.as_ref().map(|artifacts| self.folder.join(&artifacts.base_directory));
        Built { code, log, phases, reports, artifacts }
    }
}

/// Runs a buildspec to its end.
pub fn run(sandbox: &Sandbox, text: &str, project: &[(&str, &str)]) -> Built {
    Build::start(sandbox, text, project, &|_| None).end()
}

/// All phases as one script, since their commands share a shell. Each command is a file that is read into it.
fn script(spec: &Buildspec, sandbox: &Sandbox) -> String {
    let phases = sandbox.path().join("codebuild/phases");
    // The agent outlives the signal, so that the commands may end as they wish.
    let mut script = format!("trap : TERM\n: > '{0}'\nstopped=\n", phases.display());
    let mut number = 0;
    let mut read = |commands: &[String], script: &mut String, guard: &str| {
        for command in commands {
            number += 1;
            let file = sandbox.write(&format!("codebuild/{number}.sh"), command);
            script.push_str(&format!("{guard}{{ . '{}' || failed=${{failed:-$?}}; }}\n", file.display()));
        }
    };
    for name in PHASES {
        let Some(phase) = spec.phases.get(name) else { continue };
        script.push_str("if [ -z \"$stopped\" ]; then\nfailed=\n");
        read(&phase.commands, &mut script, "[ -n \"$failed\" ] || ");
        read(&phase.afterwards, &mut script, "");
        script.push_str(&format!("echo \"{name} ${{failed:-0}}\" >> '{}'\n", phases.display()));
        if name != "build" {
            script.push_str("stopped=$failed\n");
        }
        script.push_str("fi\n");
    }
    script
}
