//! Chains that nobody has thought of, and whether Sealwire and OpenSSL are of one mind.

mod der;
mod maker;

use std::collections::BTreeMap;

use crate::verdicts::{Chain, Error, PolicyInput, Vector, openssl_says};

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % bound
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
    }
}

/// The first code, of which chains, and why.
type Stricter = (&'static str, fn(&Chain) -> bool, &'static str);

/// Where a no of Sealwire's is meant, and OpenSSL says yes.
const STRICTER: &[Stricter] = &[
    ("CERT_REJECTED", |_| true, "trust settings that reject the leaf count, whatever it is below"),
    (
        "SELF_SIGNED_CERT_IN_CHAIN",
        |_| true,
        "AWS-LC takes a CA with its issuer's name for a root, if no key identifier says otherwise",
    ),
    (
        "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        |_| true,
        "the same, with a second certificate of that CA that was tried after it",
    ),
    (
        "NO_EXPLICIT_POLICY",
        passes_with_any_policy,
        "a CA's anyPolicy that is inhibited leaves no policy to map (RFC 5280, 6.1.3, d)",
    ),
];

/// Judges so many chains, counted from a seed; each is made again from its own number.
pub(crate) fn run(cases: u64, seed: u64, keep: Option<&std::path::Path>) -> Result<(), Error> {
    let keys = maker::Keys::new();
    let vectors: Vec<Vector> = (seed..seed + cases)
        .map(|number| {
            let chain = maker::chain(&mut Random(number), &keys);
            Vector { name: number.to_string(), valid: chain.is_trusted(), chain }
        })
        .collect();
    let said = openssl_says(&vectors)?;
    let (mut yes, mut no, mut another) = (0, 0, 0);
    let mut stricter = vec![0; STRICTER.len()];
    let mut disagreements: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (vector, theirs) in vectors.iter().zip(said) {
        match (vector.valid, theirs) {
            (true, true) => yes += 1,
            (false, false) => no += 1,
            (ours, _) => {
                if ours && agrees_on_the_path(&vector.chain)? {
                    another += 1;
                    continue;
                }
                let findings = vector.chain.findings().join("; ");
                let code = findings.split(':').next().unwrap_or_default();
                let meant = STRICTER
                    .iter()
                    .position(|(first, of, _)| !ours && *first == code && of(&vector.chain));
                if let Some(meant) = meant {
                    stricter[meant] += 1;
                    continue;
                }
                if let Some(folder) = keep {
                    vector.chain.keep(&folder.join(&vector.name))?;
                }
                let what = match ours {
                    true => "yes here, no there".to_owned(),
                    false => format!("no here, yes there: {code}"),
                };
                disagreements.entry(what).or_default().push(vector.name.clone());
            }
        }
    }
    println!("{cases} chains: {yes} trusted by both, {no} by neither");
    println!("{another}: OpenSSL trusts the path that Sealwire found, and did not find it");
    for ((.., why), many) in STRICTER.iter().zip(stricter).filter(|(_, many)| *many > 0) {
        println!("{many}: no here, yes there: {why}");
    }
    let mut many = 0;
    for (what, names) in &disagreements {
        println!("{} {what}: {}", names.len(), names.join(" "));
        many += names.len();
    }
    if many > 0 { Err(format!("{many} chains are judged otherwise").into()) } else { Ok(()) }
}

/// Whether nothing but `-inhibit_any` is in its way.
fn passes_with_any_policy(chain: &Chain) -> bool {
    let Some(policies) = chain.policies.as_ref().filter(|policies| policies.inhibit_any) else {
        return false;
    };
    let mut other = chain.clone();
    other.policies = Some(PolicyInput { inhibit_any: false, ..policies.clone() });
    other.is_trusted()
}

/// Whether OpenSSL says yes when it is given nothing but the path that Sealwire trusts.
fn agrees_on_the_path(chain: &Chain) -> Result<bool, Error> {
    let alone = Vector { name: String::new(), valid: true, chain: chain.path_alone() };
    Ok(openssl_says(std::slice::from_ref(&alone))?[0])
}
