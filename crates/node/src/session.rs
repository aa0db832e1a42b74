//! One connection.
//!
//! A handshake is driven by [`Workers::advance`](crate::workers::Workers::advance), on threads of
//! ours: bytes received are moved in, and what came of them is told later. Once the connection is open,
//! [`Session::receive`] and [`Session::encrypt`] work in place on the JavaScript thread.
//! JavaScript never calls both at once; if it did, it would get an error, not wait.

use std::cell::RefCell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard};

use napi::bindgen_prelude::{Buffer, BufferSlice};
use napi_derive::napi;
use sealwire::session::{self, HelloReply, Question, Sink};
use sealwire::verify::check_common_name_constraints;
use sealwire::wire::Driver;
use sealwire::{Alert, ClientAuth, ClientSession, ServerName};

use crate::connection::{Connection, Stage};
use crate::context::SecureContext;
use crate::descriptor;
use crate::failure::{Failure, Thrown, misuse};
use crate::peer::PeerFacts;
use crate::progress::{Agreed, HelloAnswer, Progress, SessionEvents};
use crate::settings::{ClientConnection, ServerSettings};
use crate::sinks::{Copies, FAILED, HAS_EVENTS, HAS_OUTPUT, HEADER, MORE, PEER_CLOSED, Places};
use crate::turn;

/// One side of one TLS connection.
#[napi]
pub struct Session(Arc<Mutex<Connection>>);

#[napi]
impl Session {
    /// A client session. Its first turn gives the ClientHello.
    #[napi(factory)]
    pub fn client(context: &SecureContext, connection: ClientConnection) -> Result<Self, Thrown> {
        let offered = connection.session.as_deref().and_then(ClientSession::from_bytes);
        let options = connection.options(offered.clone())?;
        let stage = Stage::New(Box::new((context.context.clone(), options)));
        Ok(Self::of(stage, offered))
    }

    /// A server session; `trace`: whether to tell what goes over the connection, by [`trace`](Self::trace).
    #[napi(factory)]
    pub fn server(context: &SecureContext, settings: &ServerSettings, trace: bool) -> Self {
        let session = match trace {
            false => sealwire::Session::server(&context.context, &settings.options),
            true => {
                sealwire::Session::server(&context.context, &settings.options.clone().trace(true))
            }
        };
        let mut connection = Connection::new(Stage::Live(Box::new(Driver::new(session))), None);
        connection.asks_hello = settings.asks_hello;
        Self(Arc::new(Mutex::new(connection)))
    }

    /// Continues the handshake on this thread, with more bytes received, if there are any: for a turn that
    /// costs less than the way to another one and back. What it has brought, as [bits](crate::turn).
    #[napi]
    pub fn advance(&self, received: Option<&[u8]>) -> Result<u32, Thrown> {
        let mut connection = self.lock()?;
        let turn = || {
            connection.push(received.unwrap_or_default());
            connection.advance();
            connection.outline()
        };
        Ok(catch_unwind(AssertUnwindSafe(turn)).unwrap_or(turn::PANICKED))
    }

    /// All that the last turn has brought.
    #[napi]
    pub fn progress(&self) -> Result<Progress, Thrown> {
        Ok(self.lock()?.progress())
    }

    /// What was agreed, once the handshake is complete.
    #[napi]
    pub fn agreed(&self) -> Result<Option<Agreed>, Thrown> {
        Ok(self.lock()?.agreed())
    }

    /// The client's SNI, once.
    #[napi]
    pub fn take_server_name(&self) -> Result<Option<String>, Thrown> {
        Ok(self.lock()?.take_server_name())
    }

    /// Bytes received that are no part of the handshake, once, for [`receive`](Self::receive).
    #[napi]
    pub fn take_rest(&self) -> Result<Option<Buffer>, Thrown> {
        Ok(self.lock()?.take_rest())
    }

