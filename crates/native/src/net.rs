//! Registries over real sockets: HTTP/1.1 in the clear and over TLS, straight or through a proxy.
//!
//! [`Sockets`] is the [`Transport`] that the pure client asks; [`Surroundings`] is its [`Host`](registry::client::Host): it waits, looks names
//! up and reads certificates. Framing is hyper's and TLS is rustls's; which connection is used again, whom to trust and what is said when
//! something goes wrong is decided here.
//!
//! Nothing runs in the background: a connection lives while somebody waits for it, in the thread that waits.

mod body;
mod connect;
mod helper;
mod lanes;
mod proxy;
mod send;
mod surroundings;
mod target;
mod tls;
mod uploads;

pub use helper::ask_helper;
pub use proxy::Proxies;
pub use surroundings::Surroundings;
pub use uploads::Uploads;

use lanes::DiskLanes;
use registry::client::Lanes;
use registry::{Answer, Call, Transport, TransportError};
use send::Connection;
use std::fmt;
use std::io;
use std::path::PathBuf;
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
    /// At most before a request that failed is tried again; `None` for as long as the client finds right.
    pub pause: Option<Duration>,
}

impl Default for Patience {
    /// 30 seconds, 5 minutes, 1 minute.
    fn default() -> Patience {
        Patience {
            connect: Duration::from_secs(30),
            answer: Duration::from_mins(5),
            piece: Duration::from_mins(1),
            pause: None,
        }
    }
}

/// A [`Transport`] over sockets. One serves one thread; [`another`](Sockets::another) serves the next.
pub struct Sockets {
    shared: Arc<Shared>,
    /// The store that layers go to and come from, if several go at once.
    layout: Option<PathBuf>,
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

    /// This transport, which from now on moves several layers at once between registries and the store at `layout`: see
    /// [`DiskBlobs`](crate::disk::DiskBlobs).
    #[must_use]
    pub fn with_store(mut self, layout: PathBuf) -> Sockets {
        self.layout = Some(layout);
        self
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
            layout: None,
        })
    }
}

impl Transport for Sockets {
    fn send(&mut self, call: Call<'_>) -> Result<Answer, TransportError> {
        send::send(&self.shared, call)
    }

    fn lanes(&self) -> Option<Box<dyn Lanes>> {
        let layout = self.layout.clone()?;
        // Without another transport, one layer goes after the other.
        let sockets = self.another().ok()?;
        Some(Box::new(DiskLanes { sockets, layout }))
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
