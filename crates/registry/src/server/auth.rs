//! Who may come in: accounts from an htpasswd file, and a brake for those who guess.

use super::password::Hash;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oci::{Digest, Digester, Time};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Longer passwords are refused without a look. Bcrypt itself reads 72 bytes.
const MAX_PASSWORD: usize = 1024;

/// The cost that `htpasswd` uses.
const USUAL_COST: u32 = 5;

/// How many passwords that were found right are remembered.
const MAX_REMEMBERED: usize = 64;

/// The accounts of an htpasswd file. Only lines hashed with bcrypt can be used, as with the reference implementation.
#[derive(Clone)]
pub struct Accounts {
    /// `None` for a line of another kind.
    hashes: BTreeMap<String, Option<Hash>>,
    /// Takes the place of the hash of an account that does not exist.
    nobody: Hash,
    /// Accounts whose password was found right, with a keyed digest of it: bcrypt is slow on purpose, and clients send
    /// the password with every request.
    remembered: BTreeMap<String, Digest>,
}

/// Why a text is no htpasswd file. The line is not shown: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("htpasswd: invalid entry at line {line}")]
pub struct HtpasswdError {
    /// From 1.
    pub line: usize,
}

impl Accounts {
    /// Reads `user:hash` lines; empty lines and those that begin with `#` are left out.
    ///
    /// # Errors
    ///
    /// [`HtpasswdError`] for a line without a colon.
    pub fn parse(text: &str) -> Result<Accounts, HtpasswdError> {
        let mut hashes = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (user, hash) = line.split_once(':').ok_or(HtpasswdError { line: at + 1 })?;
            hashes.insert(user.to_owned(), Hash::parse(hash));
        }
        let cost = hashes.values().flatten().map(|hash| hash.cost).max();
        Ok(Accounts {
            hashes,
            nobody: Hash::of_nobody(cost.unwrap_or(USUAL_COST)),
            remembered: BTreeMap::new(),
        })
    }

    /// Whether this password of this user was found right before.
    fn remembers(&self, user: &str, seen: &Digest) -> bool {
        self.remembered.get(user) == Some(seen)
    }

    /// The hash to hold a password against, and whether it is that of an account. It takes as long for a user who does not
    /// exist.
    fn hash(&self, user: &str) -> (Hash, bool) {
        match self.hashes.get(user) {
            Some(Some(hash)) => (hash.clone(), true),
            _ => (self.nobody.clone(), false),
        }
    }

    fn remember(&mut self, user: &str, seen: Digest) {
        if self.remembered.len() >= MAX_REMEMBERED {
            self.remembered.pop_first();
        }
        self.remembered.insert(user.to_owned(), seen);
    }
}

/// How an attempt to come in went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// Come in.
    Welcome(String),
    /// No name and password were given.
    Stranger,
    /// They are wrong.
    Wrong(String),
    /// Too many were wrong; not before this many seconds.
    Later(u64),
}

/// The gate: accounts, and who was wrong how often. Several requests may stand at it.
pub(super) struct Gate {
    state: Mutex<State>,
    /// Held by the one whose password is hashed: those who guess wait for each other, not for those who are known.
    turn: Mutex<()>,
    key: [u8; 32],
}

struct State {
    accounts: Accounts,
    /// How often the accounts were replaced.
    edition: u64,
    brake: Brake,
}

impl Gate {
    /// `key` is secret and not the same on any two machines.
    pub(super) fn new(accounts: Accounts, key: [u8; 32]) -> Gate {
        let state = State {
            accounts,
            edition: 0,
            brake: Brake::default(),
        };
        Gate {
            state: Mutex::new(state),
            turn: Mutex::new(()),
            key,
        }
    }

    /// Takes these accounts from now on.
    pub(super) fn set_accounts(&self, accounts: Accounts) {
        let mut state = self.state();
        state.accounts = accounts;
        state.edition += 1;
    }

