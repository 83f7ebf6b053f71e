//! How requests say who sends them.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{desk::Desk, user::User, value::Text};
use crate::{Fault, aws, clock::Instant, request::Target};

/// How long before its end a token is renewed, unless it lasts less than ten times as long.
const RENEW_BEFORE: Duration = Duration::from_secs(60);

/// How a request says who sends it, when that may change.
pub enum Auth {
    Basic { user: Text, password: Text },
    Bearer(Text),
    Cognito(Box<Pool>),
    SigV4(Box<Signer>),
}

/// A user of a Cognito user pool.
pub struct Pool {
    /// The same for all requests of the same user.
    pub index: usize,
    pub region: String,
    pub client_id: Text,
    pub user: Text,
    pub password: Text,
}

/// What signs requests.
pub struct Signer {
    pub service: String,
    pub region: String,
    /// Id, secret and token; otherwise the worker's own role signs.
    pub keys: Option<(Text, Text, Option<Text>)>,
}

/// A session of a user pool.
pub struct Token {
    pool: usize,
    /// Client and user as they were when it was made.
    identity: String,
    id_token: String,
    refresh_token: Option<String>,
    renew_at: Instant,
}

/// What a request needs to know before it is made.
pub enum Pass {
    None,
    Header(String),
    Keys(aws::Keys),
}

impl Auth {
    /// Whether getting a pass may take time.
    pub fn waits(&self) -> bool {
        match self {
            Self::Basic { .. } | Self::Bearer(_) => false,
            Self::Cognito(_) => true,
            Self::SigV4(signer) => signer.keys.is_none(),
        }
    }

    /// What can be had at once.
    pub fn pass(&self, user: &mut User) -> Pass {
        let scope = &mut user.scope();
        match self {
            Self::Basic { user, password } => {
                let pair = format!("{}:{}", user.get(scope), password.get(scope));
                Pass::Header(format!("Basic {}", STANDARD.encode(pair)))
            }
            Self::Bearer(token) => Pass::Header(format!("Bearer {}", token.get(scope))),
            Self::SigV4(signer) => match &signer.keys {
                None => Pass::None,
                Some((id, secret, token)) => Pass::Keys(aws::Keys {
                    access_key_id: id.get(scope),
                    secret_access_key: secret.get(scope),
                    session_token: token.as_ref().map(|token| token.get(scope)),
                }),
            },
            Self::Cognito(_) => Pass::None,
        }
    }

    /// What has to be asked for.
    #[cfg(feature = "s3")]
    pub async fn wait_for_pass(&self, user: &mut User, desk: &Desk) -> Result<Pass, Fault> {
        match self {
            Self::Cognito(pool) => pool.token(user, desk).await.map(|token| Pass::Header(format!("Bearer {token}"))),
            Self::SigV4(_) => {
                let role = desk.cloud.role().ok_or(Fault::SignInFailed)?;
                role.keys().await.map(Pass::Keys).map_err(|_| Fault::SignInFailed)
            }
            _ => Ok(self.pass(user)),
        }
    }

    /// A worker that was built without AWS has nobody to ask.
    #[cfg(not(feature = "s3"))]
    pub async fn wait_for_pass(&self, _user: &mut User, _desk: &Desk) -> Result<Pass, Fault> {
        Err(Fault::SignInFailed)
    }

    /// Signs what is to be sent, if it is to be signed.
    pub fn sign(&self, target: &mut Target, keys: &aws::Keys) -> Result<(), String> {
        let Self::SigV4(signer) = self else { return Ok(()) };
        let request = (target.method.as_str(), target.url.as_str());
        let place = (signer.service.as_str(), signer.region.as_str());
        let signed = aws::sign(request, &target.headers, &target.body, keys, place, SystemTime::now())?;
        target.headers.extend(signed);
        Ok(())
    }
}

#[cfg(feature = "s3")]
impl Pool {
    /// The user's ID token: the one it has, or a new one.
    async fn token(&self, user: &mut User, desk: &Desk) -> Result<String, Fault> {
        let (client_id, name, password) = {
            let scope = &mut user.scope();
            (self.client_id.get(scope), self.user.get(scope), self.password.get(scope))
        };
        let identity = format!("{client_id} {name}");
        let place = user.tokens.iter().position(|token| token.pool == self.index && token.identity == identity);
        if let Some(token) = place.map(|place| &user.tokens[place])
            && Instant::now() < token.renew_at
        {
            return Ok(token.id_token.clone());
        }
        // One session per pool: a user that goes on as somebody else begins anew.
        let old = place.map(|place| user.tokens.swap_remove(place)).and_then(|token| token.refresh_token);
        user.tokens.retain(|token| token.pool != self.index);
        let renewed = match old {
            Some(refresh) => {
                let parameters = serde_json::json!({ "REFRESH_TOKEN": refresh });
                let answer = self.ask(desk, "REFRESH_TOKEN_AUTH", &client_id, &parameters).await;
                answer.ok().and_then(|answer| self.read(&answer, &identity, Some(refresh)))
            }
            None => None,
        };
        let token = match renewed {
            Some(token) => token,
            None => {
                let parameters = serde_json::json!({ "USERNAME": name, "PASSWORD": password });
                let answer = self.ask(desk, "USER_PASSWORD_AUTH", &client_id, &parameters).await;
                self.read(&answer.map_err(|_| Fault::SignInFailed)?, &identity, None).ok_or(Fault::SignInFailed)?
            }
        };
        let id_token = token.id_token.clone();
        user.tokens.push(token);
        Ok(id_token)
    }

    async fn ask(
        &self,
        desk: &Desk,
        flow: &str,
        client_id: &str,
        parameters: &serde_json::Value,
    ) -> Result<serde_json::Value, String> {
        let client = desk.cloud.client().ok_or("there is no client")?;
        let message = serde_json::json!({ "AuthFlow": flow, "ClientId": client_id, "AuthParameters": parameters });
        client.call((aws::Service::Cognito, "InitiateAuth"), &self.region, &message, None).await
    }

    /// A challenge is no token: it asks for something that a scenario cannot give.
    fn read(&self, answer: &serde_json::Value, identity: &str, refresh: Option<String>) -> Option<Token> {
        let result = &answer["AuthenticationResult"];
        let lasts = Duration::from_secs(result["ExpiresIn"].as_u64().unwrap_or(3_600));
        Some(Token {
            pool: self.index,
            identity: identity.to_owned(),
            id_token: result["IdToken"].as_str()?.to_owned(),
            refresh_token: result["RefreshToken"].as_str().map(ToOwned::to_owned).or(refresh),
            renew_at: Instant::now() + lasts.saturating_sub(RENEW_BEFORE.min(lasts / 10)),
        })
    }
}
