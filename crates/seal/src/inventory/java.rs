//! Java's key stores of old (JKS, JCEKS). Their certificates are not encrypted.

const JKS: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
const JCEKS: [u8; 4] = [0xce, 0xce, 0xce, 0xce];

const KEY: u32 = 1;
const TRUSTED: u32 = 2;

pub(super) fn is_store(bytes: &[u8]) -> bool {
    bytes.starts_with(&JKS) || bytes.starts_with(&JCEKS)
}

/// The certificates, each with its alias, those of a key's chain with the key's; and why there may be more.
pub(super) fn certificates(bytes: &[u8]) -> (Vec<(String, &[u8])>, Option<String>) {
    let mut found = Vec::new();
    let why = entries(bytes, &mut found).err();
    (found, why)
}

fn entries<'a>(bytes: &'a [u8], found: &mut Vec<(String, &'a [u8])>) -> Result<(), String> {
    const SECRET: u32 = 3;
    let mut from = Cursor(bytes.get(4..).unwrap_or_default());
    let version = from.number()?;
    if !(1..=2).contains(&version) {
        return Err(format!("its version is {version}; 1 and 2 are known"));
    }
    for _ in 0..from.number()? {
        let kind = from.number()?;
        let alias = from.text()?;
        from.take(8)?; // when it was put in
        match kind {
            KEY => {
                let length = from.number()?;
                from.take(length as usize)?;
                for _ in 0..from.number()? {
                    found.push((alias.clone(), from.certificate(version)?));
                }
            }
            TRUSTED => found.push((alias, from.certificate(version)?)),
            SECRET => {
                return Err(format!("a secret key ({alias:?}): nothing after it can be read"));
            }
            other => return Err(format!("an entry is of the unknown kind {other}")),
        }
    }
    Ok(())
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (piece, rest) = self.0.split_at_checked(count).ok_or("it ends too early")?;
        self.0 = rest;
        Ok(piece)
    }

    fn number(&mut self) -> Result<u32, String> {
        Ok(self.take(4)?.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    fn text(&mut self) -> Result<String, String> {
        let length = self.take(2)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn certificate(&mut self, version: u32) -> Result<&'a [u8], String> {
        if version == 2 {
            let kind = self.text()?;
            if kind != "X.509" && kind != "X509" {
                return Err(format!("a certificate is of the unknown kind {kind:?}"));
            }
        }
        let length = self.number()?;
        self.take(length as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::certificates;

    #[test]
    fn what_is_cut_off_or_unknown_is_told() {
        let head = |version: u8, count: u8| {
            let mut store = super::JKS.to_vec();
            store.extend([0, 0, 0, version, 0, 0, 0, count]);
            store
        };
        assert_eq!(certificates(&head(2, 0)), (Vec::new(), None));
        for (store, why) in [
            (head(2, 1), "it ends too early"),
            (head(3, 0), "its version is 3; 1 and 2 are known"),
            (
                [&head(2, 1)[..], &[0, 0, 0, 9, 0, 1, b'a'], &[0; 8]].concat(),
                "an entry is of the unknown kind 9",
            ),
        ] {
            assert_eq!(certificates(&store), (Vec::new(), Some(why.to_owned())));
        }
        let entry = [&[0, 0, 0, 2, 0, 1, b'a'][..], &[0; 8], &[0, 0, 0, 1, 0x30]].concat();
        let found = vec![("a".to_owned(), &[0x30][..])];
        let one = [head(1, 1), entry.clone()].concat();
        assert_eq!(certificates(&one), (found.clone(), None));
        // What stands before the cut stays.
        let two = [head(1, 2), entry].concat();
        assert_eq!(certificates(&two), (found, Some("it ends too early".to_owned())));
    }
}
