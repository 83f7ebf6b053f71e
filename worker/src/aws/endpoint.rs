//! Where a service is: as AWS's own tools find it.

/// A service that speaks AWS's JSON protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    ParameterStore,
    SecretsManager,
    Cognito,
}

impl Service {
    /// As signatures and host names have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ParameterStore => "ssm",
            Self::SecretsManager => "secretsmanager",
            Self::Cognito => "cognito-idp",
        }
    }

    /// The type of its messages.
    pub fn content_type(self) -> &'static str {
        "application/x-amz-json-1.1"
    }

    /// The name of an operation, as the header `X-Amz-Target` has it.
    pub fn target(self, operation: &str) -> String {
        let prefix = match self {
            Self::ParameterStore => "AmazonSSM",
            Self::SecretsManager => "secretsmanager",
            Self::Cognito => "AWSCognitoIdentityProviderService",
        };
        format!("{prefix}.{operation}")
    }

    /// Its URL: that of `AWS_ENDPOINT_URL_<SERVICE>` or `AWS_ENDPOINT_URL`, else the region's own.
    pub fn url(self, region: &str, variable: impl Fn(&str) -> Option<String>) -> String {
        let own = match self {
            Self::ParameterStore => "AWS_ENDPOINT_URL_SSM",
            Self::SecretsManager => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            Self::Cognito => "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
        };
        let set = [own, "AWS_ENDPOINT_URL"].into_iter().find_map(|name| variable(name).filter(|url| !url.is_empty()));
        set.map(|url| format!("{}/", url.trim_end_matches('/'))).unwrap_or_else(|| {
            let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
            format!("https://{}.{region}.{suffix}/", self.name())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_where_a_service_is_or_the_region_does() {
        let set = |name: &'static str| move |asked: &str| (asked == name).then(|| "http://127.0.0.1:1".to_owned());
        let url = |service: Service, region: &str| service.url(region, |_| None);
        assert_eq!(url(Service::ParameterStore, "eu-west-1"), "https://ssm.eu-west-1.amazonaws.com/");
        assert_eq!(url(Service::SecretsManager, "cn-north-1"), "https://secretsmanager.cn-north-1.amazonaws.com.cn/");
        for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"] {
            assert_eq!(Service::Cognito.url("eu-west-1", set(name)), "http://127.0.0.1:1/");
        }
        assert_eq!(Service::Cognito.target("InitiateAuth"), "AWSCognitoIdentityProviderService.InitiateAuth");
    }
}
