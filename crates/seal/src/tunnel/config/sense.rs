//! What options mean together: each is right by itself, and some are wrong beside others.

use std::collections::HashSet;

use super::options::{ClientAuth, Mode};
use super::settings::{Route, Service};
use crate::tunnel::endpoint::{Listen, Target};
use sealwire::starttls::{Protocol, answer};

/// Whether the options of a service make sense together.
///
/// # Errors
/// With the option at fault.
pub(super) fn check(service: &Service, client_auth_given: bool) -> Result<(), String> {
    let says = |text: &str| Err(text.to_owned());
    let terminates = service.all_routes().any(|route| !route.passthrough);
    match service.mode {
        Mode::Server => {
            if let Some(protocol) = service.starttls {
                check_starttls(service, protocol)?;
            }
            if service.servername.is_some() {
                return says("servername: for clients only");
            }
            let unnamed = |route: &Route| !route.passthrough && route.identity.is_empty();
            if service.spiffe.is_none() && service.all_routes().any(unnamed) {
                return says("cert: a server needs a certificate; give cert and key, or pfx");
            }
            let trusts = !service.ca.is_empty() || service.spiffe.is_some();
            if service.client_auth != ClientAuth::None && !trusts && terminates {
                return says("ca: missing, but client certificates are requested");
            }
            if service.client_auth == ClientAuth::None {
                let rules = service.all_routes().any(|route| !route.access.is_empty());
                if rules {
                    return says(
                        "allow: rules need client certificates; set ca, and not client-auth = \"none\"",
                    );
                }
                if !service.crl.is_empty() {
                    return says("crl: CRLs need client certificates; set ca");
                }
                if service.policies.are_given() {
                    return says("policy: policies need client certificates; set ca");
                }
            }
            local_targets(service)?;
        }
        Mode::Client => {
            if !service.routes.is_empty() {
                return says("route: for servers only");
            }
            if client_auth_given {
                return says("client-auth: for servers only");
            }
            if service.ticket_secret_file.is_some() || service.session_store.is_some() {
                let option = if service.session_store.is_some() {
                    "session-store"
                } else {
                    "ticket-secret-file"
                };
                return Err(format!("{option}: for servers only"));
            }
            if service.all_routes().any(|route| !route.identity.ocsp.is_empty()) {
                return says("ocsp: for servers only");
            }
            if service.ocsp_fetch {
                return says("ocsp-fetch: for servers only");
            }
            if !service.hybrid_retry {
                return says("no-hybrid-retry: for servers only");
            }
            if service.tickets.is_some() {
                return says("tickets: for servers only");
            }
            // A SPIFFE ID is not a host name: only a rule says which of the trust domain's servers it is.
            if service.spiffe.is_some()
                && service.all_routes().any(|route| route.access.allow.is_empty())
            {
                return says(
                    "allow: missing; a SPIFFE ID does not contain the target's name, so a rule must restrict it: uri=spiffe://DOMAIN/PATH",
                );
            }
            let named = |target: &Target| target.host().is_some() || service.servername.is_some();
            let unnamed = service.all_routes().flat_map(|r| &r.targets).find(|t| !named(t));
            if let Some(target) = unnamed {
                return Err(format!(
                    "servername: {target} has no name that its certificate could prove"
                ));
            }
            if let (false, Some(open)) =
                (service.unsafe_listen, service.listen.iter().find(|listen| !listen.is_local()))
            {
                return Err(format!(
                    "listen: {open} accepts plaintext from other machines; listen on 127.0.0.1, or set unsafe-listen"
                ));
            }
        }
    }
    if service.tickets == Some(0) && service.ticket_secret_file.is_some() {
        return says("tickets: 0 cannot be combined with ticket-secret-file");
    }
    if !service.proxy_from.is_empty() && service.proxy_in.is_none() {
        return says("proxy-from: needs proxy-in");
    }
    if service.session_store.is_some() && service.ticket_secret_file.is_none() {
        return says(
            "session-store: sessions are stored encrypted, under keys of ticket-secret-file",
        );
    }
    Ok(())
}

/// What a server's STARTTLS goes together with.
fn check_starttls(service: &Service, protocol: Protocol) -> Result<(), String> {
    if let Some(reason) = answer::why_not(protocol) {
        return Err(format!("starttls: not for servers: {reason}"));
    }
    if answer::is_greeted(protocol) && !service.routes.is_empty() {
        return Err("starttls: cannot be combined with routes, since the target's greeting comes before the ClientHello; use one service for each"
            .to_owned());
    }
    if service.all_routes().any(|route| route.passthrough) {
        Err("starttls: cannot be combined with passthrough, whose TLS the target did not agree to"
            .to_owned())
    } else {
        Ok(())
    }
}

/// The plain side of a server must not cross a network unless told.
fn local_targets(service: &Service) -> Result<(), String> {
    if service.unsafe_target {
        return Ok(());
    }
    let plain = service.all_routes().filter(|route| !route.passthrough);
    match plain.flat_map(|route| &route.targets).find(|target| !target.is_local()) {
        Some(target) => Err(format!(
            "target: {target} is another machine, which would receive plaintext; set unsafe-target if the network between is safe"
        )),
        None => Ok(()),
    }
}

/// Whether no two services, nor the status page, want the same place.
pub(super) fn one_listener_each(
    services: &[Service],
    status: Option<&Listen>,
) -> Result<(), String> {
    let mut taken: HashSet<&Listen> = status.into_iter().collect();
    for service in services {
        for listen in &service.listen {
            // A free port is another one each time, and so is systemd's next socket.
            let shared = matches!(listen, Listen::Tcp(a) if a.port() == 0)
                || *listen == Listen::Systemd(None);
            if !shared && !taken.insert(listen) {
                return Err(format!(
                    "service \"{}\": listen: {listen} is already used",
                    service.name
                ));
            }
        }
    }
    Ok(())
}
