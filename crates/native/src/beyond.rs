//! Registries and servers for a build, reached only once it needs them.

use crate::logins::Logins;
use crate::net::{Patience, Proxies, Sockets, Surroundings};
use crate::network::Network;
#[cfg(feature = "s3")]
use crate::objects::TeamStore;
use crate::outside;
use builder::Download;
use engine::{Daemon, Outside, World, WorldError};
#[cfg(feature = "s3")]
use oci::Reference;
use planner::{ImageName, Url};
use registry::client::Client;
use std::path::PathBuf;
use store::{BlobStore, Tree};

/// What lies beyond this machine. No file is read and no socket opened before something is asked for.
pub struct Beyond<'a> {
    environment: &'a dyn Fn(&str) -> Option<String>,
    /// The store that layers are pulled to.
    layout: PathBuf,
    kept: &'a Daemon,
    reach: Option<Reach>,
    /// Asked for images before any registry is.
    #[cfg(feature = "s3")]
    team: Option<&'a TeamStore>,
}

/// What is needed to reach a registry.
struct Reach {
    sockets: Sockets,
    surroundings: Surroundings,
    logins: Logins,
}

impl<'a> Beyond<'a> {
    /// What `environment` leads to. Layers go to the store at `layout`; those of `kept` are not fetched again.
    pub fn new(environment: &'a dyn Fn(&str) -> Option<String>, layout: PathBuf, kept: &'a Daemon) -> Beyond<'a> {
        Beyond {
            environment,
            layout,
            kept,
            reach: None,
            #[cfg(feature = "s3")]
            team: None,
        }
    }

    /// The same with a store that a team shares, which is asked for images before any registry is.
    #[cfg(feature = "s3")]
    #[must_use]
    pub fn with_team(self, team: Option<&'a TeamStore>) -> Beyond<'a> {
        Beyond { team, ..self }
    }

    /// The image that a name stands for in the team's store, if it is for the right platform.
    #[cfg(feature = "s3")]
    fn of_team(&self, name: &ImageName, blobs: &mut dyn BlobStore) -> Result<Option<Outside>, WorldError> {
        let (Some(team), Ok(reference)) = (self.team, Reference::parse(&name.name)) else {
            return Ok(None);
        };
        let found = team.image(&reference.or_latest(), blobs);
        let found = found.map_err(|error| WorldError {
            message: format!("{}: {error}", team.location()),
            hints: Vec::new(),
        })?;
        let Some(image) = found.filter(|image| image.config.platform.to_string() == name.platform) else {
            return Ok(None);
        };
        outside::base(image).map(Some)
    }

    /// Asks registries.
    ///
    /// # Errors
    ///
    /// If what the machine says of registries cannot be read.
    pub fn with_client<T>(&mut self, work: impl FnOnce(&mut Client<'_>) -> T) -> Result<T, String> {
        self.ask(|network| Ok(work(&mut network.client())))
            .map_err(|error| error.message)
    }

    fn ask<T>(&mut self, work: impl FnOnce(&mut Network<'_>) -> Result<T, WorldError>) -> Result<T, WorldError> {
        let mut reach = match self.reach.take() {
            Some(reach) => reach,
            None => self.open()?,
        };
        let registries = reach.surroundings.registries.clone();
        let done = work(&mut Network {
            transport: &mut reach.sockets,
            host: &mut reach.surroundings,
            registries: &registries,
            credentials: &reach.logins,
            kept: self.kept,
        });
        self.reach = Some(reach);
        done
    }

    fn open(&self) -> Result<Reach, WorldError> {
        let wrong = |message: String| WorldError {
            message,
            hints: Vec::new(),
        };
        let surroundings = Surroundings::read(self.environment).map_err(|failure| wrong(failure.message))?;
        let logins = Logins::read(self.environment).map_err(wrong)?;
        let sockets = Sockets::new(Proxies::of_environment(self.environment), Patience::default())
            .map_err(|error| wrong(format!("could not make a socket: {error}")))?;
        Ok(Reach {
            sockets: sockets.with_store(self.layout.clone()),
            surroundings,
            logins,
        })
    }
}

impl World for Beyond<'_> {
    fn image(&mut self, name: &ImageName, blobs: &mut dyn BlobStore) -> Result<Outside, WorldError> {
        #[cfg(feature = "s3")]
        if let Some(found) = self.of_team(name, blobs)? {
            return Ok(found);
        }
        self.ask(|network| network.image(name, blobs)).map_err(|mut error| {
            error.hints.push(outside::hint(&name.name));
            error
        })
    }

    fn download(&mut self, url: &Url, blobs: &mut dyn BlobStore) -> Result<Download, WorldError> {
        self.ask(|network| network.download(url, blobs)).map_err(|mut error| {
            let hint = "without a network, put the file into the context and COPY it";
            error.hints.push(hint.to_owned());
            error
        })
    }

    fn repository(&mut self, name: &str, blobs: &mut dyn BlobStore) -> Result<(Tree, String), WorldError> {
        self.ask(|network| network.repository(name, blobs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use store::MemoryBlobs;

    #[test]
    fn nothing_is_read_before_something_is_asked_for() {
        let scratch = Scratch::new();
        scratch.write("layerlab/daemon.json", "{");
        let folder = scratch.dir().display().to_string();
        let environment = |name: &str| (name == "XDG_CONFIG_HOME").then(|| folder.clone());
        let kept = Daemon::default();
        let mut beyond = Beyond::new(&environment, scratch.path("store"), &kept);
        let name = ImageName {
            name: "127.0.0.1:1/a".to_owned(),
            platform: "linux/amd64".to_owned(),
        };
        let error = beyond.image(&name, &mut MemoryBlobs::default()).unwrap_err();
        assert!(error.message.contains("daemon.json"), "{error}");
        assert!(error.hints[0].contains("--build-context 127.0.0.1:1/a=oci-layout://DIR"));
        assert!(!scratch.path("store").exists());
    }
}
