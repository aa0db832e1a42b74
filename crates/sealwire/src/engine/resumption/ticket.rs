//! The ticket of a TLS 1.2 session, read as it passes: NewSessionTicket (RFC 5077, 3.3) is sent
//! before anything is encrypted, and the engine does not show it.

/// Follows the server's flight until a ticket has come, or cannot come any longer.
#[derive(Debug, Default)]
pub(super) struct TicketWatch {
    /// The header of the handshake message at hand, as far as it has come.
    header: Vec<u8>,
    /// How much of its body is still to come.
    missing: usize,
    body: Vec<u8>,
    over: bool,
}

/// What a NewSessionTicket says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NewTicket {
    /// How long the server says that it is good, in seconds; 0: it does not say.
    pub(super) lifetime: u32,
    pub(super) ticket: Vec<u8>,
}

const HANDSHAKE: u8 = 22;
const NEW_SESSION_TICKET: u8 = 4;

impl TicketWatch {
    /// Looks at whole records that the engine has consumed. Gives the ticket once.
    pub(super) fn read(&mut self, mut records: &[u8]) -> Option<NewTicket> {
        while let [kind, _, _, high, low, rest @ ..] = records {
            if self.over {
                return None;
            }
            let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
            let (payload, after) = rest.split_at(length);
            records = after;
            // After ChangeCipherSpec everything is encrypted.
            if *kind != HANDSHAKE {
                self.over = true;
                return None;
            }
            if let Some(ticket) = self.messages(payload) {
                self.over = true;
                return Some(ticket);
            }
        }
        None
    }

    fn messages(&mut self, mut payload: &[u8]) -> Option<NewTicket> {
        while !payload.is_empty() {
            if self.header.len() < 4 {
                let (part, rest) = payload.split_at(payload.len().min(4 - self.header.len()));
                self.header.extend_from_slice(part);
                payload = rest;
                if let [_, a, b, c] = self.header[..] {
                    self.missing = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                }
            } else {
                let (part, rest) = payload.split_at(payload.len().min(self.missing));
                if self.header[0] == NEW_SESSION_TICKET {
                    self.body.extend_from_slice(part);
                }
                self.missing -= part.len();
                payload = rest;
            }
            if self.header.len() == 4 && self.missing == 0 {
                let kind = self.header[0];
                self.header.clear();
                if kind == NEW_SESSION_TICKET {
                    return parse(&self.body);
                }
            }
        }
        None
    }
}

fn parse(body: &[u8]) -> Option<NewTicket> {
    let (lifetime, rest) = body.split_first_chunk()?;
    let (length, ticket) = rest.split_first_chunk()?;
    let ticket = ticket.get(..usize::from(u16::from_be_bytes(*length)))?;
    Some(NewTicket { lifetime: u32::from_be_bytes(*lifetime), ticket: ticket.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::{NewTicket, TicketWatch};

    fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
        [&[kind, 3, 3, 0, u8::try_from(payload.len()).unwrap()], payload].concat()
    }

    fn messages() -> Vec<u8> {
        let hello = [2, 0, 0, 3, 9, 9, 9];
        let done = [14, 0, 0, 0];
        let ticket = [4, 0, 0, 9, 0, 0, 1, 44, 0, 3, 7, 8, 9];
        [&hello[..], &done, &ticket].concat()
    }

    #[test]
    fn a_ticket_is_found_however_the_messages_are_split() {
        let found = Some(NewTicket { lifetime: 300, ticket: vec![7, 8, 9] });
        for split in 1..=messages().len() {
            let mut watch = TicketWatch::default();
            let mut seen = None;
            for part in messages().chunks(split) {
                if let Some(ticket) = watch.read(&record(22, part)) {
                    assert_eq!(seen.replace(ticket), None, "told once");
                }
            }
            assert_eq!(seen, found, "records of {split} bytes");
            assert!(watch.over);
        }
    }

    #[test]
    fn nothing_is_looked_for_in_what_is_encrypted() {
        let mut watch = TicketWatch::default();
        let wire = [record(20, &[1]), record(22, &messages())].concat();
        assert_eq!(watch.read(&wire), None);
        assert!(watch.over);
    }

    #[test]
    fn a_broken_ticket_is_none() {
        for body in [&[4, 0, 0, 0][..], &[4, 0, 0, 2, 0, 0], &[4, 0, 0, 7, 0, 0, 0, 0, 0, 9, 1]] {
            assert_eq!(TicketWatch::default().read(&record(22, body)), None);
        }
    }
}
