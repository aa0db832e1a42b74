//! Verdicts on chains.

mod bettertls;
mod judges;
mod pkits;
mod policies;

use std::path::Path;

use judges::Chain;

pub(crate) type Error = Box<dyn std::error::Error>;

/// A chain, and whether it is to be trusted.
struct Vector {
    name: String,
    chain: Chain,
    valid: bool,
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

/// Prints the table: each suite, and what Sealwire and OpenSSL say.
pub(crate) fn run(
    package: Option<&Path>,
    bettertls: Option<&Path>,
    each: bool,
) -> Result<(), Error> {
    if package.is_none() && bettertls.is_none() {
        return Err("nothing to judge: give --package, --bettertls, or both".into());
    }
    println!("Verdicts: agrees / wrong yes / wrong no\n");
    println!("| suite | vectors | Sealwire | {} |", judges::openssl_version()?);
    println!("|---|---:|---:|---:|");
    let mut notes = Vec::new();
    if let Some(package) = package {
        for (title, vectors) in pkits::suites(package)? {
            row(&title, &vectors, &mut notes)?;
        }
    }
    if let Some(bettertls) = bettertls {
        for (title, vectors) in bettertls::suites(bettertls)? {
            row(&title, &vectors, &mut notes)?;
        }
    }
    if each {
        println!();
        notes.iter().for_each(|note| println!("{note}"));
    }
    Ok(())
}

fn row(title: &str, vectors: &[Vector], notes: &mut Vec<String>) -> Result<(), Error> {
    let (mut ours, mut theirs) = (Score::default(), Score::default());
    let said = judges::openssl(vectors)?;
    for (vector, said) in vectors.iter().zip(said) {
        ours.note(vector, vector.chain.is_trusted());
        theirs.note(vector, said);
    }
    println!("| {title} | {} | {} | {} |", vectors.len(), ours.told(), theirs.told());
    for (judge, score) in [("Sealwire", &ours), ("OpenSSL", &theirs)] {
        for (what, names) in [("yes", &score.wrong_yes), ("no", &score.wrong_no)] {
            notes
                .extend(names.iter().map(|name| format!("{judge}: wrong {what}: {title}: {name}")));
        }
    }
    for vector in vectors.iter().filter(|vector| ours.wrong_no.contains(&vector.name)) {
        notes.push(format!("  {}: {}", vector.name, vector.chain.findings().join("; ")));
    }
    Ok(())
}
