//! Where what comes from elsewhere lives.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::base::expand_home;

/// `home` of the settings, or `datasus` in the user's data folder.
pub fn home(asked: Option<&Path>) -> PathBuf {
    asked.map_or_else(|| of_user(|name| std::env::var_os(name)), Path::to_owned)
}

fn of_user(get: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let data = get("XDG_DATA_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    // By the same convention one that is relative does not count.
    let data = data.or_else(|| if cfg!(windows) { get("LOCALAPPDATA").map(PathBuf::from) } else { None });
    data.unwrap_or_else(|| expand_home(Path::new("~/.local/share"))).join("datasus")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_users_data_folder_unless_it_was_said() {
        let set = |value: &'static str| move |name: &str| (name == "XDG_DATA_HOME").then(|| value.into());
        assert_eq!(of_user(set("/dados/ana")), Path::new("/dados/ana/datasus"));
        let fallback = of_user(|_| None);
        assert!(fallback.ends_with(".local/share/datasus"), "{fallback:?}");
        assert_eq!(of_user(set("relativa")), fallback);
        assert_eq!(home(Some(Path::new("/x"))), Path::new("/x"));
    }
}
