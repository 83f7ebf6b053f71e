//! CloudFormation's actions.

use super::{Answer, Call, form::Form, xml::Xml};
use crate::rehearsal::world::{Change, ChangeSet, Facts, Page, Refusal, Request, Stack, StackEvent, World};

/// The longest template that may come with a call.
const MAX_TEMPLATE_BYTES: usize = 51_200;

/// What an action needs to know.
struct Asked<'a> {
    now_ms: i64,
    as_of_ms: i64,
    call: &'a Call,
    form: Form,
}

impl Asked<'_> {
    fn stack(&self) -> String {
        self.form.text("StackName")
    }
}

/// Answers an action, or says why not.
pub fn answer(world: &mut World, now_ms: i64, as_of_ms: i64, call: &Call) -> Answer {
    world.advance(now_ms);
    let asked = Asked { now_ms, as_of_ms, call, form: Form::read(&call.body) };
    let action = asked.form.text("Action");
    match act(world, &action, &asked) {
        Ok(result) => Answer::xml(200, result.answer(&action)),
        Err(refusal) => super::error(call, 400, refusal.code, &refusal.message),
    }
}

fn act(world: &mut World, action: &str, asked: &Asked<'_>) -> Result<Xml, Refusal> {
    let (now_ms, form, region) = (asked.now_ms, &asked.form, &asked.call.region);
    let (stack, token) = (asked.stack(), form.owned("ClientRequestToken"));
    let done = |()| Xml::default();
    match action {
        "DescribeStacks" => stacks(world, asked),
        "DescribeStackEvents" => events(world, asked),
        "DescribeEvents" => operation_events(world, asked),
        "ListStackResources" => resources(world, asked),
        "GetTemplate" => Ok(Xml::default().text("TemplateBody", world.template(asked.as_of_ms, region, &stack)?)),
        "CreateChangeSet" => {
            let request = request(world, asked)?;
            let (id, stack_id) = world.create_change_set(now_ms, region, request)?;
            Ok(Xml::default().text("Id", id).text("StackId", stack_id))
        }
        "DescribeChangeSet" => change_set(world, asked),
        "ExecuteChangeSet" => {
            let name = form.text("ChangeSetName");
            world.execute_change_set(now_ms, region, form.get("StackName"), &name, token).map(done)
        }
        "DeleteChangeSet" => {
            world.delete_change_set(region, form.get("StackName"), &form.text("ChangeSetName")).map(done)
        }
        "DeleteStack" => world.delete_stack(now_ms, region, &stack, token).map(done),
        "CancelUpdateStack" => world.cancel_update(now_ms, region, &stack).map(done),
        "ContinueUpdateRollback" => {
            world.continue_rollback(now_ms, region, &stack, token, &form.list("ResourcesToSkip")).map(done)
        }
        "UpdateTerminationProtection" => {
            let id = world.protect(now_ms, region, &stack, form.says("EnableTerminationProtection"))?;
            Ok(Xml::default().text("StackId", id))
        }
        other => Err(Refusal::new("InvalidAction", format!("Unknown action {other}: it is not rehearsed"))),
    }
}

fn request(world: &World, asked: &Asked<'_>) -> Result<Request, Refusal> {
    let form = &asked.form;
    let template = match (form.get("TemplateBody"), form.get("TemplateURL")) {
        (Some(body), None) if body.len() > MAX_TEMPLATE_BYTES => {
            let message = format!("Member must have length less than or equal to {MAX_TEMPLATE_BYTES}");
            return Err(Refusal::validation(message));
        }
        (Some(body), None) => body.to_owned(),
        (None, Some(url)) => fetched(world, url)?,
        _ => return Err(Refusal::validation("Either TemplateBody or TemplateURL must be given")),
    };
    Ok(Request {
        stack: asked.stack(),
        name: form.text("ChangeSetName"),
        token: form.owned("ClientToken"),
        creates: form.get("ChangeSetType") == Some("CREATE"),
        template,
        parameters: form.pairs("Parameters", "ParameterKey", "ParameterValue"),
        tags: form.pairs("Tags", "Key", "Value"),
        capabilities: form.list("Capabilities"),
        imports: form.says("ImportExistingResources"),
    })
}

