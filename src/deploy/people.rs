//! Users of the console: inviting one, and giving one a permanent password that nobody types or prints.

use std::collections::BTreeMap;

use aws_sdk_cognitoidentityprovider::types::{AttributeType, DeliveryMediumType, MessageActionType, UserStatusType};

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
    let doing = format!("invite `{email}`");
    let request = clients
        .cognito
        .admin_create_user()
        .user_pool_id(pool)
        .username(user_name(email))
        .user_attributes(attribute("email", email, &doing)?)
        .user_attributes(attribute("email_verified", "true", &doing)?)
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

/// A user as Cognito knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The address.
    pub email: Option<String>,
    /// True when the user still has to answer the invitation. A user who has a password keeps it.
    pub awaits_password: bool,
}

/// Looks a user up; none when nobody has that name.
pub async fn user(clients: &Clients, pool: &str, name: &str) -> Result<Option<User>, CloudError> {
    let request = clients.cognito.admin_get_user().user_pool_id(pool).username(name);
    let answer = match request.send().await.doing(format!("look up the user `{name}`")) {
        Ok(answer) => answer,
        Err(error) if error.kind == Kind::Absent => return Ok(None),
        Err(error) => return Err(error),
    };
    let email = answer.user_attributes().iter().find(|attribute| attribute.name() == "email");
    Ok(Some(User {
        email: email.and_then(|attribute| attribute.value()).map(ToOwned::to_owned),
        awaits_password: answer.user_status == Some(UserStatusType::ForceChangePassword),
    }))
}

/// Gives a user another address, which is believed without a question: whoever deploys answers for it.
pub async fn readdress(clients: &Clients, pool: &str, name: &str, email: &str) -> Result<(), CloudError> {
    let doing = format!("set the address of `{name}`");
    let request = clients
        .cognito
        .admin_update_user_attributes()
        .user_pool_id(pool)
        .username(name)
        .user_attributes(attribute("email", email, &doing)?)
        .user_attributes(attribute("email_verified", "true", &doing)?);
    request.send().await.doing(doing).map(drop)
}

/// Sends the invitation again, with a new temporary password.
pub async fn invite_again(clients: &Clients, pool: &str, name: &str) -> Result<(), CloudError> {
    let request = clients
        .cognito
        .admin_create_user()
        .user_pool_id(pool)
        .username(name)
        .message_action(MessageActionType::Resend)
        .desired_delivery_mediums(DeliveryMediumType::Email);
    request.send().await.doing(format!("send the invitation of `{name}` again")).map(drop)
}

/// The address that the template's user keeps: where this user was invited to begin with. CloudFormation can change
/// nothing about a user but make it anew, which Cognito refuses under the same name; so the present address is set on the
/// user itself.
pub fn keep_first_address(wanted: &mut BTreeMap<String, String>, live: &BTreeMap<String, String>) {
    let first = |name: &str| live.get(name).filter(|address| !address.is_empty());
    let is_same_user = live.get("AdminName").is_some_and(|name| wanted.get("AdminName") == Some(name));
    if let Some(address) = first("InvitedEmail").or_else(|| first("AdminEmail")).filter(|_| is_same_user) {
        wanted.insert("InvitedEmail".to_owned(), address.clone());
    }
}

/// What a change of the admin in the environment file comes to, in a sentence; nothing when there is none.
pub fn change_of_admin(wanted: &BTreeMap<String, String>, live: &BTreeMap<String, String>) -> Option<String> {
    let pair = |name: &str| Some((live.get(name)?, wanted.get(name)?));
    let (old_name, name) = pair("AdminName")?;
    let (old_email, email) = pair("AdminEmail")?;
    if old_name != name {
        return Some(format!("the admin `{name}` is made and invited, and `{old_name}` is removed"));
    }
    (old_email != email).then(|| {
        format!(
            "the admin `{name}` stays, with password and groups, and gets the address {email}; an invitation that was \
             not answered yet is sent there again"
        )
    })
}

fn attribute(name: &str, value: &str, doing: &str) -> Result<AttributeType, CloudError> {
    let attribute = AttributeType::builder().name(name).value(value).build();
    attribute.map_err(|error| CloudError::unexpected(doing, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admin(name: &str, email: &str, invited: Option<&str>) -> BTreeMap<String, String> {
        let pairs = [("AdminName", Some(name)), ("AdminEmail", Some(email)), ("InvitedEmail", invited)];
        pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect()
    }

    #[test]
    fn the_first_address_stays_in_the_template_as_long_as_the_user_is_the_same() {
        let wanted = || admin("chief", "new@x.org", Some("new@x.org"));
        for (live, expected) in [
            (BTreeMap::new(), "new@x.org"),
            (admin("chief", "old@x.org", None), "old@x.org"),
            (admin("chief", "old@x.org", Some("")), "old@x.org"),
            (admin("chief", "old@x.org", Some("first@x.org")), "first@x.org"),
            (admin("other", "old@x.org", Some("first@x.org")), "new@x.org"),
        ] {
            let mut wanted = wanted();
            keep_first_address(&mut wanted, &live);
            assert_eq!(wanted["InvitedEmail"], expected, "{live:?}");
        }
    }

    #[test]
    fn a_change_of_the_admin_is_explained_and_nothing_else_is() {
        let live = admin("chief", "old@x.org", None);
        assert_eq!(change_of_admin(&live, &live), None);
        assert_eq!(change_of_admin(&live, &BTreeMap::new()), None);
        let moved = change_of_admin(&admin("chief", "new@x.org", None), &live).unwrap();
        assert!(moved.contains("new@x.org") && moved.contains("stays"), "{moved}");
        let other = change_of_admin(&admin("boss", "old@x.org", None), &live).unwrap();
        assert!(other.contains("`chief` is removed"), "{other}");
    }

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
