//! Where the relay puts its events.

use super::Event;

/// Takes events. Called on the relay's threads for each piece that passes, so it must not block: a
/// recorder that cannot keep up drops bodies ([`super::What::Body`]), says so on the flow later, and
/// never loses any other event.
pub trait Recorder: Send + Sync + 'static {
    /// Takes one event.
    fn record(&self, event: Event);

    /// Whether [`super::What::Wire`] is wanted: for the export of packets and the view of what a
    /// sniffer sees. It is asked once for each connection.
    fn wants_wire(&self) -> bool {
        false
    }
}
