//! Who we are to a registry, as `docker login` and `podman login` wrote it down.

use std::{
    collections::BTreeMap,
    fmt,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::Reference;
use crate::{exit::Exit, failure::Failure};

/// A user and a password. The password is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Basic {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Basic {
    /// Reads `user:password` in base64.
    pub fn decode(text: &str) -> Option<Self> {
        let text = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(Self { user: user.to_owned(), password: password.to_owned() })
    }

    /// The header that shows it.
    pub fn header(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password)))
    }
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Basic({}, …)", self.user)
    }
}

/// The part of the file that we read; Docker's and Podman's are the same.
#[derive(Debug, Default, Deserialize)]
struct AuthFile {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default, rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Entry {
    #[serde(default)]
    auth: Option<String>,
}

/// What the file says about a registry.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Login(Basic),
    Helper(String),
    Nothing,
}

/// What was written down for the registry of an image: none when nothing was.
///
/// # Errors
/// Names the file that cannot be understood, or the helper that failed.
pub fn login_for(reference: &Reference) -> Result<Option<Basic>, Failure> {
    for path in files(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let file: AuthFile = serde_json::from_str(&text).map_err(|error| {
            let message = format!("failed to read the registry logins in `{}`", path.display());
            Failure::from_error(Exit::Invalid, message, &error).hint("sign in again: `docker login`")
        })?;
        match file.find(&reference.host) {
            Found::Login(login) => return Ok(Some(login)),
            Found::Helper(helper) => return ask(&helper, &reference.host).map(Some),
            Found::Nothing => {}
        }
    }
    Ok(None)
}

/// Where logins are written down, in the order in which they are looked at.
fn files(variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let in_folder = |folder: Option<PathBuf>, file: &str| folder.map(|folder| folder.join(file));
    [
        variable("REGISTRY_AUTH_FILE"),
        in_folder(variable("DOCKER_CONFIG"), "config.json"),
        in_folder(variable("XDG_RUNTIME_DIR"), "containers/auth.json"),
        in_folder(variable("HOME"), ".docker/config.json"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl AuthFile {
    fn find(&self, host: &str) -> Found {
        // Docker writes its own registry as the address of its first version.
        let names = [host.to_owned(), format!("https://{host}"), format!("https://index.{host}/v1/")];
        if let Some(helper) = names.iter().find_map(|name| self.helpers.get(name)) {
            return Found::Helper(helper.clone());
        }
        let entry = names.iter().find_map(|name| self.auths.get(name));
        match (entry.and_then(|entry| entry.auth.as_deref()).and_then(Basic::decode), &self.store) {
            (Some(login), _) => Found::Login(login),
            (None, Some(store)) if entry.is_some() => Found::Helper(store.clone()),
            (None, _) => Found::Nothing,
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: String,
}

/// Asks a helper program, which gets the registry on its standard input and answers JSON.
fn ask(helper: &str, host: &str) -> Result<Basic, Failure> {
    let program = format!("docker-credential-{helper}");
    let failed = |why: &dyn std::error::Error| {
        let mut failure = Failure::new(Exit::Refused, format!("failed to get the login of `{host}` from `{program}`"));
        failure.causes.push(why.to_string());
        failure.hint("sign in again: `docker login`")
    };
    if Path::new(helper).components().count() != 1 {
        return Err(failed(&std::io::Error::other("this is no name of a helper")));
    }
    let mut command = Command::new(&program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    let mut input = child.stdin.take().expect("piped above");
    input.write_all(host.as_bytes()).map_err(|error| failed(&error))?;
    drop(input);
    let output = child.wait_with_output().map_err(|error| failed(&error))?;
    let answer: Answer = serde_json::from_slice(&output.stdout).map_err(|error| failed(&error))?;
    Ok(Basic { user: answer.user, password: answer.secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_found_under_the_names_that_docker_and_podman_give_it() {
        let text = format!(
            r#"{{"auths": {{"registry.example": {{"auth": "{}"}}, "https://index.docker.io/v1/": {{"auth": "{}"}}, "kept.example": {{}}}},
                "credHelpers": {{"1.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login"}}, "credsStore": "desktop"}}"#,
            STANDARD.encode("eva:secret:with:colons"),
            STANDARD.encode("eva:hub")
        );
        let file: AuthFile = serde_json::from_str(&text).unwrap();
        let login = |password: &str| Found::Login(Basic { user: "eva".to_owned(), password: password.to_owned() });
        assert_eq!(file.find("registry.example"), login("secret:with:colons"));
        assert_eq!(file.find("docker.io"), login("hub"));
        assert_eq!(file.find("1.dkr.ecr.eu-west-1.amazonaws.com"), Found::Helper("ecr-login".to_owned()));
        assert_eq!(file.find("kept.example"), Found::Helper("desktop".to_owned()));
        assert_eq!(file.find("other.example"), Found::Nothing);
    }

    #[test]
    fn files_are_looked_at_in_the_order_of_podman_then_docker() {
        let found = files(|name| ["DOCKER_CONFIG", "HOME"].contains(&name).then(|| PathBuf::from(format!("/{name}"))));
        assert_eq!(found, [PathBuf::from("/DOCKER_CONFIG/config.json"), PathBuf::from("/HOME/.docker/config.json")]);
    }

    #[test]
    fn a_password_is_never_printed() {
        let login = Basic::decode(&STANDARD.encode("AWS:secret:x")).unwrap();
        assert_eq!((&*login.user, &*login.password), ("AWS", "secret:x"));
        assert!(!format!("{login:?}").contains("secret"));
        assert_eq!(Basic::decode("?"), None);
    }
}
