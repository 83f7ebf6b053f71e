//! What the templates may speak of.

use dlt_model::{id::Region, tick};
use minijinja::{Value, context};

use super::{Part, Stages, dashboard, deployer};
use crate::config::{Architecture, Config, Console, DataRetention, EcrRepository, Network};

/// Every name that a template uses, with its value for this part and region.
pub(super) fn of(part: Part, config: &Config, region: &Region, account: Option<&str>, stages: Stages) -> Value {
    let stack = config.stack.as_str();
    let hub = *region == config.region;
    let here = if hub { "${AWS::Region}" } else { "${HubRegion}" };
    let cloudfront = config.console == Console::Cloudfront;
    context! {
        stack,
        hub,
        cloudfront,
        live_data => config.live_data,
        regions => config.all_regions().map(ToString::to_string).collect::<Vec<_>>(),
        hub_region => if hub { "AWS::Region" } else { "HubRegion" },
        hub_region_sub => here,
        data_bucket_arn => format!("arn:${{AWS::Partition}}:s3:::{stack}-data-${{AWS::AccountId}}-{here}"),
        state_machine_arn =>
            format!("arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:stateMachine:{stack}-runs"),
        data_bucket => account.map(|account| format!("{stack}-data-{account}-{region}")),
        // A creation that fails leaves nothing behind, not even what is kept later.
        deletion => match config.retention.data { DataRetention::Keep => "RetainExceptOnCreate", DataRetention::Delete => "Delete" },
        replacement => match config.retention.data { DataRetention::Keep => "Retain", DataRetention::Delete => "Delete" },
        logs_days => config.retention.logs_days,
        // The state machine's text cannot ask for its partition, so it is told.
        partition => config.partition().arn_word(),
        identity_provider => config.partition().identity_provider(),
        // ECS takes both as text.
        cpu_units => config.worker.cpu_units.to_string(),
        memory_mib => config.worker.memory_mib.to_string(),
        pulls_from => pulls_from(config),
        cpu_architecture => match config.worker.architecture { Architecture::X86_64 => "X86_64", Architecture::Arm64 => "ARM64" },
        uploads => uploads(part, config),
        cidr_parameters => cidr_parameters(),
        existing_network => existing_network(config.network_of(region)),
        tick_filter => format!("{{ $.schema = \"{}\" }}", tick::SCHEMA),
        tick_metrics => tick_metrics(),
        alarms => alarms(part, config),
        groups => groups(),
        dashboard => dashboard::body(config),
        stages => stages.context(),
        deployer => if stages.deployer { deployer::context(config) } else { Vec::new() },
        pipeline_folder => pipeline_folder(stack),
        pipeline_arn =>
            format!("arn:${{AWS::Partition}}:codepipeline:${{AWS::Region}}:${{AWS::AccountId}}:{stack}-pipeline"),
        topic_arn => format!("arn:${{AWS::Partition}}:sns:${{AWS::Region}}:${{AWS::AccountId}}:{stack}-alarms"),
    }
}

/// The repository in ECR that workers come from, as an ARN; none when their image is in a registry of another kind.
fn pulls_from(config: &Config) -> Option<String> {
    let Some(image) = &config.worker_image else {
        let stack = config.stack.as_str();
        return Some(format!(
            "arn:${{AWS::Partition}}:ecr:${{AWS::Region}}:${{AWS::AccountId}}:repository/{stack}/worker"
        ));
    };
    let EcrRepository { account, region, name } = image.in_ecr()?;
    Some(format!("arn:${{AWS::Partition}}:ecr:{region}:{account}:repository/{name}"))
}

/// The folder of a pipeline's artifacts: CodePipeline takes the first characters of the pipeline's name.
fn pipeline_folder(stack: &str) -> String {
    const LENGTH: usize = 20;
    format!("{stack}-pipeline").chars().take(LENGTH).collect()
}

/// The parameters that say what was uploaded; without live data another region has no function.
pub(super) fn uploads(part: Part, config: &Config) -> Vec<&'static str> {
    match part {
        Part::Foundation | Part::Pipeline => Vec::new(),
        Part::Main if config.console == Console::Headless => vec!["ArtifactBucket", "CodeKey", "WorkerImage"],
        Part::Main => vec!["ArtifactBucket", "CodeKey", "WorkerImage", "ConsolePrefix"],
        Part::Regional if config.live_data => vec!["ArtifactBucket", "CodeKey", "WorkerImage", "HubRegion"],
        Part::Regional => vec!["WorkerImage", "HubRegion"],
    }
}

/// Name, default and meaning; the defaults are AWS's own.
fn cidr_parameters() -> Vec<Value> {
    let rows = [
        ("VpcCidrBlock", "192.168.0.0/16", "Addresses of the new VPC."),
        ("SubnetACidrBlock", "192.168.0.0/20", "Addresses of the new VPC's first subnet."),
        ("SubnetBCidrBlock", "192.168.16.0/20", "Addresses of the new VPC's second subnet."),
        ("EgressCidr", "0.0.0.0/0", "Where workers may send requests to; AWS's own services must be in it."),
    ];
    rows.into_iter().map(|(name, range, what)| Value::from([name, range, what])).collect()
}

