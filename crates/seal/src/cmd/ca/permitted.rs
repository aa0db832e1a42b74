//! The names that an EAB key or a token of `ca serve` permits: no more than the CA may sign.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sealwire::pki::{CaStore, NameConstraint};
use sealwire_acme::authority::may_sign;
use sealwire_acme::protocol::{Identifier, NameRules};
use sealwire_acme::store::AccountRules;

use crate::say::failure::Failure;

/// The rules of `--permit` and `--profile`. A name that the CA may not sign for is an error now, rather
/// than for a client that requests it later.
pub(super) fn rules(
    ca: &CaStore,
    permit: Vec<NameConstraint>,
    profiles: Vec<String>,
) -> Result<AccountRules, Failure> {
    let (chain, networks) = (ca.chain()?, ca.addresses()?);
    for name in &permit {
        let may = match name {
            NameConstraint::Dns(base) => may_sign(&chain, &Identifier::Dns(base.clone())),
            NameConstraint::Ip { network, prefix } => {
                ends(*network, *prefix).into_iter().all(|address| {
                    let mut listed = networks.iter().flatten();
                    may_sign(&chain, &Identifier::Ip(address))
                        && (networks.is_none() || listed.any(|one| one.contains(address)))
                })
            }
            _ => false,
        };
        if !may {
            let folder = ca.folder().display();
            let what = format!("--permit {name}: the CA in {folder} may not sign for that");
            let advice = "`seal ca show` lists what it may sign for";
            return Err(Failure::usage(what).advise(advice));
        }
    }
    Ok(AccountRules { names: NameRules::below(permit), profiles })
}

/// The first and the last address of a network.
fn ends(network: IpAddr, prefix: u8) -> [IpAddr; 2] {
    match network {
        IpAddr::V4(address) => {
            let rest = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
            [address.to_bits() & !rest, address.to_bits() | rest]
                .map(|bits| Ipv4Addr::from_bits(bits).into())
        }
        IpAddr::V6(address) => {
            let rest = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
            [address.to_bits() & !rest, address.to_bits() | rest]
                .map(|bits| Ipv6Addr::from_bits(bits).into())
        }
    }
}
