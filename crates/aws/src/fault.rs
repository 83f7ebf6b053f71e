//! What AWS answered instead of doing what it was asked, in one line, and whether asking again may help.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// AWS's code; empty when no answer came.
    pub code: String,
    /// AWS's words, or why no answer came.
    pub message: String,
    /// Whether the same call may work later.
    pub passing: bool,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.code.as_str() {
            "" => f.write_str(&self.message),
            code => write!(f, "{code}: {}", self.message),
        }
    }
}

/// Reads a failed call.
pub(crate) fn fault<E, R>(error: &SdkError<E, R>) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error {
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or("Unknown").to_owned();
            let message = answer.err().message().unwrap_or("no message").to_owned();
            let passing = is_passing(&code, &message);
            Fault { code, message, passing }
        }
        // A request that could not be made will not become better; everything else is the network or the service.
        SdkError::ConstructionFailure(_) => {
            Fault { code: String::new(), message: DisplayErrorContext(error).to_string(), passing: false }
        }
        _ => Fault { code: String::new(), message: DisplayErrorContext(error).to_string(), passing: true },
    }
}

/// Whether an answer of AWS means that the same call may work later.
fn is_passing(code: &str, message: &str) -> bool {
    let code = code.rsplit('#').next().unwrap_or(code);
    let busy = [
        "Throttl",
        "TooManyRequests",
        "Unavailable",
        "ServerException",
        "InternalServer",
        "InternalFailure",
        "Timeout",
    ];
    // ECS has no codes of their own for these two; the words are stable for years.
    let crowded = ["Capacity is unavailable", "limit on the number of"];
    busy.iter().any(|part| code.contains(part)) || crowded.iter().any(|part| message.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_and_missing_capacity_pass_and_a_missing_cluster_does_not() {
        assert!(is_passing("ThrottlingException", "Rate exceeded"));
        assert!(is_passing("com.amazonaws.ecs#ServerException", "Service Unavailable"));
        assert!(is_passing(
            "ClientException",
            "You've reached the limit on the number of vCPUs you can run concurrently"
        ));
        assert!(is_passing("ClientException", "Capacity is unavailable at this time. Please try again later"));
        assert!(!is_passing("ClusterNotFoundException", "Cluster not found."));
        assert!(!is_passing("AccessDeniedException", "User is not authorized to perform: ecs:RunTask"));
    }
}
