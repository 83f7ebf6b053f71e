//! What security groups let through, as rights: who may reach whom, by which protocol and port.

use serde_json::Value;

use super::grants::{Effect, Grant, list, name, phrase};

/// The properties that say where traffic comes from or goes to.
const PEERS: &[&str] = &[
    "CidrIp",
    "CidrIpv6",
    "SourceSecurityGroupId",
    "SourceSecurityGroupName",
    "SourcePrefixListId",
    "DestinationSecurityGroupId",
    "DestinationPrefixListId",
];

/// Every way that a resource opens.
pub(super) fn grants(kind: &str, logical_id: &str, properties: &Value) -> impl Iterator<Item = Grant> {
    let group = || properties.get("GroupId").map_or_else(|| logical_id.to_owned(), name);
    let found: Vec<Grant> = match kind {
        "AWS::EC2::SecurityGroup" => {
            let of = |key: &str, way: fn(&str, &Value) -> Option<Grant>| {
                list(properties.get(key)).into_iter().filter_map(|rule| way(logical_id, rule)).collect::<Vec<_>>()
            };
            // A group that says nothing about what goes out lets everything out.
            let open_outwards = serde_json::json!({"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"});
            let silent = list(properties.get("SecurityGroupEgress")).is_empty();
            let all = outward(logical_id, &open_outwards).filter(|_| silent);
            let mut found = [of("SecurityGroupIngress", inward), of("SecurityGroupEgress", outward)].concat();
            found.extend(all);
            found
        }
        "AWS::EC2::SecurityGroupIngress" => inward(&group(), properties).into_iter().collect(),
        "AWS::EC2::SecurityGroupEgress" => outward(&group(), properties).into_iter().collect(),
        _ => Vec::new(),
    };
    found.into_iter()
}

fn inward(group: &str, rule: &Value) -> Option<Grant> {
    Some(open(peer(rule)?, group, rule))
}

fn outward(group: &str, rule: &Value) -> Option<Grant> {
    Some(open(group.to_owned(), &peer(rule)?, rule))
}

fn open(who: String, to: &str, rule: &Value) -> Grant {
    Grant { who, effect: Effect::Allow, on: None, when: None, what: format!("reach {to} by {}", traffic(rule)) }
}

fn peer(rule: &Value) -> Option<String> {
    let peer = PEERS.iter().find_map(|key| rule.get(key))?;
    Some(match name(peer).as_str() {
        "0.0.0.0/0" | "::/0" => format!("everywhere ({})", phrase(peer)),
        name => name.to_owned(),
    })
}

/// `tcp 443`, `tcp 1024-65535`, `everything`.
fn traffic(rule: &Value) -> String {
    let of = |key: &str| rule.get(key).map(phrase);
    let protocol = of("IpProtocol").unwrap_or_default();
    if protocol == "-1" {
        return "any protocol".to_owned();
    }
    match (of("FromPort"), of("ToPort")) {
        (Some(from), Some(to)) if from == to => format!("{protocol} {from}"),
        (Some(from), Some(to)) => format!("{protocol} {from}-{to}"),
        _ => protocol,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(kind: &str, properties: &Value) -> Vec<String> {
        grants(kind, "Group", properties).map(|grant| format!("{} may {}", grant.who, grant.what)).collect()
    }

    #[test]
    fn a_rule_says_who_reaches_whom_and_how() {
        let group = json!({
            "SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}],
            "SecurityGroupEgress": [{"IpProtocol": -1, "CidrIp": "10.0.0.0/8"}],
        });
        let expected =
            ["everywhere (0.0.0.0/0) may reach Group by tcp 443", "Group may reach 10.0.0.0/8 by any protocol"];
        assert_eq!(told("AWS::EC2::SecurityGroup", &group), expected);
        let silent = ["Group may reach everywhere (0.0.0.0/0) by any protocol"];
        assert_eq!(told("AWS::EC2::SecurityGroup", &json!({})), silent, "which is what AWS does");
        let alone = json!({"GroupId": {"Fn::GetAtt": ["Web", "GroupId"]}, "IpProtocol": "udp", "FromPort": 1, "ToPort": 9, "SourceSecurityGroupId": {"Ref": "Other"}});
        assert_eq!(told("AWS::EC2::SecurityGroupIngress", &alone), ["Other may reach Web by udp 1-9"]);
    }
}
