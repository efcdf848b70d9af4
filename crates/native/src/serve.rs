//! `layerlab registry serve`: the registry over sockets, in memory.

mod answer;
mod connection;
mod spool;

use crate::args::ServeArgs;
use crate::failure::Failure;
use answer::Shared;
use registry::{Accounts, AuthConfig, Config, Identity, Limits, Server};
use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
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
    listener: TcpListener,
    address: SocketAddr,
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
        let accounts = read_accounts(&config)?;
        let limits = Limits {
            blob_bytes: BLOB_BYTES,
            ..Limits::default()
        };
        let address = match (&args.addr, config.http.address.as_str()) {
            (Some(address), _) => address.clone(),
            (None, "") => ADDRESS.to_owned(),
            // `:5000` is every address of the machine, as Go has it.
            (None, port) if port.starts_with(':') => format!("[::]{port}"),
            (None, address) => address.to_owned(),
        };
        let mut server = Server::new(config, Identity::new(env!("CARGO_PKG_VERSION")), limits, random_seed()?);
        server.set_accounts(accounts);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Failure::new(format!("could not start: {error}")))?;
        let listener = runtime
            .block_on(TcpListener::bind(&address))
            .map_err(|error| Failure::new(format!("listen tcp {address}: {error}")))?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::new(format!("listen tcp {address}: {error}")))?;
        Ok(Registry {
            runtime,
            listener,
            address,
            shared: Arc::new(Shared::new(server)),
        })
    }

    /// Answers until the process ends. The log goes to standard output and standard error.
    pub fn run(self) {
        self.shared.log_start(self.address);
        self.runtime.block_on(connection::accept(self.listener, self.shared));
    }
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
    if config.http.tls.certificate.is_some() {
        return Err(Failure::new("expected no http.tls.certificate: TLS is not here yet"));
    }
    if !matches!(config.http.net.as_str(), "" | "tcp") {
        return Err(Failure::new(format!(
            "expected http.net tcp, found {:?}",
            config.http.net
        )));
    }
    Ok(config)
}

fn read_accounts(config: &Config) -> Result<Accounts, Failure> {
    let path = match &config.auth {
        AuthConfig::None => return Accounts::parse("").map_err(Failure::new),
        AuthConfig::Htpasswd { path, .. } => Path::new(path),
    };
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("could not read htpasswd file {}: {error}", path.display())))?;
    Accounts::parse(&text).map_err(Failure::new)
}

/// From the system's randomness.
fn random_seed() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut seed))
        .map_err(|error| Failure::new(format!("could not read /dev/urandom: {error}")))?;
    Ok(seed)
}