    /// Lets in who gives a right name and password in `authorization`, coming from `remote`.
    pub(super) fn enter(&self, authorization: Option<&str>, remote: &str, now: Time) -> Entry {
        let Some((user, password)) = authorization.and_then(read_basic) else {
            return Entry::Stranger;
        };
        let address = remote.rsplit_once(':').map_or(remote, |(address, _)| address);
        let seen = self.seen(&user, &password);
        if let Some(entry) = self.state().known(address, &user, &seen, now) {
            return entry;
        }
        if password.len() > MAX_PASSWORD {
            self.state().brake.count(address, &user, now);
            return Entry::Wrong(user);
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (hash, is_account, edition) = {
            let state = self.state();
            // Much may have happened while this one waited.
            if let Some(entry) = state.known(address, &user, &seen, now) {
                return entry;
            }
            let (hash, is_account) = state.accounts.hash(&user);
            (hash, is_account, state.edition)
        };
        // Slow on purpose; the state is free meanwhile.
        let matches = hash.matches(&password);
        let mut state = self.state();
        if !(matches && is_account) {
            state.brake.count(address, &user, now);
            return Entry::Wrong(user);
        }
        state.brake.forget(address, &user);
        if state.edition == edition {
            state.accounts.remember(&user, seen);
        }
        Entry::Welcome(user)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A keyed digest of a name and a password.
    fn seen(&self, user: &str, password: &[u8]) -> Digest {
        let mut digester = Digester::new();
        for part in [&self.key, user.as_bytes(), b"\0", password] {
            digester.update(part);
        }
        digester.finish()
    }
}

impl State {
    /// The outcome, if it takes no look at the password.
    fn known(&self, address: &str, user: &str, seen: &Digest, now: Time) -> Option<Entry> {
        if let Some(secs) = self.brake.wait(address, user, now) {
            return Some(Entry::Later(secs));
        }
        let is_known = self.accounts.remembers(user, seen);
        is_known.then(|| Entry::Welcome(user.to_owned()))
    }
}

/// Reads `Basic` credentials.
///
/// Source: RFC 7617, section 2.
fn read_basic(authorization: &str) -> Option<(String, Vec<u8>)> {
    let (scheme, value) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = STANDARD.decode(value.trim()).ok()?;
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(bytes[..colon].to_vec()).ok()?;
    Some((user, bytes[colon + 1..].to_vec()))
}

/// Slows guessing down: after a few wrong passwords, each further one doubles the wait.
///
/// Counted are pairs of address and user, and addresses alone. A user alone is not: whoever guesses could shut them out.
#[derive(Debug, Clone, Default)]
struct Brake {
    wrong: BTreeMap<(String, Option<String>), Wrong>,
}

#[derive(Debug, Clone, Copy)]
struct Wrong {
    count: u32,
    until: Time,
    last: Time,
}

/// How many wrong passwords are free, for a user from an address, and for an address.
const FREE: [u32; 2] = [3, 15];

/// The longest wait.
const MAX_WAIT_SECS: u64 = 15 * 60;

/// After this time without a wrong password, all is forgotten.
const FORGET_SECS: u64 = 60 * 60;

/// How many addresses and users are counted.
const MAX_COUNTED: usize = 10_000;

impl Brake {
    fn keys(address: &str, user: &str) -> [(String, Option<String>); 2] {
        // A name can be as long as a header; the account it stands for is not.
        let user: String = user.chars().take(100).collect();
        [(address.to_owned(), Some(user)), (address.to_owned(), None)]
    }

    /// How many seconds are left to wait.
    fn wait(&self, address: &str, user: &str, now: Time) -> Option<u64> {
        let keys = Brake::keys(address, user);
        let until = keys
            .iter()
            .filter_map(|key| self.wrong.get(key))
            .map(|wrong| wrong.until)
            .max()?;
        let left = until.secs.saturating_sub(now.secs);
        u64::try_from(left).ok().filter(|left| *left > 0)
    }

    fn count(&mut self, address: &str, user: &str, now: Time) {
        if self.wrong.len() >= MAX_COUNTED {
            self.make_room(now);
        }
        for (key, free) in Brake::keys(address, user).into_iter().zip(FREE) {
            let wrong = self.wrong.entry(key).or_insert(Wrong {
                count: 0,
                until: now,
                last: now,
            });
            if now.secs.saturating_sub(wrong.last.secs) > FORGET_SECS as i64 {
                wrong.count = 0;
            }
            wrong.count = wrong.count.saturating_add(1);
            wrong.last = now;
            if let Some(over) = wrong.count.checked_sub(free) {
                let wait = 1_u64.checked_shl(over).unwrap_or(MAX_WAIT_SECS).min(MAX_WAIT_SECS);
                wrong.until = Time::of_secs(now.secs.saturating_add_unsigned(wait));
            }
        }
    }

    fn forget(&mut self, address: &str, user: &str) {
        let [pair, _] = Brake::keys(address, user);
        self.wrong.remove(&pair);
    }

    /// Forgets what is old; if nothing is, the half that was wrong longest ago.
    fn make_room(&mut self, now: Time) {
        let is_old = |wrong: &Wrong| now.secs.saturating_sub(wrong.last.secs) > FORGET_SECS as i64;
        self.wrong.retain(|_, wrong| !is_old(wrong));
        if self.wrong.len() >= MAX_COUNTED {
            let mut times: Vec<Time> = self.wrong.values().map(|wrong| wrong.last).collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            self.wrong.retain(|_, wrong| wrong.last > middle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `htpasswd -Bbn u pw`, and two lines of other kinds.
    const FILE: &str = "\n# a remark\nu:$2b$05$2xkI7E08aS.RL6qtgg4NiOrbBVEaxJ/Wlf6iQgXMqJV/9ZnQza/My\n\
        md5:$apr1$4oGdPMKg$BYR3CNk3bQgLpFSXJLuVV1\nplain:pw\ndear:$2y$31$2xkI7E08aS.RL6qtgg4NiOrbBVEaxJ/Wlf6iQgXMqJV/9ZnQza/My\n";

    fn gate() -> Gate {
        Gate::new(Accounts::parse(FILE).expect("an htpasswd file"), [7; 32])
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn a_right_password_comes_in_and_a_wrong_one_does_not() {
        let gate = gate();
        let enter = |pair: &str| gate.enter(Some(&basic(pair)), "10.0.0.1:1", Time::of_secs(0));
        assert_eq!(enter("u:pw"), Entry::Welcome("u".to_owned()));
        assert_eq!(enter("u:pw"), Entry::Welcome("u".to_owned()));
        assert_eq!(enter("u:bad"), Entry::Wrong("u".to_owned()));
        assert_eq!(enter("u:"), Entry::Wrong("u".to_owned()));
    }

    #[test]
    fn only_bcrypt_lines_can_be_used() {
        for pair in ["md5:pw", "plain:pw", "dear:pw", "nobody:pw", ":pw"] {
            let entry = gate().enter(Some(&basic(pair)), "10.0.0.1:1", Time::of_secs(0));
            assert!(matches!(entry, Entry::Wrong(_)), "{pair}: {entry:?}");
        }
    }

    #[test]
    fn a_user_who_does_not_exist_costs_as_much_as_one_who_does() {
        let accounts = Accounts::parse(FILE).expect("an htpasswd file");
        let cost = accounts.hashes["u"].as_ref().map(|hash| hash.cost);
        assert_eq!(cost, Some(accounts.nobody.cost));
    }

    #[test]
    fn what_is_no_basic_authorization_counts_as_none() {
        let (colonless, huge) = (basic("u"), basic(&"u".repeat(100_000)));
        for text in [
            "",
            "Basic",
            "Basic !",
            "Bearer eA==",
            "Basic //8=",
            colonless.as_str(),
            huge.as_str(),
        ] {
            assert_eq!(
                gate().enter(Some(text), "a:1", Time::of_secs(0)),
                Entry::Stranger,
                "{text:.20}"
            );
        }
        assert_eq!(gate().enter(None, "a:1", Time::of_secs(0)), Entry::Stranger);
    }

    #[test]
    fn guessing_gets_slower_and_a_right_guess_does_not_help() {
        let gate = gate();
        let enter = |pair: &str, secs| gate.enter(Some(&basic(pair)), "10.0.0.1:1", Time::of_secs(secs));
        for _ in 0..3 {
            assert!(matches!(enter("u:bad", 100), Entry::Wrong(_)));
        }
        assert_eq!(enter("u:bad", 100), Entry::Later(1));
        assert_eq!(enter("u:pw", 100), Entry::Later(1));
        assert!(matches!(enter("u:bad", 101), Entry::Wrong(_)));
        assert_eq!(enter("u:pw", 101), Entry::Later(2));
        assert_eq!(enter("u:pw", 103), Entry::Welcome("u".to_owned()));
        assert!(
            matches!(enter("u:bad", 103), Entry::Wrong(_)),
            "a right password starts anew"
        );
    }

    #[test]
    fn an_address_that_tries_many_users_waits_and_others_do_not() {
        let gate = gate();
        for n in 0..15 {
            let entry = gate.enter(Some(&basic(&format!("user{n}:x"))), "10.0.0.1:99", Time::of_secs(0));
            assert!(matches!(entry, Entry::Wrong(_)));
        }
        assert_eq!(
            gate.enter(Some(&basic("u:pw")), "10.0.0.1:98", Time::of_secs(0)),
            Entry::Later(1)
        );
        let other = gate.enter(Some(&basic("u:pw")), "10.0.0.2:1", Time::of_secs(0));
        assert_eq!(other, Entry::Welcome("u".to_owned()));
    }

    #[test]
    fn the_wait_has_an_end_and_the_memory_a_limit() {
        let mut brake = Brake::default();
        for _ in 0..200 {
            brake.count("a", "u", Time::of_secs(0));
        }
        assert_eq!(brake.wait("a", "u", Time::of_secs(0)), Some(MAX_WAIT_SECS));
        for n in 0..30_000 {
            brake.count(&n.to_string(), "u", Time::of_secs(n));
        }
        assert!(brake.wrong.len() <= MAX_COUNTED + 2, "{}", brake.wrong.len());
    }

    #[test]
    fn a_file_with_a_bad_line_is_refused_without_showing_it() {
        let error = Accounts::parse("u:x\nsecret\n").err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("htpasswd: invalid entry at line 2"));
    }
}
