//! Giving up what a tunnel does not need, once its ports are open: root's identity, and by
//! Landlock most of the file system and of what else the kernel lets a process do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath,
    PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Group, Uid, User, initgroups, setgid, setuid};
use sealwire::live::FileWatch;
use tracing::{info, warn};

use super::config::{Plan, Process, Sandbox, Service};
use super::endpoint::{Listen, Target};
use crate::files::agent::Endpoint;
use crate::say::failure::Failure;

/// Becomes the user and group that were asked for. Before any thread is started.
///
/// # Errors
/// When there is no such user or group, or we are not allowed to.
pub(crate) fn drop_privileges(process: &Process) -> Result<(), Failure> {
    let Some(name) = &process.user else { return Ok(()) };
    let lookup = |e: nix::errno::Errno| Failure::usage(format!("user {name:?}: {e}"));
    let user = User::from_name(name)
        .map_err(lookup)?
        .ok_or_else(|| Failure::usage(format!("user: {name:?} does not exist")))?;
    let group = match &process.group {
        None => user.gid,
        Some(group) => {
            Group::from_name(group)
                .map_err(|e| Failure::usage(format!("group {group:?}: {e}")))?
                .ok_or_else(|| Failure::usage(format!("group: {group:?} does not exist")))?
                .gid
        }
    };
    if (Uid::effective(), Gid::effective()) == (user.uid, group) {
        return Ok(());
    }
    let cname = std::ffi::CString::new(name.as_str())
        .map_err(|_| Failure::usage("user: the name contains a NUL byte"))?;
    initgroups(&cname, group)
        .and_then(|()| setgid(group))
        .and_then(|()| setuid(user.uid))
        .map_err(|e| {
            Failure::usage(format!("user: cannot switch to {name:?}: {e}"))
                .advise("only root can switch users")
        })?;
    // If this worked, nothing above did what it says.
    if !user.uid.is_root() && setuid(Uid::from_raw(0)).is_ok() {
        return Err(Failure::usage("user: root's identity could be taken back"));
    }
    info!(user = name, "privileges dropped");
    Ok(())
}

/// Says now what would otherwise be found out at the first renewal: after the user has changed, files
/// that only root may read cannot be read again.
pub(crate) fn warn_of_files_that_cannot_be_read_again(service: &Service) {
    for file in service.files() {
        if let Err(e) = std::fs::File::open(file)
            && e.kind() == std::io::ErrorKind::PermissionDenied
        {
            warn!(
                service = service.name,
                file = %file.display(),
                "not readable for the current user: a reload will fail; allow that user to read the file"
            );
        }
    }
}

/// Allows as many file descriptors as the system lets us have: each connection takes two.
pub(crate) fn raise_descriptor_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(e) = raised {
        warn!(reason = %e, "the limit of file descriptors stays as it is");
    }
}

/// Lets the kernel keep this process to what it needs. Before any thread is started: each has
/// the limits of the one that made it. `responders` are the ports of OCSP responders.
///
/// # Errors
/// When confinement is required, and the kernel cannot.
pub(crate) fn landlock(plan: &Plan, responders: &[u16]) -> Result<(), Failure> {
    let wanted = plan.process.sandbox;
    if wanted == Sandbox::Off {
        return Ok(());
    }
    let status = enforce(plan, responders)
        .map_err(|e| Failure::usage(format!("sandbox: Landlock refuses: {e}")))?;
    match (status, wanted) {
        (RulesetStatus::NotEnforced, Sandbox::Require) => {
            Err(Failure::usage("sandbox: the kernel has no Landlock")
                .advise("Linux 5.13 has it, if it is in the kernel's list of security modules"))
        }
        (RulesetStatus::NotEnforced, _) => {
            warn!("the kernel has no Landlock: not confined");
            Ok(())
        }
        (RulesetStatus::PartiallyEnforced, _) => {
            info!("confined by Landlock, as far as this kernel can");
            Ok(())
        }
        (RulesetStatus::FullyEnforced, _) => {
            info!("confined by Landlock");
            Ok(())
        }
    }
}

