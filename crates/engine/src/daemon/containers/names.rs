//! IDs and names of containers.

use super::super::{Daemon, Refusal};
use super::Containers;
use super::mount_text::is_plain_name;
use oci::{Digest, Time};

const ADJECTIVES: [&str; 48] = [
    "agile", "amber", "brave", "bright", "brisk", "calm", "candid", "careful", "cheerful", "clever", "cosy", "crisp",
    "curious", "daring", "eager", "earnest", "fair", "fond", "frank", "gentle", "glad", "happy", "hardy", "honest",
    "jolly", "keen", "kind", "lively", "loyal", "lucid", "mellow", "merry", "neat", "nimble", "patient", "placid",
    "proud", "quick", "quiet", "sharp", "silent", "steady", "sunny", "swift", "tidy", "vivid", "warm", "wise",
];
const SURNAMES: [&str; 48] = [
    "archimedes",
    "babbage",
    "bardeen",
    "boole",
    "cantor",
    "carson",
    "cerf",
    "curie",
    "darwin",
    "dijkstra",
    "einstein",
    "euclid",
    "euler",
    "faraday",
    "fermat",
    "feynman",
    "franklin",
    "galileo",
    "gauss",
    "germain",
    "hamilton",
    "hopper",
    "hypatia",
    "joliot",
    "kepler",
    "knuth",
    "lamarr",
    "leavitt",
    "liskov",
    "lovelace",
    "maxwell",
    "meitner",
    "mendel",
    "newton",
    "noether",
    "pascal",
    "pasteur",
    "perlman",
    "ride",
    "ritchie",
    "shannon",
    "tesla",
    "thompson",
    "torvalds",
    "turing",
    "volta",
    "wiles",
    "wozniak",
];

impl Containers {
    /// 64 hexadecimal digits that nobody has yet; they are given out once the counter goes on.
    pub(crate) fn next_id(&self, now: Time) -> String {
        let seed = format!("{}:{}.{}", self.counter + 1, now.secs, now.nanos);
        Digest::of(seed.as_bytes()).hex()
    }

    /// A name for the container with this ID that no container has yet.
    pub(crate) fn new_name(&self, id: &str) -> String {
        let number = |part: &str| usize::from_str_radix(part, 16).expect("an ID is hexadecimal");
        let adjective = ADJECTIVES[number(&id[..4]) % ADJECTIVES.len()];
        let surname = SURNAMES[number(&id[4..8]) % SURNAMES.len()];
        let plain = format!("{adjective}_{surname}");
        let numbered = (0..).map(|n| format!("{plain}{n}"));
        std::iter::once(plain.clone())
            .chain(numbered)
            .find(|name| self.named(name).is_none())
            .expect("there are more numbers than containers")
    }

    /// Refuses a name that another container has, or that is none.
    pub(crate) fn check_name(&self, name: &str) -> Result<(), Refusal> {
        let plain = name.strip_prefix('/').unwrap_or(name);
        if !is_plain_name(plain) {
            return Err(Refusal::invalid(format!(
                "Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
            )));
        }
        match self.named(plain) {
            None => Ok(()),
            Some(other) => Err(Refusal::conflict(format!(
                "Conflict. The container name \"/{plain}\" is already in use by container \"{}\". You have to remove (or \
                 rename) that container to be able to reuse that name.",
                other.id
            ))),
        }
    }
}

impl Daemon {
    /// Gives a container another name.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchContainer`], [`Refusal::Conflict`] if another one has it.
    pub fn rename(&mut self, name: &str, new: &str) -> Result<(), Refusal> {
        let found = self.container(name)?;
        let plain = new.strip_prefix('/').unwrap_or(new).to_owned();
        if plain.is_empty() {
            return Err(Refusal::invalid("Neither old nor new names may be empty"));
        }
        if found.name == plain {
            return Err(Refusal::invalid(
                "Renaming a container with the same name as its current name",
            ));
        }
        self.containers.check_name(new)?;
        let id = found.id.clone();
        self.container_mut(&id).name = plain;
        Ok(())
    }
}
