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
    /// Keys of API routes that need no AWS_IAM authorisation, such as `GET /health`.
    pub open_routes: Vec<String>,
    /// Logical ids of resources that may wait for the CloudFront distribution.
    pub may_wait_for_distribution: Vec<String>,
}

impl Promises {
    /// All promises, without exceptions.
    pub fn ours() -> Self {
        Self { ours: true, open_routes: Vec::new(), may_wait_for_distribution: Vec::new() }
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
