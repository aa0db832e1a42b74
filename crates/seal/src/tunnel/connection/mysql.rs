//! A plaintext client of MySQL, whose log-in continues in TLS.

use std::io;

use sealwire::Error;
use tokio::io::AsyncWriteExt;

use crate::tunnel::end::End;
use crate::tunnel::socket::Socket;
use sealwire::starttls::mysql::{self, Packet};

/// The client's side of a log-in.
pub(super) struct Login<'a> {
    client: &'a mut Socket,
    /// What came from it and is not taken.
    heard: &'a mut Vec<u8>,
    /// Whether it has a greeting already, so that no other target can greet it.
    pub(super) greeted: bool,
    /// Whether the client is waited for, and at fault if that fails.
    pub(super) waits_for_client: bool,
}

impl<'a> Login<'a> {
    pub(super) fn of(client: &'a mut Socket, heard: &'a mut Vec<u8>) -> Self {
        Self { client, heard, greeted: false, waits_for_client: false }
    }

    /// Greets the client for the target, and asks that for TLS. Gives the client's answer.
    pub(super) async fn begin(&mut self, target: &mut Socket) -> io::Result<Packet> {
        let greeting = mysql::greeting(target).await.map_err(io::Error::other)?;
        self.greeted = true;
        self.client.write_all(greeting.bytes()).await?;
        let answer = self.next_packet().await?;
        let asked = mysql::request(answer);
        let (request, answer) = asked.ok_or_else(|| io::Error::other("no client of MySQL 4.1"))?;
        target.write_all(&request).await?;
        Ok(answer)
    }

    async fn next_packet(&mut self) -> io::Result<Packet> {
        self.waits_for_client = true;
        let packet = mysql::packet(self.client, self.heard).await?;
        self.waits_for_client = false;
        Ok(packet)
    }

    /// Carries the rest of the log-in, until the server says how it ended.
    pub(super) async fn finish(&mut self, target: &mut End, answer: Packet) -> Result<(), Error> {
        let mut received = Vec::new();
        let mut from_client = Some(answer);
        loop {
            if let Some(packet) = from_client.take() {
                target.send_first(&packet.renumbered(1))?;
                target.flush().await?;
            }
            let packet = loop {
                if let Some(packet) = Packet::take(&mut received)? {
                    break packet;
                }
                match target.receive().await? {
                    data if data.is_empty() => return Err(Error::Truncated),
                    data => received.extend(data),
                }
            };
            let (last, goes_on) = (packet.is_last(), packet.goes_on());
            self.client.write_all(&packet.renumbered(-1)).await?;
            if last {
                // Nothing follows before a command, each of which restarts the count.
                return Ok(self.client.write_all(&received).await?);
            }
            if !goes_on {
                from_client = Some(self.next_packet().await?);
            }
        }
    }
}
