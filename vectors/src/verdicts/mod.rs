//! Verdicts on chains.

mod bettertls;
mod boringssl;
mod gnutls;
mod judges;
mod openssl;
mod pkits;
mod policies;
mod webpki;

use std::path::PathBuf;

pub(crate) use judges::{Chain, PolicyInput, Texts, openssl as openssl_says};

pub(crate) type Error = Box<dyn std::error::Error>;

/// A chain, and whether it is to be trusted.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) chain: Chain,
    pub(crate) valid: bool,
}

/// What one judge said of a suite.
#[derive(Default)]
struct Score {
    agrees: usize,
    wrong_yes: Vec<String>,
    wrong_no: Vec<String>,
}

impl Score {
    fn note(&mut self, vector: &Vector, said: bool) {
        match (said, vector.valid) {
            (true, false) => self.wrong_yes.push(vector.name.clone()),
            (false, true) => self.wrong_no.push(vector.name.clone()),
            _ => self.agrees += 1,
        }
    }

    fn told(&self) -> String {
        format!("{} / {} / {}", self.agrees, self.wrong_yes.len(), self.wrong_no.len())
    }
}

/// Where the suites are; those that are not there are not run.
#[derive(clap::Args)]
pub(crate) struct Sources {
    /// What `bettertls export-tests` has written, or a folder of Netflix/bettertls (needs Go)
    #[arg(long, value_name = "FILE|FOLDER")]
    bettertls: Option<PathBuf>,
    /// The source of OpenSSL 3 (test/recipes/25-test_verify.t, test/certs)
    #[arg(long, value_name = "FOLDER")]
    openssl: Option<PathBuf>,
    /// The source of BoringSSL (pki/testdata)
    #[arg(long, value_name = "FOLDER")]
    boringssl: Option<PathBuf>,
    /// The source of GnuTLS (tests/test-chains.h)
    #[arg(long, value_name = "FOLDER")]
    gnutls: Option<PathBuf>,
    /// The source of rustls/webpki at a tag from v/0.102 to v/0.103, which has its chains as files
    #[arg(long, value_name = "FOLDER")]
    webpki: Option<PathBuf>,
}

/// What a suite holds, and what of it asks for something that no judge here is asked.
struct Suite {
    title: String,
    vectors: Vec<Vector>,
    left_out: Vec<String>,
}

impl Suite {
    fn of(title: impl Into<String>, vectors: Vec<Vector>) -> Self {
        Self { title: title.into(), vectors, left_out: Vec::new() }
    }
}

/// Prints the table: each suite, and what Sealwire and OpenSSL say.
pub(crate) fn run(package: Option<&PathBuf>, sources: &Sources, each: bool) -> Result<(), Error> {
    type Read = fn(&std::path::Path) -> Result<Vec<Suite>, Error>;
    let all: [(Option<&PathBuf>, Read); 6] = [
        (package, pkits::suites),
        (sources.bettertls.as_ref(), bettertls::suites),
        (sources.openssl.as_ref(), openssl::suites),
        (sources.boringssl.as_ref(), boringssl::suites),
        (sources.gnutls.as_ref(), gnutls::suites),
        (sources.webpki.as_ref(), webpki::suites),
    ];
    if all.iter().all(|(folder, _)| folder.is_none()) {
        return Err("nothing to judge: give --package, --bettertls, --openssl, ...".into());
    }
    println!("Verdicts: agrees / wrong yes / wrong no\n");
    println!("| suite | vectors | left out | Sealwire | {} |", judges::openssl_version()?);
    println!("|---|---:|---:|---:|---:|");
    let mut notes = Vec::new();
    for (folder, read) in all {
        let Some(folder) = folder else { continue };
        for suite in read(folder)? {
            row(&suite, &mut notes)?;
        }
    }
    if each {
        println!();
        notes.iter().for_each(|note| println!("{note}"));
    }
    Ok(())
}

fn row(suite: &Suite, notes: &mut Vec<String>) -> Result<(), Error> {
    let Suite { title, vectors, left_out } = suite;
    let (mut ours, mut theirs) = (Score::default(), Score::default());
    let said = judges::openssl(vectors)?;
    for (vector, said) in vectors.iter().zip(said) {
        ours.note(vector, vector.chain.is_trusted());
        theirs.note(vector, said);
    }
    let (all, left) = (vectors.len(), left_out.len());
    println!("| {title} | {all} | {left} | {} | {} |", ours.told(), theirs.told());
    for (judge, score) in [("Sealwire", &ours), ("OpenSSL", &theirs)] {
        for (what, names) in [("yes", &score.wrong_yes), ("no", &score.wrong_no)] {
            notes
                .extend(names.iter().map(|name| format!("{judge}: wrong {what}: {title}: {name}")));
        }
    }
    for vector in vectors.iter().filter(|vector| ours.wrong_no.contains(&vector.name)) {
        notes.push(format!("  {}: {}", vector.name, vector.chain.findings().join("; ")));
    }
    notes.extend(left_out.iter().map(|name| format!("left out: {title}: {name}")));
    Ok(())
}
