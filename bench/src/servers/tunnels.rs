//! The tunnels: each as its manual has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::contestant::Failure;

/// The program beside this one, which `cargo build --release -p seal` makes.
pub(crate) fn seal() -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join("seal")));
    beside.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from("seal"))
}

/// How `program` is started on `port` before `backend`: without logs, with as many workers as cores,
/// and for as many connections as 20,000 descriptors are enough for.
pub(crate) fn command(
    program: &str,
    folder: &Path,
    port: u16,
    backend: u16,
    cores: usize,
    file: &dyn Fn(&'static str) -> PathBuf,
) -> Result<Command, Failure> {
    let config = folder.join("config");
    let (both, cert, key) = (file("both"), file("cert"), file("key"));
    let (both, cert, key) = (both.display(), cert.display(), key.display());
    let here = folder.display();
    let mut command;
    match program {
        "seal tunnel" => {
            command = Command::new(seal());
            command.args(["tunnel", "server", "--listen", &format!("127.0.0.1:{port}")]);
            command.args(["--target", &format!("127.0.0.1:{backend}"), "--log", "warn"]);
            command.args(["--cert", &cert.to_string(), "--key", &key.to_string()]);
            command.args(["--workers", &cores.to_string()]);
        }
        "haproxy" => {
            let text = format!(
                "global\n  nbthread {cores}\n  maxconn 9900\n  tune.ssl.default-dh-param 2048\n\
                 defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 600s\n  \
                 timeout server 600s\n  maxconn 9900\n\
                 frontend f\n  bind 127.0.0.1:{port} ssl crt {both}\n  default_backend b\n\
                 backend b\n  server s 127.0.0.1:{backend}\n"
            );
            fs::write(&config, text)?;
            command = Command::new("haproxy");
            command.arg("-db").arg("-f").arg(&config);
        }
        "hitch" => {
            command = Command::new("hitch");
            command.arg(format!("--frontend=[127.0.0.1]:{port}"));
            command.arg(format!("--backend=[127.0.0.1]:{backend}"));
            command.args([format!("--workers={cores}"), "--quiet".to_owned()]);
            command.args(["--user=nobody", "--tls-protos=TLSv1.2 TLSv1.3"]);
            command.arg(both.to_string());
        }
        "stunnel" => {
            let text = format!(
                "foreground = yes\npid =\nsyslog = no\ndebug = 0\n[s]\n\
                 accept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{backend}\ncert = {both}\n"
            );
            fs::write(&config, text)?;
            command = Command::new("stunnel4");
            command.arg(&config);
        }
        "nginx" => {
            let module = "/usr/lib/nginx/modules/ngx_stream_module.so";
            let text = format!(
                "load_module {module};\ndaemon off;\nworker_processes {cores};\n\
                 worker_rlimit_nofile 20000;\npid {here}/pid;\nerror_log stderr emerg;\n\
                 events {{ worker_connections 19800; }}\nstream {{\n  server {{\n    \
                 listen 127.0.0.1:{port} ssl;\n    ssl_certificate {cert};\n    \
                 ssl_certificate_key {key};\n    ssl_protocols TLSv1.2 TLSv1.3;\n    \
                 ssl_session_cache shared:s:10m;\n    proxy_pass 127.0.0.1:{backend};\n  }}\n}}\n"
            );
            fs::write(&config, text)?;
            command = Command::new("nginx");
            command.arg("-c").arg(&config);
        }
        other => return Err(format!("no such tunnel: {other}").into()),
    }
    Ok(command)
}
