//! Users of the console: inviting one, and giving one a permanent password that nobody types or prints.

use aws_sdk_cognitoidentityprovider::types::{AttributeType, DeliveryMediumType, UserStatusType};

use crate::{
    cloud::{Clients, CloudError, Doing, Kind},
    exit::Exit,
    failure::Failure,
};

/// The groups of an environment, from the narrowest to the widest.
pub const GROUPS: [&str; 3] = ["dlt-viewer", "dlt-operator", "dlt-admin"];

/// A group by its whole name or by the word after `dlt-`.
///
/// # Errors
/// Names the groups that there are.
pub fn group(text: &str) -> Result<String, String> {
    let named = GROUPS.iter().find(|group| **group == text || group.strip_prefix("dlt-") == Some(text));
    named.map(|group| (*group).to_owned()).ok_or_else(|| {
        let words: Vec<&str> = GROUPS.iter().filter_map(|group| group.strip_prefix("dlt-")).collect();
        format!("there is no such group; use {}", words.join(", "))
    })
}

/// The longest e-mail address that Cognito makes a user name of: with `-at-` it must stay within 128 characters.
const MAX_EMAIL_CHARS: usize = 125;

/// An e-mail address that can be invited: something before one `@`, and a name with a dot behind it.
///
/// # Errors
/// Says what is expected.
pub fn email(text: &str) -> Result<String, String> {
    let plain =
        |part: &str| !part.is_empty() && part.chars().all(|it| !it.is_whitespace() && !it.is_control() && it != '@');
    let is_email = text.chars().count() <= MAX_EMAIL_CHARS
        && text.split_once('@').is_some_and(|(who, host)| {
            plain(who) && plain(host) && host.split('.').count() >= 2 && host.split('.').all(|label| !label.is_empty())
        });
    if is_email { Ok(text.to_owned()) } else { Err("expected an e-mail address such as ann@example.com".to_owned()) }
}

/// The user name that belongs to an e-mail address. A pool in which people may also sign in by their address takes no
/// user name that looks like one.
pub fn user_name(email: &str) -> String {
    email.replace('@', "-at-")
}

/// Makes a user and puts it into a group. Cognito sends the invitation, unless a permanent password follows. A user that
/// is there already is only put into the group.
///
/// Answers whether the user was made.
pub async fn invite(clients: &Clients, pool: &str, email: &str, group: &str, silent: bool) -> Result<bool, Failure> {
    use aws_sdk_cognitoidentityprovider::types::MessageActionType;
    let doing = format!("invite `{email}`");
    let attribute = |name: &str, value: &str| {
        let attribute = AttributeType::builder().name(name).value(value).build();
        attribute.map_err(|error| CloudError::unexpected(doing.clone(), error.to_string()))
    };
    let request = clients
        .cognito
        .admin_create_user()
        .user_pool_id(pool)
        .username(user_name(email))
        .user_attributes(attribute("email", email)?)
        .user_attributes(attribute("email_verified", "true")?)
        .desired_delivery_mediums(DeliveryMediumType::Email);
    let request = if silent { request.message_action(MessageActionType::Suppress) } else { request };
    let made = match request.send().await.doing(doing.clone()) {
        Ok(_) => true,
        Err(error) if error.code.as_deref() == Some("UsernameExistsException") => false,
        Err(error) => return Err(error.into()),
    };
    let doing = format!("put `{email}` into the group `{group}`");
    let request =
        clients.cognito.admin_add_user_to_group().user_pool_id(pool).username(user_name(email)).group_name(group);
    request.send().await.doing(doing)?;
    Ok(made)
}

/// Gives a user the permanent password that lies in Parameter Store. It is read, set, and never shown.
pub async fn set_password(clients: &Clients, pool: &str, user: &str, parameter: &str) -> Result<(), Failure> {
    let password = read_secret(clients, parameter).await?;
    let request = clients.cognito.admin_set_user_password().user_pool_id(pool).username(user);
    let answer = request.password(password).permanent(true).send().await;
    answer.doing(format!("set the permanent password of `{user}`"))?;
    Ok(())
}

async fn read_secret(clients: &Clients, parameter: &str) -> Result<String, Failure> {
    let doing = format!("read the parameter `{parameter}`");
    let answer = clients.ssm.get_parameter().name(parameter).with_decryption(true).send().await.doing(doing);
    let how = format!("aws ssm put-parameter --type SecureString --name {parameter} --value …");
    let found = match answer {
        Ok(answer) => answer.parameter,
        Err(error) if error.kind == Kind::Absent => None,
        Err(error) => return Err(error.into()),
    };
    let Some(found) = found else {
        return Err(Failure::new(Exit::Invalid, format!("there is no parameter `{parameter}`")).hint(how));
    };
    if found.r#type != Some(aws_sdk_ssm::types::ParameterType::SecureString) {
        let message =
            format!("the parameter `{parameter}` is no SecureString, and a password must not lie about in the open");
        return Err(Failure::new(Exit::Invalid, message).hint(how));
    }
    found.value.ok_or_else(|| Failure::new(Exit::Invalid, format!("the parameter `{parameter}` is empty")))
}

/// True when a user still has to answer the invitation. A user who has a password keeps it.
pub async fn awaits_password(clients: &Clients, pool: &str, user: &str) -> Result<bool, Failure> {
    let request = clients.cognito.admin_get_user().user_pool_id(pool).username(user);
    let answer = request.send().await.doing(format!("look up the user `{user}`"))?;
    Ok(answer.user_status == Some(UserStatusType::ForceChangePassword))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_named_in_short_or_as_a_whole() {
        assert_eq!(group("viewer").as_deref(), Ok("dlt-viewer"));
        assert_eq!(group("dlt-admin").as_deref(), Ok("dlt-admin"));
        for wrong in ["", "dlt-", "Viewer", "root"] {
            assert!(group(wrong).is_err_and(|problem| problem.contains("viewer, operator, admin")), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_before_anybody_is_asked() {
        for right in ["ann@example.com", "a.b+c@mail.example.co.uk"] {
            assert_eq!(email(right).as_deref(), Ok(right));
        }
        let long = format!("{}@example.com", "a".repeat(120));
        for wrong in
            ["", "ann", "ann@", "@example.com", "ann@example", "a@b@example.com", "a b@example.com", "ann@.com", &long]
        {
            assert!(email(wrong).is_err(), "{wrong}");
        }
    }
}
