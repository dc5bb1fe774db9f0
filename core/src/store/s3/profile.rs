//! A key from the file in which Amazon's tools keep them. Nothing else of it is heeded: no server, no command, no role.

use std::path::{Path, PathBuf};

use super::keys::{Keys, wrong};
use crate::base::{Code, Error, Result, Secret, expand_home, text};

pub(super) struct Profile {
    pub keys: Keys,
    pub region: Option<String>,
}

/// The profile of this name; DS-422 where it has no key.
pub(super) fn read(name: &str) -> Result<Profile> {
    let named = std::env::var_os("AWS_SHARED_CREDENTIALS_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = expand_home(&named.unwrap_or_else(|| "~/.aws/credentials".into()));
    let text = std::fs::read_to_string(&path).map_err(|error| Error::io(error, &path).stage("config"))?;
    of(&text, name).ok_or_else(|| missing(name, &path))
}

fn of(text: &str, name: &str) -> Option<Profile> {
    let (mut inside, mut key, mut secret, mut token, mut region) = (false, None, None, None, None);
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let section = section.0.trim();
            inside = section.strip_prefix("profile ").map_or(section, str::trim) == name;
            continue;
        }
        let Some((of, value)) = line.split_once('=').filter(|_| inside) else { continue };
        let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        match of.trim() {
            "aws_access_key_id" => key = value,
            "aws_secret_access_key" => secret = value,
            "aws_session_token" => token = value,
            "region" => region = value,
            _ => {}
        }
    }
    let keys = Keys { key: Secret::new(key?), secret: Secret::new(secret?), token: token.map(Secret::new) };
    Some(Profile { keys, region })
}

fn missing(name: &str, path: &Path) -> Error {
    let shown = path.display();
    let error = wrong(text!(
        "o perfil \"{name}\" de {shown} não tem aws_access_key_id e aws_secret_access_key",
        "profile \"{name}\" of {shown} has no aws_access_key_id and aws_secret_access_key"
    ));
    debug_assert_eq!(error.code(), Code::InvalidParams);
    error.with("received", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_gives_its_own_key_and_nothing_else() {
        let text = "; keys\n[default]\naws_access_key_id = A\naws_secret_access_key=B\n\n[profile equipe]\n\
                    aws_access_key_id=C\n aws_secret_access_key = D=E \naws_session_token=F\nregion = sa-east-1\n\
                    endpoint_url = http://elsewhere\n[half]\naws_access_key_id = G\n";
        let team = of(text, "equipe").unwrap();
        assert_eq!((team.keys.key.reveal(), team.keys.secret.reveal()), ("C", "D=E"));
        assert_eq!(
            (team.keys.token.as_ref().map(Secret::reveal), team.region.as_deref()),
            (Some("F"), Some("sa-east-1"))
        );
        let default = of(text, "default").unwrap();
        assert_eq!((default.keys.key.reveal(), default.keys.token.is_none()), ("A", true));
        assert!(of(text, "half").is_none() && of(text, "none").is_none());
    }
}
