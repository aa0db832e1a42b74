//! Where the relay puts its events.

use super::Event;

/// Takes events. Called on the relay's threads for each piece that passes, so it must not block: a
/// recorder that cannot keep up drops bodies ([`super::What::Body`]), says so on the flow later, and
/// never loses any other event.
pub trait Recorder: Send + Sync + 'static {
    /// Takes one event.
    fn record(&self, event: Event);
}
