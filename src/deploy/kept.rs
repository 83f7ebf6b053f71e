//! What outlived an earlier stack of the same name: which of it the next stack takes in, which of it is in the way, and
//! what `down` has to list.
//!
//! CloudFormation imports what exists under a custom name that stands as plain text in the template, when the resource's
//! deletion policy keeps it. A user pool has no such name, so an earlier one stays beside the new one.

use futures::future::try_join_all;
use serde_json::Value;

use super::{
    changes::Act,
    diff,
    event::StackRef,
    holdings::{self, BUCKET, LOG_GROUP, TABLE, USER_POOL},
    plan::{Action, Obstacle, StackPlan, Wanted},
    template::Template,
};
use crate::cloud::{Cloud, CloudError};

/// The types that hold data, with the property that names them.
const NAMES: [(&str, &str); 3] = [(BUCKET, "BucketName"), (LOG_GROUP, "LogGroupName"), (TABLE, "TableName")];

/// A resource of a template that holds data under a name of our choosing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name in the template.
    pub logical_id: String,
    /// Its type.
    pub kind: String,
    /// Its name in AWS.
    pub name: String,
    /// True when it stays after its stack is gone.
    pub kept: bool,
}

/// What holds data in a template, as far as its name stands there as plain text.
pub fn named(template: &str) -> Vec<Named> {
    let Ok(template) = Template::parse(template) else { return Vec::new() };
    let resources = template.section("Resources").and_then(Value::as_object);
    let one = |(logical_id, resource): (&String, &Value)| {
        let kind = resource.get("Type")?.as_str()?;
        let (_, property) = NAMES.iter().find(|(known, _)| *known == kind)?;
        Some(Named {
            logical_id: logical_id.clone(),
            kind: kind.to_owned(),
            name: resource.get("Properties")?.get(property)?.as_str()?.to_owned(),
            kept: diff::is_kept(resource, "DeletionPolicy"),
        })
    };
    resources.into_iter().flatten().filter_map(one).collect()
}

/// Looks for what a plan would make and what is there already, and says in the plan what becomes of it.
pub async fn reconcile(cloud: &Cloud, wanted: &Wanted, plan: &mut StackPlan) -> Result<(), CloudError> {
    if !matches!(plan.action, Action::Create | Action::Update) {
        return Ok(());
    }
    let is_new = |logical_id: &str| plan.resources.iter().any(|it| it.act == Act::Add && it.logical_id == logical_id);
    let new: Vec<Named> = named(&wanted.template).into_iter().filter(|it| is_new(&it.logical_id)).collect();
    let makes_a_pool = plan.resources.iter().any(|it| it.act == Act::Add && it.kind == USER_POOL);
    let there = try_join_all(new.iter().map(|it| holdings::is_there(cloud, &it.kind, &it.name, &wanted.stack))).await?;
    let there = new.into_iter().zip(there).filter_map(|(named, there)| there.then_some(named)).collect();
    settle(plan, there);
    if makes_a_pool {
        let pools = holdings::user_pools(cloud.at(&wanted.stack.region), &wanted.stack.name).await?;
        plan.notes.extend(pools.iter().map(|pool| earlier_pool(&pool.id, &wanted.stack)));
    }
    Ok(())
}

/// What is there and kept is taken in; what is there and would go with its stack is in the way.
fn settle(plan: &mut StackPlan, there: Vec<Named>) {
    for Named { logical_id, kind, name, kept } in there {
        if !kept {
            plan.obstacles.push(Obstacle { kind, name });
        } else if let Some(resource) = plan.resources.iter_mut().find(|it| it.logical_id == logical_id) {
            resource.act = Act::Import;
            resource.physical_id = Some(name);
        }
    }
    if plan.count(Act::Import) > 0 {
        plan.notes.push("what is imported comes as it is: its contents, and also its settings, stay".to_owned());
    }
}

fn earlier_pool(id: &str, stack: &StackRef) -> String {
    format!(
        "the user pool {id} of an earlier `{}` stays beside the new one, because CloudFormation cannot import it: its \
         users are invited anew; `{}` removes it",
        stack.name,
        holdings::removal(USER_POOL, id, &stack.region)
    )
}

#[cfg(test)]
mod tests {
    use super::{
        super::plan::{
            Live, decide,
            tests::{deployed, wanted},
        },
        *,
    };

    const TEMPLATE: &str = r"
Resources:
  Table: { Type: AWS::DynamoDB::Table, DeletionPolicy: RetainExceptOnCreate, Properties: { TableName: shop } }
  Logs: { Type: AWS::Logs::LogGroup, DeletionPolicy: Delete, Properties: { LogGroupName: /shop } }
  Bucket: { Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: { BucketName: !Sub 'shop-${AWS::Region}' } }
  Topic: { Type: AWS::SNS::Topic, Properties: { TopicName: shop } }
";

    #[test]
    fn only_a_plain_name_counts_and_only_of_what_holds_data() {
        let names: Vec<_> = named(TEMPLATE).into_iter().map(|it| (it.logical_id, it.name, it.kept)).collect();
        let expected = [("Table", "shop", true), ("Logs", "/shop", false)];
        assert_eq!(names, expected.map(|(id, name, kept)| (id.to_owned(), name.to_owned(), kept)));
    }

    #[test]
    fn what_is_kept_is_imported_and_what_is_not_is_in_the_way() {
        let mut plan = decide(&wanted(TEMPLATE), &Live::default());
        settle(&mut plan, named(TEMPLATE));
        let imported: Vec<_> = plan.resources.iter().filter(|it| it.act == Act::Import).collect();
        assert_eq!(imported.len(), 1);
        assert_eq!((&*imported[0].logical_id, imported[0].physical_id.as_deref()), ("Table", Some("shop")));
        assert_eq!(plan.obstacles, [Obstacle { kind: LOG_GROUP.to_owned(), name: "/shop".to_owned() }]);
        assert!(plan.notes[0].contains("as it is"), "{:?}", plan.notes);
    }

    #[test]
    fn a_plan_without_news_has_neither_imports_nor_notes() {
        let wanted = wanted(TEMPLATE);
        let mut plan = decide(&wanted, &deployed(&wanted, "CREATE_COMPLETE"));
        settle(&mut plan, Vec::new());
        assert_eq!((plan.count(Act::Import), plan.notes.len(), plan.obstacles.len()), (0, 0, 0));
    }
}