/// What whoever starts workers reads when the network was there before us. Two subnets are parameters; more of them, and
/// whether workers need a public address, come from the environment file.
fn existing_network(network: &Network) -> String {
    let (more, public) = match network {
        Network::Existing { subnets, public, .. } => (subnets.get(2..).unwrap_or_default(), *public),
        Network::New { .. } => (&[][..], true),
    };
    let mut subnets = vec!["${ExistingSubnetA}".to_owned(), "${ExistingSubnetB}".to_owned()];
    subnets.extend_from_slice(more);
    let address = if public { "ENABLED" } else { "DISABLED" };
    format!(
        r#"{{"subnets":["{}"],"securityGroups":["${{WorkerSecurityGroup.GroupId}}"],"assignPublicIp":"{address}"}}"#,
        subnets.join("\",\"")
    )
}

/// Metric, the tick's field and its unit.
fn tick_metrics() -> Vec<Value> {
    let rows = [
        ("VirtualUsers", "$.virtualUsers", "Count"),
        ("Succeeded", "$.succeeded", "Count"),
        ("Failed", "$.failed", "Count"),
        ("AverageLatency", "$.avgRt", "Seconds"),
        ("LatencyP95", "$.latencyMsP95", "Milliseconds"),
        ("BytesReceived", "$.bytesReceived", "Bytes"),
        ("LoopLag", "$.health.loopLagMsMax", "Milliseconds"),
        ("DroppedIterations", "$.health.droppedIterations", "Count"),
        ("LostTicks", "$.health.lostTicks", "Count"),
    ];
    rows.into_iter().map(|(name, field, unit)| Value::from([name, field, unit])).collect()
}

/// Name, meaning, namespace, metric and dimensions of every alarm. Each goes off at the first occurrence in a minute.
fn alarms(part: Part, config: &Config) -> Vec<Value> {
    let stack = config.stack.as_str();
    let function = |role: &str| vec![("FunctionName", format!("{stack}-{role}"))];
    let mut rows = Vec::new();
    if part == Part::Main {
        let machine =
            format!("arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:stateMachine:{stack}-runs");
        let api = vec![("ApiId", "${Api}".to_owned()), ("Stage", "prod".to_owned())];
        rows.push(("ApiFaults", "The API answered with a fault of its own.", "AWS/ApiGateway", "5xx", api));
        rows.push(("AdvanceErrors", "A run could not be moved forward.", "AWS/Lambda", "Errors", function("advance")));
        for (name, about, metric) in [
            ("RunsFailed", "The machine that advances a run gave up.", "ExecutionsFailed"),
            ("RunsTimedOut", "The machine that advances a run ran out of time.", "ExecutionsTimedOut"),
        ] {
            rows.push((name, about, "AWS/States", metric, vec![("StateMachineArn", machine.clone())]));
        }
    }
    if config.live_data {
        rows.push(("LiveErrors", "Live data could not be published.", "AWS/Lambda", "Errors", function("live")));
    }
    let rule = vec![("RuleName", format!("{stack}-workers"))];
    rows.push((
        "EventsFailed",
        "A worker's start or stop could not be reported.",
        "AWS/Events",
        "FailedInvocations",
        rule,
    ));
    rows.into_iter()
        .map(|(name, about, namespace, metric, dimensions)| {
            let dimensions: Vec<Value> = dimensions
                .into_iter()
                .map(|(key, value)| Value::from(vec![Value::from(key), Value::from(value)]))
                .collect();
            Value::from(vec![
                Value::from(name),
                Value::from(about),
                Value::from(namespace),
                Value::from(metric),
                Value::from(dimensions),
            ])
        })
        .collect()
}

/// Group, logical name, precedence, meaning and what its members may call, below the stage.
fn groups() -> Vec<Value> {
    let mut operate = vec!["GET/*".to_owned()];
    for method in ["POST", "PUT", "DELETE"] {
        for path in ["scenarios", "scenarios/*", "runs", "runs/*"] {
            operate.push(format!("{method}/{path}"));
        }
    }
    let rows = [
        ("admin", "Admin", 0, "May do everything.", vec!["*".to_owned()]),
        ("operator", "Operator", 10, "May change scenarios and start and stop runs.", operate),
        ("viewer", "Viewer", 20, "May look.", vec!["GET/*".to_owned()]),
    ];
    rows.into_iter()
        .map(|(group, name, precedence, about, calls)| {
            Value::from(vec![
                Value::from(group),
                Value::from(name),
                Value::from(precedence),
                Value::from(about),
                Value::from(calls),
            ])
        })
        .collect()
}
