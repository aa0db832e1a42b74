//! What the bytes of one file hold: PEM, DER, PFX, PKCS#7, Java's key stores, and texts with PEM in them.

use memchr::memmem;
use sealwire::pki::{self, Certificate, Content, Crl, PfxContents, Problem, pem};

use super::issuers::Issuers;
use super::{Candidates, Found, Shown, What, embedded, java};

/// After so many things of one place that cannot be read, the rest of it is left.
const MOST_FAULTS: usize = 100;

/// Whether a file that begins so may hold anything that is looked for. A text may, wherever in it that is; of
/// other files the first bytes tell.
pub(super) fn may_hold(start: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    start.first() == Some(&SEQUENCE) || java::is_store(start) || !start.contains(&0)
}

/// Reads what is in `bytes`, which lie at `place`.
pub(super) fn bytes(place: &str, bytes: &[u8], candidates: &Candidates, found: &mut Vec<Found>) {
    let mut here = Here { place, certificates: Vec::new(), faults: 0, found };
    if java::is_store(bytes) {
        here.java(bytes);
    } else if memmem::find(bytes, b"-----BEGIN ").is_some() {
        here.pem(bytes, candidates);
    } else if bytes.first() == Some(&0x30) {
        here.der(bytes, candidates);
    }
    let texts = embedded::texts(bytes);
    here.end();
    for (name, text) in texts {
        let place = format!("{place}: {name}");
        match text {
            Some(text) => self::bytes(&place, &text, candidates, found),
            None => {
                let why = "invalid or truncated base64 in PEM".to_owned();
                found.push(Found { place, what: What::Unreadable(why) });
            }
        }
    }
}

/// Whether it begins as a SEQUENCE of more than 127 bytes, as everything that is looked for does in DER.
fn is_long(bytes: &[u8]) -> bool {
    matches!(bytes, [0x30, 0x81..=0x84, ..])
}

/// Whether a SEQUENCE says that it is longer than the file.
fn is_cut(bytes: &[u8]) -> bool {
    let digits = usize::from(bytes.get(1).copied().unwrap_or_default() & 0x7f);
    let length = bytes.get(2..2 + digits).unwrap_or_default();
    let length = length.iter().fold(0, |sum: u64, digit| sum << 8 | u64::from(*digit));
    is_long(bytes) && length > bytes.len().saturating_sub(2 + digits) as u64
}

/// Whether a file has a name that says what is in it: others are not expected to.
fn is_called_certificate(place: &str) -> bool {
    const ENDS: [&str; 9] = ["der", "cer", "crt", "pem", "crl", "p7b", "p7c", "pfx", "p12"];
    let end = place.rsplit_once('.').map_or("", |(_, end)| end);
    ENDS.iter().any(|known| end.eq_ignore_ascii_case(known))
}

/// One place.
struct Here<'a> {
    place: &'a str,
    certificates: Vec<(Certificate, Option<String>)>,
    faults: usize,
    found: &'a mut Vec<Found>,
}

