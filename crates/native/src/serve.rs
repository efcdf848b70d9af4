//! `layerlab registry serve`: the registry over sockets and TLS.

mod accounts;
mod answer;
mod connection;
mod debug;
pub mod disk;
mod metrics;
mod offline;
mod payload;
mod stop;
mod storage;
mod tend;
mod tls;
mod watched;

pub use offline::{check, collect};

use crate::args::ServeArgs;
use crate::failure::Failure;
use accounts::AccountFile;
use answer::Shared;
use connection::Listener;
use debug::Debug;
use registry::{Config, Identity, Level, Limits, Server};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use stop::Signals;
use storage::Storage;
use tls::Tls;
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What a registry is without a configuration file.
const BUILT_IN: &str = "version: 0.1\nstorage: inmemory\n";

/// Where it listens if nobody says: this machine only.
const ADDRESS: &str = "127.0.0.1:5000";

/// The largest blob: a terabyte is no layer.
const BLOB_BYTES: u64 = 1 << 40;

/// How long a stop waits for what is under way, if `http.draintimeout` does not say.
const DRAIN: Duration = Duration::from_secs(30);

/// A registry that has its address and is about to answer.
pub struct Registry {
    runtime: Runtime,
    listener: Listener,
    address: String,
    debug: Option<Debug>,
    signals: Signals,
    config: Config,
    shared: Arc<Shared>,
}

impl Registry {
    /// Reads the configuration, opens the storage and takes the address. `variables` are those of the environment.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the configuration asks for what is not here, or the storage or the address cannot be had.
    pub fn bind(args: &ServeArgs, variables: &[(String, String)]) -> Result<Registry, Failure> {
        let config = read_config(args.config.as_deref(), variables)?;
        let tls = match &config.http.tls {
            files if files.certificate.is_some() => Some(Arc::new(Tls::read(files).map_err(Failure::new)?)),
            _ => None,
        };
        let accounts = AccountFile::read(&config.auth).map_err(Failure::new)?;
        let storage = Storage::open(&config.storage, variables)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(2 * connection::MAX_CONNECTIONS as usize)
            .build()
            .map_err(|error| Failure::new(format!("could not start: {error}")))?;
        let inside = runtime.enter();
        let (listener, address) = listen(args, &config, tls)?;
        let debug = match config.http.debug_address.as_str() {
            "" => None,
            address => Some(Debug {
                listener: listen_tcp(&whole_address(address))?,
                metrics_path: config.http.metrics_path.clone(),
            }),
        };
        let signals = Signals::new()?;
        drop(inside);
        let limits = Limits {
            blob_bytes: BLOB_BYTES,
            ..Limits::default()
        };
        let identity = Identity::new(env!("CARGO_PKG_VERSION"));
        let Storage {
            blobs,
            records,
            uploads,
        } = storage;
        let server = Server::with_state(config.clone(), identity, limits, random_seed()?, records, uploads);
        let file = accounts.map(|(file, accounts)| {
            server.set_accounts(accounts);
            file
        });
        Ok(Registry {
            runtime,
            listener,
            address,
            debug,
            signals,
            config,
            shared: Arc::new(Shared::new(server, blobs, file)),
        })
    }

    /// Answers until it is asked to stop, and then until what is under way is answered. The log goes to standard output and
    /// standard error. A second signal ends the process at once.
    pub fn run(self) {
        let Registry {
            runtime,
            listener,
            address,
            debug,
            mut signals,
            config,
            shared,
        } = self;
        if let Some(debug) = debug {
            if let Ok(address) = debug.listener.local_addr() {
                shared.log(Level::Info, &format!("debug server listening {address}"));
            }
            runtime.spawn(debug.run(Arc::clone(&shared)));
        }
        shared.log_start(&address);
        runtime.spawn(tend::tend(
            Arc::clone(&shared),
            config.storage.collection,
            config.storage.read_only,
        ));
        let (stop, stopping) = watch::channel(false);
        let patience = match config.http.drain_timeout_millis {
            0 => DRAIN,
            millis => Duration::from_millis(millis),
        };
        runtime.block_on(async {
            let accepting = tokio::spawn(connection::accept(listener, Arc::clone(&shared), stopping));
            let (name, _) = signals.next().await;
            shared.log(
                Level::Info,
                &format!("stopping after {name}: what is under way is finished"),
            );
            stop.send_replace(true);
            let drained = async {
                if let Ok(places) = accepting.await {
                    let _ = places.acquire_many(connection::MAX_CONNECTIONS).await;
                }
            };
            tokio::select! {
                _ = tokio::time::timeout(patience, drained) => {}
                (_, code) = signals.next() => std::process::exit(code),
            }
        });
        if let Some(disk) = shared.blobs().disk()
            && let Err(error) = disk.checkpoint()
        {
            shared.log(Level::Error, &format!("could not shorten the journal: {error}"));
        }
        shared.log(Level::Info, "stopped");
        // A body that is still on its way has had its time.
        runtime.shutdown_background();
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
        address => whole_address(address),
    };
    let listener = listen_tcp(&address)?;
    let local = listener.local_addr();
    let local = local.map_err(|error| Failure::new(format!("listen tcp {address}: {error}")))?;
    Ok((Listener::Tcp(listener, tls), local.to_string()))
}

/// `:5000` and `0.0.0.0:5000` are every address of the machine, of both kinds, as Go has it.
///
/// Source: Go, `net.Listen`.
fn whole_address(address: &str) -> String {
    match address.strip_prefix("0.0.0.0").unwrap_or(address) {
        port if port.starts_with(':') => format!("[::]{port}"),
        _ => address.to_owned(),
    }
}

fn listen_tcp(address: &str) -> Result<TcpListener, Failure> {
    let failed = |error: io::Error| Failure::new(format!("listen tcp {address}: {error}"));
    let bound = std::net::TcpListener::bind(address).or_else(|error| match address.strip_prefix("[::]") {
        // A machine without the second kind of address still has all of the first.
        Some(port) if error.kind() != io::ErrorKind::AddrInUse => {
            std::net::TcpListener::bind(format!("0.0.0.0{port}")).map_err(|_| error)
        }
        _ => Err(error),
    });
    let listener = bound.map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    TcpListener::from_std(listener).map_err(failed)
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

/// Reads a configuration file, or the built-in one, and the variables over it.
///
/// # Errors
///
/// [`Failure`] if it cannot be read, or asks for what is not here: better no registry than one that keeps or hides less than
/// was asked for.
pub(crate) fn read_config(path: Option<&Path>, variables: &[(String, String)]) -> Result<Config, Failure> {
    let (name, text) = match path {
        Some(path) => {
            let text = fs::read_to_string(path)
                .map_err(|error| Failure::new(format!("configuration error: open {}: {error}", path.display())))?;
            (path.display().to_string(), text)
        }
        None => ("the built-in configuration".to_owned(), BUILT_IN.to_owned()),
    };
    let config = Config::read(&text, variables)
        .map_err(|error| Failure::new(format!("configuration error: error parsing {name}: {error}")))?;
    match config.http.net.as_str() {
        "unix" if config.http.address.is_empty() => {
            return Err(Failure::new("expected the path of a socket as http.addr, found none"));
        }
        // A certificate says who answers at an address of the network; a file has its permissions.
        "unix" if config.http.tls.certificate.is_some() => {
            return Err(Failure::new("expected no http.tls.certificate with http.net unix"));
        }
        "" | "tcp" | "unix" => {}
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
