//! `layerlab registry serve`: the registry over sockets and TLS.

mod accounts;
mod answer;
mod connection;
mod spool;
mod tls;
mod watched;

use crate::args::ServeArgs;
use crate::failure::Failure;
use accounts::AccountFile;
use answer::Shared;
use connection::Listener;
use registry::{Config, Identity, Limits, Server};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::sync::Arc;
use tls::Tls;
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::Runtime;

/// What a registry is without a configuration file.
const BUILT_IN: &str = "version: 0.1\nstorage: inmemory\n";

/// Where it listens if nobody says: this machine only.
const ADDRESS: &str = "127.0.0.1:5000";

/// The largest blob. In memory there is no room for more.
const BLOB_BYTES: u64 = 8 << 30;

/// A registry that has its address and is about to answer.
pub struct Registry {
    runtime: Runtime,
    listener: Listener,
    address: String,
    shared: Arc<Shared>,
}

impl Registry {
    /// Reads the configuration and takes the address. `variables` are those of the environment.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the configuration asks for what is not here, or the address cannot be had.
    pub fn bind(args: &ServeArgs, variables: &[(String, String)]) -> Result<Registry, Failure> {
        let config = read_config(args, variables)?;
        let tls = match &config.http.tls {
            files if files.certificate.is_some() => Some(Arc::new(Tls::read(files).map_err(Failure::new)?)),
            _ => None,
        };
        let accounts = AccountFile::read(&config.auth).map_err(Failure::new)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Failure::new(format!("could not start: {error}")))?;
        let (listener, address) = {
            let _inside = runtime.enter();
            listen(args, &config, tls)?
        };
        let limits = Limits {
            blob_bytes: BLOB_BYTES,
            ..Limits::default()
        };
        let identity = Identity::new(env!("CARGO_PKG_VERSION"));
        let mut server = Server::new(config, identity, limits, random_seed()?);
        let file = accounts.map(|(file, accounts)| {
            server.set_accounts(accounts);
            file
        });
        Ok(Registry {
            runtime,
            listener,
            address,
            shared: Arc::new(Shared::new(server, file)),
        })
    }

    /// Answers until the process ends. The log goes to standard output and standard error.
    pub fn run(self) {
        self.shared.log_start(&self.address);
        self.runtime.block_on(connection::accept(self.listener, self.shared));
    }
}

/// Takes the address, and says which it is.
fn listen(args: &ServeArgs, config: &Config, tls: Option<Arc<Tls>>) -> Result<(Listener, String), Failure> {
    let given = args.addr.as_deref().filter(|address| !address.is_empty());
    if given.is_none() && config.http.net == "unix" {
        return listen_unix(&config.http.address);
    }
    let address = match given.unwrap_or(&config.http.address) {
        "" => ADDRESS.to_owned(),
        // `:5000` is every address of the machine, as Go has it.
        port if port.starts_with(':') => format!("[::]{port}"),
        address => address.to_owned(),
    };
    let failed = |error: io::Error| Failure::new(format!("listen tcp {address}: {error}"));
    let listener = std::net::TcpListener::bind(&address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let listener = TcpListener::from_std(listener).map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    Ok((Listener::Tcp(listener, tls), local.to_string()))
}

/// Takes a socket in the file system. One that a registry left there when it ended is taken away first.
fn listen_unix(path: &str) -> Result<(Listener, String), Failure> {
    let failed = |error: io::Error| Failure::new(format!("listen unix {path}: {error}"));
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        fs::remove_file(path).map_err(failed)?;
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    Ok((Listener::Unix(listener), path.to_owned()))
}

fn read_config(args: &ServeArgs, variables: &[(String, String)]) -> Result<Config, Failure> {
    let (name, text) = match &args.config {
        Some(path) => {
            let text = fs::read_to_string(path)
                .map_err(|error| Failure::new(format!("configuration error: open {}: {error}", path.display())))?;
            (path.display().to_string(), text)
        }
        None => ("the built-in configuration".to_owned(), BUILT_IN.to_owned()),
    };
    let config = Config::read(&text, variables)
        .map_err(|error| Failure::new(format!("configuration error: error parsing {name}: {error}")))?;
    // Better no registry than one that keeps or hides less than was asked for.
    if config.storage.driver != "inmemory" {
        return Err(Failure::new(format!(
            "expected storage inmemory, found {:?}: a registry on disk is not here yet",
            config.storage.driver
        )));
    }
    match config.http.net.as_str() {
        "" | "tcp" => {}
        "unix" if config.http.address.is_empty() => {
            return Err(Failure::new("expected the path of a socket as http.addr, found none"));
        }
        // A certificate says who answers at an address of the network; a file has its permissions.
        "unix" if config.http.tls.certificate.is_some() => {
            return Err(Failure::new("expected no http.tls.certificate with http.net unix"));
        }
        "unix" => {}
        other => return Err(Failure::new(format!("expected http.net tcp or unix, found {other:?}"))),
    }
    Ok(config)
}

/// From the system's randomness.
fn random_seed() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut seed))
        .map_err(|error| Failure::new(format!("could not read /dev/urandom: {error}")))?;
    Ok(seed)
}
