//! What can be reached: no open ports, no route without a signature, and nothing that waits for CloudFront.

use dlt_model::document::Node;

use crate::check::{
    Scope, expression,
    finding::Findings,
    uses::{Kind, Owner},
};

/// Types whose resources may wait for the distribution, since nothing waits for them.
const LEAVES: [&str; 3] = ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::S3::BucketPolicy"];

/// Security groups, the distribution, and API routes.
pub fn check(scope: &Scope<'_, '_>, findings: &mut Findings) {
    ingress(scope, findings);
    distribution(scope, findings);
    routes(scope, findings);
}

fn ingress(scope: &Scope<'_, '_>, findings: &mut Findings) {
    for group in scope.template.of_type("AWS::EC2::SecurityGroup") {
        for rule in group.property(&["SecurityGroupIngress"]).map(expression::list).unwrap_or_default() {
            open_port(rule, group.path(&["SecurityGroupIngress"]), findings);
        }
    }
    for rule in scope.template.of_type("AWS::EC2::SecurityGroupIngress") {
        if let Some(node) = rule.body.get("Properties") {
            open_port(node, format!("Resources.{}.Properties", rule.name), findings);
        }
    }
}

fn open_port(rule: &Node, path: String, findings: &mut Findings) {
    for (key, everyone) in [("CidrIp", "0.0.0.0/0"), ("CidrIpv6", "::/0")] {
        if let Some(node) = rule.get(key).filter(|node| {
            expression::branches(node).into_iter().any(|node| expression::literal(node) == Some(everyone))
        }) {
            findings.error("DLT312", node.place, format!("{path}.{key}"), format!("everyone ({everyone}) may come in"));
        }
    }
}

fn distribution(scope: &Scope<'_, '_>, findings: &mut Findings) {
    for found in scope.uses {
        let Owner::Resource(owner) = found.owner else { continue };
        let target = scope
            .template
            .resources
            .get(found.target)
            .filter(|target| target.kind() == "AWS::CloudFront::Distribution");
        let leaf = scope.template.resources.get(owner.name).is_some_and(|owner| LEAVES.contains(&owner.kind()));
        let explained = scope.promises.may_wait_for_distribution.iter().any(|name| name == owner.name);
        if target.is_some() && !leaf && !explained && !matches!(found.kind, Kind::Condition | Kind::Map) {
            let message =
                format!("`{}` waits for the distribution `{}`, which takes minutes", owner.name, found.target);
            findings.error("DLT313", found.place, found.path.as_str(), message);
        }
    }
}

fn routes(scope: &Scope<'_, '_>, findings: &mut Findings) {
    for (kind, name) in [("AWS::ApiGatewayV2::Route", "RouteKey"), ("AWS::ApiGateway::Method", "HttpMethod")] {
        for route in scope.template.of_type(kind) {
            let key = route.property(&[name]).map(expression::shape).unwrap_or_default();
            let open = key.starts_with("OPTIONS") || scope.promises.open_routes.contains(&key);
            if !open && !route.property_is(&["AuthorizationType"], &["AWS_IAM"]) {
                let place = route.property(&["AuthorizationType"]).map_or(route.place, |node| node.place);
                let message = format!("route `{key}` is not authorised by AWS_IAM");
                findings.error("DLT314", place, route.path(&["AuthorizationType"]), message);
            }
        }
    }
}
