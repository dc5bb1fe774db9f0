//! Where a web server may send us.

use reqwest::{Url, redirect};

const MOST_REDIRECTS: usize = 5;

/// A few steps, never from TLS to none, and never to an address that only this machine's own network knows, but for its own.
pub(super) fn redirected(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let (to, from) = (attempt.url(), attempt.previous().last());
    let same_host = from.is_some_and(|from| from.host() == to.host());
    let downgraded = from.is_some_and(|from| from.scheme() == "https") && to.scheme() != "https";
    if attempt.previous().len() > MOST_REDIRECTS || downgraded || (!same_host && is_internal(to)) {
        return attempt.error("refused");
    }
    attempt.follow()
}

/// Literal addresses of the machine itself and of the link, where clouds tell secrets.
fn is_internal(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<std::net::IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(std::net::IpAddr::V4(ip)) => {
            ip.is_loopback() || ip.is_link_local() || ip.is_private() || ip.is_unspecified()
        }
        Ok(std::net::IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local() || ip.is_unspecified()
        }
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_this_machines_own_network() {
        for (url, internal) in [
            ("http://169.254.169.254/latest", true),
            ("http://[::ffff:169.254.169.254]/latest", true),
            ("http://localhost/x", true),
            ("http://10.0.0.1/x", true),
            ("http://[::1]/x", true),
            ("https://espelho.exemplo/x", false),
            ("https://8.8.8.8/x", false),
        ] {
            assert_eq!(is_internal(&Url::parse(url).unwrap()), internal, "{url}");
        }
    }
}
