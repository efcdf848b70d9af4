//! The arguments of `layerlab build` that concern what commands run in.

use super::ArgError;
use clap::Args;
use cli::Ulimit;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

/// What commands run in.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Let a RUN have this right: security.insecure, network.host
    #[arg(long = "allow", value_name = "RIGHT")]
    pub allow: Vec<Entitlement>,

    /// An SSH agent that RUN --mount=type=ssh may use: default for that of SSH_AUTH_SOCK, or ID=SOCKET
    #[arg(long = "ssh", value_name = "ID[=SOCKET]")]
    pub ssh: Vec<AgentSpec>,

    /// Add a line to /etc/hosts of commands
    #[arg(long = "add-host", value_name = "NAME:ADDRESS")]
    pub hosts: Vec<AddHost>,

    /// Size of /dev/shm, such as 128m
    #[arg(long, value_name = "BYTES")]
    pub shm_size: Option<Bytes>,

    /// Limit a resource of commands, such as nofile=1024:2048
    #[arg(long = "ulimit", value_name = "NAME=SOFT[:HARD]")]
    pub ulimits: Vec<Ulimit>,

    /// Put commands into control groups below this one, made where it is not there, so that its limits are theirs
    #[arg(long, value_name = "GROUP")]
    pub cgroup_parent: Option<String>,

    /// Run so many commands beside each other, of stages that do not need each other; 1 runs one after the other
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,

    /// Run commands by this OCI runtime, such as runc, in place of the sandbox that is built in; takes root
    #[arg(long, value_name = "PROGRAM")]
    pub runtime: Option<PathBuf>,

    /// Write what was expected of each step, and what came, as JSON to a file
    #[arg(long, value_name = "FILE")]
    pub preview_report: Option<PathBuf>,
}

/// A right that must be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entitlement {
    /// `security.insecure`: RUN --security=insecure.
    Insecure,
    /// `network.host`: RUN --network=host.
    HostNetwork,
}

impl FromStr for Entitlement {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<Entitlement, ArgError> {
        match text {
            "security.insecure" => Ok(Entitlement::Insecure),
            "network.host" => Ok(Entitlement::HostNetwork),
            _ => Err(ArgError::new("security.insecure or network.host", text)),
        }
    }
}

/// An SSH agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSpec {
    /// Its identity.
    pub id: String,
    /// Its socket; that of `SSH_AUTH_SOCK` if `None`.
    pub socket: Option<PathBuf>,
}

impl FromStr for AgentSpec {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<AgentSpec, ArgError> {
        let (id, socket) = match text.split_once('=') {
            Some((id, socket)) if !socket.is_empty() => (id, Some(PathBuf::from(socket))),
            Some(_) => return Err(ArgError::new("ID=SOCKET", text)),
            None => (text, None),
        };
        if id.is_empty() {
            return Err(ArgError::new("default or ID=SOCKET", text));
        }
        Ok(AgentSpec {
            id: id.to_owned(),
            socket,
        })
    }
}

/// A line for `/etc/hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddHost {
    /// The name.
    pub name: String,
    /// Where it is.
    pub address: IpAddr,
}

impl FromStr for AddHost {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<AddHost, ArgError> {
        let error = || ArgError::new("NAME:ADDRESS or NAME=ADDRESS", text);
        let split = text.split_once('=').or_else(|| text.split_once(':'));
        let (name, address) = split.ok_or_else(error)?;
        let address = address.trim_start_matches('[').trim_end_matches(']');
        let is_name = !name.is_empty() && !name.contains(|char: char| char.is_whitespace() || char == '#');
        match address.parse() {
            Ok(address) if is_name => Ok(AddHost {
                name: name.to_owned(),
                address,
            }),
            _ => Err(error()),
        }
    }
}

/// A number of bytes, with a unit of powers of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<Bytes, ArgError> {
        let lower = text.to_lowercase();
        let digits = lower.trim_end_matches(|char: char| char.is_ascii_alphabetic());
        let shift = match &lower[digits.len()..] {
            "" | "b" => Some(0),
            "k" | "kb" | "kib" => Some(10),
            "m" | "mb" | "mib" => Some(20),
            "g" | "gb" | "gib" => Some(30),
            _ => None,
        };
        let bytes = digits.parse::<u64>().ok().zip(shift);
        bytes
            .and_then(|(number, shift)| number.checked_mul(1 << shift))
            .map(Bytes)
            .ok_or_else(|| ArgError::new("a number of bytes such as 64m", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!("64".parse(), Ok(Bytes(64)));
        assert_eq!("128m".parse(), Ok(Bytes(128 << 20)));
        assert_eq!("1GiB".parse(), Ok(Bytes(1 << 30)));
        assert!("".parse::<Bytes>().is_err() && "5x".parse::<Bytes>().is_err());
        assert!("99999999999999999999g".parse::<Bytes>().is_err());
    }

    #[test]
    fn hosts_are_written_as_docker_has_them() {
        let host: AddHost = "db:10.0.0.2".parse().unwrap();
        assert_eq!(
            (host.name.as_str(), host.address.to_string().as_str()),
            ("db", "10.0.0.2")
        );
        assert_eq!("v6:[::1]".parse::<AddHost>().unwrap().address.to_string(), "::1");
        assert_eq!("v6=fe80::1".parse::<AddHost>().unwrap().name, "v6");
        for wrong in ["db", "db:x", ":1.2.3.4", "a b:1.2.3.4"] {
            assert!(wrong.parse::<AddHost>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_agent_is_that_of_the_environment_or_a_socket() {
        assert_eq!("default".parse::<AgentSpec>().unwrap().socket, None);
        let agent: AgentSpec = "work=/run/agent".parse().unwrap();
        assert_eq!(agent.socket, Some(PathBuf::from("/run/agent")));
        assert!("=x".parse::<AgentSpec>().is_err() && "a=".parse::<AgentSpec>().is_err());
    }
}
