//! A name server that gives each name an address of its own, so that a connection there tells which name
//! was meant: it is the proxy that looks names up. Questions for anything else have no answer.

use std::collections::HashMap;
use std::net::Ipv4Addr;

/// 198.18.0.0/15 is reserved (RFC 2544).
const FIRST: u32 = u32::from_be_bytes([198, 18, 0, 1]);
const MOST: usize = (1 << 17) - 2;

#[derive(Default)]
pub(super) struct Names {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Names {
    /// The name that has this address.
    pub(super) fn of(&self, address: Ipv4Addr) -> Option<&str> {
        let number = u32::from(address).checked_sub(FIRST)?;
        self.names.get(number as usize).map(String::as_str)
    }

    fn address(&mut self, name: String) -> Option<Ipv4Addr> {
        if let Some(number) = self.numbers.get(&name) {
            return Some(Ipv4Addr::from(FIRST + number));
        }
        let number = u32::try_from(self.names.len()).ok().filter(|n| (*n as usize) < MOST)?;
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        Some(Ipv4Addr::from(FIRST + number))
    }

    /// Answers a question (RFC 1035, section 4); `None` when it is malformed.
    pub(super) fn answer(&mut self, question: &[u8]) -> Option<Vec<u8>> {
        const A: [u8; 4] = [0, 1, 0, 1];
        const TTL: [u8; 4] = [0, 0, 0, 1];
        const SERVER_FAILURE: u8 = 2;
        let (header, rest) = question.split_at_checked(12)?;
        let is_query = header[2] & 0xf8 == 0 && header[4..6] == [0, 1];
        if !is_query {
            return None;
        }
        let (name, length) = name(rest)?;
        let asked = rest.get(length..length + 4)?;
        let address = (asked == A).then(|| self.address(name));
        let mut answer = Vec::with_capacity(64);
        answer.extend_from_slice(&header[..2]);
        // An answer, recursion wanted as it was and to be had.
        let code = if address == Some(None) { SERVER_FAILURE } else { 0 };
        answer.extend([0x80 | header[2] & 1, 0x80 | code, 0, 1]);
        let address = address.flatten();
        answer.extend([0, u8::from(address.is_some()), 0, 0, 0, 0]);
        answer.extend_from_slice(&rest[..length + 4]);
        if let Some(address) = address {
            // The name is where the question has it.
            answer.extend([0xc0, 12]);
            answer.extend(A);
            answer.extend(TTL);
            answer.extend([0, 4]);
            answer.extend(address.octets());
        }
        Some(answer)
    }
}

/// The name at the front, and how many bytes it has.
fn name(bytes: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), 0);
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1;
        match length {
            0 => break,
            1..64 => {
                let label = std::str::from_utf8(bytes.get(at..at + length)?).ok()?;
                let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
                label.bytes().all(plain).then(|| labels.push(label.to_ascii_lowercase()))?;
                at += length;
            }
            _ => return None,
        }
    }
    (at <= 255 && !labels.is_empty()).then(|| (labels.join("."), at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str, kind: u8) -> Vec<u8> {
        let mut out = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            out.push(u8::try_from(label.len()).unwrap());
            out.extend_from_slice(label.as_bytes());
        }
        out.extend([0, 0, kind, 0, 1]);
        out
    }

    #[test]
    fn each_name_has_an_address() {
        let mut names = Names::default();
        let of = |names: &mut Names, name| {
            let answer = names.answer(&question(name, 1)).expect("an answer");
            assert_eq!(answer[..4], [7, 7, 0x81, 0x80]);
            let end = answer.len();
            <[u8; 4]>::try_from(&answer[end - 4..]).unwrap()
        };
        assert_eq!(of(&mut names, "a.test"), [198, 18, 0, 1]);
        assert_eq!(of(&mut names, "b.test"), [198, 18, 0, 2]);
        assert_eq!(of(&mut names, "A.TEST"), [198, 18, 0, 1]);
        assert_eq!(names.of([198, 18, 0, 2].into()), Some("b.test"));
        assert_eq!(names.of([198, 18, 0, 3].into()), None);
        assert_eq!(names.of([127, 0, 0, 1].into()), None);
        // AAAA: there is none.
        let answer = names.answer(&question("a.test", 28)).expect("an answer");
        assert_eq!(answer[6..8], [0, 0]);
        for nonsense in [&b""[..], &[0; 12], &question("a b", 1), &question("a.test", 1)[..20]] {
            assert!(names.answer(nonsense).is_none(), "{nonsense:?}");
        }
    }
}
