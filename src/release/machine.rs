//! For which processors an executable was built, and whether it needs anything else, as its own header says.

use crate::{config::Architecture, exit::Exit, failure::Failure};

/// An instruction set that AWS runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

    /// The same for an executable that has to run where there is nothing else.
    ///
    /// # Errors
    /// Names the file, and what is wrong with it.
    pub fn of_static(file: &str, executable: &[u8]) -> Result<Self, Failure> {
        let machine = Self::of(executable).ok_or_else(|| {
            let message = format!("`{file}` of the release is no Linux executable for x86_64 or arm64");
            Failure::new(Exit::Invalid, message).hint("build the worker: `cargo build --profile worker -p dlt-worker`")
        })?;
        if wants_a_loader(executable) {
            let message = format!("`{file}` of the release is not static: the image has no libraries for it");
            return Err(Failure::new(Exit::Invalid, message)
                .hint("build it with `-C target-feature=+crt-static`, as this repository's settings do"));
        }
        Ok(machine)
    }

    /// Its name in an image's configuration.
    pub fn in_images(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The machine of an image's configuration.
    pub fn from_images(name: &str) -> Option<Self> {
        [Self::X86_64, Self::Arm64].into_iter().find(|machine| machine.in_images() == name)
    }

    /// The machine that a setting asks for.
    pub fn wanted(architecture: Architecture) -> Self {
        match architecture {
            Architecture::X86_64 => Self::X86_64,
            Architecture::Arm64 => Self::Arm64,
        }
    }

    /// Fails when an executable is for other processors than those it is to run on.
    ///
    /// # Errors
    /// Names the file, what it is and what was wanted.
    pub fn demand(file: &str, found: &[Self], wanted: Architecture) -> Result<(), Failure> {
        if found.contains(&Self::wanted(wanted)) {
            return Ok(());
        }
        let names: Vec<&str> = found.iter().map(|machine| machine.in_images()).collect();
        let is = if names.is_empty() {
            "no Linux executable for x86_64 or arm64".to_owned()
        } else {
            format!("for {}", names.join(" and "))
        };
        Err(Failure::new(
            Exit::Invalid,
            format!("`{file}` of the release is {is}, and it is to run on {}", wanted.word()),
        )
        .hint("build it for that, name another release with --release, or change `worker.architecture`"))
    }
}

/// True when an ELF file has a program header of type 3: the path of the loader that has to start it.
fn wants_a_loader(file: &[u8]) -> bool {
    let number = |at: usize, length: usize| {
        let bytes = file.get(at..at.checked_add(length)?)?;
        usize::try_from(bytes.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))).ok()
    };
    let (Some(table), Some(size), Some(count)) = (number(0x20, 8), number(0x36, 2), number(0x38, 2)) else {
        return false;
    };
    (0..count).any(|index| table.checked_add(index * size).and_then(|at| number(at, 4)) == Some(3))
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
    fn what_needs_a_loader_is_refused_where_there_is_none() {
        let this = std::fs::read("/proc/self/exe").unwrap();
        assert!(Machine::of_static("test", &this).is_ok(), "what we build is static");
        let shell = std::fs::read("/bin/sh").unwrap();
        let failure = Machine::of_static("sh", &shell).unwrap_err();
        assert!(failure.to_string().contains("`sh` of the release is not static"), "{failure}");
    }

    #[test]
    fn an_executable_for_other_processors_is_refused_before_anything_is_shipped() {
        assert!(Machine::demand("dlt-worker", &[Machine::Arm64], Architecture::Arm64).is_ok());
        let failure = Machine::demand("dlt-worker", &[Machine::X86_64], Architecture::Arm64).unwrap_err();
        assert!(failure.to_string().contains("`dlt-worker` of the release is for amd64"), "{failure}");
    }
}
