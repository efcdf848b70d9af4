//! Registries over real sockets: HTTP/1.1 in the clear and over TLS, straight or through a proxy.
//!
//! [`Sockets`] is the [`Transport`] that the pure client asks; [`Surroundings`] is its [`Host`](registry::client::Host): it waits, looks names
//! up and reads certificates. Framing is hyper's and TLS is rustls's; which connection is used again, whom to trust and what is said when
//! something goes wrong is decided here.
//!
//! Nothing runs in the background: a connection lives while somebody waits for it, in the thread that waits.

mod body;
mod connect;
mod proxy;
mod send;
mod surroundings;
mod target;
mod tls;

pub use proxy::Proxies;
pub use surroundings::Surroundings;

use registry::{Answer, Call, Transport, TransportError};
use send::Connection;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tls::Trust;
use tokio::runtime::{Builder, Runtime};

/// How many connections wait to be used again.
const MAX_IDLE: usize = 8;

/// How long to wait for the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection, TLS included, at each of a name's addresses.
    pub connect: Duration,
    /// For the head of an answer once the request is out. A registry that moves a large blob takes its time.
    pub answer: Duration,
    /// For the next piece of a body, either way.
    pub piece: Duration,
}

impl Default for Patience {
    /// 30 seconds, 5 minutes, 1 minute.
    fn default() -> Patience {
        Patience {
            connect: Duration::from_secs(30),
            answer: Duration::from_mins(5),
            piece: Duration::from_mins(1),
        }
    }
}

/// A [`Transport`] over sockets. One serves one thread; [`another`](Sockets::another) serves the next.
pub struct Sockets {
    shared: Arc<Shared>,
}

/// What a transport shares with the bodies of its answers.
struct Shared {
    runtime: Runtime,
    idle: Mutex<Vec<Connection>>,
    proxies: Proxies,
    trust: Arc<Trust>,
    patience: Patience,
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sockets")
            .field("proxies", &self.shared.proxies)
            .field("patience", &self.shared.patience)
            .finish_non_exhaustive()
    }
}

impl Sockets {
    /// A transport with no connection yet.
    ///
    /// # Errors
    ///
    /// If the system has no means to wait for sockets left.
    pub fn new(proxies: Proxies, patience: Patience) -> io::Result<Sockets> {
        Sockets::with(proxies, patience, Arc::default())
    }

    /// Another transport to the same places, for another thread.
    ///
    /// # Errors
    ///
    /// As [`new`](Sockets::new).
    pub fn another(&self) -> io::Result<Sockets> {
        let Shared {
            proxies,
            trust,
            patience,
            ..
        } = &*self.shared;
        Sockets::with(proxies.clone(), *patience, Arc::clone(trust))
    }

    fn with(proxies: Proxies, patience: Patience, trust: Arc<Trust>) -> io::Result<Sockets> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let idle = Mutex::default();
        let shared = Shared {
            runtime,
            idle,
            proxies,
            trust,
            patience,
        };
        Ok(Sockets {
            shared: Arc::new(shared),
        })
    }
}

impl Transport for Sockets {
    fn send(&mut self, call: Call<'_>) -> Result<Answer, TransportError> {
        send::send(&self.shared, call)
    }
}

impl Shared {
    /// Keeps a connection for the next request to the same place.
    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() == MAX_IDLE {
            idle.remove(0);
        }
        idle.push(connection);
    }

    /// A connection that was kept, the one used last first.
    fn take(&self, place: &send::Place) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(Connection::is_open);
        let at = idle.iter().rposition(|connection| connection.leads_to(place))?;
        Some(idle.remove(at))
    }
}
