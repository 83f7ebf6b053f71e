//! The second witness of a plan: CloudFormation is asked by a change set that is made, read and removed again, and never
//! executed.
//!
//! Only stacks that are there are asked about. Of a stack that is not, everything is new, and a change set would leave an
//! empty stack behind if we were killed.

use std::sync::Mutex;

use aws_sdk_cloudformation::Client;
use futures::future::join_all;

use super::{
    evidence,
    patience::Asking,
    plan::{Action, Server, StackPlan, Wanted},
    proposal::{self, Answer, Source},
    stakes,
    survey::Survey,
};
use crate::{
    cloud::{Cloud, CloudError, Doing},
    exit::Exit,
    failure::Failure,
    release::Upload,
    render::Part,
};

/// The change sets that were made and are not removed yet.
#[derive(Debug, Default)]
pub struct Reviews(Mutex<Vec<(Client, String)>>);

impl Reviews {
    /// Asks about every stack that a survey would update, and puts the answers into its plan.
    ///
    /// What CloudFormation refuses to make a change set of is told in the plan. So is what we may not ask.
    ///
    /// # Errors
    /// What CloudFormation says is wrong with a template: `up` would end with the same.
    pub async fn ask(&self, cloud: &Cloud, survey: &mut Survey) -> Result<(), Failure> {
        let asked = survey.wanted.iter().zip(&mut survey.plan.stacks).filter(|(_, plan)| plan.action == Action::Update);
        let uploads = &survey.uploads;
        let failures = join_all(asked.map(|(wanted, plan)| self.one(cloud, uploads, wanted, plan))).await;
        // What only the server says is lost is looked into as well. What cannot be read is not worth failing for.
        drop(stakes::look(cloud, &mut survey.plan).await);
        failures.into_iter().flatten().next().map_or(Ok(()), Err)
    }

    async fn one(&self, cloud: &Cloud, uploads: &[Upload], wanted: &Wanted, plan: &mut StackPlan) -> Option<Failure> {
        match self.answer(cloud, uploads, wanted, plan).await {
            Ok(Answer::Changes(changes)) => {
                evidence::merge(&mut plan.resources, &changes);
                plan.server = Server::Answered;
                None
            }
            Ok(Answer::Nothing) => {
                plan.server = Server::Nothing;
                None
            }
            Err(failure) => {
                plan.server = Server::Unable { why: why(&failure) };
                (failure.exit == Exit::Invalid).then_some(failure)
            }
        }
    }

    async fn answer(
        &self,
        cloud: &Cloud,
        uploads: &[Upload],
        wanted: &Wanted,
        plan: &StackPlan,
    ) -> Result<Answer, Failure> {
        let client = &cloud.at(&wanted.stack.region).cloudformation;
        let asking = Asking::quietly(client);
        let source = match uploads.iter().find(|upload| upload.region == wanted.stack.region) {
            Some(upload) if wanted.part != Part::Foundation => {
                Source::Url(upload.send_template(cloud, &wanted.template).await?)
            }
            _ => Source::Text(wanted.template.clone()),
        };
        let id = proposal::begin_review(&asking, wanted, plan, &source).await?;
        self.remember(client, &id);
        let answer = proposal::read_review(&asking, wanted, &id).await;
        let removed = remove(client, &id).await;
        self.forget(&id);
        let answer = answer?;
        removed?;
        Ok(answer)
    }

    fn remember(&self, client: &Client, id: &str) {
        self.0.lock().expect("nobody panics while holding it").push((client.clone(), id.to_owned()));
    }

    fn forget(&self, id: &str) {
        self.0.lock().expect("nobody panics while holding it").retain(|(_, known)| known != id);
    }

    /// Removes what an interrupted question left.
    pub async fn sweep(&self) {
        let left = std::mem::take(&mut *self.0.lock().expect("nobody panics while holding it"));
        // One that cannot be removed is never executed and harms nobody.
        join_all(left.iter().map(|(client, id)| remove(client, id))).await;
    }
}

async fn remove(client: &Client, id: &str) -> Result<(), CloudError> {
    client.delete_change_set().change_set_name(id).send().await.doing("remove the change set").map(drop)
}

/// A failure in one line.
fn why(failure: &Failure) -> String {
    let parts: Vec<&str> =
        std::iter::once(&failure.message).chain(failure.causes.first()).map(String::as_str).collect();
    parts.join(": ")
}
