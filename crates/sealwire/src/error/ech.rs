//! A server that does not take what a client hid.

use std::fmt;

use crate::reading::EchConfigList;
use crate::verify::Refusal;
use crate::words::ServerName;

/// A server rejected Encrypted Client Hello
/// ([RFC 9849, 6.1.6](https://www.rfc-editor.org/rfc/rfc9849#section-6.1.6)):
/// no data were sent, and the name that
/// was hidden was not revealed.
#[derive(Debug, Clone)]
pub struct EchRejection {
    pub(crate) public_name: ServerName,
    pub(crate) retry_configs: Option<EchConfigList>,
    pub(crate) refusal: Option<Refusal>,
}

impl EchRejection {
    /// The public name of the configuration, by which the server was asked to prove itself.
    pub fn public_name(&self) -> &ServerName {
        &self.public_name
    }

    /// The configurations to try in place of ours; `None`: the server has disabled ECH. They are to
    /// be believed where the server [is authorized](Self::is_authorized) only.
    pub fn retry_configs(&self) -> Option<&EchConfigList> {
        self.retry_configs.as_ref()
    }

    /// Whether the server proved that it is the public name's. It did, unless the peer's verification was
    /// only recorded.
    pub fn is_authorized(&self) -> bool {
        self.refusal.is_none()
    }

    /// The reason otherwise.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }
}

impl fmt::Display for EchRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.public_name;
        let proved = if self.is_authorized() { "proved" } else { "did not prove" };
        write!(f, "the server rejected Encrypted Client Hello, {proved} that it is {name}, ")?;
        match &self.retry_configs {
            Some(list) if list.configs().len() == 1 => {
                f.write_str("and sent another configuration to try")
            }
            Some(list) => {
                write!(f, "and sent {} other configurations to try", list.configs().len())
            }
            None => f.write_str("and sent no other configuration: ECH is disabled there"),
        }
    }
}
