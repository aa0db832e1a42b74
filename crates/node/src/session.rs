//! One connection.
//!
//! A handshake is driven by [`Session::advance`], on the thread pool: bytes received are moved in,
//! and what came of them is told when it resolves. Once the connection is open,
//! [`Session::receive`] and [`Session::encrypt`] work in place on the JavaScript thread.
//! JavaScript never calls both at once; if it did, it would get an error, not wait.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::Env;
use napi::bindgen_prelude::{AsyncTask, Buffer, BufferSlice};
use napi_derive::napi;
use sealwire::session::{ClientHello, Event, HelloReply, Question, Reply, Sink};
use sealwire::{Alert, ClientOptions, ClientSession, Error, KeyLogLine, ServerOptions};

use crate::context::SecureContext;
use crate::failure::{Failure, Thrown, misuse};
use crate::peer::PeerFacts;
use crate::settings::{ClientConnection, ServerConnection};

/// One side of one TLS connection.
#[napi]
pub struct Session(Arc<Mutex<Connection>>);

/// What a turn of the handshake brought.
#[napi(object, object_from_js = false)]
pub struct Progress {
    /// Bytes to send.
    pub output: Option<Buffer>,
    /// What the client said first, when that is a question. Nothing goes on before the answer.
    pub client_hello: Option<Hello>,
    /// A session to be stored. Nothing goes on before [`Session::stored`].
    pub store_session: Option<Stored>,
    /// What was agreed: the handshake is complete.
    pub complete: Option<PeerFacts>,
    /// Data that came along with the end of the handshake.
    pub data: Option<Buffer>,
    /// Bytes received and not used yet, for [`Session::receive`].
    pub rest: Option<Buffer>,
    /// Whether the peer has said that it will send no more.
    pub peer_closed: bool,
    /// What else was told.
    pub told: Option<Told>,
    /// Why the connection failed.
    pub failure: Option<Failure>,
}

/// A server's session, for the program's store.
#[napi(object, object_from_js = false)]
pub struct Stored {
    /// Under which it will be asked for.
    pub id: Buffer,
    /// The session. Secret.
    pub data: Buffer,
}

/// What a session tells besides data, in order of its kind.
#[derive(Default)]
#[napi(object, object_from_js = false)]
pub struct Told {
    /// How many lines the key log has, for [`Session::take_key_log`].
    pub key_log: u32,
    /// Whether the server's staple was told, or that there is none.
    pub has_ocsp: bool,
    /// The OCSP response that the server has stapled.
    pub ocsp_response: Option<Buffer>,
    /// How many sessions the server has given, for [`Session::next_session`].
    pub sessions: u32,
}

/// A ClientHello.
#[napi(object, object_from_js = false)]
pub struct Hello {
    /// The name of SNI.
    pub server_name: Option<String>,
    /// The protocols offered, as they are on the wire.
    pub alpn: Vec<Buffer>,
    /// The session id.
    pub session_id: Buffer,
    /// The ids under which a session with this client may have been stored.
    pub stored_ids: Vec<Buffer>,
    /// Whether TLS 1.3 is offered.
    pub offers_tls13: bool,
    /// Whether a ticket is offered.
    pub offers_ticket: bool,
    /// Whether an OCSP staple is asked for.
    pub requests_ocsp: bool,
}

/// The answer to a ClientHello.
#[napi(object, object_to_js = false)]
pub struct HelloAnswer {
    /// The protocols to choose from.
    pub alpn: Option<Vec<Buffer>>,
    /// The OCSP response to staple.
    pub ocsp_staple: Option<Buffer>,
    /// The stored session to resume.
    pub session: Option<Buffer>,
    /// End the connection with this alert instead.
    pub alert: Option<u8>,
}

struct Connection {
    stage: Stage,
    /// Bytes received and not used yet, while the handshake lasts.
    received: Vec<u8>,
    /// Data that came along with the end of the handshake.
    data: Vec<u8>,
    /// Records that did not fit into the room that JavaScript had for them.
    unsent: Vec<u8>,
    told: Told,
    /// Secrets, which leave here only when somebody listens.
    key_log: Vec<KeyLogLine>,
    /// The session that is offered to the server, and then the one told last.
    session: Option<ClientSession>,
    /// Sessions that the server has given and that are to be told.
    sessions: VecDeque<ClientSession>,
    failure: Option<Error>,
}

