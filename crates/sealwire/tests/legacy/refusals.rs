//! What is refused, by name.

use sealwire::{Legacy, OpensslSource, SecureContext, ServerOptions};

use crate::peers::credentials::context;
use crate::{OLD, Tls10, old, ready, server, settled};

#[test]
fn what_is_never_spoken_is_no_suite() {
    if !ready() {
        return;
    }
    for list in [
        "ADH-AES128-SHA",
        "AECDH-AES128-SHA",
        "NULL-SHA256",
        "eNULL",
        "aNULL",
        "RC4-SHA",
        "RC4",
        "EXPORT",
        "DES-CBC3-SHA",
        "MD5",
    ] {
        let builder = SecureContext::builder().legacy(Legacy::new());
        let refused = builder.cipher_list(list).err().unwrap_or_else(|| panic!("{list} is taken"));
        assert_eq!(refused.code(), Some("ERR_SSL_NO_CIPHER_MATCH"), "{list}: {refused}");
    }
}

#[test]
fn a_host_without_openssl_is_named() {
    let legacy = Legacy::new().source(OpensslSource::Host);
    let refused = SecureContext::builder().legacy(legacy).build().expect_err("there is none");
    assert_eq!(refused.option(), "legacy");
    assert!(refused.to_string().contains("old peers need OpenSSL 3 or 4"), "{refused}");
}

#[test]
fn parameters_that_are_none_are_named() {
    if !ready() {
        return;
    }
    let legacy = Legacy::new().dh_parameters("-----BEGIN DH PARAMETERS-----\nnone\n");
    let refused = SecureContext::builder().legacy(legacy).build().expect_err("none");
    assert!(refused.to_string().starts_with("legacy: the parameters for DHE"), "{refused}");
}

#[test]
fn a_range_of_old_versions_fails_as_before_without_the_wish() {
    let context = SecureContext::builder().versions(Tls10..=sealwire::ProtocolVersion::Tls11);
    let context = context.build().expect("an error of the handshake");
    let refused = sealwire::Session::client(&context, &crate::to("localhost")).unwrap_err();
    assert_eq!(refused.code(), "ERR_SSL_UNSUPPORTED_PROTOCOL");
}

#[test]
fn the_program_refuses_a_client_in_place_of_our_finished() {
    if !ready() {
        return;
    }
    for version in OLD {
        let client = old(context("client", "ca"), version, "AES128-SHA");
        let options = ServerOptions::new().ask_about_peer(true);
        let mut pair = settled(&client, &server("rsa"), &options);
        assert!(pair.server.asks_about_peer(), "{version}");
        pair.server.answer_peer(Err(sealwire::Alert::ACCESS_DENIED));
        pair.settle();
        assert_eq!(pair.client.alert(), Some("access_denied"), "{version}");
    }
}

#[test]
fn a_client_that_fell_back_is_told() {
    if !ready() {
        return;
    }
    // A hello of TLS 1.0 with the fallback signal, to a server that speaks TLS 1.3.
    let mut hello = vec![3, 1];
    hello.extend([9; 32]);
    hello.extend([0, 0, 4, 0, 0x2f, 0x56, 0, 1, 0]);
    let mut message = vec![1, 0, 0, u8::try_from(hello.len()).unwrap()];
    message.extend(hello);
    let mut record = vec![22, 3, 1, 0, u8::try_from(message.len()).unwrap()];
    record.extend(message);
    let mut session = sealwire::Session::server(&server("rsa"), &ServerOptions::new());
    let refused = session.receive(&mut record, &mut Vec::new()).expect_err("refused");
    assert_eq!(refused.code(), "ERR_SSL_INAPPROPRIATE_FALLBACK");
    let mut out = Vec::new();
    session.take_output(&mut out);
    assert_eq!(out.last(), Some(&86));
}