/// A template that was sent to a bucket: `https://host/bucket/key`.
fn fetched(world: &World, url: &str) -> Result<String, Refusal> {
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    let found = path.and_then(|path| world.objects.get(path));
    let text = found.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    text.ok_or_else(|| Refusal::validation(format!("S3 error: The specified key does not exist: {url}")))
}

fn stacks(world: &World, asked: &Asked<'_>) -> Result<Xml, Refusal> {
    let region = &asked.call.region;
    let shown: Vec<(&Stack, &Facts)> = match asked.form.get("StackName") {
        Some(name) => vec![world.describe(asked.as_of_ms, region, name)?],
        None => world
            .stacks()
            .iter()
            .filter(|stack| stack.region == *region)
            .filter_map(|stack| Some((stack, stack.facts_at(asked.as_of_ms)?)))
            .filter(|(_, facts)| facts.status != "DELETE_COMPLETE")
            .collect(),
    };
    Ok(Xml::default().list("Stacks", shown.into_iter().map(|(stack, facts)| described(stack, facts))))
}

fn described(stack: &Stack, facts: &Facts) -> Xml {
    let pair =
        |(name, value): (&String, &String), [key, text]: [&str; 2]| Xml::default().text(key, name).text(text, value);
    let xml = Xml::default()
        .text("StackId", &stack.id)
        .text("StackName", &stack.name)
        .time("CreationTime", stack.created_ms)
        .text("StackStatus", facts.status)
        .maybe("StackStatusReason", facts.reason.as_deref())
        .text("EnableTerminationProtection", facts.protection.to_string());
    let xml = match facts.changed_ms {
        Some(ms) => xml.time("LastUpdatedTime", ms),
        None => xml,
    };
    xml.list("Parameters", facts.goal.parameters.iter().map(|it| pair(it, ["ParameterKey", "ParameterValue"])))
        .list("Outputs", facts.outputs.iter().map(|it| pair(it, ["OutputKey", "OutputValue"])))
        .list("Tags", facts.goal.tags.iter().map(|it| pair(it, ["Key", "Value"])))
}

fn events(world: &World, asked: &Asked<'_>) -> Result<Xml, Refusal> {
    let next = asked.form.get("NextToken");
    let (stack, page) = world.events(asked.as_of_ms, &asked.call.region, &asked.stack(), next)?;
    let event = |event: StackEvent| {
        told(stack, &event).text("EventId", &event.id).maybe("ClientRequestToken", event.token.as_deref())
    };
    Ok(paged(Xml::default().list("StackEvents", page.items.into_iter().map(event)), page.next))
}

fn told(stack: &Stack, event: &StackEvent) -> Xml {
    Xml::default()
        .text("StackId", &stack.id)
        .text("StackName", &stack.name)
        .text("LogicalResourceId", &event.logical_id)
        .text("PhysicalResourceId", &event.physical_id)
        .text("ResourceType", &event.kind)
        .time("Timestamp", event.at_ms)
        .text("ResourceStatus", event.status)
        .maybe("ResourceStatusReason", event.reason.as_deref())
}

