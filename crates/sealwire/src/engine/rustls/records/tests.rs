//! Known records, the limits that no test reaches from outside, and what is no record.

use std::io::IoSlice;
use std::mem;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305};
use rustls::client::UnbufferedClientConnection;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{AlertDescription, ContentType, Error, ServerConnection, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::keys::{Keys, MAX_CONTENT, Protection};
use super::open::Opener;
use super::seal::Sealer;
use super::{Channel, Records, Step};
use crate::engine::rustls::Rustls;
use crate::engine::{Engine as _, EngineState};
use crate::pki;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// The traffic keys of RFC 8446's example handshake (RFC 8448, section 3).
fn rfc8448(key: &str, iv: &str, next: u64) -> Keys {
    Keys::of(&AES_128_GCM, &hex(key), &hex(iv), next).unwrap()
}

fn rfc8448_client(next: u64) -> Keys {
    rfc8448("17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9", next)
}

fn rfc8448_server(next: u64) -> Keys {
    rfc8448("9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984", next)
}

#[test]
fn records_of_rfc_8448_are_sealed_and_opened() {
    let content: Vec<u8> = (0..50).collect();
    let client_data = "17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42
        f9 14 aa 66 bc ab 3f 2b 98 19 a8 a5 b4 6b 39 5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92
        a2 97 70 14 bd 1e 3d ea e6 3a ee bb 21 69 49 15 e4";
    let client_alert = "17 03 03 00 13 c9 87 27 60 65 56 66 b7 4d 7f f1 15 3e fd 6d b6 d0 b0 e3";
    let server_data = "17 03 03 00 43 2e 93 7e 11 ef 4a c7 40 e5 38 ad 36 00 5f c4 a4 69 32 fc 32
        25 d0 5f 82 aa 1b 36 e3 0e fa f9 7d 90 e6 df fc 60 2d cb 50 1a 59 a8 fc c4 9c 4b f2 e5 f0
        a2 1c 00 47 c2 ab f3 32 54 0d d0 32 e1 67 c2 95 5d";
    let server_alert = "17 03 03 00 13 b5 8f d6 71 66 eb f5 99 d2 47 20 cf be 7e fa 7a 88 64 a9";
    // The server has sent a ticket before.
    for (keys, first, data, alert) in [
        (rfc8448_client as fn(u64) -> Keys, 0, client_data, client_alert),
        (rfc8448_server, 1, server_data, server_alert),
    ] {
        let mut sealer = Sealer::new(Protection::Tls13, keys(first), u64::MAX);
        let mut out = b"before".to_vec();
        sealer.seal(ContentType::ApplicationData, &content, &mut out).unwrap();
        sealer.seal(ContentType::Alert, &[1, 0], &mut out).unwrap();
        assert_eq!(out, [b"before", &hex(data)[..], &hex(alert)].concat());

        let mut opener = Opener::new(Protection::Tls13, keys(first));
        let mut record = hex(data);
        assert_eq!(opener.length(&record).unwrap(), Some(record.len()));
        let opened = opener.open(&mut record).unwrap();
        assert_eq!(opened, (ContentType::ApplicationData, &content[..]));
        assert_eq!(opener.open(&mut hex(alert)).unwrap(), (ContentType::Alert, &[1, 0][..]));
    }
}

const PROTECTIONS: [Protection; 3] =
    [Protection::Tls13, Protection::Tls12Gcm, Protection::Tls12ChaCha];

fn keys(protection: Protection, next: u64) -> Keys {
    let algorithm = match protection {
        Protection::Tls12ChaCha => &CHACHA20_POLY1305,
        _ => &AES_256_GCM,
    };
    Keys::of(algorithm, &[7; 32], &[9; 12], next).unwrap()
}

#[test]
fn numbers_end_before_they_wrap() {
    for protection in PROTECTIONS {
        let mut sealer = Sealer::new(protection, keys(protection, u64::MAX - 1), u64::MAX);
        let mut out = Vec::new();
        assert_eq!(sealer.left(), 0);
        sealer.seal(ContentType::ApplicationData, b"the last", &mut out).unwrap();
        let sealed = out.clone();
        let refused = sealer.seal(ContentType::ApplicationData, b"secret", &mut out);
        assert_eq!(refused, Err(Error::EncryptError));
        assert_eq!(out, sealed, "nothing unprotected is left behind");

        let mut opener = Opener::new(protection, keys(protection, u64::MAX - 1));
        assert_eq!(opener.open(&mut out.clone()).unwrap().1, b"the last");
        assert_eq!(opener.open(&mut out).unwrap_err().error, Error::DecryptError);
    }
}

#[test]
fn equal_contents_never_look_equal() {
    for protection in PROTECTIONS {
        let mut sealer = Sealer::new(protection, keys(protection, 0), u64::MAX);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..300 {
            let mut out = Vec::new();
            sealer.seal(ContentType::ApplicationData, b"content", &mut out).unwrap();
            assert!(seen.insert(out), "{protection:?}");
        }
    }
}

#[test]
fn no_bit_of_a_record_can_change() {
    for protection in PROTECTIONS {
        let mut record = Vec::new();
        let mut sealer = Sealer::new(protection, keys(protection, 5), u64::MAX);
        sealer.seal(ContentType::ApplicationData, b"content", &mut record).unwrap();
        for bit in 0..record.len() * 8 {
            if (3..5).contains(&(bit / 8)) && protection != Protection::Tls13 {
                continue; // another length: another record
            }
            let mut damaged = record.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // The whole record as it stands, whatever its header says of the length.
            let opened = Opener::new(protection, keys(protection, 5)).open(&mut damaged).map(drop);
            assert_eq!(opened.unwrap_err().error, Error::DecryptError, "{protection:?} {bit}");
            assert!(!damaged.windows(7).any(|part| part == b"content"), "leaked: {bit}");
        }
        for length in 0..record.len() {
            let mut opener = Opener::new(protection, keys(protection, 5));
            let opened = opener.open(&mut record[..length].to_vec()).map(drop);
            assert_eq!(opened.unwrap_err().error, Error::DecryptError, "{protection:?} {length}");
        }
        let wrong_number = Opener::new(protection, keys(protection, 4)).open(&mut record).map(drop);
        assert!(wrong_number.is_err());
    }
}

#[test]
fn headers_are_refused_as_soon_as_they_are_wrong() {
    for protection in PROTECTIONS {
        let opener = Opener::new(protection, keys(protection, 0));
        let max = protection.max_body();
        let [high, low] = u16::try_from(max).unwrap().to_be_bytes();
        let good = [23, 3, 3, high, low];
        for length in 0..5 {
            assert_eq!(opener.length(&good[..length]).unwrap(), None);
        }
        assert_eq!(opener.length(&good).unwrap(), Some(5 + max));
        let [high, low] = u16::try_from(max + 1).unwrap().to_be_bytes();
        for (header, alert) in [
            (&[99][..], AlertDescription::UnexpectedMessage),
            (&[20], AlertDescription::UnexpectedMessage),
            (&[24], AlertDescription::UnexpectedMessage),
            (&[23, 2], AlertDescription::DecodeError),
            (&[23, 3, 3, high, low], AlertDescription::RecordOverflow),
            (&[23, 3, 3, 255, 255], AlertDescription::RecordOverflow),
        ] {
            for more in [&b""[..], b"\x03\x03\x00\x20", &[0xff; 100]] {
                let failure = opener.length(&[header, more].concat()).unwrap_err();
                assert_eq!(failure.alert, Some(alert), "{protection:?} {header:?}");
            }
        }
        let alert_in_clear = opener.length(&[21, 3, 3, 0, 2]);
        assert_eq!(alert_in_clear.is_err(), protection == Protection::Tls13);
    }
}

/// Seals a `TLSInnerPlaintext` as it is given.
fn inner(plaintext: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    let mut sealer = Sealer::new(Protection::Tls13, keys(Protection::Tls13, 0), u64::MAX);
    let (last, front) = plaintext.split_last().unwrap();
    sealer.seal((*last).into(), front, &mut record).unwrap();
    record
}

#[test]
fn padding_is_taken_off() {
    let open = |plaintext: &[u8]| {
        let mut record = inner(plaintext);
        let mut opener = Opener::new(Protection::Tls13, keys(Protection::Tls13, 0));
        assert_eq!(opener.length(&record)?, Some(record.len()));
        opener.open(&mut record).map(|(kind, content)| (kind, content.to_vec()))
    };
    let data = ContentType::ApplicationData;
    assert_eq!(open(b"\0ab\0\x17").unwrap(), (data, b"\0ab\0".to_vec()));
    assert_eq!(open(b"ab\x17\0\0\0").unwrap(), (data, b"ab".to_vec()));
    assert_eq!(open(b"\x17\0\0\0").unwrap(), (data, Vec::new()));
    // The longest content, and the most padding.
    let longest = [&[1; MAX_CONTENT][..], &[23]].concat();
    assert_eq!(open(&longest).unwrap().1.len(), MAX_CONTENT);
    let padded = [&[23][..], &[0; MAX_CONTENT]].concat();
    assert_eq!(open(&padded).unwrap(), (data, Vec::new()));

    let refused = |plaintext: &[u8]| open(plaintext).unwrap_err().alert.unwrap();
    assert_eq!(refused(&[0]), AlertDescription::UnexpectedMessage);
    assert_eq!(refused(&[0; 100]), AlertDescription::UnexpectedMessage);
    let content = [&[1; MAX_CONTENT + 1][..], &[23]].concat();
    assert_eq!(refused(&content), AlertDescription::RecordOverflow);
    let padded = [&[1; MAX_CONTENT][..], &[23], &[0; 1]].concat();
    assert_eq!(refused(&padded), AlertDescription::RecordOverflow);
    let record = [&[1; MAX_CONTENT][..], &[23], &[0; 240]].concat();
    assert_eq!(refused(&record), AlertDescription::RecordOverflow);
}

/// Our client's records, and rustls as the server.
fn with_rustls(
    version: &'static SupportedProtocolVersion,
    suite: &str,
) -> (Records, ServerConnection) {
    let (certificate, key) = pki::self_signed(["localhost"]).unwrap();
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let mut roots = rustls::RootCertStore::empty();
    roots.add(chain[0].clone()).unwrap();
    let mut provider = default_provider();
    provider.cipher_suites.retain(|known| format!("{known:?}").contains(suite));
    let provider = Arc::new(provider);
    let mut client = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.enable_secret_extraction = true;
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::try_from(key.to_pkcs8_der().to_vec()).unwrap())
        .unwrap();
    let name = "localhost".try_into().unwrap();
    let mut ours = Rustls::new(UnbufferedClientConnection::new(Arc::new(client), name).unwrap());
    let mut theirs = ServerConnection::new(Arc::new(server)).unwrap();
    let (mut received, mut out) = (Vec::new(), Vec::new());
    loop {
        let (consumed, step) = ours.advance(&mut EngineState::default(), &mut received, &mut out);
        received.drain(..consumed);
        if step.unwrap() == Step::HandshakeComplete {
            break;
        }
        feed(&mut theirs, &mem::take(&mut out));
        theirs.write_tls(&mut received).unwrap();
    }
    let mut ours = ours.into_records(&mut EngineState::default(), &mut out).unwrap();
    feed(&mut theirs, &out);
    theirs.write_tls(&mut received).unwrap();
    assert_eq!(hear(&mut ours, &mut received), b"");
    (ours, theirs)
}

