//! Early data, of which a server of ours takes none: what a client hears that goes wrong behind them.
//! (That they are skipped is held against OpenSSL's client: `interop_openssl`'s `resumption`.)

use std::io::Write;
use std::sync::Arc;

use rustls::{
    AlertDescription, ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig,
    ServerConnection,
};
use sealwire::{ServerOptions, Session};

use crate::pair::{End, records};
use crate::peers::credentials::context;
use crate::peers::present;
use crate::rogue;

/// How much early data a server of ours skips, at most.
const SKIPPED: usize = 16_384;

/// A record that opens under no key.
const GARBLED: [u8; 29] = {
    let mut record = [9; 29];
    (record[0], record[1], record[2], record[3], record[4]) = (23, 3, 3, 0, 24);
    record
};

/// A client that has written so much early data, by a ticket of another server, which allows more than
/// we skip; in records of at most so many bytes.
fn client(records_of: Option<usize>, early: usize) -> rustls::Connection {
    let config = with_ticket(records_of);
    let mut client = connection(&config);
    client.early_data().expect("a ticket").write_all(&vec![7; early]).expect("allowed");
    client.into()
}

/// A client's settings with that ticket.
fn with_ticket(records_of: Option<usize>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(rogue::chain("ca").remove(0)).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.enable_early_data = true;
    config.max_fragment_size = records_of;
    let config = Arc::new(config);
    let mut other = ServerConfig::builder()
        .with_no_client_auth()
        .with_cert_resolver(rogue::identity(rogue::chain("p256"), "p256"));
    other.max_early_data_size = 4 * SKIPPED as u32;
    let mut client = connection(&config).into();
    let mut server = ServerConnection::new(Arc::new(other)).unwrap().into();
    loop {
        let (there, back) = (rogue::output(&mut client), rogue::output(&mut server));
        rogue::feed(&mut server, &there);
        rogue::feed(&mut client, &back);
        if there.is_empty() && back.is_empty() {
            return config;
        }
    }
}

fn connection(config: &Arc<ClientConfig>) -> ClientConnection {
    ClientConnection::new(config.clone(), "localhost".try_into().unwrap()).unwrap()
}

/// A server of ours; with `retry` one that wants another hello first.
fn server(retry: bool) -> End {
    let context = context("p256", "ca");
    let context = match retry {
        true => context.groups("P-384").unwrap(),
        // The client lists a hybrid group last.
        false => context.retry_for_post_quantum(false),
    };
    End::new(Session::server(&context.build().unwrap(), &ServerOptions::new()))
}

/// The client's bytes reach the server, through `change` from the second time on, and the other way; to
/// the end. The code of the server's error, and the alert that the client gets.
fn told(
    mut theirs: rustls::Connection,
    mut ours: End,
    change: impl Fn(Vec<u8>) -> Vec<u8>,
) -> (Option<String>, Option<AlertDescription>) {
    let (mut alert, mut first) = (None, true);
    loop {
        let sent = rogue::output(&mut theirs);
        let sent = if first { sent } else { change(sent) };
        first = false;
        ours.receive(&sent);
        let said = ours.output();
        let mut rest = &said[..];
        while !rest.is_empty() {
            theirs.read_tls(&mut rest).unwrap();
            if let Err(Error::AlertReceived(received)) = theirs.process_new_packets() {
                alert = Some(received);
            }
        }
        if ours.error.is_some() || (sent.is_empty() && said.is_empty()) {
            return (ours.error.map(|error| error.code().to_owned()), alert);
        }
    }
}

/// Puts a record that does not open in front of the record of this number.
fn garbled_before(number: usize, sent: &[u8]) -> Vec<u8> {
    let before: usize = records(sent).iter().take(number).map(|(_, length)| 5 + length).sum();
    let (front, behind) = sent.split_at(before);
    [front, &GARBLED, behind].concat()
}

/// RFC 8446, 5.2: once a record of the handshake has come, one that does not open is no early data, also
/// between the fragments of a message.
#[test]
fn behind_early_data_a_garbled_record_gets_its_alert() {
    if !present("openssl") {
        return;
    }
    for (early, retry) in [(1, false), (3_000, false), (1, true), (3_000, true)] {
        // The Finished comes in two or three records.
        let client = client(Some(32), early);
        let change = |sent: Vec<u8>| match sent[..] {
            [23, ..] => garbled_before(1, &sent),
            _ => sent,
        };
        let (code, alert) = told(client, server(retry), change);
        let code = code.expect("it is refused");
        assert_eq!(code, "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "{early} {retry}");
        assert_eq!(alert, Some(AlertDescription::BadRecordMac), "{early} {retry}");
    }
}

#[test]
fn more_early_data_than_are_skipped_get_an_alert() {
    if !present("openssl") {
        return;
    }
    for (early, retry, heard) in [
        (SKIPPED, false, None),
        (SKIPPED, true, None),
        (SKIPPED + 1, false, Some(AlertDescription::BadRecordMac)),
        (SKIPPED + 1, true, Some(AlertDescription::UnexpectedMessage)),
        (3 * SKIPPED, false, Some(AlertDescription::BadRecordMac)),
        (3 * SKIPPED, true, Some(AlertDescription::UnexpectedMessage)),
    ] {
        let client = client(None, early);
        let (code, alert) = told(client, server(retry), |sent| sent);
        let expected = match heard {
            None => None,
            Some(AlertDescription::BadRecordMac) => {
                Some("ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC")
            }
            Some(_) => Some("ERR_SSL_TOO_MUCH_EARLY_DATA"),
        };
        assert_eq!((code.as_deref(), alert), (expected, heard), "{early} {retry}");
    }
}
