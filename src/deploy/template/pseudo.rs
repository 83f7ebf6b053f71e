//! The pseudo-parameters of a stack that is there, read off its unique id.

/// What CloudFormation puts in for `AWS::AccountId` and its kind, by name. Empty when the id is none of a stack.
///
/// The id reads `arn:PARTITION:cloudformation:REGION:ACCOUNT:stack/NAME/UNIQUE`.
pub fn pseudo(stack_id: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = stack_id.splitn(6, ':').collect();
    let [_, partition, "cloudformation", region, account, resource] = parts[..] else { return Vec::new() };
    let Some(name) = resource.strip_prefix("stack/").and_then(|rest| rest.split('/').next()) else { return Vec::new() };
    let suffix = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    [
        ("AWS::AccountId", account),
        ("AWS::Partition", partition),
        ("AWS::Region", region),
        ("AWS::StackId", stack_id),
        ("AWS::StackName", name),
        ("AWS::URLSuffix", suffix),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stacks_id_says_where_it_is_and_what_is_no_id_says_nothing() {
        let known = pseudo("arn:aws-cn:cloudformation:cn-north-1:123456789012:stack/shop/9f-8");
        let of = |name: &str| known.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!(of("AWS::AccountId"), Some("123456789012"));
        assert_eq!((of("AWS::Region"), of("AWS::StackName")), (Some("cn-north-1"), Some("shop")));
        assert_eq!(of("AWS::URLSuffix"), Some("amazonaws.com.cn"));
        for other in ["", "arn:shop", "arn:aws:s3:::bucket", "arn:aws:cloudformation:eu-west-1:1:changeSet/x/y"] {
            assert_eq!(pseudo(other), [], "{other}");
        }
    }
}