    /// Answers the ClientHello; `credentials` says whose certificates to show and whose trust to
    /// judge by, `identity` whose certificate to show whatever the client offers, and `context` what to
    /// serve it by in place of the session's own. The next turn continues from there.
    #[napi]
    pub fn answer_hello(
        &self,
        credentials: Option<&SecureContext>,
        identity: Option<&SecureContext>,
        context: Option<&SecureContext>,
        answer: HelloAnswer,
    ) -> Result<(), Thrown> {
        let mut connection = self.lock()?;
        let Connection { stage: Stage::Live(driver), failure, .. } = &mut *connection else {
            return Err(misuse("the session is gone"));
        };
        let Some(Question::ClientHello(asked)) = driver.question() else {
            return Err(misuse("no ClientHello to answer"));
        };
        let mut reply = HelloReply::new();
        if let Some(credentials) = credentials {
            reply = reply.credentials(credentials.context.clone());
        }
        if let Some(identity) = identity.and_then(|context| context.context.identities().first()) {
            reply = reply.identity(identity.clone());
        }
        if let Some(context) = context {
            reply = reply.context(context.context.clone());
        }
        if let Some(alpn) = &answer.alpn {
            reply = reply.alpn(alpn.iter().map(|name| name.to_vec()));
        }
        if let Some(staple) = &answer.ocsp_staple {
            reply = reply.ocsp_staple(staple.to_vec());
        }
        if let Some(session) = &answer.session {
            reply = reply.resume(session.to_vec());
        }
        let answer = match answer.alert {
            Some(alert) => session::HelloAnswer::Refuse(Alert::from_number(alert)),
            None => session::HelloAnswer::Serve(reply),
        };
        if let Err(error) = asked.answer(answer) {
            *failure = Some(error);
        }
        Ok(())
    }

    /// The last reported session is stored. The next turn continues from there.
    #[napi]
    pub fn stored(&self) -> Result<(), Thrown> {
        let mut connection = self.lock()?;
        let Connection { stage: Stage::Live(driver), failure, .. } = &mut *connection else {
            return Err(misuse("the session is gone"));
        };
        let Some(Question::StoreSession(asked)) = driver.question() else {
            return Err(misuse("no session to store"));
        };
        if let Err(error) = asked.stored() {
            *failure = Some(error);
        }
        Ok(())
    }

    /// Answers the question for a pre-shared key; without a key the answer is no. The next turn continues
    /// from there.
    #[napi]
    pub fn answer_psk(&self, identity: Option<&[u8]>, key: Option<&[u8]>) -> Result<(), Thrown> {
        let mut connection = self.lock()?;
        let Connection { stage: Stage::Live(driver), failure, .. } = &mut *connection else {
            return Err(misuse("the session is gone"));
        };
        let Some(Question::Psk(asked)) = driver.question() else {
            return Err(misuse("no pre-shared key was requested"));
        };
        let key = key.map(|key| sealwire::Psk::new(identity.unwrap_or_default(), key));
        if let Err(error) = asked.answer(key) {
            *failure = Some(error);
        }
        Ok(())
    }

    /// Begins to negotiate the connection again; a server may ask for a certificate then.
    /// [`take_output`](Self::take_output) has the words. A text: why that is not possible.
    #[napi]
    pub fn renegotiate(&self, ask: Option<bool>, require: bool) -> Result<Option<String>, Thrown> {
        let mut connection = self.lock()?;
        let Connection { stage: Stage::Live(driver), .. } = &mut *connection else {
            return Err(misuse("the session is gone"));
        };
        let client_auth = ask.map(|ask| match (ask, require) {
            (false, _) => ClientAuth::None,
            (true, false) => ClientAuth::Request,
            (true, true) => ClientAuth::Require,
        });
        Ok(driver.renegotiate(client_auth).err().map(|error| error.to_string()))
    }

    /// What is known of the peer now.
    #[napi]
    pub fn peer_facts(&self) -> Result<Option<PeerFacts>, Thrown> {
        self.ask(|session| session.peer().map(PeerFacts::from))
    }

    /// Decrypts what is in `chunk`, in place. What came of it is in `report`; see [`HEADER`].
    /// Bytes that are not consumed are to be shown again, with more behind them.
    #[napi]
    pub fn receive(
        &self,
        mut chunk: BufferSlice<'_>,
        mut report: BufferSlice<'_>,
    ) -> Result<(), Thrown> {
        let places = chunk.as_ptr_range();
        self.received(&mut report, |driver, records, data| {
            let mut places = Places::new(places, records, data);
            let outcome = driver.read_in(&mut chunk, &mut places);
            Taken { outcome, count: places.count, is_full: places.is_full() }
        })
    }