#[allow(clippy::large_enum_variant, reason = "a session is live for nearly all of its life")]
enum Stage {
    /// A client whose first message is yet to be made: that costs key generation, so the pool
    /// does it.
    New(Box<(sealwire::SecureContext, ClientOptions)>),
    Live(sealwire::Session),
    Gone,
}

/// `receive` reports by numbers (u32) in an array of JavaScript's, so that nothing is allocated per
/// record: how much is consumed, what else there is, how many records; then offset and length of
/// each record's data.
const HEADER: usize = 3;
const HAS_OUTPUT: u32 = 1;
const PEER_CLOSED: u32 = 2;
const FAILED: u32 = 4;
/// The records do not all fit into the report: call again.
const MORE: u32 = 8;
/// [`Session::take_told`] has something.
const TOLD: u32 = 16;
/// In place of an offset: the data are not in the chunk but in [`Session::take_data`].
const ELSEWHERE: u32 = u32::MAX;

#[napi]
impl Session {
    /// A client session. The first [`advance`](Self::advance) gives the ClientHello.
    #[napi(factory)]
    pub fn client(context: &SecureContext, connection: ClientConnection) -> Result<Self, Thrown> {
        let offered = connection.session.as_deref().and_then(ClientSession::from_bytes);
        let options = connection.options(offered.clone())?;
        let stage = Stage::New(Box::new((context.context.clone(), options)));
        Ok(Self::of(stage, offered))
    }

    /// A server session.
    #[napi(factory)]
    pub fn server(context: &SecureContext, connection: ServerConnection) -> Self {
        let options: ServerOptions = connection.options();
        Self::of(Stage::Live(sealwire::Session::server(&context.context, &options)), None)
    }

    /// Goes on with the handshake on the thread pool, with more bytes received, if there are any.
    #[napi]
    pub fn advance(&self, received: Option<&[u8]>) -> Result<AsyncTask<Advance>, Thrown> {
        if let Some(received) = received {
            self.lock()?.received.extend_from_slice(received);
        }
        Ok(AsyncTask::new(Advance(self.0.clone())))
    }

    /// As [`advance`](Self::advance), at once: for a message that costs less than the way to
    /// another thread and back.
    #[napi]
    pub fn advance_now(&self, received: &[u8]) -> Result<Progress, Thrown> {
        let mut connection = self.lock()?;
        connection.received.extend_from_slice(received);
        connection.advance();
        Ok(connection.progress())
    }

