//! The clients: what each does is drawn by lot.

use std::ops::AddAssign;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use sealwire::{Connector, ProtocolVersion, TlsStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peers::credentials::context;
use crate::server::Server;

/// How often what happened.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Count {
    words: u64,
    resumed: u64,
    bulk: u64,
    megabytes: u64,
    half_closed: u64,
    reset: u64,
    cut: u64,
    garbage: u64,
    refused: u64,
}

impl Count {
    pub(crate) fn all_kinds_happened(&self) -> bool {
        let Self { words, resumed, bulk, half_closed, reset, cut, garbage, refused, .. } = *self;
        [words, resumed, bulk, half_closed, reset, cut, garbage, refused].iter().all(|&n| n > 0)
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.words += other.words;
        self.resumed += other.resumed;
        self.bulk += other.bulk;
        self.megabytes += other.megabytes;
        self.half_closed += other.half_closed;
        self.reset += other.reset;
        self.cut += other.cut;
        self.garbage += other.garbage;
        self.refused += other.refused;
    }
}

/// Marsaglia's xorshift.
struct Lot(u64);

impl Lot {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }
}

/// Contexts are shared, as in a program: for each version, with a certificate and without.
struct Contexts {
    good: Vec<Connector>,
    /// Trusts nobody who is there.
    distrustful: Connector,
}

static CONTEXTS: LazyLock<Contexts> = LazyLock::new(|| {
    let connector = |identity, trust, version: ProtocolVersion| {
        let context = context(identity, trust).versions(version..=version).build();
        Connector::new(context.expect("a context"))
    };
    let versions = [ProtocolVersion::Tls12, ProtocolVersion::Tls13];
    let good = versions
        .into_iter()
        .flat_map(|version| [connector("client", "ca", version), connector("", "ca", version)]);
    Contexts {
        good: good.collect(),
        distrustful: connector("", "other-ca", ProtocolVersion::Tls13),
    }
});

pub(crate) struct Client {
    server: Arc<Server>,
    lot: Lot,
    count: Count,
}