    /// The same of the bytes `from..to` of a chunk that is not ours to keep: the data are copied to `target`,
    /// from `at` on.
    #[napi]
    pub fn receive_lent(
        &self,
        mut chunk: BufferSlice<'_>,
        from: u32,
        to: u32,
        mut target: BufferSlice<'_>,
        at: u32,
        mut report: BufferSlice<'_>,
    ) -> Result<(), Thrown> {
        let Some(lent) = chunk.get_mut(from as usize..to as usize) else {
            return Err(misuse("the chunk is shorter than that"));
        };
        self.received(&mut report, |driver, records, data| {
            let mut copies = Copies::new(&mut target, at as usize, records, data);
            let outcome = driver.read_in(lent, &mut copies);
            Taken { outcome, count: copies.count, is_full: copies.is_full() }
        })
    }

    /// Encrypts `plaintext` into `out` and gives the number of bytes. 0: `out` is too short, and
    /// [`take_output`](Self::take_output) has them.
    #[napi]
    pub fn encrypt(&self, plaintext: &[u8], mut out: BufferSlice<'_>) -> Result<u32, Thrown> {
        let written = self.encrypted(plaintext, |driver, records| {
            if let Some(room) = out.get_mut(..records.len()) {
                room.copy_from_slice(records);
                records.len()
            } else {
                driver.put_back(records);
                0
            }
        })?;
        Ok(u32::try_from(written).expect("a write is shorter than 4 GiB"))
    }

    /// Sends what the session itself has to say by the socket that has this descriptor, and gives what
    /// [`send`](Self::send) does.
    #[napi]
    pub fn send_output(&self, fd: i32) -> Result<i32, Thrown> {
        let mut connection = self.lock()?;
        let Stage::Live(driver) = &mut connection.stage else { return Ok(-1) };
        let taken = descriptor::send(fd, driver.outgoing());
        driver.sent(taken);
        // Data do not go that way: what a flight of the handshake took would be kept for nothing.
        driver.shrink();
        let number = i32::try_from(taken).expect("a flight is shorter than 2 GiB");
        Ok(if driver.is_sending() { -1 - number } else { number })
    }

    /// Encrypts the first `length` bytes of `plaintext` and sends them by the socket that has this
    /// descriptor. Gives how many bytes it has taken, as a negative number less one where it has not taken all:
    /// [`take_output`](Self::take_output) has the rest.
    #[napi]
    pub fn send(&self, fd: i32, plaintext: &[u8], length: u32) -> Result<i32, Thrown> {
        let Some(plaintext) = plaintext.get(..length as usize) else {
            return Err(misuse("length exceeds the data to send"));
        };
        let number = |count| i32::try_from(count).expect("a write is shorter than 2 GiB");
        self.encrypted(plaintext, |driver, records| {
            let taken = descriptor::send(fd, records);
            if taken == records.len() && !records.is_empty() {
                return number(taken);
            }
            driver.put_back(&records[taken..]);
            -1 - number(taken)
        })
    }

    /// How many bytes of data a record holds at most. False: not a size that TLS allows.
    #[napi]
    pub fn set_max_fragment_size(&self, bytes: u32) -> Result<bool, Thrown> {
        match &mut self.lock()?.stage {
            Stage::Live(driver) => Ok(driver.set_max_fragment_size(bytes as usize).is_ok()),
            _ => Err(misuse("the session is gone")),
        }
    }

    /// Says that no more data will be sent. [`take_output`](Self::take_output) has the words.
    #[napi]
    pub fn close(&self) -> Result<(), Thrown> {
        if let Stage::Live(driver) = &mut self.lock()?.stage {
            driver.close();
        }
        Ok(())
    }

    /// What the session itself has to send.
    #[napi]
    pub fn take_output(&self) -> Result<Option<Buffer>, Thrown> {
        Ok(self.lock()?.output())
    }

