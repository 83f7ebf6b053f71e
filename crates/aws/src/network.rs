//! Where a region's workers are attached, as that region's template wrote it down.

use aws_sdk_ecs::types::{AssignPublicIp, AwsVpcConfiguration, NetworkConfiguration};
use serde::Deserialize;

/// The value of the parameter `/dlt/<stack>/network`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// One or more subnets.
    pub subnets: Vec<String>,
    /// The workers' security groups.
    pub security_groups: Vec<String>,
    /// `ENABLED` in public subnets, `DISABLED` behind a NAT gateway.
    pub assign_public_ip: PublicIp,
}

/// Whether a worker gets a public address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PublicIp {
    /// It does.
    Enabled,
    /// It does not.
    Disabled,
}

impl Network {
    /// Reads the parameter's value.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let network: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if network.subnets.is_empty() { Err("it names no subnet".to_owned()) } else { Ok(network) }
    }

    /// The same for RunTask.
    pub fn configuration(&self) -> NetworkConfiguration {
        let public_ip = match self.assign_public_ip {
            PublicIp::Enabled => AssignPublicIp::Enabled,
            PublicIp::Disabled => AssignPublicIp::Disabled,
        };
        let vpc = AwsVpcConfiguration::builder()
            .set_subnets(Some(self.subnets.clone()))
            .set_security_groups(Some(self.security_groups.clone()))
            .assign_public_ip(public_ip)
            .build()
            .expect("subnets are given");
        NetworkConfiguration::builder().awsvpc_configuration(vpc).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_s_parameter_becomes_a_network_configuration() {
        let text = r#"{"subnets":["subnet-1","subnet-2"],"securityGroups":["sg-1"],"assignPublicIp":"DISABLED"}"#;
        let configuration = Network::parse(text).unwrap().configuration();
        let vpc = configuration.awsvpc_configuration().unwrap();
        assert_eq!(vpc.subnets(), ["subnet-1", "subnet-2"]);
        assert_eq!(vpc.assign_public_ip(), Some(&AssignPublicIp::Disabled));
    }

    #[test]
    fn a_network_without_subnets_is_refused() {
        let text = r#"{"subnets":[],"securityGroups":["sg-1"],"assignPublicIp":"ENABLED"}"#;
        assert_eq!(Network::parse(text).unwrap_err(), "it names no subnet");
        assert!(Network::parse("subnet-1").is_err());
    }
}