fn feed(theirs: &mut ServerConnection, mut wire: &[u8]) {
    while !wire.is_empty() {
        theirs.read_tls(&mut wire).unwrap();
        theirs.process_new_packets().unwrap();
    }
}

fn heard(theirs: &mut ServerConnection) -> Vec<u8> {
    let mut data = vec![0; 100];
    let count = std::io::Read::read(&mut theirs.reader(), &mut data).unwrap();
    data.truncate(count);
    data
}

fn encrypt(
    ours: &mut Records,
    data: &[u8],
    max_fragment: usize,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    ours.seal_all(&[IoSlice::new(data)], max_fragment, out)
}

fn hear(ours: &mut Records, wire: &mut Vec<u8>) -> Vec<u8> {
    let (mut out, mut data) = (Vec::new(), Vec::new());
    let (consumed, step) = ours.receive(&mut EngineState::default(), wire, &mut out, &mut data);
    assert_eq!((consumed, step.unwrap()), (wire.len(), Step::NeedInput));
    wire.clear();
    data
}

#[test]
fn keys_are_changed_before_they_are_worn_out() {
    for suite in ["AES_128_GCM", "AES_256_GCM", "CHACHA20"] {
        let (mut ours, mut theirs) = with_rustls(&rustls::version::TLS13, suite);
        ours.sealer.set_limit(3);
        for round in 0..20 {
            let mut wire = Vec::new();
            encrypt(&mut ours, &[round; 100], 16384, &mut wire).unwrap();
            assert!(ours.sealer.left() > 0);
            feed(&mut theirs, &wire);
            assert_eq!(heard(&mut theirs), [round; 100]);
            // rustls was asked for new keys, too.
            std::io::Write::write_all(&mut theirs.writer(), b"answer").unwrap();
            let mut wire = Vec::new();
            while theirs.wants_write() {
                theirs.write_tls(&mut wire).unwrap();
            }
            assert_eq!(hear(&mut ours, &mut wire), b"answer");
        }
        // In the middle of one write, too.
        let mut wire = Vec::new();
        encrypt(&mut ours, &[1; 5000], 512, &mut wire).unwrap();
        feed(&mut theirs, &wire);
        let mut data = vec![0; 5000];
        std::io::Read::read_exact(&mut theirs.reader(), &mut data).unwrap();
        assert_eq!(data, [1; 5000]);
    }
}

