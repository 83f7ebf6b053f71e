//! Why AWS said no: the many errors of many clients, told in one way and ending in one exit code each.

use std::{error::Error, fmt};

use aws_sdk_cloudformation::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::{exit::Exit, failure::Failure};

/// What sort of refusal it is, which decides whether we wait, give up, or ask for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There are no credentials, or AWS does not accept them.
    Credentials,
    /// The credentials are good and do not allow this.
    Denied,
    /// Too many calls: the same call will succeed later.
    Throttled,
    /// A limit of the account is reached.
    Quota,
    /// No answer came.
    Unreachable,
    /// What was asked for is not there.
    Absent,
    /// AWS finds the request itself wrong.
    Invalid,
    /// Something on AWS's side, or something we have no name for.
    Other,
}

/// A call to AWS that failed: what we were doing and what AWS said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudError {
    /// What we were doing, as in "failed to …".
    pub doing: String,
    /// What sort of refusal it is.
    pub kind: Kind,
    /// The service's code, such as `AccessDenied`.
    pub code: Option<String>,
    /// What AWS said, or why nothing was said.
    pub message: String,
}

impl CloudError {
    /// An answer of AWS that we cannot use.
    pub fn unexpected(doing: impl Into<String>, message: impl Into<String>) -> Self {
        Self { doing: doing.into(), kind: Kind::Other, code: None, message: message.into() }
    }

    /// A refusal in AWS's own words: the service's code and what it said.
    pub(super) fn refused(doing: impl Into<String>, code: &str, message: &str) -> Self {
        let kind = kind_of(code, message);
        let code = Some(code.to_owned()).filter(|code| !code.is_empty());
        Self { doing: doing.into(), kind, code, message: message.to_owned() }
    }

    /// True for trouble that is over after a while without anybody's doing, or by signing in again: the call says nothing
    /// about what was asked.
    pub fn passes(&self) -> bool {
        let code = self.code.as_deref();
        let is_aws_own =
            |code| ["InternalFailure", "InternalError", "InternalServerError", "ServiceUnavailable"].contains(&code);
        match self.kind {
            Kind::Throttled | Kind::Unreachable => true,
            Kind::Credentials => code.is_none_or(|code| code.contains("Expired")),
            Kind::Other => code.is_none_or(is_aws_own),
            Kind::Denied | Kind::Quota | Kind::Absent | Kind::Invalid => false,
        }
    }

    /// True when the service does not know the operation: older emulations lack the newer calls.
    pub fn is_unknown_operation(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        ["InvalidAction", "UnknownOperationException", "NotImplemented", "UnsupportedOperation"].contains(&code)
            || self.message.contains("Unknown action")
    }
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}: {}", self.doing, self.message)
    }
}

impl Error for CloudError {}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        let mut failure = Self::new(exit_of(error.kind), format!("failed to {}", error.doing));
        let cause = match &error.code {
            Some(code) => format!("{code}: {}", error.message),
            None => error.message.clone(),
        };
        failure.causes.push(cause);
        match hint_for(&error) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn exit_of(kind: Kind) -> Exit {
    match kind {
        Kind::Invalid => Exit::Invalid,
        _ => Exit::Refused,
    }
}

fn hint_for(error: &CloudError) -> Option<String> {
    let hint = match error.kind {
        Kind::Credentials => {
            "set AWS_PROFILE to one of `aws configure list-profiles`, or sign in again (`aws sso login`), and try once more"
                .to_owned()
        },
        Kind::Denied => match denied_action(&error.message) {
            Some(action) => format!("allow the action `{action}` for these credentials, or use others (AWS_PROFILE)"),
            None => "these credentials may not do that: use others (AWS_PROFILE)".to_owned(),
        },
        Kind::Throttled => "AWS is being asked too often: wait a minute and run the same command again".to_owned(),
        Kind::Quota => "raise the quota in the Service Quotas console, or remove what is not needed".to_owned(),
        Kind::Unreachable => "check the network, the region's name, and AWS_ENDPOINT_URL if it is set".to_owned(),
        Kind::Absent | Kind::Invalid | Kind::Other => return None,
    };
    Some(hint)
}

/// The action that is missing, when AWS names it: `… is not authorized to perform: s3:GetObject on resource: …`.
fn denied_action(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("not authorized to perform")?;
    let action = rest.trim_start_matches(':').split_whitespace().next()?;
    Some(action.trim_end_matches([',', '.', ';']))
}

