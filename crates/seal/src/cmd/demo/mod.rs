//! `seal demo`: the founding document from end to end, in one process and a few seconds.

mod make;
mod relay;
mod talk;

use std::fmt::{self, Display};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::say::advice;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::connection::{Facts, Reason};

/// Demonstrate certificates, mutual TLS and verification on this machine
///
/// Makes a key, a request, a self-signed certificate and a PFX; starts an echo server with mutual
/// TLS and connects to it; removes the trust anchor and connects again; and captures the same
/// message over plain TCP and over TLS. No other machine is contacted.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Keep the files in this folder [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Print the facts as one JSON object
    #[arg(long)]
    json: bool,
}

/// Everything that the demo found.
#[derive(Serialize)]
struct Demo {
    made: Vec<make::Made>,
    trusted: Talk,
    not_trusted: Talk,
    sniffed: Sniffed,
}

/// One conversation, as both sides know it.
#[derive(Serialize)]
struct Talk {
    greeting: String,
    sent: String,
    echoed: String,
    client_sees: Facts,
    server_sees: Facts,
}

/// The same words, as an observer between the two sees them.
#[derive(Serialize)]
struct Sniffed {
    words: String,
    plain: relay::Seen,
    tls: relay::Seen,
}

const WORDS: &str = "my password is swordfish";

pub(crate) async fn run(args: DemoArgs) -> Result<Answer, Failure> {
    let temporary;
    let dir = match &args.dir {
        Some(dir) => {
            std::fs::create_dir_all(dir)
                .map_err(|e| Failure::usage(format!("{}: {e}", dir.display())))?;
            dir.clone()
        }
        None => {
            temporary = tempfile::tempdir()
                .map_err(|e| Failure::usage(format!("cannot create a temporary folder: {e}")))?;
            temporary.path().to_owned()
        }
    };
    let say = Narrator { silent: args.json };
    let (material, made) = make::all(&dir, args.dir.is_none())?;
    say.part("1. Make: a key, a request, a certificate, a PFX", &Steps(&made))?;

    let trusted = talk::with_trust(&material).await?;
    say.part("2. Use: an echo server with mutual TLS, and a client", &trusted)?;

    let not_trusted = talk::without_trust(&material).await?;
    say.part("3. The same client without a trust anchor", &NotTrusted(&not_trusted))?;

    let sniffed = Sniffed {
        words: WORDS.to_owned(),
        plain: relay::over_plain_tcp(WORDS).await?,
        tls: relay::over_tls(&material, WORDS).await?,
    };
    say.part("4. See: what an eavesdropper captures", &sniffed)?;

    let as_expected = trusted.client_sees.authorized
        && trusted.server_sees.authorized
        && !not_trusted.client_sees.authorized
        && sniffed.plain.words_readable
        && !sniffed.tls.words_readable;
    if args.json {
        report::print(&Json(Demo { made, trusted, not_trusted, sniffed }), true)?;
    }
    Ok(if as_expected { Answer::Yes } else { Answer::No })
}

/// Tells the parts as they come, unless the whole is to be JSON.
struct Narrator {
    silent: bool,
}

impl Narrator {
    fn part(&self, title: &str, text: &dyn Display) -> Result<(), Failure> {
        if self.silent {
            return Ok(());
        }
        report::print_text(&format!("{title}\n\n{text}"))
    }
}

struct Steps<'a>(&'a [make::Made]);

impl Display for Steps<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for made in self.0 {
            writeln!(f, "  $ {}\n    {}", made.command, made.what)?;
        }
        Ok(())
    }
}

impl Display for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  server says  {:?}", self.greeting)?;
        writeln!(f, "  client says  {:?}", self.sent)?;
        writeln!(f, "  server says  {:?}\n", self.echoed)?;
        writeln!(f, "  What the client knows:\n{}\n", Indented(&self.client_sees))?;
        writeln!(f, "  What the server knows:\n{}", Indented(&self.server_sees))
    }
}

struct NotTrusted<'a>(&'a Talk);

impl Display for NotTrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(reason) = &self.0.client_sees.authorization_error else {
            return writeln!(f, "  authorized  yes, which is wrong here");
        };
        let Reason { code, evidence, .. } = reason;
        writeln!(f, "  authorized  no, {code}\n")?;
        writeln!(f, "  That means: {evidence}.")?;
        writeln!(f, "  {}", advice::meaning(code))?;
        writeln!(f, "  This client continued because it was configured to; by default the")?;
        writeln!(
            f,
            "  handshake ends here, before the client has sent its certificate or a byte of data."
        )
    }
}

impl Display for Sniffed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  The client says {:?} and the server echoes it.\n", self.words)?;
        writeln!(f, "  Over plain TCP the sniffer sees\n{}", self.plain)?;
        writeln!(f, "  Over TLS the sniffer sees\n{}", self.tls)?;
        writeln!(
            f,
            "  Only the holder of the key of a CA that the client trusts can read it all the same, as a\n  \
             debugging proxy does: `seal proxy demo` shows that, `seal proxy run -- COMMAND` does it."
        )
    }
}

/// A block of text moved two columns to the right.
struct Indented<'a, T>(&'a T);

impl<T: Display> Display for Indented<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// JSON only; the text was told part by part.
#[derive(Serialize)]
#[serde(transparent)]
struct Json(Demo);

impl Display for Json {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
