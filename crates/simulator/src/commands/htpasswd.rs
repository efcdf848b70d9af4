//! `htpasswd`: accounts of a registry or a web server, hashed with bcrypt.

use crate::command::Call;
use crate::world::{Errno, Result};
use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use builder::Echo;
use std::fmt::Write as _;

/// Exit codes of htpasswd: a file that cannot be had, wrong usage, a wrong password, a bad name.
const FILE: i32 = 1;
const USAGE: i32 = 2;
const PASSWORD: i32 = 3;
const NAME: i32 = 6;
/// What htpasswd hashes with unless it is told otherwise, and what it takes.
const COST: u32 = 5;
const COSTS: std::ops::RangeInclusive<u32> = 4..=17;
/// More rounds than this would stop the page for seconds.
const MAX_COST: u32 = 12;
/// bcrypt sees no more of a password.
const MAX_PASSWORD: usize = 72;
const ALPHABET: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

#[derive(Debug, Default)]
struct Options {
    create: bool,
    to_stdout: bool,
    password_given: bool,
    from_stdin: bool,
    verify: bool,
    delete: bool,
    bcrypt: bool,
    other: Option<char>,
    cost: Option<u32>,
    operands: Vec<String>,
}

pub(crate) fn htpasswd(call: &mut Call<'_>) -> Result<i32> {
    let Some(options) = read(call.args) else {
        return usage(call);
    };
    let n_expected = usize::from(!options.to_stdout) + 1 + usize::from(options.password_given && !options.delete);
    let conflicts = options.create && (options.to_stdout || options.delete || options.verify);
    if options.operands.len() != n_expected || conflicts {
        return usage(call);
    }
    let mut operands = options.operands.iter().cloned();
    let file = if options.to_stdout { None } else { operands.next() };
    let user = operands.next().unwrap_or_default();
    if user.contains(':') || user.is_empty() || user.len() > 255 {
        let _ = call.fail("username contains illegal character ':'")?;
        return Ok(NAME);
    }
    let cost = options.cost.unwrap_or(COST);
    if !COSTS.contains(&cost) {
        call.warn("htpasswd: -C option argument must be between 4 and 17");
        return Ok(USAGE);
    }
    if cost > MAX_COST {
        call.warn(format!("layerlab: a cost above {MAX_COST} is not computed here"));
        return Ok(USAGE);
    }
    let before = match &file {
        Some(file) => match accounts(call, file, options.create)? {
            Some(lines) => lines,
            None => return Ok(FILE),
        },
        None => Vec::new(),
    };
    let known = before
        .iter()
        .position(|line| line.split(':').next() == Some(user.as_str()));
    if options.delete {
        return delete(call, file.as_deref(), before, known, &user);
    }
    if options.verify && known.is_none() {
        call.warn(format!("User {user} not found"));
        return Ok(NAME);
    }
    if !options.bcrypt && !options.verify {
        let how = options
            .other
            .map_or("the MD5 of Apache, which stands without -B,".to_owned(), |flag| {
                format!("-{flag}")
            });
        call.warn(format!(
            "layerlab: {how} is not simulated: give -B for bcrypt, the one hash that a registry reads"
        ));
        return Ok(USAGE);
    }
    let password = match operands.next() {
        Some(password) => password,
        None => match ask(call, &options)? {
            Some(password) => password,
            None => return Ok(PASSWORD),
        },
    };
    if options.verify {
        let hash = known
            .and_then(|idx| before[idx].split_once(':'))
            .map_or("", |(_, hash)| hash);
        return Ok(if is_right(&password, hash) {
            call.warn(format!("Password for user {user} correct."));
            0
        } else {
            call.warn("password verification failed");
            PASSWORD
        });
    }
    let mut salt = [0; 16];
    for half in salt.chunks_mut(8) {
        half.copy_from_slice(&call.world.random().to_le_bytes());
    }
    call.take_millis(1 << cost.saturating_sub(2));
    let line = format!("{user}:{}", hashed(&password, cost, salt));
    let Some(file) = file else {
        // An empty line follows, as with the real one.
        call.say(line);
        call.say("");
        return Ok(0);
    };
    let mut lines = before;
    match known {
        Some(idx) => lines[idx] = line,
        None => lines.push(line),
    }
    write(call, &file, &lines)?;
    let doing = if known.is_some() { "Updating" } else { "Adding" };
    call.warn(format!("{doing} password for user {user}"));
    Ok(0)
}

/// The options; `None` if there is one that is not known.
fn read(args: &[String]) -> Option<Options> {
    let mut options = Options::default();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let Some(flags) = arg.strip_prefix('-').filter(|flags| !flags.is_empty()) else {
            options.operands.push(arg.clone());
            continue;
        };
        let mut flags = flags.chars();
        while let Some(flag) = flags.next() {
            match flag {
                'c' => options.create = true,
                'n' => options.to_stdout = true,
                'b' => options.password_given = true,
                'i' => options.from_stdin = true,
                'v' => options.verify = true,
                'D' => options.delete = true,
                'B' => options.bcrypt = true,
                'm' | 'd' | 's' | 'p' | '2' | '5' => options.other = Some(flag),
                'C' => {
                    let attached: String = flags.by_ref().collect();
                    let number = if attached.is_empty() {
                        rest.next()?.clone()
                    } else {
                        attached
                    };
                    options.cost = Some(number.parse().ok()?);
                }
                _ => return None,
            }
        }
    }
    Some(options)
}

