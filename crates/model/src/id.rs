//! What names a scenario, a run and a region.

use std::{fmt, str::FromStr};

use rand::{Rng, distr::Alphanumeric};
use serde::{Deserialize, Serialize, de};

/// How many characters a scenario's or a run's name in URLs may have (AWS DLT's own limit).
pub const MAX_ID_LENGTH: usize = 128;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let fits = (1..=MAX_ID_LENGTH).contains(&text.len());
                if fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId)
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

id! {
    /// Names a stored scenario; `testId` in AWS DLT's API. 1 to 128 letters, digits and hyphens.
    TestId
}

id! {
    /// Names one run of a scenario; `testRunId` in AWS DLT's API. Ids made here sort by the time they were made, and
    /// carry 80 random bits: a run's blobs are found only by who was told its id.
    RunId
}

/// An id with characters that are not allowed, or too many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 128 letters, digits and hyphens")]
pub struct InvalidId;

impl TestId {
    /// Ten letters and digits, as AWS DLT makes them.
    pub fn generate(random: &mut impl Rng) -> Self {
        Self(random.sample_iter(Alphanumeric).take(10).map(char::from).collect())
    }
}

impl RunId {
    /// An id that sorts after every id made at an earlier millisecond.
    pub fn generate(epoch_ms: u64, random: &mut impl Rng) -> Self {
        Self(ulid::Ulid::from_parts(epoch_ms, random.random()).to_string())
    }
}

/// The name of an AWS region, such as `eu-west-1`. The local system calls its only region `local`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Region(String);

impl Region {
    /// The one region of the local system.
    pub fn local() -> Self {
        Self("local".to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = InvalidRegion;

    fn from_str(text: &str) -> Result<Self, InvalidRegion> {
        let parts: Vec<&str> = text.split('-').collect();
        let word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
        let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let valid = text == "local"
            || match parts.as_slice() {
                [words @ .., last] => {
                    (2..=4).contains(&words.len()) && words[0].len() == 2 && words.iter().all(word) && number(last)
                }
                [] => false,
            };
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidRegion(text.to_owned())) }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Text that is no region's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of an AWS region; expected one like `eu-west-1`")]
pub struct InvalidRegion(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_every_partition_are_names_and_other_words_are_not() {
        for good in ["eu-west-1", "us-gov-east-1", "cn-north-1", "ap-southeast-2", "us-iso-east-1", "local"] {
            assert!(good.parse::<Region>().is_ok(), "{good}");
        }
        for bad in ["", "eu", "aws-region", "eu-west-", "EU-WEST-1", "eu-west-1a", "eu_west_1", "-west-1"] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }

    #[test]
    fn run_ids_sort_by_the_time_they_were_made() {
        let mut random = rand::rng();
        assert!(RunId::generate(1, &mut random) < RunId::generate(2, &mut random));
    }
}
