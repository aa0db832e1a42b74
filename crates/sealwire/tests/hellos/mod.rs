//! ClientHellos and ServerHellos written by hand, good ones and bad ones.
#![allow(dead_code, reason = "each test binary uses its part")]

/// A hello of either side, before it is put into a record.
#[derive(Clone)]
pub(crate) struct Hello {
    pub(crate) version: u16,
    pub(crate) random: [u8; 32],
    pub(crate) session_id: Vec<u8>,
    pub(crate) suites: Vec<u16>,
    pub(crate) compression: Vec<u8>,
    pub(crate) extensions: Vec<(u16, Vec<u8>)>,
}

pub(crate) const SERVER_NAME: u16 = 0;
pub(crate) const GROUPS: u16 = 10;
pub(crate) const POINT_FORMATS: u16 = 11;
pub(crate) const SCHEMES: u16 = 13;
pub(crate) const ALPN: u16 = 16;
pub(crate) const VERSIONS: u16 = 43;
pub(crate) const PSK_MODES: u16 = 45;
pub(crate) const PRE_SHARED_KEY: u16 = 41;
pub(crate) const KEY_SHARE: u16 = 51;
pub(crate) const RENEGOTIATION_INFO: u16 = 0xff01;

pub(crate) fn vector8(body: &[u8]) -> Vec<u8> {
    let mut out = vec![u8::try_from(body.len()).unwrap()];
    out.extend_from_slice(body);
    out
}

pub(crate) fn vector16(body: &[u8]) -> Vec<u8> {
    let mut out = u16::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(body);
    out
}

pub(crate) fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// A handshake message in a record.
pub(crate) fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    record(22, &message(kind, body))
}

pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, 0];
    out.extend(vector16(body));
    out
}

pub(crate) fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, 3, 3];
    out.extend(vector16(body));
    out
}

/// An entry of a key share for X25519. Any 32 bytes are a point of it.
fn x25519_share() -> Vec<u8> {
    let mut entry = numbers(&[29]);
    entry.extend(vector16(&[9; 32]));
    entry
}

impl Hello {
    /// What a client of TLS 1.2 says.
    pub(crate) fn client_12() -> Self {
        Self {
            version: 0x0303,
            random: [7; 32],
            session_id: Vec::new(),
            suites: vec![0xc02b, 0xc02f, 0xc02c, 0xc030],
            compression: vec![0],
            extensions: vec![
                (GROUPS, vector16(&numbers(&[29, 23]))),
                (POINT_FORMATS, vec![1, 0]),
                (SCHEMES, vector16(&numbers(&[0x0403, 0x0804, 0x0401]))),
                (RENEGOTIATION_INFO, vec![0]),
                (23, Vec::new()),
            ],
        }
    }

    /// What a client of TLS 1.3 only says.
    pub(crate) fn client_13() -> Self {
        Self {
            session_id: vec![5; 32],
            suites: vec![0x1301, 0x1302],
            extensions: vec![
                (VERSIONS, vector8(&numbers(&[0x0304]))),
                (GROUPS, vector16(&numbers(&[29]))),
                (SCHEMES, vector16(&numbers(&[0x0403, 0x0804]))),
                (KEY_SHARE, vector16(&x25519_share())),
                (PSK_MODES, vec![1, 1]),
            ],
            ..Self::client_12()
        }
    }

    #[must_use]
    pub(crate) fn version(mut self, version: u16) -> Self {
        self.version = version;
        self
    }

    #[must_use]
    pub(crate) fn suites(mut self, suites: &[u16]) -> Self {
        self.suites = suites.to_vec();
        self
    }

    #[must_use]
    pub(crate) fn compression(mut self, methods: &[u8]) -> Self {
        self.compression = methods.to_vec();
        self
    }

    #[must_use]
    pub(crate) fn session_id(mut self, id: &[u8]) -> Self {
        self.session_id = id.to_vec();
        self
    }

    #[must_use]
    pub(crate) fn random(mut self, random: [u8; 32]) -> Self {
        self.random = random;
        self
    }

    /// With this extension, in place of the one that is there or behind the others.
    #[must_use]
    pub(crate) fn with(mut self, kind: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        match self.extensions.iter_mut().find(|extension| extension.0 == kind) {
            Some(extension) => extension.1 = body,
            None => self.extensions.push((kind, body)),
        }
        self
    }

    /// With this extension once more.
    #[must_use]
    pub(crate) fn and(mut self, kind: u16, body: impl Into<Vec<u8>>) -> Self {
        self.extensions.push((kind, body.into()));
        self
    }

    #[must_use]
    pub(crate) fn without(mut self, kind: u16) -> Self {
        self.extensions.retain(|extension| extension.0 != kind);
        self
    }

    /// The body of a ClientHello.
    pub(crate) fn client_body(&self) -> Vec<u8> {
        let mut body = self.version.to_be_bytes().to_vec();
        body.extend(self.random);
        body.extend(vector8(&self.session_id));
        body.extend(vector16(&numbers(&self.suites)));
        body.extend(vector8(&self.compression));
        self.extend_with_extensions(&mut body);
        body
    }

    /// A ClientHello in a record.
    pub(crate) fn client(&self) -> Vec<u8> {
        handshake(1, &self.client_body())
    }

    /// The body of a ServerHello, with the first of the suites and methods.
    pub(crate) fn server_body(&self) -> Vec<u8> {
        let mut body = self.version.to_be_bytes().to_vec();
        body.extend(self.random);
        body.extend(vector8(&self.session_id));
        body.extend(self.suites[0].to_be_bytes());
        body.push(self.compression[0]);
        self.extend_with_extensions(&mut body);
        body
    }

    /// A ServerHello in a record.
    pub(crate) fn server(&self) -> Vec<u8> {
        handshake(2, &self.server_body())
    }

    fn extend_with_extensions(&self, body: &mut Vec<u8>) {
        let mut extensions = Vec::new();
        for (kind, content) in &self.extensions {
            extensions.extend(kind.to_be_bytes());
            extensions.extend(vector16(content));
        }
        if !extensions.is_empty() {
            body.extend(vector16(&extensions));
        }
    }
}

/// The host name extension.
pub(crate) fn host_name(name: &[u8]) -> Vec<u8> {
    let mut entry = vec![0];
    entry.extend(vector16(name));
    vector16(&entry)
}

/// The description of the first alert in `wire` that is not encrypted.
pub(crate) fn alert(wire: &[u8]) -> Option<u8> {
    let mut rest = wire;
    while let [kind, 3, _, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if *kind == 21 && length == 2 {
            return after.get(1).copied();
        }
        rest = after.get(length..)?;
    }
    None
}