/// Says what we were doing when a call failed.
pub trait Doing<T> {
    /// The same result, with an error that says what we were doing: `doing("read the stack")` becomes "failed to read
    /// the stack".
    fn doing(self, what: impl Into<String>) -> Result<T, CloudError>;
}

impl<T, E, R> Doing<T> for Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata + Error + 'static,
    R: fmt::Debug + Send + Sync + 'static,
{
    fn doing(self, what: impl Into<String>) -> Result<T, CloudError> {
        self.map_err(|error| told(what.into(), &error))
    }
}

fn told<E, R>(doing: String, error: &SdkError<E, R>) -> CloudError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: fmt::Debug + Send + Sync + 'static,
{
    let code = error.code().map(ToOwned::to_owned);
    match (error, error.message()) {
        (SdkError::ServiceError(_), message) => {
            let message = message.unwrap_or("AWS gave no reason").to_owned();
            CloudError { doing, kind: kind_of(code.as_deref().unwrap_or_default(), &message), code, message }
        }
        _ => {
            let message = DisplayErrorContext(error).to_string();
            // The context ends with a dump of the whole error, which helps nobody.
            let message = message.split(" (").next().unwrap_or(&message).to_owned();
            let lower = message.to_lowercase();
            let lacks_credentials = lower.contains("credential") || lower.contains("profile") || lower.contains("sso");
            let kind = if lacks_credentials { Kind::Credentials } else { Kind::Unreachable };
            CloudError { doing, kind, code, message }
        }
    }
}

fn kind_of(code: &str, message: &str) -> Kind {
    let has = |word: &str| code.contains(word);
    if message.contains("not authorized to perform")
        || has("AccessDenied")
        || has("Unauthorized")
        || code == "Forbidden"
    {
        Kind::Denied
    } else if has("ExpiredToken") || has("InvalidClientTokenId") || has("UnrecognizedClient") || has("SignatureDoesNot")
    {
        Kind::Credentials
    } else if has("Throttl") || has("TooManyRequests") || has("RequestLimitExceeded") || code == "SlowDown" {
        Kind::Throttled
    } else if has("LimitExceeded") || has("ServiceQuota") {
        Kind::Quota
    } else if has("NotFound") || has("NoSuch") || message.contains("does not exist") {
        Kind::Absent
    } else if has("Validation") || has("InvalidParameter") {
        Kind::Invalid
    } else {
        Kind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: Kind, message: &str) -> CloudError {
        CloudError { doing: "read the stack `shop`".to_owned(), kind, code: None, message: message.to_owned() }
    }

    #[test]
    fn a_code_says_what_sort_of_refusal_it_is() {
        for (code, message, kind) in [
            ("AccessDenied", "no", Kind::Denied),
            ("AccessDeniedException", "no", Kind::Denied),
            ("ValidationError", "User: x is not authorized to perform: s3:GetObject", Kind::Denied),
            ("ExpiredToken", "old", Kind::Credentials),
            ("InvalidClientTokenId", "unknown", Kind::Credentials),
            ("Throttling", "Rate exceeded", Kind::Throttled),
            ("ThrottlingException", "Rate exceeded", Kind::Throttled),
            ("LimitExceededException", "200 stacks", Kind::Quota),
            ("ValidationError", "Stack with id shop does not exist", Kind::Absent),
            ("NoSuchBucket", "gone", Kind::Absent),
            ("ValidationError", "Template format error", Kind::Invalid),
            ("InternalFailure", "", Kind::Other),
        ] {
            assert_eq!(kind_of(code, message), kind, "{code}: {message}");
        }
    }

    #[test]
    fn a_missing_permission_is_named() {
        let message = "User: arn:aws:iam::1:user/eva is not authorized to perform: cloudformation:CreateChangeSet on \
                       resource: arn:aws:cloudformation:eu-west-1:1:stack/shop/*";
        let failure = Failure::from(error(Kind::Denied, message));
        assert_eq!(failure.exit, Exit::Refused);
        assert!(failure.hints[0].contains("`cloudformation:CreateChangeSet`"), "{failure}");
    }

    #[test]
    fn a_wrong_template_is_the_users_to_mend_and_not_awss_refusal() {
        assert_eq!(Failure::from(error(Kind::Invalid, "Template format error")).exit, Exit::Invalid);
    }
}
