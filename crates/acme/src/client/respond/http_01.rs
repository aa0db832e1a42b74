//! http-01 by a built-in web server that serves nothing else.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::{Done, Responder, Solver};
use crate::client::{Error, Folder};
use crate::store::ChallengeKind;

/// The key authorizations that http-01 serves.
#[derive(Clone, Default)]
pub struct Http01 {
    shown: Arc<Mutex<HashMap<String, String>>>,
    folder: Option<Folder>,
}

impl Http01 {
    /// One that shows the same on all machines that share a folder.
    #[must_use]
    pub fn in_folder(folder: &Folder) -> Self {
        Self { shown: Arc::default(), folder: Some(folder.clone()) }
    }

    /// What is shown at this path.
    fn text(&self, path: &str) -> Option<String> {
        let token = path.strip_prefix("/.well-known/acme-challenge/")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if token.is_empty() || token.len() > LONGEST_TOKEN || !token.chars().all(plain) {
            return None;
        }
        let own = self.shown.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned();
        own.or_else(|| std::fs::read_to_string(self.folder.as_ref()?.shown(&place(token))).ok())
    }
}

/// Tokens of CAs have a few dozen letters; longer ones are not looked up in the folder.
const LONGEST_TOKEN: usize = 200;

/// Where it is in the folder. No host name has a blank, so tls-alpn-01 never finds it.
fn place(token: &str) -> String {
    format!("http-01 {token}")
}

impl Solver for Http01 {
    fn kind(&self) -> ChallengeKind {
        ChallengeKind::Http01
    }

    fn present<'a>(&'a self, responder: &'a Responder) -> Done<'a> {
        Box::pin(async move {
            if let Some(folder) = &self.folder {
                folder.show(&place(&responder.token), &responder.key_authorization)?;
            }
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            shown.insert(responder.token.clone(), responder.key_authorization.clone());
            Ok(())
        })
    }

    fn clean<'a>(&'a self, responder: &'a Responder) -> Done<'a> {
        Box::pin(async move {
            let token = &responder.token;
            self.shown.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
            match &self.folder {
                Some(folder) => {
                    let path = folder.shown(&place(token));
                    std::fs::remove_file(&path).map_err(|e| Error::at(path.display(), e))
                }
                None => Ok(()),
            }
        })
    }
}

/// Connections at once: CAs open a handful; all others wait.
const MOST: usize = 128;

/// A port where CAs fetch what they look for, until this is dropped.
pub struct HttpDoor(tokio::task::AbortHandle);

impl HttpDoor {
    /// Answers from all of these.
    #[must_use]
    pub fn open(tcp: TcpListener, shown: Vec<Http01>) -> Self {
        let shown: Arc<[Http01]> = shown.into();
        let places = Arc::new(Semaphore::new(MOST));
        let serving = tokio::spawn(async move {
            loop {
                let Ok(place) = places.clone().acquire_owned().await else { return };
                // A failed connection affects no other; a lack of descriptors passes.
                let Ok((stream, _)) = tcp.accept().await else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let shown = shown.clone();
                tokio::spawn(async move {
                    let _place = place;
                    let service = service_fn(|request: Request<Incoming>| {
                        let answer = answer(&shown, request.uri().path());
                        async move { Ok::<_, Infallible>(answer) }
                    });
                    let connection = hyper::server::conn::http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(PATIENCE)
                        .keep_alive(false)
                        .serve_connection(TokioIo::new(stream), service);
                    // A client that does not read is not waited for either.
                    let _ = tokio::time::timeout(PATIENCE * 2, connection).await;
                });
            }
        });
        Self(serving.abort_handle())
    }
}

/// How long a client may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);

impl Drop for HttpDoor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn answer(shown: &[Http01], path: &str) -> Response<Full<Bytes>> {
    let found = shown.iter().find_map(|one| one.text(path));
    let missing = found.is_none();
    let mut response = Response::new(Full::new(Bytes::from(found.unwrap_or_default())));
    if missing {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}

/// http-01 on a port of its own, until it is dropped.
pub struct Standalone {
    shown: Http01,
    _door: HttpDoor,
}

impl Standalone {
    /// On this port.
    #[must_use]
    pub fn on(tcp: TcpListener) -> Self {
        let shown = Http01::default();
        Self { _door: HttpDoor::open(tcp, vec![shown.clone()]), shown }
    }
}

impl Solver for Standalone {
    fn kind(&self) -> ChallengeKind {
        self.shown.kind()
    }

    fn present<'a>(&'a self, responder: &'a Responder) -> Done<'a> {
        self.shown.present(responder)
    }

    fn clean<'a>(&'a self, responder: &'a Responder) -> Done<'a> {
        self.shown.clean(responder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Machines that share a folder show the same; nothing else of the folder is shown.
    #[tokio::test]
    async fn what_one_machine_shows_the_others_show() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let (one, other) = (Http01::in_folder(&folder), Http01::in_folder(&folder));
        let responder = Responder {
            identifier: crate::protocol::Identifier::Dns("a.test".to_owned()),
            token: "Abc-_9".to_owned(),
            key_authorization: "Abc-_9.thumbprint".to_owned(),
        };
        one.present(&responder).await.unwrap();
        let path = "/.well-known/acme-challenge/";
        for shown in [&one, &other] {
            assert_eq!(shown.text(&format!("{path}Abc-_9")).as_deref(), Some("Abc-_9.thumbprint"));
        }
        for beside in ["", "abc", "../lock", "..%2Flock", "/etc/passwd", &"a".repeat(9999)] {
            assert_eq!(other.text(&format!("{path}{beside}")), None, "{beside}");
        }
        assert_eq!(other.text("/Abc-_9"), None);
        one.clean(&responder).await.unwrap();
        assert_eq!(other.text(&format!("{path}Abc-_9")), None);
    }
}
