//! `--builder ADDRESS`: where a worker is, and how one gets there.

#![allow(clippy::doc_markdown)] // doc comments of arguments are their help text, where backticks would show

use crate::args::ArgError;
use crate::request::find_program;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a build goes.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct BuilderArgs {
    /// Build there instead: buildkit://HOST:PORT[?cacert=F&cert=F&key=F], unix:///PATH, docker://[HOST:PORT|/PATH],
    /// kube-pod://POD[?namespace=N]; of several, each build goes to one and keeps to it
    #[arg(long = "builder", value_name = "ADDRESS", value_delimiter = ',')]
    pub builders: Vec<Builder>,
}

/// A machine that builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builder {
    /// How one gets there.
    pub route: Route,
    /// With what it is made sure who is there; `None` for no TLS.
    pub tls: Option<Tls>,
    /// As it was given: what messages and the choice among several builders go by.
    text: String,
}

/// How one gets to a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `buildkit://HOST:PORT`: its gRPC over TCP.
    Tcp(String),
    /// `unix:///PATH`, or `buildkit:///PATH`: its gRPC over a socket of this machine.
    Unix(PathBuf),
    /// `docker://HOST:PORT`: the BuildKit in a Docker engine, over TCP.
    DockerTcp(String),
    /// `docker:///PATH`, or `docker://` for the usual one, which `DOCKER_HOST` may change.
    DockerUnix(PathBuf),
    /// `kube-pod://POD?namespace=…&container=…&context=…`: through `kubectl exec` and the `buildctl` in the pod.
    Pod {
        /// Its name.
        name: String,
        /// What `kubectl` is told beside it, flag by flag.
        flags: Vec<String>,
        /// The program.
        kubectl: PathBuf,
    },
}

/// The files that TLS takes, all PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The authorities that the worker's certificate may come from.
    pub authorities: PathBuf,
    /// The certificate and key that this side shows, if any.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name in the worker's certificate; the host of the address if `None`.
    pub server_name: Option<String>,
}

/// Where Docker listens unless it is told otherwise.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

const EXPECTED: &str =
    "buildkit://HOST:PORT, unix:///PATH, docker://, docker://HOST:PORT, docker:///PATH or kube-pod://POD";

impl Builder {
    /// The same, `docker://` being where Docker's own variables say: `DOCKER_HOST`, and `DOCKER_CERT_PATH` if `DOCKER_TLS_VERIFY` is set;
    /// `kubectl` being where the `PATH` says.
    ///
    /// # Errors
    ///
    /// [`ArgError`] for a `DOCKER_HOST` to which this program knows no way, and for a pod without a `kubectl`.
    pub fn found(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Builder, ArgError> {
        let mut builder = self.docker_found(environment)?;
        if let Route::Pod { kubectl, .. } = &mut builder.route {
            let found = find_program(kubectl, environment);
            *kubectl = found.ok_or_else(|| ArgError::new("the program kubectl in the PATH for kube-pod://", "none"))?;
        }
        Ok(builder)
    }

    fn docker_found(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Builder, ArgError> {
        let set = |name: &str| environment(name).filter(|value| !value.is_empty());
        let Some(host) = set("DOCKER_HOST").filter(|_| self.text == "docker://") else {
            return Ok(self.clone());
        };
        let refused = || ArgError::new("DOCKER_HOST to be unix:///PATH or tcp://HOST:PORT", &host);
        let (scheme, rest) = host.split_once("://").ok_or_else(refused)?;
        let mut builder: Builder = match scheme {
            "unix" if rest.starts_with('/') => format!("docker://{rest}").parse(),
            "tcp" if !rest.starts_with('/') => format!("docker://{rest}").parse(),
            _ => Err(refused()),
        }?;
        if matches!(builder.route, Route::DockerTcp(_)) && set("DOCKER_TLS_VERIFY").is_some() {
            let folder = set("DOCKER_CERT_PATH").map(PathBuf::from);
            let folder = folder.ok_or_else(|| ArgError::new("DOCKER_CERT_PATH with DOCKER_TLS_VERIFY", "none"))?;
            builder.tls = Some(Tls {
                authorities: folder.join("ca.pem"),
                identity: Some((folder.join("cert.pem"), folder.join("key.pem"))),
                server_name: None,
            });
        }
        Ok(builder)
    }

    /// Whether it is a Docker engine, which keeps images itself and does not hand them out as archives of BuildKit.
    pub fn is_docker(&self) -> bool {
        matches!(self.route, Route::DockerTcp(_) | Route::DockerUnix(_))
    }
}

impl fmt::Display for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the question mark: what stands behind it are files of this machine.
        f.write_str(self.text.split('?').next().unwrap_or(&self.text))
    }
}

