//! `~`: the user's own folder, as shells write it.

use std::path::{Path, PathBuf};

/// `~` and `~/dados` with the home folder in the place of `~`; any other path as it is. A folder that is called `~` is
/// `./~`, as in a shell.
pub fn expand_home(path: &Path) -> PathBuf {
    let variable = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    expand(path, std::env::var_os(variable).map(PathBuf::from))
}

fn expand(path: &Path, home: Option<PathBuf>) -> PathBuf {
    match (path.strip_prefix("~"), home.filter(|home| !home.as_os_str().is_empty())) {
        (Ok(below), Some(home)) if below.as_os_str().is_empty() => home,
        (Ok(below), Some(home)) => home.join(below),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tilde_by_itself_is_the_home_folder() {
        let of = |path: &str| expand(Path::new(path), Some("/home/ana".into()));
        assert_eq!(of("~"), Path::new("/home/ana"));
        assert_eq!(of("~/dados/sih"), Path::new("/home/ana/dados/sih"));
        for path in ["/dados/~", "./~", "~ana/dados", "dados~", ""] {
            assert_eq!(of(path), Path::new(path), "{path}");
        }
        assert_eq!(expand(Path::new("~/dados"), None), Path::new("~/dados"));
    }
}