    /// What went over the connection since the last time, in OpenSSL's words. Undefined: OpenSSL does
    /// not speak it.
    #[napi]
    pub fn trace(&self) -> Result<Option<Buffer>, Thrown> {
        match &mut self.lock()?.stage {
            Stage::Live(driver) => Ok(driver.trace().map(Buffer::from)),
            _ => Ok(None),
        }
    }

    /// Data that had no place in the chunk.
    #[napi]
    pub fn take_data(&self) -> Result<Buffer, Thrown> {
        Ok(mem::take(&mut self.lock()?.data).into())
    }

    /// The events besides data.
    #[napi]
    pub fn take_events(&self) -> Result<SessionEvents, Thrown> {
        Ok(mem::take(&mut self.lock()?.session_events))
    }

    /// Why the connection failed.
    #[napi]
    pub fn failure(&self) -> Result<Option<Failure>, Thrown> {
        Ok(self.lock()?.failure.as_ref().map(Failure::from))
    }

    /// The peer's certificates in DER, as it sent them.
    #[napi]
    pub fn peer_certificates(&self) -> Result<Vec<Buffer>, Thrown> {
        self.ask(|session| {
            let certificates = session.peer().map_or(&[][..], sealwire::Peer::certificates);
            certificates.iter().map(|certificate| certificate.der().into()).collect()
        })
    }

    /// What the name constraints above the server's certificate have against `host`, which its
    /// common name was taken for. Null: nothing, or the chain is not trusted to begin with.
    #[napi]
    pub fn common_name_limits(&self, host: String) -> Result<Option<String>, Thrown> {
        self.ask(|session| {
            let chain = session.peer().map_or(&[][..], sealwire::Peer::verified_chain);
            match host.parse::<ServerName>() {
                Ok(name) => check_common_name_constraints(&name, chain).err(),
                Err(_) if chain.iter().skip(1).all(|ca| !ca.has_name_constraints()) => None,
                Err(_) => Some(format!("{host:?} is not a name that constraints apply to")),
            }
        })
    }

    /// The lines of the key log, when the program `listens`; else they are wiped.
    #[napi]
    pub fn take_key_log(&self, listens: bool) -> Result<Vec<String>, Thrown> {
        let lines = mem::take(&mut self.lock()?.key_log);
        let lines = lines.iter().filter(|_| listens);
        Ok(lines.map(|line| line.as_str().to_owned()).collect())
    }

    /// Makes the next session that the server has given the [`current`](Self::current_session)
    /// one. False: no such session.
    #[napi]
    pub fn next_session(&self) -> Result<bool, Thrown> {
        let mut connection = self.lock()?;
        let next = connection.sessions.pop_front();
        let found = next.is_some();
        if found {
            connection.session = next;
        }
        Ok(found)
    }

    /// Whether there is a next one.
    #[napi]
    pub fn has_next_session(&self) -> Result<bool, Thrown> {
        Ok(!self.lock()?.sessions.is_empty())
    }

    /// The session of this connection, as bytes that are good in this process.
    #[napi]
    pub fn current_session(&self) -> Result<Option<Buffer>, Thrown> {
        Ok(self.lock()?.current_session().map(|session| session.to_bytes().into()))
    }

    /// Its ticket.
    #[napi]
    pub fn current_ticket(&self) -> Result<Option<Buffer>, Thrown> {
        let connection = self.lock()?;
        let ticket = connection.current_session().and_then(ClientSession::ticket);
        Ok(ticket.map(Buffer::from))
    }

    /// Our own certificates as they were shown, leaf first, in DER.
    #[napi]
    pub fn local_certificates(&self) -> Result<Vec<Buffer>, Thrown> {
        self.ask(|session| {
            session
                .local_certificates()
                .iter()
                .map(|certificate| certificate.der().into())
                .collect()
        })
    }

    /// The verify_data of our Finished message.
    #[napi]
    pub fn finished(&self) -> Result<Option<Buffer>, Thrown> {
        self.ask(|session| session.finished().map(Buffer::from))
    }

    /// The verify_data of the peer's.
    #[napi]
    pub fn peer_finished(&self) -> Result<Option<Buffer>, Thrown> {
        self.ask(|session| session.peer_finished().map(Buffer::from))
    }

