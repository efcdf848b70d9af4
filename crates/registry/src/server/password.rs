//! Bcrypt hashes as an htpasswd file has them.

use base64::Engine;
use base64::alphabet::BCRYPT;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;

/// Hashes that would keep a processor busy for minutes count as unusable.
const MAX_COST: u32 = 17;

/// The alphabet of bcrypt, which is not that of base64.
const ALPHABET: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);

/// The hash of a password.
#[derive(Clone)]
pub(super) struct Hash {
    pub(super) cost: u32,
    salt: [u8; 16],
    sum: [u8; 23],
}

impl Hash {
    /// Reads `$2y$05$`, 22 characters of salt and 31 of hash; `None` for every other kind, and for one that is too dear.
    pub(super) fn parse(text: &str) -> Option<Hash> {
        let kinds = ["$2y$", "$2a$", "$2b$"];
        let rest = kinds.iter().find_map(|kind| text.strip_prefix(kind))?;
        let (cost, rest) = rest.split_once('$')?;
        let cost = cost.parse().ok().filter(|cost| (4..=MAX_COST).contains(cost))?;
        let (salt, hash) = rest.split_at_checked(22)?;
        Some(Hash {
            cost,
            salt: ALPHABET.decode(salt).ok()?.try_into().ok()?,
            sum: ALPHABET.decode(hash).ok()?.try_into().ok()?,
        })
    }

    /// The hash of nobody's password: it takes as long as a real one to be found wrong.
    pub(super) fn of_nobody(cost: u32) -> Hash {
        Hash {
            cost,
            salt: [0; 16],
            sum: [0; 23],
        }
    }

    /// Whether the password has this hash. Takes the same time wherever they differ.
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let found = compute(self.cost, self.salt, password);
        let differing = self.sum.iter().zip(found).fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(differing) == 0
    }
}

/// The line of an htpasswd file that lets `user` in with `password`, as `htpasswd -B` writes it.
///
/// `cost` is 4 to 17, `htpasswd` uses 5; `salt` is random.
pub fn htpasswd_line(user: &str, password: &str, cost: u32, salt: [u8; 16]) -> String {
    let cost = cost.clamp(4, MAX_COST);
    let hash = compute(cost, salt, password.as_bytes());
    format!(
        "{user}:$2y${cost:02}${}{}",
        ALPHABET.encode(salt),
        ALPHABET.encode(hash)
    )
}

/// The first 72 bytes count, with a zero after them if there are fewer.
fn compute(cost: u32, salt: [u8; 16], password: &[u8]) -> [u8; 23] {
    let mut terminated = [0; 72];
    let length = password.len().min(72);
    terminated[..length].copy_from_slice(&password[..length]);
    let output = bcrypt::bcrypt(cost, salt, &terminated[..(length + 1).min(72)]);
    let mut hash = [0; 23];
    hash.copy_from_slice(&output[..23]);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_another_implementation_match() {
        // Made by libxcrypt.
        for (password, hash) in [
            ("pw", "$2b$04$u1rCSq.cWB4tpcE.cRvnf.8eCjJ2z7tCuOhXH/OOI3.RWM9I4H9hq"),
            (
                "correct horse",
                "$2b$04$K2MXYYAnLX2ohxt9RDBpcePQrlUdxG6qVcEyBqvuAEJbrTp1wqy6i",
            ),
            (
                &"x".repeat(80),
                "$2b$04$Gdl0Nk5IlyYEOQY.qv/7WeuU3CuaCMgJSor9X6486ucRPM90yLnha",
            ),
        ] {
            let hash = Hash::parse(hash).expect(hash);
            assert!(hash.matches(password.as_bytes()), "{password}");
            assert!(!hash.matches(b"other") && !hash.matches(b""));
        }
    }

    #[test]
    fn a_line_that_we_write_is_read_again() {
        let line = htpasswd_line("testuser", "password", 5, [9; 16]);
        let hash = line.strip_prefix("testuser:").expect("the user first");
        assert!(hash.starts_with("$2y$05$") && hash.len() == 60, "{line}");
        assert!(Hash::parse(hash).expect("a hash").matches(b"password"));
    }

    #[test]
    fn other_kinds_and_dear_ones_are_no_hashes() {
        for text in [
            "",
            "pw",
            "$apr1$4oGdPMKg$BYR3CNk3bQgLpFSXJLuVV1",
            "{SHA}x",
            "$2y$05$",
            "$2y$05$short",
            "$2y$31$u1rCSq.cWB4tpcE.cRvnf.8eCjJ2z7tCuOhXH/OOI3.RWM9I4H9hq",
            "$2y$05$é1rCSq.cWB4tpcE.cRvnf.8eCjJ2z7tCuOhXH/OOI3.RWM9I4H9h",
            "$2x$05$u1rCSq.cWB4tpcE.cRvnf.8eCjJ2z7tCuOhXH/OOI3.RWM9I4H9hq",
        ] {
            assert!(Hash::parse(text).is_none(), "{text}");
        }
    }
}
