//! The TCP connections that a process and those that it started have made, asked of Linux.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Each program's name and where it is connected to.
pub(super) fn outgoing(root: u32) -> Vec<(String, SocketAddr)> {
    let sockets = connections();
    let mut found = Vec::new();
    for process in family(root) {
        let name = || fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        let Ok(entries) = fs::read_dir(format!("/proc/{process}/fd")) else { continue };
        for link in entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()) {
            let link = link.to_string_lossy();
            let inode = link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
            let remote =
                inode.and_then(|text| text.parse().ok()).and_then(|i: u64| sockets.get(&i));
            if let Some(remote) = remote {
                found.push((format!("{} ({process})", name().trim_end()), *remote));
            }
        }
    }
    found
}

/// A process and all below it.
fn family(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    for process in processes {
        let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
        // The name, in parentheses, may have anything in it.
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        if let Some(parent) = rest.split_whitespace().nth(1).and_then(|text| text.parse().ok()) {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut all = vec![root];
    let mut next = 0;
    while let Some(process) = all.get(next) {
        all.extend(children.remove(process).unwrap_or_default());
        next += 1;
    }
    all
}

/// Where each connected socket leads, unless it was accepted here.
fn connections() -> HashMap<u64, SocketAddr> {
    const ESTABLISHED: &str = "01";
    const SYN_SENT: &str = "02";
    const LISTEN: &str = "0A";
    let mut listening = HashSet::new();
    let mut open = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = fs::read_to_string(table).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, remote, state, _, _, _, _, _, inode, ..] = fields[..] else { continue };
            let (Some(local), Some(remote), Ok(inode)) =
                (address(local), address(remote), inode.parse::<u64>())
            else {
                continue;
            };
            match state {
                LISTEN => drop(listening.insert(local.port())),
                ESTABLISHED | SYN_SENT => open.push((local, remote, inode)),
                _ => {}
            }
        }
    }
    let outgoing = open.into_iter().filter(|(local, ..)| !listening.contains(&local.port()));
    outgoing.map(|(_, remote, inode)| (inode, remote)).collect()
}

/// `0100007F:1F90`, in the machine's order.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |index: usize| {
        let digits = address.get(8 * index..8 * index + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        _ => {
            let bytes = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            let v6 = Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?);
            v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)
        }
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_connections_are_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _connected = std::net::TcpStream::connect(address).unwrap();
        let _accepted = listener.accept().unwrap();
        let found = outgoing(std::process::id());
        let ours: Vec<_> = found.iter().filter(|(_, remote)| *remote == address).collect();
        assert_eq!(ours.len(), 1, "{found:?}");
    }
}