impl FromStr for Builder {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<Builder, ArgError> {
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (scheme, rest) = address.split_once("://").ok_or_else(|| ArgError::new(EXPECTED, text))?;
        let mut options = Options::parse(text, query)?;
        let route = match (scheme, rest) {
            ("docker", "") => Route::DockerUnix(DOCKER_SOCKET.into()),
            ("docker", path) if path.starts_with('/') => Route::DockerUnix(path.into()),
            ("docker", host) => Route::DockerTcp(host_and_port(host, text)?),
            ("buildkit" | "unix", path) if path.starts_with('/') && path.len() > 1 => Route::Unix(path.into()),
            ("buildkit" | "tcp", host) => Route::Tcp(host_and_port(host, text)?),
            ("kube-pod", name) if is_name(name) => Route::Pod {
                name: name.to_owned(),
                flags: options.flags(),
                kubectl: "kubectl".into(),
            },
            _ => return Err(ArgError::new(EXPECTED, text)),
        };
        let tls = match route {
            Route::Tcp(_) | Route::DockerTcp(_) => options.tls(text)?,
            _ => None,
        };
        options.end(text)?;
        Ok(Builder {
            route,
            tls,
            text: text.to_owned(),
        })
    }
}

/// `HOST:PORT` with both there.
fn host_and_port(rest: &str, text: &str) -> Result<String, ArgError> {
    let port = rest.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port.and_then(|(_, port)| port.parse::<u16>().ok()) {
        Some(port) if port > 0 && !rest.contains(['/', '@', ' ']) => Ok(rest.to_owned()),
        _ => Err(ArgError::new(EXPECTED, text)),
    }
}

/// Whether it can be the name of a pod: nothing that `kubectl` would take for a flag.
fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    !name.is_empty() && name.len() <= 253 && name.chars().all(good) && !name.starts_with(['-', '.'])
}

/// What stands behind the question mark.
struct Options(BTreeMap<String, String>);

