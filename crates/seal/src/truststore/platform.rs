//! The stores of macOS and Windows, changed with the programs that each has for it. Written after
//! their documentation and not run yet: no such machine was at hand.

use super::step::Run;
use super::{Root, Step, TrustStore};
use crate::say::failure::Failure;

/// The system keychain.
pub(super) struct MacOs;

const KEYCHAIN: &str = "/Library/Keychains/System.keychain";

impl TrustStore for MacOs {
    fn name(&self) -> String {
        "system (macOS keychain, untested)".to_owned()
    }

    fn check_ready(&self, _: &Root) -> Result<(), Failure> {
        Ok(())
    }

    fn trusts(&self, root: &Root) -> Result<bool, Failure> {
        let script = "f=$(mktemp) && cat >\"$f\" && security verify-cert -c \"$f\" -p ssl -l; \
                      r=$?; rm -f \"$f\"; exit $r";
        let verify = Run::new("sh", &["-c", script]).with_input(root.certificate.to_pem());
        Ok(verify.output()?.0)
    }

    fn install(&self, root: &Root) -> Vec<Step> {
        let script = format!(
            "f=$(mktemp) && cat >\"$f\" && security add-trusted-cert -d -r trustRoot -k {KEYCHAIN} \
             \"$f\"; r=$?; rm -f \"$f\"; exit $r"
        );
        vec![Step::Run(Run::new("sh", &["-c", &script]).with_input(root.certificate.to_pem()))]
    }

    fn uninstall(&self, root: &Root) -> Result<Vec<Step>, Failure> {
        let script = "f=$(mktemp) && cat >\"$f\" && security remove-trusted-cert -d \"$f\"; r=$?; \
                      rm -f \"$f\"; exit $r";
        let run = Run::new("sh", &["-c", script]).with_input(root.certificate.to_pem());
        Ok(vec![Step::Run(run)])
    }
}

/// The ROOT store of the current user. (mkcert calls CryptoAPI for the same.)
pub(super) struct Windows;

impl Windows {
    fn thumbprint(root: &Root) -> String {
        sealwire::pki::sha1_fingerprint(root.certificate.der()).replace(':', "")
    }
}

impl TrustStore for Windows {
    fn name(&self) -> String {
        "system (Windows ROOT store of this user, untested)".to_owned()
    }

    fn check_ready(&self, _: &Root) -> Result<(), Failure> {
        Ok(())
    }

    fn trusts(&self, root: &Root) -> Result<bool, Failure> {
        let print = Self::thumbprint(root);
        Ok(Run::new("certutil.exe", &["-user", "-verifystore", "Root", &print]).output()?.0)
    }

    fn install(&self, root: &Root) -> Vec<Step> {
        let path = std::env::temp_dir().join(format!("{}.pem", root.label));
        let file = path.display().to_string();
        vec![
            Step::Write { path: path.clone(), content: root.certificate.to_pem() },
            Step::run("certutil.exe", &["-user", "-addstore", "Root", &file]),
            Step::Remove { path },
        ]
    }

    fn uninstall(&self, root: &Root) -> Result<Vec<Step>, Failure> {
        let print = Self::thumbprint(root);
        Ok(vec![Step::run("certutil.exe", &["-user", "-delstore", "Root", &print])])
    }
}