impl Client {
    pub(crate) fn new(server: Arc<Server>, seed: u64) -> Self {
        Self { server, lot: Lot(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)), count: Count::default() }
    }

    pub(crate) async fn work(mut self, until: Instant) -> Count {
        while Instant::now() < until {
            // What is good is never refused, and takes no longer than this.
            let step = tokio::time::timeout(Duration::from_secs(60), self.step());
            step.await.expect("the server does not hang").expect("the server keeps its word");
        }
        self.count
    }

    async fn step(&mut self) -> std::io::Result<()> {
        match self.lot.below(16) {
            0..8 => self.words().await,
            8..10 => self.bulk().await,
            10 => self.half_close().await,
            11 => self.reset().await,
            12..14 => self.cut_off().await,
            14 => self.garbage().await,
            _ => self.refuse().await,
        }
    }

    async fn dial(&self) -> std::io::Result<TcpStream> {
        let tcp = TcpStream::connect(("127.0.0.1", self.server.port)).await?;
        tcp.set_nodelay(true)?;
        Ok(tcp)
    }

    async fn connect(&mut self) -> std::io::Result<TlsStream<TcpStream>> {
        let connector = &CONTEXTS.good[self.lot.below(CONTEXTS.good.len() as u64) as usize];
        let connector = connector.clone().resume(self.lot.below(2) == 0);
        let name = "localhost".parse().expect("a name");
        let tls = connector.connect(name, self.dial().await?).await?;
        assert!(tls.peer().authorized());
        self.count.resumed += u64::from(tls.peer().is_resumed());
        Ok(tls)
    }

    /// A few messages of any length, each of which is answered.
    async fn words(&mut self) -> std::io::Result<()> {
        let mut tls = self.connect().await?;
        for _ in 0..self.lot.below(6) {
            let word = pattern(self.lot.below(1 << 20), 1 + self.lot.below(20_000) as usize);
            tls.write_all(&word).await?;
            tls.flush().await?;
            let mut heard = vec![0; word.len()];
            tls.read_exact(&mut heard).await?;
            assert!(heard == word, "a byte was changed");
        }
        tls.shutdown().await?;
        assert_eq!(tls.read(&mut [0]).await?, 0, "nobody said more");
        self.count.words += 1;
        Ok(())
    }

    /// Much data, both ways at once.
    async fn bulk(&mut self) -> std::io::Result<()> {
        const PART: usize = 50_000;
        let (salt, parts) = (self.lot.below(1 << 20), 1 + self.lot.below(60));
        let (mut reader, mut writer) = tokio::io::split(self.connect().await?);
        let sending = async {
            for part in 0..parts {
                writer.write_all(&pattern(salt + part, PART)).await?;
            }
            writer.shutdown().await
        };
        let receiving = async {
            let mut heard = vec![0; PART];
            for part in 0..parts {
                reader.read_exact(&mut heard).await?;
                assert!(heard == pattern(salt + part, PART), "a byte was changed");
            }
            reader.read(&mut heard).await
        };
        let ((), rest) = tokio::try_join!(sending, receiving)?;
        assert_eq!(rest, 0, "nobody said more");
        self.count.bulk += 1;
        self.count.megabytes += parts * PART as u64 / 1_000_000;
        Ok(())
    }

    /// Says all, ends its side, and listens to the rest.
    async fn half_close(&mut self) -> std::io::Result<()> {
        let mut tls = self.connect().await?;
        let said = pattern(self.lot.below(1 << 20), 10_000);
        tls.write_all(&said).await?;
        tls.shutdown().await?;
        let mut heard = Vec::new();
        tls.read_to_end(&mut heard).await?;
        assert!(heard == said, "a byte was changed or lost");
        self.count.half_closed += 1;
        Ok(())
    }

    /// Is gone in the middle of data.
    async fn reset(&mut self) -> std::io::Result<()> {
        let mut tls = self.connect().await?;
        tls.write_all(&pattern(1, 1 + self.lot.below(40_000) as usize)).await?;
        if self.lot.below(2) == 0 {
            tls.read_exact(&mut [0]).await?;
        }
        tls.get_ref().set_zero_linger()?;
        self.count.reset += 1;
        Ok(())
    }

    /// Is gone in the middle of the handshake.
    async fn cut_off(&mut self) -> std::io::Result<()> {
        let (near, mut far) = tokio::io::duplex(64 * 1024);
        let connector = CONTEXTS.good[self.lot.below(4) as usize].clone();
        let hello = tokio::spawn(async move {
            let name = "localhost".parse().expect("a name");
            let _ = connector.connect(name, near).await;
        });
        let mut bytes = vec![0; 1 + self.lot.below(150) as usize];
        far.read_exact(&mut bytes).await?;
        drop(far);
        hello.await.expect("an error is no panic");
        let mut tcp = self.dial().await?;
        tcp.write_all(&bytes).await?;
        if self.lot.below(2) == 0 {
            tcp.set_zero_linger()?;
        }
        self.count.cut += 1;
        Ok(())
    }

    async fn garbage(&mut self) -> std::io::Result<()> {
        let mut tcp = self.dial().await?;
        let garbage = pattern(self.lot.below(1 << 20), 1 + self.lot.below(3000) as usize);
        // The server may have hung up before all is said.
        let _ = tcp.write_all(&garbage).await;
        let _ = tcp.shutdown().await;
        let mut answer = Vec::new();
        let _ = tcp.read_to_end(&mut answer).await;
        assert!(answer.len() < 100, "garbage is answered by an alert at most");
        self.count.garbage += 1;
        Ok(())
    }

    /// Does not believe the server.
    async fn refuse(&mut self) -> std::io::Result<()> {
        let tcp = self.dial().await?;
        let name = "localhost".parse().expect("a name");
        let error = CONTEXTS.distrustful.connect(name, tcp).await.expect_err("not trusted");
        assert!(error.refusal().is_some(), "{error}");
        self.count.refused += 1;
        Ok(())
    }
}

/// Bytes that are no others'.
fn pattern(salt: u64, length: usize) -> Vec<u8> {
    let mut lot = Lot(salt + 1);
    let mut bytes = Vec::with_capacity(length + 4);
    while bytes.len() < length {
        bytes.extend(lot.below(u64::from(u32::MAX)).to_le_bytes()[..4].iter());
    }
    bytes.truncate(length);
    bytes
}