impl Here<'_> {
    fn pem(&mut self, bytes: &[u8], candidates: &Candidates) {
        let text = embedded::straightened(bytes);
        for block in pem::blocks(&text) {
            let label = block.label();
            let read = match label {
                "CERTIFICATE" | "X509 CERTIFICATE" => block
                    .parse(Certificate::from_der)
                    .map(|one| self.certificates.push((one, None))),
                // Its trust settings follow the DER, and are read from such a block only.
                "TRUSTED CERTIFICATE" => block
                    .parse(|der| Certificate::all_from_pem(pem::encode(label, der).as_bytes()))
                    .map(|all| self.certificates.extend(all.into_iter().map(|one| (one, None)))),
                "X509 CRL" => block.parse(Crl::from_der).map(|list| self.list(list)),
                "PKCS7" | "CMS" => block.decode().map(|der| self.der(&der, candidates)),
                _ => Ok(()),
            };
            if let Err(error) = read {
                self.unreadable(error.to_string());
            }
            if self.faults >= MOST_FAULTS {
                break;
            }
        }
    }

    fn der(&mut self, bytes: &[u8], candidates: &Candidates) {
        let content = match Content::of(bytes) {
            Ok(content) => content,
            // Bytes behind a certificate; a text that begins with "0" is not DER.
            Err(error) if is_long(bytes) => return self.unreadable(error.to_string()),
            Err(_) => return,
        };
        match content.first() {
            Some(Content::Certificate) => match Certificate::from_der(bytes) {
                Ok(one) => self.certificates.push((one, None)),
                Err(error) => self.unreadable(error.to_string()),
            },
            Some(Content::Crl) => match Crl::from_der(bytes) {
                Ok(list) => self.list(list),
                Err(error) => self.unreadable(error.to_string()),
            },
            Some(Content::Pkcs7) => match pki::in_pkcs7(bytes) {
                Ok((certificates, lists)) => {
                    self.certificates.extend(certificates.into_iter().map(|one| (one, None)));
                    lists.into_iter().for_each(|list| self.list(list));
                }
                Err(error) => self.unreadable(error.to_string()),
            },
            Some(Content::Pfx) => self.pfx(bytes, candidates),
            None if is_called_certificate(self.place) && is_cut(bytes) => {
                self.unreadable("truncated DER".to_owned());
            }
            _ => {}
        }
    }

    fn pfx(&mut self, bytes: &[u8], candidates: &Candidates) {
        let mut refused = None;
        for passphrase in candidates.each() {
            match PfxContents::from_der(bytes, Some(passphrase)) {
                Ok(contents) => {
                    for entry in contents.entries {
                        let name = entry.name().map(str::to_owned);
                        self.certificates.push((entry.certificate().clone(), name));
                        self.certificates
                            .extend(entry.chain().iter().map(|one| (one.clone(), None)));
                    }
                    let others = contents.certificates.into_iter();
                    self.certificates.extend(others.map(|one| (one.certificate, one.name)));
                    return;
                }
                Err(error) => {
                    if error.problem() != Problem::WrongPassphrase {
                        return self.unreadable(format!("PFX: {error}"));
                    }
                    refused = Some(error.to_string());
                }
            }
        }
        let why = refused.unwrap_or_default();
        self.unreadable(format!("PFX: {why}; no passphrase of --passwords opens it"));
    }

    fn java(&mut self, bytes: &[u8]) {
        let (all, why) = java::certificates(bytes);
        for (alias, der) in all {
            match Certificate::from_der(der) {
                Ok(one) => self.certificates.push((one, Some(alias))),
                Err(error) => self.unreadable(format!("alias {alias}: {error}")),
            }
        }
        if let Some(why) = why {
            self.unreadable(format!("Java key store: {why}"));
        }
    }

    fn list(&mut self, list: Crl) {
        let what = What::List(Box::new(list));
        self.found.push(Found { place: self.place.to_owned(), what });
    }

    fn unreadable(&mut self, why: String) {
        self.faults += 1;
        let why = match self.faults {
            ..MOST_FAULTS => why,
            MOST_FAULTS => format!("{MOST_FAULTS} things of it cannot be read: not read further"),
            _ => return,
        };
        self.found.push(Found { place: self.place.to_owned(), what: What::Unreadable(why) });
    }

    fn end(self) {
        let Self { place, certificates, found, .. } = self;
        let issuers = Issuers::of(certificates.iter().map(|(one, _)| one));
        found.extend(certificates.iter().map(|(certificate, name)| Found {
            place: match name {
                Some(name) => format!("{place} ({name})"),
                None => place.to_owned(),
            },
            what: What::Certificate(Box::new(Shown {
                certificate: certificate.clone(),
                beside: issuers.above(certificate),
                server: None,
                note: None,
            })),
        }));
    }
}
