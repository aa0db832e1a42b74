//! Handshakes between two ends in memory: what they cost the processor, without a system call.

use std::sync::Arc;

use rustls::{ClientConnection, ServerConnection};
use rustls_pki_types::ServerName;
use sealwire::{ClientOptions, SecureContext, ServerOptions, Session};

use crate::contestant::Failure;
use crate::measure::processor_time;

/// Both ends of one library, and how they greet each other.
#[allow(clippy::large_enum_variant, reason = "one for each run")]
pub(crate) enum Ends {
    Sealwire(SecureContext, ClientOptions, SecureContext, ServerOptions),
    Rustls(Arc<rustls::ClientConfig>, ServerName<'static>, Arc<rustls::ServerConfig>),
}

/// Microseconds of processor time that one handshake takes, both ends together.
pub(crate) fn handshakes(ends: &Ends, count: usize) -> Result<f64, Failure> {
    let start = processor_time()?;
    for _ in 0..count {
        match ends {
            Ends::Sealwire(client, asking, server, serving) => {
                sealwire(Session::client(client, asking)?, Session::server(server, serving))?;
            }
            Ends::Rustls(client, name, server) => rustls(
                ClientConnection::new(client.clone(), name.clone())?,
                ServerConnection::new(server.clone())?,
            )?,
        }
    }
    Ok((processor_time()? - start).as_secs_f64() * 1e6 / count as f64)
}

fn sealwire(mut client: Session, mut server: Session) -> Result<(), Failure> {
    let (mut to_server, mut to_client, mut data) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        client.take_output(&mut to_server);
        let consumed = server.receive(&mut to_server, &mut data)?;
        to_server.drain(..consumed);
        server.take_output(&mut to_client);
        let consumed = client.receive(&mut to_client, &mut data)?;
        to_client.drain(..consumed);
        let quiet = !client.has_output() && !server.has_output();
        if !client.is_handshaking() && !server.is_handshaking() && quiet {
            return Ok(());
        }
    }
}

fn rustls(mut client: ClientConnection, mut server: ServerConnection) -> Result<(), Failure> {
    let mut wire = Vec::new();
    loop {
        while client.wants_write() {
            client.write_tls(&mut wire)?;
        }
        let mut rest = &wire[..];
        while !rest.is_empty() {
            server.read_tls(&mut rest)?;
            server.process_new_packets()?;
        }
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire)?;
        }
        let mut rest = &wire[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest)?;
            client.process_new_packets()?;
        }
        wire.clear();
        let quiet = !client.wants_write() && !server.wants_write();
        if !client.is_handshaking() && !server.is_handshaking() && quiet {
            return Ok(());
        }
    }
}