#[test]
fn tls_1_2_closes_before_its_keys_are_worn_out() {
    let (mut ours, mut theirs) = with_rustls(&rustls::version::TLS12, "AES_256_GCM");
    ours.sealer.set_limit(4);
    let mut wire = Vec::new();
    // One is spent on Finished.
    encrypt(&mut ours, &[1; 600], 512, &mut wire).unwrap();
    assert_eq!(ours.sealer.left(), 1);
    let before = wire.len();
    assert_eq!(encrypt(&mut ours, &[1; 600], 512, &mut wire), Err(Error::EncryptError));
    assert_eq!(wire.len(), before + 5 + 8 + 2 + 16, "a close_notify, and nothing of the data");
    assert_eq!(encrypt(&mut ours, &[1], 512, &mut wire), Err(Error::EncryptError));
    feed(&mut theirs, &wire);
    let mut data = [0; 600];
    std::io::Read::read_exact(&mut theirs.reader(), &mut data).unwrap();
    assert_eq!(data, [1; 600]);
    assert!(theirs.process_new_packets().unwrap().peer_has_closed());
}

#[test]
fn the_peer_is_not_followed_beyond_patience() {
    let (mut ours, mut theirs) = with_rustls(&rustls::version::TLS13, "AES_128_GCM");
    let update = |theirs: &mut ServerConnection| {
        let mut wire = Vec::new();
        theirs.refresh_traffic_keys().unwrap();
        theirs.write_tls(&mut wire).unwrap();
        wire
    };
    for _ in 0..32 {
        assert_eq!(hear(&mut ours, &mut update(&mut theirs)), b"");
    }
    // All of them are answered by one.
    let mut wire = Vec::new();
    encrypt(&mut ours, b"data", 512, &mut wire).unwrap();
    assert_eq!(wire.len(), 5 + 5 + 1 + 16 + 5 + 4 + 1 + 16);
    feed(&mut theirs, &wire);
    assert_eq!(heard(&mut theirs), b"data");
    let mut out = Vec::new();
    let (_, step) = ours.receive(
        &mut EngineState::default(),
        &mut update(&mut theirs),
        &mut out,
        &mut Vec::new(),
    );
    let error = step.unwrap_err().error;
    assert!(matches!(error, crate::Error::Misbehaved(_)), "{error:?}");
    assert_eq!(out.len(), 5 + 2 + 1 + 16, "an alert");
}