/// The newer list: what failed, and what early validation found, which is told nowhere else.
fn operation_events(world: &World, asked: &Asked<'_>) -> Result<Xml, Refusal> {
    let (form, region, stack) = (&asked.form, &asked.call.region, asked.stack());
    if let Some(name) = form.get("ChangeSetName") {
        let (stack, set) = world.change_set(region, Some(&stack), name)?;
        let found = set.invalid.iter().map(|logical_id| {
            Xml::default()
                .text("EventId", format!("validation-{logical_id}"))
                .text("StackId", &stack.id)
                .text("EventType", "VALIDATION_ERROR")
                .text("LogicalResourceId", logical_id)
                .text("ResourceType", set.goal.kind(logical_id))
                .text("ValidationName", "PROPERTY_VALIDATION")
                .text("ValidationStatus", "FAILED")
                .text("ValidationStatusReason", "#/Name: rehearsed: the value does not match the schema")
                .text("ValidationPath", format!("/Resources/{logical_id}/Properties"))
        });
        return Ok(Xml::default().list("OperationEvents", found));
    }
    let (stack, page) = world.events(asked.as_of_ms, region, &stack, form.get("NextToken"))?;
    let only_failed = form.says("Filters.FailedEvents");
    let shown = page.items.into_iter().filter(|event| !only_failed || event.status.ends_with("_FAILED"));
    let shown = shown.map(|event| told(stack, &event).text("EventId", &event.id).text("EventType", "STACK_EVENT"));
    Ok(paged(Xml::default().list("OperationEvents", shown), page.next))
}

fn resources(world: &World, asked: &Asked<'_>) -> Result<Xml, Refusal> {
    let next = asked.form.get("NextToken");
    let page = world.resources(asked.as_of_ms, &asked.call.region, &asked.stack(), next)?;
    let member = |(name, resource): (String, crate::rehearsal::world::Resource)| {
        Xml::default()
            .text("LogicalResourceId", name)
            .text("PhysicalResourceId", resource.physical_id)
            .text("ResourceType", resource.kind)
            .text("ResourceStatus", resource.status)
            .time("LastUpdatedTimestamp", asked.as_of_ms)
    };
    let Page { items, next } = page;
    Ok(paged(Xml::default().list("StackResourceSummaries", items.into_iter().map(member)), next))
}

fn change_set(world: &World, asked: &Asked<'_>) -> Result<Xml, Refusal> {
    let (form, now_ms) = (&asked.form, asked.now_ms);
    let (stack, set) = world.change_set(&asked.call.region, form.get("StackName"), &form.text("ChangeSetName"))?;
    let status = set.status(now_ms);
    let xml = Xml::default()
        .text("ChangeSetId", &set.id)
        .text("ChangeSetName", &set.name)
        .text("StackId", &stack.id)
        .text("StackName", &stack.name)
        .text("Status", status)
        .maybe("StatusReason", set.failure.filter(|_| status == "FAILED"))
        .text("ExecutionStatus", set.execution_status(now_ms, stack.running().is_some()));
    if status != "CREATE_COMPLETE" {
        return Ok(xml);
    }
    let Page { items, next } = world.changes(set, form.says("IncludePropertyValues"), form.get("NextToken"))?;
    let member = |(name, change): (String, Change)| changed(set, &name, change);
    Ok(paged(xml.list("Changes", items.into_iter().map(member)), next))
}

fn changed(set: &ChangeSet, name: &str, change: Change) -> Xml {
    let (action, replacement) = match change {
        Change::Add => ("Add", None),
        Change::Import => ("Import", None),
        Change::Modify => ("Modify", Some("False")),
        Change::Replace => ("Modify", Some("True")),
        Change::Remove => ("Remove", None),
    };
    let there = set.there.get(name);
    let kind = if change == Change::Remove { there.map_or("", |it| &it.kind) } else { set.goal.kind(name) };
    let imported = set.goal.given_name(name).filter(|_| change == Change::Import);
    let inner = Xml::default()
        .text("Action", action)
        .text("LogicalResourceId", name)
        .maybe("PhysicalResourceId", there.map(|it| it.physical_id.as_str()).or(imported))
        .text("ResourceType", kind)
        .maybe("Replacement", replacement);
    Xml::default().text("Type", "Resource").inside("ResourceChange", &inner)
}

fn paged(xml: Xml, next: Option<String>) -> Xml {
    xml.maybe("NextToken", next)
}
