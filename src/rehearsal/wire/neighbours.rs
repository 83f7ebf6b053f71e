//! The other services that `up` asks: each answers as it would in an account in which nothing was done yet.

use serde_json::{Value, json};

use super::{Answer, Call, error, form::Form, xml::Xml};
use crate::{
    deploy::holdings::{BUCKET, LOG_GROUP, TABLE},
    rehearsal::world::World,
};

/// Objects larger than this are counted and not kept: only templates are read again.
const KEPT_BYTES: usize = 1024 * 1024;
/// The user and password that a registry asks for, as ECR gives them.
const REGISTRY_TOKEN: &str = "AWS:rehearsal";

/// Answers a request.
pub fn answer(world: &mut World, call: &Call) -> Answer {
    let operation = call.target.rsplit('.').next().unwrap_or_default();
    match call.service.as_str() {
        "sts" => identity(world),
        "iam" => roles(world, call),
        "s3" => objects(world, call),
        "ecs" if operation.starts_with("List") => {
            Answer::json(200, &json!({ "taskDefinitionArns": [], "taskArns": [] }))
        }
        "ecr" => registry(world, call, operation),
        "ssm" => parameters(world, call, operation),
        "cognito-idp" => users(world, call, operation),
        "dynamodb" if operation == "DescribeTable" => table(world, call),
        "logs" if operation == "DescribeLogGroups" => log_groups(world, call),
        _ => {
            let what = format!("{} {operation} is not rehearsed", call.service);
            error(call, 400, "UnknownOperationException", &what)
        }
    }
}

fn absent(call: &Call, code: &str, what: &str) -> Answer {
    error(call, 400, code, &format!("Rehearsed: there is no such {what}"))
}

fn identity(world: &World) -> Answer {
    let arn = format!("arn:aws:sts::{}:assumed-role/rehearsal/you", world.account);
    let caller = Xml::default().text("Arn", arn).text("UserId", "rehearsal").text("Account", &world.account);
    Answer::xml(200, caller.answer("GetCallerIdentity"))
}

fn roles(world: &mut World, call: &Call) -> Answer {
    let form = Form::read(&call.body);
    let role = |name: &str| {
        Xml::default()
            .text("RoleName", name)
            .text("RoleId", "REHEARSAL")
            .text("Path", "/")
            .text("Arn", format!("arn:aws:iam::000000000000:role/{name}"))
            .time("CreateDate", 0)
    };
    match form.text("Action").as_str() {
        "GetRole" => {
            let name = form.text("RoleName");
            if world.roles.contains(&name) {
                return Answer::xml(200, Xml::default().inside("Role", &role(&name)).answer("GetRole"));
            }
            let message = format!("The role with name {name} cannot be found.");
            error(call, 404, "NoSuchEntity", &message)
        }
        "CreateServiceLinkedRole" => {
            let name = "AWSServiceRoleForECS";
            world.roles.insert(name.to_owned());
            Answer::xml(200, Xml::default().inside("Role", &role(name)).answer("CreateServiceLinkedRole"))
        }
        other => error(call, 400, "InvalidAction", &format!("{other} is not rehearsed")),
    }
}

fn objects(world: &mut World, call: &Call) -> Answer {
    match call.method.as_str() {
        "HEAD" if world.is_outside(BUCKET, call.path.trim_end_matches('/')) => Answer::xml(200, String::new()),
        "HEAD" if world.objects.contains_key(&call.path) => Answer::xml(200, String::new()),
        "HEAD" => Answer::xml(404, String::new()),
        "PUT" => {
            let kept = if call.body.len() <= KEPT_BYTES { call.body.clone() } else { Vec::new() };
            world.objects.insert(call.path.clone(), kept);
            Answer::xml(200, String::new())
        }
        other => error(call, 400, "NotImplemented", &format!("{other} is not rehearsed")),
    }
}

fn table(world: &World, call: &Call) -> Answer {
    let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    match request["TableName"].as_str().filter(|name| world.is_outside(TABLE, name)) {
        Some(name) => Answer::json(200, &json!({ "Table": { "TableName": name, "TableStatus": "ACTIVE" } })),
        None => absent(call, "ResourceNotFoundException", "table"),
    }
}

