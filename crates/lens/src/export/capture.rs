//! What the network carried as pcapng, with the secrets inside: Wireshark opens it decrypted.
//!
//! The bytes are those of the wire; Ethernet, IP and TCP around them are made here, since a proxy sees
//! none. Addresses and ports are the real ones where they are known.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::store::{Reader, WireRow};

/// Which of the two TLS connections are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Legs {
    /// Between proxy and origins.
    Origin,
    /// Between clients and proxy.
    Client,
    /// Both, on two interfaces.
    #[default]
    Both,
}

/// What of one connection is written at most.
const LONGEST: usize = 256 << 20;
/// Payload of a segment.
const SEGMENT: usize = 16_384;

/// Writes the connections `ids`. Gives how many of them had been recorded.
///
/// # Errors
/// When the session cannot be read or the output not written.
pub fn pcapng(
    reader: &Reader,
    ids: &[i64],
    legs: Legs,
    secrets: bool,
    out: &mut dyn Write,
) -> io::Result<usize> {
    let told = |e: crate::store::StoreError| io::Error::other(e);
    // Section header: version 1.0, length unknown.
    let mut header = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
    header.extend_from_slice(&[1, 0, 0, 0]);
    header.extend_from_slice(&u64::MAX.to_le_bytes());
    block(out, 0x0a0d_0d0a, &header)?;
    for name in ["client", "origin"] {
        // Ethernet, no limit; option 2 is the interface's name, 9 its resolution, 10^-6.
        let mut interface = vec![1, 0, 0, 0, 0, 0, 0, 0];
        option(&mut interface, 2, name.as_bytes());
        option(&mut interface, 9, &[6]);
        option(&mut interface, 0, &[]);
        block(out, 1, &interface)?;
    }
    let mut written = 0;
    for id in ids {
        let Some(connection) = reader.connection(*id).map_err(told)? else { continue };
        let wire = reader.wire(*id, LONGEST).map_err(told)?;
        if wire.is_empty() {
            continue;
        }
        written += 1;
        if secrets {
            let lines: Vec<_> =
                reader.handshakes(*id).map_err(told)?.into_iter().map(|row| row.key_log).collect();
            let lines = lines.join("\n") + "\n";
            // Decryption secrets: "TLSK", a key log.
            let mut body = 0x544c_534b_u32.to_le_bytes().to_vec();
            body.extend_from_slice(&(lines.len() as u32).to_le_bytes());
            body.extend_from_slice(lines.as_bytes());
            block(out, 10, &body)?;
        }
        let origin: Option<SocketAddr> = connection.address.as_deref().and_then(|a| a.parse().ok());
        let client: Option<SocketAddr> = connection.client.as_deref().and_then(|a| a.parse().ok());
        let port = connection.port.unwrap_or(443);
        let own = SocketAddr::new(Ipv4Addr::new(127, 0, 0, 2).into(), port);
        let high = 20_000 + (*id % 40_000) as u16;
        let outward = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), high);
        for (leg, from, to) in [
            (Legs::Client, client.unwrap_or(outward), own),
            (Legs::Origin, outward, origin.unwrap_or(own)),
        ] {
            if legs == leg || legs == Legs::Both {
                let is_client = leg == Legs::Client;
                let rows = wire.iter().filter(|row| row.is_client_leg == is_client);
                conversation(out, u32::from(!is_client), from, to, &tls_only(rows, is_client))?;
            }
        }
    }
    Ok(written)
}

/// On a client's leg TLS begins after CONNECT or SOCKS; what is before is the proxy's own business.
fn tls_only<'a>(
    rows: impl Iterator<Item = &'a WireRow>,
    is_client: bool,
) -> Vec<(i64, bool, &'a [u8])> {
    let rows: Vec<_> = rows.map(|row| (row.at, row.outward, &row.data[..])).collect();
    let begins = |(_, outward, data): &(i64, bool, &[u8])| *outward && data.starts_with(&[22, 3]);
    match rows.iter().position(begins) {
        Some(first) if is_client => rows[first..].to_vec(),
        _ => rows,
    }
}

