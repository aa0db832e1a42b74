//! The reader of ClientHellos: what it could not read must not be answered by the engine, or a
//! client could hide from the program that chooses by the hello; and it reads the same however
//! the bytes come.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwire::session::{ClientHello, HelloReply, Question};
use sealwire::wire::Next;
use sealwire_fuzz::{End, Input, edit};

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let (kind, portion) = (input.byte(), usize::from(input.byte()));
    let tls13 = kind & 1 == 0;
    let wire = match kind & 2 {
        0 => input.0.to_vec(),
        _ => {
            let mut wire = End::client(tls13, 0).output();
            edit(&mut wire, &mut input);
            wire
        }
    };
    let whole = read(tls13, &wire, usize::MAX);
    let in_parts = read(tls13, &wire, portion.max(1));
    assert_eq!(whole, in_parts);
});

/// What the program is shown of the hello. The session goes on with it.
fn read(tls13: bool, wire: &[u8], portion: usize) -> Option<ClientHello> {
    let mut server = End::server(tls13, 4);
    for part in wire.chunks(portion) {
        server.driver.push(part);
        match server.driver.next() {
            Next::Event(_) => {}
            Next::Transport => continue,
            Next::Failed(_) => return None,
        }
        let Some(Question::ClientHello(asked)) = server.driver.question() else { continue };
        let hello = asked.hello().clone();
        if asked.answer(HelloReply::new()).is_err() {
            // Nobody can be served who offers only what we do not speak.
            return Some(hello);
        }
        let mut next = server.driver.next();
        while matches!(next, Next::Event(_)) {
            next = server.driver.next();
        }
        let went_on = !matches!(next, Next::Failed(_));
        let answered = went_on && server.driver.is_sending();
        assert!(!answered || !hello.cipher_suites().is_empty(), "{hello:?}");
        return Some(hello);
    }
    None
}