fn log_groups(world: &World, call: &Call) -> Answer {
    let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let prefix = request["logGroupNamePrefix"].as_str().unwrap_or_default();
    let found = world.outside.iter().filter(|(kind, name)| kind == LOG_GROUP && name.starts_with(prefix));
    let groups: Vec<Value> = found.map(|(_, name)| json!({ "logGroupName": name, "storedBytes": 0 })).collect();
    Answer::json(200, &json!({ "logGroups": groups }))
}

fn registry(world: &World, call: &Call, operation: &str) -> Answer {
    use base64::{Engine, engine::general_purpose::STANDARD};
    match operation {
        "DescribeImages" => absent(call, "RepositoryNotFoundException", "repository"),
        "DescribeRepositories" => absent(call, "RepositoryNotFoundException", "repository"),
        // What a rehearsal pushes is there at once and has no other tag.
        "BatchGetImage" => {
            let image = json!({ "imageManifest": "{}", "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json" });
            Answer::json(200, &json!({ "images": [image], "failures": [] }))
        }
        "PutImage" => Answer::json(200, &json!({ "image": {} })),
        "GetAuthorizationToken" => {
            let data = json!({
                "authorizationToken": STANDARD.encode(REGISTRY_TOKEN),
                "proxyEndpoint": format!("https://{}.dkr.ecr.{}.amazonaws.com", world.account, call.region),
            });
            Answer::json(200, &json!({ "authorizationData": [data] }))
        }
        other => error(call, 400, "UnknownOperationException", &format!("{other} is not rehearsed")),
    }
}

/// Parameters keep all their versions, which are asked for as `name:2`.
fn parameters(world: &mut World, call: &Call, operation: &str) -> Answer {
    let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let asked = request["Name"].as_str().unwrap_or_default();
    let (name, wanted) = asked.rsplit_once(':').map_or((asked, None), |(name, version)| (name, version.parse().ok()));
    let key = (call.region.clone(), name.to_owned());
    let versions = world.parameters.get(&key).map(Vec::len).unwrap_or_default();
    match operation {
        "GetParameter" => {
            let version: usize = wanted.unwrap_or(versions);
            let value = world.parameters.get(&key).and_then(|values| values.get(version.checked_sub(1)?));
            let Some(value) = value else { return absent(call, "ParameterNotFound", "parameter") };
            let parameter = json!({ "Name": name, "Type": "SecureString", "Value": value, "Version": version });
            Answer::json(200, &json!({ "Parameter": parameter }))
        }
        "PutParameter" if versions > 0 && request["Overwrite"] != true => {
            error(call, 400, "ParameterAlreadyExists", "The parameter already exists.")
        }
        "PutParameter" => {
            let value = request["Value"].as_str().unwrap_or_default().to_owned();
            world.parameters.entry(key).or_default().push(value);
            Answer::json(200, &json!({ "Version": versions + 1 }))
        }
        "DeleteParameter" => match world.parameters.remove(&key) {
            Some(_) => Answer::json(200, &json!({})),
            None => absent(call, "ParameterNotFound", "parameter"),
        },
        other => error(call, 400, "UnknownOperationException", &format!("{other} is not rehearsed")),
    }
}

fn users(world: &World, call: &Call, operation: &str) -> Answer {
    let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    match operation {
        "ListUserPools" => Answer::json(200, &json!({ "UserPools": [] })),
        "AdminGetUser" => {
            // The admin is the one whom the main stack invited.
            let goals = world.stacks().iter().rev().map(|stack| &stack.facts().goal.parameters);
            let email =
                goals.filter_map(|parameters| parameters.get("InvitedEmail")).next().cloned().unwrap_or_default();
            Answer::json(
                200,
                &json!({
                    "Username": request["Username"],
                    "UserStatus": "FORCE_CHANGE_PASSWORD",
                    "UserAttributes": [{ "Name": "email", "Value": email }],
                }),
            )
        }
        "AdminSetUserPassword" | "AdminUpdateUserAttributes" | "AdminCreateUser" => Answer::json(200, &json!({})),
        _ => absent(call, "ResourceNotFoundException", "user pool"),
    }
}