fn conversation(
    out: &mut dyn Write,
    interface: u32,
    client: SocketAddr,
    server: SocketAddr,
    rows: &[(i64, bool, &[u8])],
) -> io::Result<()> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
    let mut tcp = Tcp { interface, ends: [client, server], next: [1000, 5000] };
    tcp.packet(out, first.0, true, SYN, &[])?;
    tcp.packet(out, first.0, false, SYN | ACK, &[])?;
    tcp.packet(out, first.0, true, ACK, &[])?;
    for (at, outward, data) in rows {
        for data in data.chunks(SEGMENT) {
            tcp.packet(out, *at, *outward, PSH | ACK, data)?;
        }
    }
    tcp.packet(out, last.0, true, FIN | ACK, &[])?;
    tcp.packet(out, last.0, false, FIN | ACK, &[])?;
    tcp.packet(out, last.0, true, ACK, &[])
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const PSH: u8 = 8;
const ACK: u8 = 16;

struct Tcp {
    interface: u32,
    ends: [SocketAddr; 2],
    /// The next sequence number of each end.
    next: [u32; 2],
}

impl Tcp {
    fn packet(
        &mut self,
        out: &mut dyn Write,
        at: i64,
        outward: bool,
        flags: u8,
        data: &[u8],
    ) -> io::Result<()> {
        let (from, to) = if outward { (0, 1) } else { (1, 0) };
        let mut segment = Vec::with_capacity(20 + data.len());
        segment.extend_from_slice(&self.ends[from].port().to_be_bytes());
        segment.extend_from_slice(&self.ends[to].port().to_be_bytes());
        segment.extend_from_slice(&self.next[from].to_be_bytes());
        let acknowledged = if flags & ACK == 0 { 0 } else { self.next[to] };
        segment.extend_from_slice(&acknowledged.to_be_bytes());
        segment.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        segment.extend_from_slice(data);
        let own = u32::from(flags & (SYN | FIN) != 0);
        self.next[from] = self.next[from].wrapping_add(data.len() as u32 + own);
        let frame = self.frame(from, to, &segment);
        let at = at.max(0).cast_unsigned();
        let mut body = self.interface.to_le_bytes().to_vec();
        body.extend_from_slice(&((at >> 32) as u32).to_le_bytes());
        body.extend_from_slice(&(at as u32).to_le_bytes());
        for _ in 0..2 {
            body.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        }
        body.extend_from_slice(&frame);
        block(out, 6, &body)
    }

    fn frame(&self, from: usize, to: usize, segment: &[u8]) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, to as u8 + 1, 2, 0, 0, 0, 0, from as u8 + 1];
        match (self.ends[from].ip(), self.ends[to].ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let length = (20 + segment.len()) as u16;
                let mut header = vec![0x45, 0];
                header.extend_from_slice(&length.to_be_bytes());
                header.extend_from_slice(&[0, 0, 0x40, 0, 64, 6, 0, 0]);
                header.extend_from_slice(&from.octets());
                header.extend_from_slice(&to.octets());
                let sum = checksum(&header);
                header[10..12].copy_from_slice(&sum.to_be_bytes());
                frame.extend_from_slice(&[8, 0]);
                frame.extend_from_slice(&header);
            }
            (from, to) => {
                let six = |ip| match ip {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                    IpAddr::V6(ip) => ip,
                };
                frame.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0]);
                frame.extend_from_slice(&(segment.len() as u16).to_be_bytes());
                frame.extend_from_slice(&[6, 64]);
                frame.extend_from_slice(&six(from).octets());
                frame.extend_from_slice(&six(to).octets());
            }
        }
        frame.extend_from_slice(segment);
        frame
    }
}

fn checksum(header: &[u8]) -> u16 {
    let words = header.chunks_exact(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn option(to: &mut Vec<u8>, code: u16, value: &[u8]) {
    to.extend_from_slice(&code.to_le_bytes());
    to.extend_from_slice(&(value.len() as u16).to_le_bytes());
    to.extend_from_slice(value);
    to.resize(to.len().next_multiple_of(4), 0);
}

fn block(out: &mut dyn Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let length = (12 + body.len().next_multiple_of(4)) as u32;
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(body)?;
    out.write_all(&[0; 4][..body.len().next_multiple_of(4) - body.len()])?;
    out.write_all(&length.to_le_bytes())
}
