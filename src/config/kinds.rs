//! The kinds of values that an environment file holds.

use std::{fmt, str::FromStr};

use super::cidr::Cidr;

/// The name of an environment's stacks: 3 to 28 lower-case letters, digits and hyphens, because bucket names are made of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackName(String);

impl StackName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StackName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let ends_well = text.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
            && text.bytes().last().is_some_and(|last| last != b'-')
            && !text.contains("--");
        if (3..=28).contains(&text.len()) && text.bytes().all(legal) && ends_well {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "expected 3 to 28 lower-case letters, digits and single hyphens, beginning with a letter, found `{text}`"
        ))
    }
}

/// The first user of the console, whom Cognito invites by e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// The user name.
    pub name: String,
    /// Where the invitation goes.
    pub email: String,
    /// The Parameter Store SecureString that holds the permanent password, when nobody is to type one.
    pub password_parameter: Option<String>,
}

/// Where workers run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// A network of our own with two public subnets.
    New {
        /// Addresses of the VPC.
        vpc_cidr: Cidr,
        /// Addresses of the first subnet.
        subnet_a_cidr: Cidr,
        /// Addresses of the second subnet.
        subnet_b_cidr: Cidr,
    },
    /// A network that is already there.
    Existing {
        /// The id of the VPC.
        vpc: String,
        /// The ids of two or more subnets.
        subnets: Vec<String>,
        /// Whether workers need a public address to reach AWS and their target.
        public: bool,
    },
}

/// How the console is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Console {
    /// By CloudFront.
    Cloudfront,
    /// Not at all: API and command line only.
    Headless,
}

/// How large a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Processor time in ECS units; 1024 are one virtual CPU.
    pub cpu_units: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// The instruction set of the worker image.
    pub architecture: Architecture,
}

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Intel and AMD.
    X86_64,
    /// Graviton.
    Arm64,
}

/// What stays, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// What happens to bucket and table when the stacks are deleted.
    pub data: DataRetention,
    /// How many days log lines are kept.
    pub logs_days: u32,
}

/// What happens to data when its stack is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataRetention {
    /// It stays.
    Keep,
    /// It goes with the stack.
    Delete,
}

macro_rules! words {
    ($kind:ty { $($variant:ident = $word:literal),+ }) => {
        impl $kind {
            /// The words an environment file may use.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word an environment file uses.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl FromStr for $kind {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!("expected {}, found `{text}`", either(Self::WORDS))),
                }
            }
        }
    };
}

words!(Console { Cloudfront = "cloudfront", Headless = "headless" });
words!(Architecture { X86_64 = "x86_64", Arm64 = "arm64" });
words!(DataRetention { Keep = "keep", Delete = "delete" });

/// `a`, `b` or `c`.
fn either(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
