//! Whose keys sign requests to a system: the job's own, those of a user of the console, or nobody's.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use aws_sdk_cognitoidentityprovider::types::AuthFlowType;
use dlt_model::id::Region;
use tokio::sync::Mutex;

use crate::{
    cloud::{CloudError, Doing, suffix},
    exit::Exit,
    failure::Failure,
};

/// How long keys must still be good to be used again.
const MARGIN: Duration = Duration::from_secs(300);
/// How long keys without an end are used before they are asked for again.
const ENDLESS: Duration = Duration::from_secs(3_600);

/// A password, which is never shown.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Keeps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A user of the console, and where users sign in.
#[derive(Clone, Debug)]
pub struct User {
    /// The name in Cognito.
    pub name: String,
    /// The permanent password.
    pub password: Password,
    /// The user pool.
    pub pool: String,
    /// Its application.
    pub client: String,
    /// What exchanges a sign-in for keys.
    pub identity_pool: String,
}

/// Where keys come from. They are asked for again before they end, so a run may take longer than they last.
#[derive(Debug)]
pub enum Keys {
    /// From an account.
    Account(Box<Account>),
    /// A system on this machine asks for none.
    Nobody,
}

impl Keys {
    /// The job's own keys, or a user's.
    pub fn new(config: SdkConfig, region: Region, user: Option<User>) -> Self {
        Self::Account(Box::new(Account { config, region, user, cached: Mutex::new(None) }))
    }

    /// Keys that are good for some minutes more; none where nobody is asked for any.
    ///
    /// # Errors
    /// When there are none, or the user may not sign in.
    pub async fn get(&self) -> Result<Option<Credentials>, Failure> {
        match self {
            Self::Account(account) => account.get().await.map(Some),
            Self::Nobody => Ok(None),
        }
    }

    /// Forgets keys that were refused.
    pub async fn forget(&self) {
        if let Self::Account(account) = self {
            *account.cached.lock().await = None;
        }
    }
}

/// An account's keys, and how they are come by.
#[derive(Debug)]
pub struct Account {
    config: SdkConfig,
    region: Region,
    user: Option<User>,
    cached: Mutex<Option<(Credentials, SystemTime)>>,
}

impl Account {
    async fn get(&self) -> Result<Credentials, Failure> {
        let mut cached = self.cached.lock().await;
        let now = SystemTime::now();
        if let Some((keys, _)) = cached.as_ref().filter(|(_, until)| *until > now + MARGIN) {
            return Ok(keys.clone());
        }
        let keys = match &self.user {
            Some(user) => self.of_user(user).await?,
            None => self.of_job().await?,
        };
        let until = keys.expiry().unwrap_or(now + ENDLESS + MARGIN);
        *cached = Some((keys.clone(), until));
        Ok(keys)
    }

    async fn of_job(&self) -> Result<Credentials, Failure> {
        let none = || {
            Failure::new(Exit::Refused, "there are no AWS credentials to sign requests with")
                .hint("give the job a role that allows `execute-api:Invoke`, set AWS_PROFILE, or sign in as a user with `--user`")
        };
        let provider = self.config.credentials_provider().ok_or_else(none)?;
        provider.provide_credentials().await.map_err(|error| {
            let mut failure = none();
            failure.causes.push(error.to_string());
            failure
        })
    }

    async fn of_user(&self, user: &User) -> Result<Credentials, Failure> {
        let token = self.id_token(user).await?;
        let doing = format!("exchange the sign-in of `{}` for keys", user.name);
        let identities = aws_sdk_cognitoidentity::Client::new(&self.config);
        let provider = format!("cognito-idp.{}.{}/{}", self.region, suffix(&self.region), user.pool);
        let identity = identities.get_id().identity_pool_id(&user.identity_pool).logins(&provider, &token);
        let identity = identity.send().await.doing(doing.clone())?;
        let identity =
            identity.identity_id.ok_or_else(|| CloudError::unexpected(doing.clone(), "there is no identity"))?;
        let keys = identities.get_credentials_for_identity().identity_id(identity).logins(provider, token);
        let keys = keys.send().await.doing(doing.clone())?.credentials;
        let missing = || CloudError::unexpected(doing, "the answer has no keys");
        let keys = keys.ok_or_else(missing)?;
        let expiry = keys.expiration.and_then(|at| SystemTime::try_from(at).ok());
        let (Some(id), Some(secret)) = (keys.access_key_id, keys.secret_key) else {
            return Err(CloudError::unexpected("read a user's keys", "the answer has no keys").into());
        };
        Ok(Credentials::new(id, secret, keys.session_token, expiry, "cognito"))
    }

    async fn id_token(&self, user: &User) -> Result<String, Failure> {
        let request = aws_sdk_cognitoidentityprovider::Client::new(&self.config)
            .initiate_auth()
            .client_id(&user.client)
            .auth_flow(AuthFlowType::UserPasswordAuth)
            .auth_parameters("USERNAME", &user.name)
            .auth_parameters("PASSWORD", &user.password.0);
        let answer = request.send().await.doing(format!("sign in as `{}`", user.name))?;
        if let Some(token) = answer.authentication_result.and_then(|result| result.id_token) {
            return Ok(token);
        }
        let asked = answer.challenge_name.map_or_else(|| "nothing".to_owned(), |name| name.as_str().to_owned());
        let failure =
            Failure::new(Exit::Refused, format!("failed to sign in as `{}`: Cognito asks for {asked}", user.name));
        Err(failure.hint(match asked.as_str() {
            "NEW_PASSWORD_REQUIRED" => {
                "the password is still the invitation's: `dlt invite … --password-parameter NAME` sets a permanent one"
            }
            _ => "a job can answer nothing but a password: use the job's own role, or a user without a second factor",
        }))
    }
}
