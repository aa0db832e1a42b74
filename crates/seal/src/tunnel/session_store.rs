//! The shared store for TLS 1.2 sessions.

/// The port of a store's address.
pub(crate) fn port(url: &str) -> Option<u16> {
    let rest = url.strip_prefix("redis://")?;
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit('@').next()?;
    match host.rsplit_once(':') {
        Some((_, port)) if !host.ends_with(']') => port.parse().ok(),
        _ => Some(6379),
    }
}