fn enforce(plan: &Plan, responders: &[u16]) -> Result<RulesetStatus, landlock::RulesetError> {
    let abi = ABI::V6;
    let read: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        // New TCP ports cannot be opened.
        .handle_access(AccessNet::BindTcp)?;
    let ports = connect_ports(plan, responders);
    if ports.is_some() {
        rules = rules.handle_access(AccessNet::ConnectTcp)?;
    }
    let mut rules = rules.scope(scopes())?.create()?;
    for port in ports.into_iter().flatten() {
        rules = rules.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    for path in readable(plan) {
        // What is not there needs no rule.
        if let Ok(fd) = PathFd::new(&path) {
            rules = rules.add_rule(PathBeneath::new(fd, read))?;
        }
    }
    for path in socket_folders(plan) {
        if let Ok(fd) = PathFd::new(&path) {
            rules = rules.add_rule(PathBeneath::new(fd, AccessFs::RemoveFile))?;
        }
    }
    for acme in plan.services.iter().filter_map(|service| service.acme.as_ref()) {
        if let Ok(fd) = PathFd::new(&acme.dir) {
            rules = rules.add_rule(PathBeneath::new(fd, AccessFs::from_all(abi)))?;
        }
    }
    Ok(rules.restrict_self()?.ruleset)
}

/// No signals to others; and no abstract sockets, unless the service manager's is one.
fn scopes() -> BitFlags<Scope> {
    match std::env::var("NOTIFY_SOCKET") {
        Ok(socket) if socket.starts_with('@') => Scope::Signal.into(),
        _ => Scope::Signal | Scope::AbstractUnixSocket,
    }
}

/// Which ports are connected to. A file may be changed to name others before a reload, so only a
/// tunnel by flags is kept to its ports.
fn connect_ports(plan: &Plan, responders: &[u16]) -> Option<BTreeSet<u16>> {
    if plan.file.is_some() {
        return None;
    }
    let targets = plan.services.iter().flat_map(|s| s.all_routes()).flat_map(|r| &r.targets);
    let mut ports: BTreeSet<u16> = targets
        .filter_map(|target| match target {
            Target::Tcp { port, .. } => Some(*port),
            Target::Unix(_) => None,
        })
        .collect();
    ports.insert(53); // a name server that answers over TCP
    ports.extend(responders);
    for service in &plan.services {
        ports.extend(service.acme.as_ref().map(acme_port));
        ports.extend(service.spiffe.as_ref().and_then(Endpoint::port));
        ports.extend(service.session_store.as_deref().and_then(super::session_store::port));
    }
    Some(ports)
}

/// The port of a CA's server.
fn acme_port(acme: &super::config::Acme) -> u16 {
    let uri = acme.server.parse::<hyper::Uri>().ok();
    uri.and_then(|uri| uri.port_u16()).unwrap_or(443)
}

/// The folders of the files that a reload reads, and what the system needs to resolve names and
/// to find its roots.
fn readable(plan: &Plan) -> BTreeSet<PathBuf> {
    let files = plan.services.iter().flat_map(|service| service.files());
    let mut paths = FileWatch::folders(files.chain(plan.file.as_deref()));
    let system = [
        "/etc",
        "/run/systemd/resolve",
        "/usr/lib",
        "/usr/lib64",
        "/lib",
        "/lib64",
        "/usr/share/zoneinfo",
        "/usr/share/ca-certificates",
        "/usr/local/share/ca-certificates",
        "/dev/urandom",
    ];
    paths.extend(system.map(PathBuf::from));
    paths
}

/// Where socket files of ours are removed at the end.
fn socket_folders(plan: &Plan) -> BTreeSet<PathBuf> {
    let listens = plan.services.iter().flat_map(|service| &service.listen);
    let files = listens.chain(&plan.process.status).filter_map(|listen| match listen {
        Listen::Unix(path) => Some(path.as_path()),
        _ => None,
    });
    FileWatch::folders(files).into_iter().filter(|folder| Path::new(folder).is_dir()).collect()
}