fn usage(call: &mut Call<'_>) -> Result<i32> {
    for line in [
        "Usage:",
        "\thtpasswd [-cBDv] [-C cost] passwordfile username",
        "\thtpasswd -b[cBDv] [-C cost] passwordfile username password",
        "",
        "\thtpasswd -n[B] [-C cost] username",
        "\thtpasswd -nb[B] [-C cost] username password",
    ] {
        call.warn(line);
    }
    Ok(USAGE)
}

/// The lines of the file; none if it is to be made. `None` if it cannot be read.
fn accounts(call: &mut Call<'_>, file: &str, create: bool) -> Result<Option<Vec<String>>> {
    let path = call.path(file);
    match call.world.read(&path) {
        _ if create => Ok(Some(Vec::new())),
        Ok(bytes) => Ok(Some(
            String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect(),
        )),
        Err(need @ Errno::Need(_)) => Err(need),
        Err(_) => {
            call.warn(format!("htpasswd: cannot modify file {file}; use '-c' to create it"));
            Ok(None)
        }
    }
}

fn write(call: &mut Call<'_>, file: &str, lines: &[String]) -> Result<()> {
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    let path = call.path(file);
    call.world.write(&path, text.as_bytes())
}

fn delete(
    call: &mut Call<'_>,
    file: Option<&str>,
    mut lines: Vec<String>,
    known: Option<usize>,
    user: &str,
) -> Result<i32> {
    match (known, file) {
        (Some(idx), Some(file)) => {
            lines.remove(idx);
            write(call, file, &lines)?;
            call.warn(format!("Deleting password for user {user}"));
        }
        _ => call.warn(format!("User {user} not found")),
    }
    Ok(0)
}

/// The password from standard input, or typed twice. `None` if there is none, or two.
fn ask(call: &mut Call<'_>, options: &Options) -> Result<Option<String>> {
    if options.from_stdin {
        return call.ask("", Echo::Hidden);
    }
    let first = call.ask(
        if options.verify {
            "Enter password: "
        } else {
            "New password: "
        },
        Echo::Hidden,
    )?;
    let Some(first) = first else {
        call.warn("htpasswd: no password was given: there is no terminal to ask");
        return Ok(None);
    };
    if options.verify {
        return Ok(Some(first));
    }
    if call.ask("Re-type new password: ", Echo::Hidden)?.as_ref() != Some(&first) {
        call.warn("htpasswd: password verification error");
        return Ok(None);
    }
    Ok(Some(first))
}

/// What stands behind the name: `$2y$05$` with salt and hash.
///
/// Source: Apache, `htpasswd`, and `crypt_blowfish`.
fn hashed(password: &str, cost: u32, salt: [u8; 16]) -> String {
    let bytes = password.as_bytes();
    let n_used = bytes.len().min(MAX_PASSWORD);
    // A zero byte ends it, unless it is cut off.
    let mut key = bytes[..n_used].to_vec();
    if n_used < MAX_PASSWORD {
        key.push(0);
    }
    let hash = bcrypt::bcrypt(cost, salt, &key);
    format!(
        "$2y${cost:02}${}{}",
        ALPHABET.encode(salt),
        ALPHABET.encode(&hash[..23])
    )
}

/// Whether `password` has this hash.
fn is_right(password: &str, hash: &str) -> bool {
    let parts: Vec<&str> = hash.split('$').collect();
    let ["", _, cost, rest] = parts.as_slice() else {
        return false;
    };
    let salt = rest
        .get(..22)
        .and_then(|salt| ALPHABET.decode(salt).ok())
        .and_then(|salt| <[u8; 16]>::try_from(salt).ok());
    match (cost.parse::<u32>(), salt) {
        (Ok(cost), Some(salt)) if (4..=MAX_COST).contains(&cost) => {
            hashed(password, cost, salt).get(7..) == Some(*rest)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{hashed, is_right};

    #[test]
    fn hashes_are_those_of_bcrypt() {
        // A test vector of jBCrypt.
        assert!(is_right(
            "abc",
            "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"
        ));
        assert!(!is_right(
            "abd",
            "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"
        ));
        let own = hashed("password", 5, [7; 16]);
        assert!(own.starts_with("$2y$05$") && own.len() == 60, "{own}");
        assert!(is_right("password", &own) && !is_right("passwore", &own));
        let long = hashed(&"x".repeat(80), 4, [1; 16]);
        assert!(is_right(&"x".repeat(72), &long));
        for wrong in ["", "$2y$05$", "$2y$99$abc", "plain", "$apr1$x$y"] {
            assert!(!is_right("", wrong), "{wrong}");
        }
    }
}
