//! Asking until there is an answer. Trouble on the way to AWS is no answer, and must not decide how a deployment ends.

use std::time::Duration;

use aws_sdk_cloudformation::Client;
use tokio::time::Instant;

use super::{
    complaint::Complaint,
    event::{Observer, StackRef},
    pace::Pace,
};
use crate::cloud::CloudError;

/// How long trouble may last before it is taken for the answer.
const PATIENCE: Duration = Duration::from_secs(3 * 60);

/// Asks again as long as the trouble is of the kind that passes. Only for what may be asked twice: reads, removals, and
/// calls with a token.
pub async fn patiently<T>(ask: impl AsyncFnMut() -> Result<T, CloudError>) -> Result<T, CloudError> {
    insist(ask, |_| {}).await
}

async fn insist<T>(
    mut ask: impl AsyncFnMut() -> Result<T, CloudError>,
    mut hear: impl FnMut(&CloudError),
) -> Result<T, CloudError> {
    let began = Instant::now();
    let mut pace = Pace::default();
    loop {
        match Box::pin(ask()).await {
            Err(error) if error.passes() && began.elapsed() < PATIENCE => {
                hear(&error);
                pace.throttled();
            }
            answer => return answer,
        }
        tokio::time::sleep(pace.next(began.elapsed())).await;
    }
}

/// A CloudFormation to ask, and who hears of the trouble that is waited out.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The CloudFormation of the stack's region.
    pub client: &'a Client,
    hearer: Option<(&'a Observer, &'a StackRef)>,
}

impl<'a> Asking<'a> {
    /// About a stack, telling of trouble.
    pub fn telling(client: &'a Client, observer: &'a Observer, stack: &'a StackRef) -> Self {
        Self { client, hearer: Some((observer, stack)) }
    }

    /// Where nobody listens.
    pub fn quietly(client: &'a Client) -> Self {
        Self { client, hearer: None }
    }

    /// Asks again as [`patiently`] does.
    pub async fn patiently<T>(&self, ask: impl AsyncFnMut() -> Result<T, CloudError>) -> Result<T, CloudError> {
        let mut complaint = Complaint::default();
        let hear = |error: &CloudError| {
            if let Some((observer, stack)) = self.hearer {
                complaint.tell(observer, stack, error);
            }
        };
        insist(ask, hear).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Kind;

    fn error(kind: Kind, code: Option<&str>) -> CloudError {
        CloudError { doing: "ask".to_owned(), kind, code: code.map(ToOwned::to_owned), message: String::new() }
    }

    async fn asked(errors: Vec<CloudError>) -> (Result<(), CloudError>, usize) {
        let (mut errors, mut count) = (errors.into_iter(), 0);
        let answer = patiently(async || {
            count += 1;
            errors.next().map_or(Ok(()), Err)
        });
        (answer.await, count)
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_waited_for_and_a_refusal_is_an_answer() {
        let passing = [
            error(Kind::Throttled, Some("Throttling")),
            error(Kind::Unreachable, None),
            error(Kind::Credentials, Some("ExpiredToken")),
            error(Kind::Other, Some("InternalFailure")),
            error(Kind::Other, None),
        ];
        assert_eq!(asked(passing.to_vec()).await, (Ok(()), 6));
        for refusal in [
            error(Kind::Denied, Some("AccessDenied")),
            error(Kind::Invalid, Some("ValidationError")),
            error(Kind::Absent, Some("ChangeSetNotFound")),
            error(Kind::Credentials, Some("InvalidClientTokenId")),
            error(Kind::Other, Some("InvalidChangeSetStatus")),
        ] {
            assert_eq!(asked(vec![refusal.clone()]).await, (Err(refusal), 1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_without_end_is_the_answer_in_the_end() {
        let (answer, count) = asked(vec![error(Kind::Unreachable, None); 1000]).await;
        assert!(answer.is_err() && count < 20, "{count}");
    }
}
