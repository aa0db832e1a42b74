//! Any text as the file of a tunnel: a plan, or one line that says what is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, unused_imports, reason = "the tunnel's file needs a part of the program")]
#[path = "../../crates/seal/src"]
mod seal {
    pub(crate) mod advice;
    pub(crate) mod failure;
    pub(crate) mod passphrase;

    pub(crate) mod net {
        pub(crate) mod starttls;
    }

    pub(crate) mod tunnel {
        pub(crate) mod allow;
        pub(crate) mod config;
        pub(crate) mod endpoint;
        pub(crate) mod pattern;
        pub(crate) mod proxy;
    }
}

use seal::{advice, failure, net, passphrase, tunnel};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match tunnel::config::from_text(text, None) {
        Ok(plan) => {
            for service in &plan.services {
                assert!(!service.listen.is_empty() && service.all_routes().count() > 0);
                let _ = service.files();
                assert!(service.fits_into(service));
            }
        }
        Err(error) => assert!(!error.contains('\n'), "{error:?}"),
    }
});
