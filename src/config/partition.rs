//! The worlds that AWS consists of: which of them a region is in, and what this system needs and some of them lack.

use dlt_model::id::Region;

/// A part of AWS with accounts, endpoints and ARNs of its own, in which this system can live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition {
    /// What nearly everybody means by AWS.
    Standard,
    /// AWS GovCloud (US).
    GovCloud,
}

impl Partition {
    /// The part of AWS that a region is in.
    ///
    /// # Errors
    /// Says why this system cannot live there.
    pub fn of(region: &Region) -> Result<Self, String> {
        let is_in = |prefix: &str| region.as_str().starts_with(prefix);
        if is_in("us-gov-") {
            Ok(Self::GovCloud)
        } else if is_in("cn-") {
            Err(format!(
                "`{region}` is in AWS China, which has no Cognito user pools, and users are kept in one; choose a region \
                 outside China, whose workers may well load targets in China"
            ))
        } else if ["us-iso", "eu-iso"].into_iter().any(is_in) {
            Err(format!("`{region}` is in an isolated part of AWS, which lacks services that this system is made of"))
        } else {
            Ok(Self::Standard)
        }
    }

    /// The name that ARNs begin with.
    pub fn arn_word(self) -> &'static str {
        match self {
            Self::Standard => "aws",
            Self::GovCloud => "aws-us-gov",
        }
    }

    /// Whom a role trusts that people get by way of an identity pool.
    pub fn identity_provider(self) -> &'static str {
        match self {
            Self::Standard => "cognito-identity.amazonaws.com",
            Self::GovCloud => "cognito-identity-us-gov.amazonaws.com",
        }
    }

    /// Whether CloudFront can serve the console from an account of this part.
    pub fn has_cloudfront(self) -> bool {
        self == Self::Standard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_in_one_part_of_aws_or_in_none_that_we_can_live_in() {
        let of = |name: &str| Partition::of(&name.parse().unwrap());
        for name in ["eu-west-1", "us-east-1", "ap-southeast-2", "ca-central-1"] {
            assert_eq!(of(name), Ok(Partition::Standard), "{name}");
        }
        for name in ["us-gov-west-1", "us-gov-east-1"] {
            assert_eq!(of(name), Ok(Partition::GovCloud), "{name}");
        }
        for name in ["cn-north-1", "cn-northwest-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1"] {
            assert!(of(name).unwrap_err().starts_with(&format!("`{name}` is in ")), "{name}");
        }
    }
}
