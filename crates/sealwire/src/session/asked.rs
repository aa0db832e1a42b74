//! The stages in which a session stands still, and where the answers lead.

use std::sync::Arc;

use super::handshake::Handshake;
use super::reply::HelloReply;
use super::{Core, Event, Peer, ServerOptions, Stage, handshake};
use crate::context::SecureContext;
use crate::engine::Engine;
use crate::engine::resumption::SessionData;
use crate::error::Error;
use crate::reading::ClientHello;
use crate::words::{Alert, Psk};

/// The client's first message has come.
pub(super) struct AskedHello {
    pub(super) context: SecureContext,
    pub(super) options: Box<ServerOptions>,
    pub(super) hello: Box<ClientHello>,
}

/// The handshake is complete and the peer is judged.
pub(super) struct AskedPeer {
    pub(super) engine: Box<dyn Engine>,
    pub(super) peer: Arc<Peer>,
    pub(super) to_store: ToStore,
}

/// A pre-shared key is needed; which one is in the handshake's state.
pub(super) struct AskedPsk {
    pub(super) handshake: Box<Handshake>,
}

/// The session `data` is to be stored, before those of `more`.
pub(super) struct AskedStore {
    pub(super) engine: Box<dyn Engine>,
    pub(super) id: Vec<u8>,
    pub(super) data: SessionData,
    pub(super) more: ToStore,
}

/// Sessions of a server that are still to be stored, the next one last.
pub(super) type ToStore = Vec<(Vec<u8>, SessionData)>;

impl AskedHello {
    pub(super) fn serve(self, reply: HelloReply, core: &mut Core) -> Stage {
        handshake::serve(self, reply, core)
    }
}

impl AskedPsk {
    pub(super) fn answered(self, answer: Option<Psk>, core: &mut Core) -> Stage {
        if let Some(handshake) = core.conn.handshake.as_mut() {
            handshake.psk.answered(answer);
        }
        Stage::Handshake(self.handshake)
    }
}

impl AskedPeer {
    pub(super) fn accept(self, core: &mut Core) -> Stage {
        store_or_open(self.engine, self.to_store, core)
    }

    pub(super) fn refuse(self, alert: Alert, core: &mut Core) -> Stage {
        self.engine.refuse(alert, &mut core.conn, &mut core.out);
        Stage::Failed(Error::RefusedByProgram)
    }
}

impl AskedStore {
    pub(super) fn stored(self, core: &mut Core) -> Stage {
        store_or_open(self.engine, self.more, core)
    }
}

/// Asks to store the next session of a server, or opens the connection.
pub(super) fn store_or_open(
    engine: Box<dyn Engine>,
    mut to_store: ToStore,
    core: &mut Core,
) -> Stage {
    let Some((id, data)) = to_store.pop() else { return open(engine, core) };
    core.events.push_back(Event::Question);
    Stage::StoreAsked(AskedStore { engine, id, data, more: to_store })
}

/// Leaves the handshake behind: from here on there are data.
fn open(engine: Box<dyn Engine>, core: &mut Core) -> Stage {
    let mut channel = match engine.open(&mut core.conn, &mut core.out) {
        Ok(channel) => channel,
        Err(failure) => return Stage::Failed(failure.into()),
    };
    core.conn.handshake = None;
    if core.closing.we_sent_close_notify {
        channel.close(&mut core.out);
    }
    core.events.push_back(Event::HandshakeComplete);
    core.tell_first_session();
    Stage::Open(channel)
}