    /// Answers the ClientHello; `credentials` says whose certificates to show and whose trust to
    /// judge by, and `identity` whose certificate to show whatever the client offers. [`advance`](Self::advance) goes on from there.
    #[napi]
    pub fn answer_hello(
        &self,
        credentials: Option<&SecureContext>,
        identity: Option<&SecureContext>,
        answer: HelloAnswer,
    ) -> Result<(), Thrown> {
        let mut connection = self.lock()?;
        let Stage::Live(session) = &mut connection.stage else { return Err(misuse("no question")) };
        let mut reply = HelloReply::new();
        if let Some(credentials) = credentials {
            reply = reply.credentials(credentials.context.clone());
        }
        if let Some(identity) = identity.and_then(|context| context.context.identities().first()) {
            reply = reply.identity(identity.clone());
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
        let reply = match answer.alert {
            Some(alert) => Reply::RefuseWith(Alert::from_number(alert)),
            None => Reply::ClientHello(reply),
        };
        if let Err(error) = session.reply(reply) {
            connection.failure = Some(error);
        }
        Ok(())
    }

    /// The session told last is stored. [`advance`](Self::advance) goes on from there.
    #[napi]
    pub fn stored(&self) -> Result<(), Thrown> {
        let mut connection = self.lock()?;
        let Stage::Live(session) = &mut connection.stage else { return Err(misuse("no question")) };
        if let Err(error) = session.reply(Reply::Proceed) {
            connection.failure = Some(error);
        }
        Ok(())
    }

    /// Decrypts what is in `chunk`, in place. What came of it is in `report`; see [`HEADER`].
    /// Bytes that are not consumed are to be shown again, with more behind them.
    #[napi]
    pub fn receive(
        &self,
        mut chunk: BufferSlice<'_>,
        mut report: BufferSlice<'_>,
    ) -> Result<(), Thrown> {
        let mut connection = self.lock()?;
        let Connection { stage: Stage::Live(session), data, failure, .. } = &mut *connection else {
            return Err(misuse("the session is gone"));
        };
        let (report, _) = report.as_chunks_mut::<4>();
        let (header, records) = report.split_at_mut(HEADER);
        let mut places = Places::new(&chunk, records, data);
        let outcome = session.receive(&mut chunk, &mut places);
        let mut flags = 0;
        if places.is_full() {
            flags |= MORE;
        }
        let count = places.count;
        let consumed = match outcome {
            Ok(consumed) => u32::try_from(consumed).expect("a chunk is shorter than 4 GiB"),
            Err(error) => {
                *failure = Some(error);
                flags |= FAILED;
                0
            }
        };
        connection.gather();
        if !connection.told.is_empty() {
            flags |= TOLD;
        }
        let Stage::Live(session) = &connection.stage else { return Err(misuse("no session")) };
        if session.peer_has_closed() {
            flags |= PEER_CLOSED;
        }
        if session.has_output() {
            flags |= HAS_OUTPUT;
        }
        for (field, number) in header.iter_mut().zip([consumed, flags, count]) {
            *field = number.to_ne_bytes();
        }
        Ok(())
    }

    /// Encrypts `plaintext` into `out` and gives the number of bytes. 0: `out` is too short, and
    /// [`take_output`](Self::take_output) has them.
    #[napi]
    pub fn encrypt(&self, plaintext: &[u8], mut out: BufferSlice<'_>) -> Result<u32, Thrown> {
        thread_local! {
            static RECORDS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        const KEEP: usize = 256 * 1024;
        let mut connection = self.lock()?;
        let Connection { stage: Stage::Live(session), unsent, .. } = &mut *connection else {
            return Err(misuse("the session is gone"));
        };
        RECORDS.with_borrow_mut(|records| {
            records.clear();
            session
                .encrypt(plaintext, records)
                .map_err(|error| Thrown::new(error.code().to_owned(), error.to_string()))?;
            let written = match out.get_mut(..records.len()) {
                Some(room) => {
                    room.copy_from_slice(records);
                    records.len()
                }
                None => {
                    unsent.append(records);
                    0
                }
            };
            records.shrink_to(KEEP);
            Ok(u32::try_from(written).expect("a write is shorter than 4 GiB"))
        })
    }

    /// How many bytes of data a record holds at most. False: not a size that TLS allows.
    #[napi]
    pub fn set_max_fragment_size(&self, bytes: u32) -> Result<bool, Thrown> {
        match &mut self.lock()?.stage {
            Stage::Live(session) => Ok(session.set_max_fragment_size(bytes as usize).is_ok()),
            _ => Err(misuse("the session is gone")),
        }
    }

    /// Says that no more data will be sent. [`take_output`](Self::take_output) has the words.
    #[napi]
    pub fn close(&self) -> Result<(), Thrown> {
        if let Stage::Live(session) = &mut self.lock()?.stage {
            session.send_close_notify();
        }
        Ok(())
    }

    /// What the session itself has to send.
    #[napi]
    pub fn take_output(&self) -> Result<Option<Buffer>, Thrown> {
        Ok(self.lock()?.output())
    }

    /// Data that had no place in the chunk.
    #[napi]
    pub fn take_data(&self) -> Result<Buffer, Thrown> {
        Ok(mem::take(&mut self.lock()?.data).into())
    }

    /// What was told besides data.
    #[napi]
    pub fn take_told(&self) -> Result<Told, Thrown> {
        Ok(mem::take(&mut self.lock()?.told))
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

    /// The lines of the key log, when somebody `listens`; else they are wiped.
    #[napi]
    pub fn take_key_log(&self, listens: bool) -> Result<Vec<String>, Thrown> {
        let lines = mem::take(&mut self.lock()?.key_log);
        let lines = lines.iter().filter(|_| listens);
        Ok(lines.map(|line| line.as_str().to_owned()).collect())
    }

    /// Makes the next session that the server has given the [`current`](Self::current_session)
    /// one. False: there is none.
    #[napi]
    pub fn next_session(&self) -> Result<bool, Thrown> {
        let mut connection = self.lock()?;
        let next = connection.sessions.pop_front();
        let found = next.is_some();
        connection.session = next.or(connection.session.take());
        Ok(found)
    }

    /// The session of this connection, as bytes that are good in this process.
    #[napi]
    pub fn current_session(&self) -> Result<Option<Buffer>, Thrown> {
        Ok(self.lock()?.current_session().map(|session| session.to_bytes().into()))
    }

    /// Its ticket, in TLS 1.2.
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
            Stage::Live(session) => Ok(question(session)),
            _ => Err(misuse("the session is gone")),
        }
    }

    fn of(stage: Stage, offered: Option<ClientSession>) -> Self {
        Self(Arc::new(Mutex::new(Connection {
            stage,
            received: Vec::new(),
            data: Vec::new(),
            unsent: Vec::new(),
            told: Told::default(),
            key_log: Vec::new(),
            session: offered,
            sessions: VecDeque::new(),
            failure: None,
        })))
    }

    fn lock(&self) -> Result<MutexGuard<'_, Connection>, Thrown> {
        self.0.try_lock().map_err(|_| misuse("the session is at work on another thread"))
    }
}

