//! Published ports: connections to a port of the machine are carried to a port of the container.

use super::hub::Hub;
use rustix::fd::AsFd as _;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use sandbox::{NetworkUsed, SandboxError};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// A TCP port of the machine that leads to one of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Forward {
    /// The machine's address.
    pub(super) address: String,
    /// The machine's port.
    pub(super) host: u16,
    /// The container's port.
    pub(super) container: u16,
}

/// Ports that are held.
#[derive(Debug)]
pub(super) struct Held {
    listeners: Vec<(TcpListener, Forward)>,
}

/// Takes all ports, or none.
pub(super) fn hold(forwards: &[Forward]) -> Result<Held, SandboxError> {
    let mut listeners = Vec::new();
    for forward in forwards {
        let listener = TcpListener::bind((forward.address.as_str(), forward.host));
        let listener = listener.map_err(|error| SandboxError::System {
            doing: format!("listen on {}:{}", forward.address, forward.host),
            errno: error.raw_os_error().unwrap_or(5),
        })?;
        listeners.push((listener, forward.clone()));
    }
    Ok(Held { listeners })
}

impl Held {
    /// Carries connections from here on, to whatever process of the container runs then.
    pub(super) fn carry(self, hub: &Arc<Hub>, used: &NetworkUsed) {
        let is_machines = matches!(used, NetworkUsed::Host | NetworkUsed::HostForLackOfHelper { .. });
        for (listener, forward) in self.listeners {
            // On the machine's own network the process takes the port itself.
            if is_machines && forward.host == forward.container {
                continue;
            }
            let hub = Arc::clone(hub);
            thread::spawn(move || {
                for connection in listener.incoming().flatten() {
                    let hub = Arc::clone(&hub);
                    // Whoever cannot be connected is hung up on.
                    thread::spawn(move || carry_one(connection, forward.container, &hub));
                }
            });
        }
    }
}

fn carry_one(outside: TcpStream, port: u16, hub: &Hub) -> io::Result<()> {
    let network = hub.control().network.clone().ok_or(io::ErrorKind::NotConnected)?;
    // Of this thread only: the socket it makes stays in that network.
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
    let inside =
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).or_else(|_| TcpStream::connect((Ipv6Addr::LOCALHOST, port)))?;
    let (from, to) = (outside.try_clone()?, inside.try_clone()?);
    let upward = thread::spawn(move || pour(&from, &to));
    pour(&inside, &outside);
    // A thread that panicked has nothing more to carry.
    let _ = upward.join();
    Ok(())
}

fn pour(mut from: &TcpStream, mut to: &TcpStream) {
    // Either end may hang up.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
