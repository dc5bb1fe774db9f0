//! Where a cloud's machine asks for its own keys.

use std::net::IpAddr;

/// Whether a host, by its address or its name, is such a place, or a number that some resolvers read as the address of one.
pub(crate) fn is_metadata_host(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_lowercase();
    // With the interface behind it.
    let bare = host.split('%').next().unwrap_or_default();
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(v4)) => v4.is_link_local() || v4.octets() == [100, 100, 100, 200],
        Ok(IpAddr::V6(v6)) => match v6.to_ipv4() {
            Some(v4) => v4.is_link_local(),
            None => v6.is_unicast_link_local() || v6.segments()[..2] == [0xfd00, 0x0ec2],
        },
        Err(_) => {
            let last = host.rsplit('.').next().unwrap_or_default();
            let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
            let is_name = matches!(host.as_str(), "metadata" | "metadata.google.internal" | "instance-data");
            is_name || is_number || last.starts_with("0x")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_metadata_host;

    #[test]
    fn a_host_that_gives_keys_out_is_known_by_address_name_and_number() {
        for (host, expected) in [
            ("169.254.169.254", true),
            ("[fe80::1%eth0]", true),
            ("::ffff:169.254.169.254", true),
            ("fd00:ec2::254", true),
            ("100.100.100.200", true),
            ("Metadata.Google.Internal.", true),
            ("2852039166", true),
            ("0xa9fea9fe", true),
            ("169.254.43518", true),
            ("10.0.0.2", false),
            ("127.0.0.1", false),
            ("[::1]", false),
            ("redis-2", false),
            ("minio.saude.example", false),
            ("", false),
        ] {
            assert_eq!(is_metadata_host(host), expected, "{host}");
        }
    }
}