/// A turn of the handshake, on the thread pool.
pub struct Advance(Arc<Mutex<Connection>>);

impl napi::Task for Advance {
    type Output = ();
    type JsValue = Progress;

    /// Nothing in it panics; if something did, it would be an error of this connection and not
    /// the end of the process.
    fn compute(&mut self) -> napi::Result<()> {
        catch_unwind(AssertUnwindSafe(|| self.lock().advance()))
            .map_err(|_| napi::Error::from_reason("the TLS engine has panicked"))
    }

    fn resolve(&mut self, _env: Env, (): ()) -> napi::Result<Progress> {
        Ok(self.lock().progress())
    }
}

impl Advance {
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    fn advance(&mut self) {
        if let Stage::New(start) = &self.stage {
            let (context, options) = &**start;
            self.stage = match sealwire::Session::client(context, options) {
                Ok(session) => Stage::Live(session),
                Err(error) => {
                    self.failure = Some(error);
                    Stage::Gone
                }
            };
        }
        let Stage::Live(session) = &mut self.stage else { return };
        if self.failure.is_some() {
            return;
        }
        // The sink is full from the start: data wait for the JavaScript thread.
        let mut outcome = session.receive(&mut self.received, &mut Held(&mut self.data));
        if let Ok(consumed) = outcome {
            self.received.drain(..consumed);
            if !session.is_handshaking() {
                // The engine may have more to say at the end of its handshake.
                outcome = session.receive(&mut [], &mut self.data);
            }
        }
        self.failure = outcome.err();
    }

    fn progress(&mut self) -> Progress {
        let mut progress = Progress {
            output: self.output(),
            client_hello: None,
            store_session: None,
            complete: None,
            data: None,
            rest: None,
            peer_closed: false,
            told: None,
            failure: self.failure.as_ref().map(Failure::from),
        };
        for event in self.gather() {
            match event {
                Event::Question(Question::ClientHello(hello)) => {
                    progress.client_hello = Some(Hello::from(&*hello));
                }
                Event::Question(Question::StoreSession { id, data }) => {
                    let data = data.into_vec().into();
                    progress.store_session = Some(Stored { id: id.into(), data });
                }
                Event::HandshakeComplete => {
                    let Stage::Live(session) = &self.stage else { continue };
                    progress.complete = session.peer().map(PeerFacts::from);
                    if !session.peer().is_some_and(sealwire::Peer::is_resumed) {
                        self.session = None; // what was offered was not taken
                    }
                }
                _ => {}
            }
        }
        progress.told = (!self.told.is_empty()).then(|| mem::take(&mut self.told));
        let Stage::Live(session) = &mut self.stage else { return progress };
        progress.peer_closed = session.peer_has_closed();
        if progress.complete.is_some() {
            progress.data = (!self.data.is_empty()).then(|| mem::take(&mut self.data).into());
            progress.rest =
                (!self.received.is_empty()).then(|| mem::take(&mut self.received).into());
        }
        progress
    }

