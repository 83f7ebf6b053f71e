//! What our own templates promise beyond what CloudFormation asks for.

mod compute;
mod network;
mod storage;

use super::{Scope, finding::Findings};

/// Which promises a template must keep, and the exceptions that are part of the design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promises {
    /// Whether our own promises are checked; without it only what holds for every template is.
    pub ours: bool,
    /// Whether the template goes by S3 whatever its size, so that a size beyond a request is no news.
    pub by_s3: bool,
    /// Keys of API routes that need no AWS_IAM authorisation, such as `GET /health`.
    pub open_routes: Vec<String>,
    /// Logical ids of resources that may wait for the CloudFront distribution.
    pub may_wait_for_distribution: Vec<String>,
}

impl Promises {
    /// All promises, without exceptions.
    pub fn ours() -> Self {
        Self { ours: true, by_s3: false, open_routes: Vec::new(), may_wait_for_distribution: Vec::new() }
    }

    /// All promises, with the exceptions that the design of the main template makes.
    ///
    /// The invitation's link leads to `GET /console`, which must be open, and which sends a browser to the distribution; only the
    /// route waits for it.
    pub fn of_the_design() -> Self {
        Self {
            by_s3: true,
            open_routes: vec!["GET /console".to_owned()],
            may_wait_for_distribution: vec!["ConsoleRedirect".to_owned()],
            ..Self::ours()
        }
    }

    /// None of the promises: what holds for any template.
    pub fn none() -> Self {
        Self { ours: false, ..Self::ours() }
    }
}

/// Reports every promise that is not kept.
pub fn check(scope: &Scope<'_, '_>, findings: &mut Findings) {
    if scope.promises.ours {
        storage::check(scope, findings);
        compute::check(scope, findings);
        network::check(scope, findings);
    }
}
