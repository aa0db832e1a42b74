//! The addresses of this machine.

use std::net::IpAddr;

/// The addresses by which other machines of the same network reach this one: private ones (RFC 1918, RFC 4193), not
/// loopback and not link-local, in the order of the interfaces.
pub(crate) fn private_addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in interfaces.filter_map(|interface| interface.address) {
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        let v6 = || address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip()));
        match v4.or_else(v6) {
            Some(ip) if is_private(ip) && !addresses.contains(&ip) => addresses.push(ip),
            _ => {}
        }
    }
    addresses
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_private_addresses_count() {
        for (text, private) in [
            ("192.168.1.5", true),
            ("10.0.0.1", true),
            ("172.16.3.4", true),
            ("127.0.0.1", false),
            ("169.254.1.1", false),
            ("8.8.8.8", false),
            ("fd00::1", true),
            ("fe80::1", false),
            ("::1", false),
        ] {
            assert_eq!(is_private(text.parse().unwrap()), private, "{text}");
        }
        assert!(private_addresses().into_iter().all(is_private));
    }
}