impl Options {
    fn parse(text: &str, query: &str) -> Result<Options, ArgError> {
        let mut options = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair
                .split_once('=')
                .filter(|(_, value)| !value.is_empty())
                .ok_or_else(|| ArgError::new("KEY=VALUE after the ?", text))?;
            options.insert(key.to_owned(), value.to_owned());
        }
        Ok(Options(options))
    }

    fn tls(&mut self, text: &str) -> Result<Option<Tls>, ArgError> {
        let mut take = |key: &str| self.0.remove(key);
        let (authorities, cert, key, server_name) = (take("cacert"), take("cert"), take("key"), take("servername"));
        let identity = match (cert, key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert.into(), key.into())),
            _ => return Err(ArgError::new("cert= and key= together", text)),
        };
        match authorities {
            Some(authorities) => Ok(Some(Tls {
                authorities: authorities.into(),
                identity,
                server_name,
            })),
            None if identity.is_some() || server_name.is_some() => Err(ArgError::new("cacert= for TLS", text)),
            None => Ok(None),
        }
    }

    fn flags(&mut self) -> Vec<String> {
        let known = ["context", "namespace", "container"];
        let flag = |key: &str| self.0.remove(key).map(|value| format!("--{key}={value}"));
        known.into_iter().filter_map(flag).collect()
    }

    fn end(self, text: &str) -> Result<(), ArgError> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(ArgError::new(
            "no other option than cacert, cert, key, servername (TCP), or context, namespace, container (a pod)",
            text,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    fn builder(text: &str) -> Builder {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn each_kind_of_worker_is_told_by_its_scheme() {
        let cases = [
            ("buildkit://a:1234", Route::Tcp("a:1234".into())),
            ("tcp://[::1]:1", Route::Tcp("[::1]:1".into())),
            ("unix:///run/b.sock", Route::Unix("/run/b.sock".into())),
            ("docker://", Route::DockerUnix("/var/run/docker.sock".into())),
            ("docker:///d.sock", Route::DockerUnix("/d.sock".into())),
            ("docker://h:2375", Route::DockerTcp("h:2375".into())),
        ];
        for (text, route) in cases {
            assert_eq!(builder(text).route, route, "{text}");
            assert_eq!(builder(text).tls, None, "{text}");
        }
        let pod = Route::Pod {
            name: "buildkitd-0".to_owned(),
            flags: vec!["--context=c".to_owned(), "--namespace=n".to_owned()],
            kubectl: "kubectl".into(),
        };
        assert_eq!(builder("kube-pod://buildkitd-0?namespace=n&context=c").route, pod);
    }

    #[test]
    fn tls_is_asked_for_behind_the_question_mark_and_not_shown() {
        let builder = builder("buildkit://a:1?cacert=ca.pem&cert=c.pem&key=k.pem");
        let tls = Tls {
            authorities: "ca.pem".into(),
            identity: Some(("c.pem".into(), "k.pem".into())),
            server_name: None,
        };
        assert_eq!(builder.tls, Some(tls));
        assert_eq!(builder.to_string(), "buildkit://a:1");
    }

    #[test]
    fn docker_is_where_its_own_variables_say() {
        let found = |text: &str, variables: &[(&str, &str)]| {
            let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
            builder(text).found(&|name| variables.get(name).map(|value| (*value).to_owned()))
        };
        let route = |text: &str, host: &str| found(text, &[("DOCKER_HOST", host)]).map(|builder| builder.route);
        let socket = |path: &str| Route::DockerUnix(path.into());
        for (text, host, expected) in [
            ("docker://", "unix:///d.sock", socket("/d.sock")),
            ("docker://", "tcp://h:2375", Route::DockerTcp("h:2375".into())),
            ("docker://", "", socket("/var/run/docker.sock")),
            ("docker:///e.sock", "tcp://h:2375", socket("/e.sock")),
        ] {
            assert_eq!(route(text, host), Ok(expected), "{text} {host}");
        }
        for host in ["ssh://h", "h:2375", "unix://d.sock", "tcp:///d.sock"] {
            assert!(route("docker://", host).is_err(), "{host}");
        }
        let secure = [
            ("DOCKER_HOST", "tcp://h:2376"),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", "/c"),
        ];
        let tls = Tls {
            authorities: "/c/ca.pem".into(),
            identity: Some(("/c/cert.pem".into(), "/c/key.pem".into())),
            server_name: None,
        };
        assert_eq!(found("docker://", &secure).map(|builder| builder.tls), Ok(Some(tls)));
        assert!(found("docker://", &secure[..2]).is_err());
    }

    #[test]
    fn a_pod_is_reached_by_the_kubectl_of_the_path() {
        let scratch = Scratch::new();
        let kubectl = scratch.write("second/kubectl", "");
        let path = format!(
            "{}:{}",
            scratch.path("first").display(),
            scratch.path("second").display()
        );
        let pod = builder("kube-pod://a");
        let found = pod.found(&|name| (name == "PATH").then(|| path.clone())).unwrap();
        assert!(matches!(found.route, Route::Pod { kubectl: found, .. } if found == kubectl));
        let error = pod.found(&|_| None).unwrap_err().to_string();
        assert_eq!(
            error,
            "expected the program kubectl in the PATH for kube-pod://, found \"none\""
        );
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        let bad = [
            "",
            "a:1",
            "buildkit://",
            "buildkit://a",
            "buildkit://a:0",
            "buildkit://:1",
            "buildkit://a:x",
            "unix://a",
            "unix:///",
            "ssh://a:1",
            "kube-pod://",
            "kube-pod://-it",
            "kube-pod://A",
            "buildkit://a:1?cert=c",
            "buildkit://a:1?cert=c&key=k",
            "buildkit://a:1?nope=1",
            "unix:///a?cacert=c",
            "docker://a",
            "buildkit://u@a:1",
            "buildkit://a:1?cacert=",
        ];
        for text in bad {
            let error = text.parse::<Builder>().expect_err(text).to_string();
            assert!(error.starts_with("expected "), "{text}: {error}");
        }
    }
}
