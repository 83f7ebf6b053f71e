//! For which processors an executable was built, as its own header says.

use crate::{config::Architecture, exit::Exit, failure::Failure};

/// An instruction set that AWS runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// Intel and AMD.
    X86_64,
    /// Graviton.
    Arm64,
}

impl Machine {
    /// Reads it from a Linux executable: ELF's `e_machine`, two bytes at 18, is 62 or 183.
    pub fn of(executable: &[u8]) -> Option<Self> {
        let header = executable.get(..20)?;
        match (header.starts_with(b"\x7fELF"), u16::from_le_bytes([header[18], header[19]])) {
            (true, 62) => Some(Self::X86_64),
            (true, 183) => Some(Self::Arm64),
            _ => None,
        }
    }

    /// Its name in an image's configuration.
    pub fn in_images(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Fails when an executable is for other processors than those it is to run on.
    ///
    /// # Errors
    /// Names the file, what it is and what was wanted.
    pub fn demand(file: &str, found: Option<Self>, wanted: Architecture) -> Result<(), Failure> {
        let fits = matches!(
            (found, wanted),
            (Some(Self::X86_64), Architecture::X86_64) | (Some(Self::Arm64), Architecture::Arm64)
        );
        if fits {
            return Ok(());
        }
        let is = found
            .map_or("no Linux executable for x86_64 or arm64".to_owned(), |found| format!("for {}", found.in_images()));
        Err(Failure::new(
            Exit::Invalid,
            format!("`{file}` of the release is {is}, and it is to run on {}", wanted.word()),
        )
        .hint("build it for that, name another release with --release, or change `worker.architecture`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executable_says_what_it_runs_on_and_a_script_does_not() {
        let this = std::fs::read("/proc/self/exe").unwrap();
        let expected = if cfg!(target_arch = "x86_64") { Machine::X86_64 } else { Machine::Arm64 };
        assert_eq!(Machine::of(&this), Some(expected));
        assert_eq!(Machine::of(b"#!/bin/sh\nexec a program\n"), None);
        assert_eq!(Machine::of(b""), None);
    }

    #[test]
    fn an_executable_for_other_processors_is_refused_before_anything_is_shipped() {
        assert!(Machine::demand("dlt-worker", Some(Machine::Arm64), Architecture::Arm64).is_ok());
        let failure = Machine::demand("dlt-worker", Some(Machine::X86_64), Architecture::Arm64).unwrap_err();
        assert!(failure.to_string().contains("`dlt-worker` of the release is for amd64"), "{failure}");
    }
}