    /// Before any is told, the newest that there is.
    fn current_session(&self) -> Option<&ClientSession> {
        self.session.as_ref().or(self.sessions.back())
    }

    /// Writes down what was told, and gives the events that are for the handshake.
    fn gather(&mut self) -> Vec<Event> {
        let Stage::Live(session) = &mut self.stage else { return Vec::new() };
        let mut others = Vec::new();
        while let Some(event) = session.poll_event() {
            match event {
                Event::KeyLog(line) => {
                    self.told.key_log += 1;
                    self.key_log.push(line);
                }
                Event::OcspResponse(response) => {
                    self.told.has_ocsp = true;
                    self.told.ocsp_response = response.map(Buffer::from);
                }
                Event::NewSession(session) => {
                    self.told.sessions += 1;
                    self.sessions.push_back(session);
                }
                event => others.push(event),
            }
        }
        others
    }

    fn output(&mut self) -> Option<Buffer> {
        let mut out = mem::take(&mut self.unsent);
        if let Stage::Live(session) = &mut self.stage {
            session.take_output(&mut out);
        }
        (!out.is_empty()).then(|| out.into())
    }
}

impl Told {
    fn is_empty(&self) -> bool {
        self.key_log == 0 && !self.has_ocsp && self.sessions == 0
    }
}

impl From<&ClientHello> for Hello {
    fn from(hello: &ClientHello) -> Self {
        Self {
            server_name: hello.server_name().map(str::to_owned),
            alpn: hello.alpn().iter().map(|name| name.as_slice().into()).collect(),
            session_id: hello.session_id().into(),
            stored_ids: hello.session_ids().map(Buffer::from).collect(),
            offers_tls13: hello.supported_versions().contains(&0x0304),
            offers_ticket: hello.offers_ticket(),
            requests_ocsp: hello.requests_ocsp(),
        }
    }
}

/// A sink that is full: only what comes along with the end of the handshake goes into it.
struct Held<'a>(&'a mut Vec<u8>);

impl Sink for Held<'_> {
    fn take(&mut self, plaintext: &[u8]) {
        self.0.extend_from_slice(plaintext);
    }

    fn is_full(&self) -> bool {
        true
    }
}

/// A sink that writes down where in the chunk the data of each record are: decrypted in place,
/// they need not be copied.
struct Places<'a> {
    chunk: std::ops::Range<usize>,
    records: &'a mut [[u8; 4]],
    count: u32,
    elsewhere: &'a mut Vec<u8>,
}

impl<'a> Places<'a> {
    fn new(chunk: &[u8], records: &'a mut [[u8; 4]], elsewhere: &'a mut Vec<u8>) -> Self {
        let start = chunk.as_ptr().addr();
        Self { chunk: start..start + chunk.len(), records, count: 0, elsewhere }
    }
}

impl Sink for Places<'_> {
    fn take(&mut self, plaintext: &[u8]) {
        let start = plaintext.as_ptr().addr();
        let offset = match start >= self.chunk.start && start + plaintext.len() <= self.chunk.end {
            true => u32::try_from(start - self.chunk.start).unwrap_or(ELSEWHERE),
            false => ELSEWHERE,
        };
        if offset == ELSEWHERE {
            self.elsewhere.extend_from_slice(plaintext);
        }
        let at = self.count as usize * 2;
        let length = u32::try_from(plaintext.len()).expect("a record is 16 KiB");
        self.records[at] = offset.to_ne_bytes();
        self.records[at + 1] = length.to_ne_bytes();
        self.count += 1;
    }

    fn is_full(&self) -> bool {
        (self.count as usize + 1) * 2 > self.records.len()
    }
}