    /// OpenSSL's names of the signature schemes that both sides have.
    #[napi]
    pub fn shared_signature_schemes(&self) -> Result<Vec<&'static str>, Thrown> {
        self.ask(|session| {
            session.shared_signature_schemes().iter().map(|scheme| scheme.openssl_name()).collect()
        })
    }

    /// Keying material for another protocol (RFC 5705).
    #[napi]
    pub fn export_keying_material(
        &self,
        length: u32,
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<Buffer, Thrown> {
        let mut material = vec![0; length as usize];
        let exported =
            self.ask(|session| session.export_keying_material(&mut material, label, context))?;
        exported.map_err(|error| Thrown::new(error.code().to_owned(), error.to_string()))?;
        Ok(material.into())
    }

    /// Something that a live session knows; one that never came to life knows nothing.
    fn ask<T>(&self, question: impl FnOnce(&sealwire::Session) -> T) -> Result<T, Thrown> {
        match &self.lock()?.stage {
            Stage::Live(driver) => Ok(question(driver.session())),
            _ => Err(misuse("the session is gone")),
        }
    }

    fn of(stage: Stage, offered: Option<ClientSession>) -> Self {
        Self(Arc::new(Mutex::new(Connection::new(stage, offered))))
    }

    /// Reads records by `read`, and writes down what came of it.
    fn received(
        &self,
        report: &mut [u8],
        read: impl FnOnce(&mut Driver, &mut [[u8; 4]], &mut Vec<u8>) -> Taken,
    ) -> Result<(), Thrown> {
        let mut connection = self.lock()?;
        let Connection { stage: Stage::Live(driver), data, failure, .. } = &mut *connection else {
            return Err(misuse("the session is gone"));
        };
        let (report, _) = report.as_chunks_mut::<4>();
        let (header, records) = report.split_at_mut(HEADER);
        let Taken { outcome, count, is_full } = read(driver, records, data);
        let mut flags = 0;
        if is_full {
            flags |= MORE;
        }
        let consumed = match outcome {
            Ok(consumed) => u32::try_from(consumed).expect("a chunk is shorter than 4 GiB"),
            Err(error) => {
                *failure = Some(error);
                flags |= FAILED;
                0
            }
        };
        connection.gather();
        if !connection.session_events.is_empty() {
            flags |= HAS_EVENTS;
        }
        let Stage::Live(driver) = &connection.stage else { return Err(misuse("no session")) };
        if driver.session().peer_has_closed() {
            flags |= PEER_CLOSED;
        }
        if driver.is_sending() {
            flags |= HAS_OUTPUT;
        }
        for (field, number) in header.iter_mut().zip([consumed, flags, count]) {
            *field = number.to_ne_bytes();
        }
        Ok(())
    }

    /// Encrypts, and gives the records to `then`, with the session that has made them.
    fn encrypted<T>(
        &self,
        plaintext: &[u8],
        then: impl FnOnce(&mut Driver, &[u8]) -> T,
    ) -> Result<T, Thrown> {
        thread_local! {
            static RECORDS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        const KEEP: usize = 256 * 1024;
        let mut connection = self.lock()?;
        let Connection { stage: Stage::Live(driver), .. } = &mut *connection else {
            return Err(misuse("the session is gone"));
        };
        RECORDS.with_borrow_mut(|records| {
            records.clear();
            driver
                .write_in(plaintext, records)
                .map_err(|error| Thrown::new(error.code().to_owned(), error.to_string()))?;
            let outcome = then(driver, records);
            records.shrink_to(KEEP);
            Ok(outcome)
        })
    }

    /// For a thread of the pool.
    pub(crate) fn shared(&self) -> Arc<Mutex<Connection>> {
        self.0.clone()
    }

    pub(crate) fn lock(&self) -> Result<MutexGuard<'_, Connection>, Thrown> {
        self.0.try_lock().map_err(|_| misuse("the session is at work on another thread"))
    }
}

/// What a sink has taken of a chunk.
struct Taken {
    outcome: Result<usize, sealwire::Error>,
    count: u32,
    is_full: bool,
}
