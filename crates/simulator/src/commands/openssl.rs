//! `openssl`: keys and certificates that say of themselves that they are simulated, random numbers, and its version.

mod req;
mod x509;

use crate::command::Call;
use crate::world::{Errno, Result};
use certificates::{Certificate, CertificateError, Key, Name, Subject};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What is said when a key is made, so that nobody takes it for one.
const SIMULATED: &str = "layerlab: this key is simulated: it has the form of one and keeps no secret";

pub(crate) fn openssl(call: &mut Call<'_>) -> Result<i32> {
    let Some((command, args)) = call.args.split_first() else {
        return call.fail("a command is needed: req, x509, verify, genrsa, rand, version");
    };
    match command.as_str() {
        "version" => {
            call.say("OpenSSL 3.0.13 30 Jan 2024 (simulated)");
            Ok(0)
        }
        "req" => req::req(call, args),
        "x509" => x509::x509(call, args),
        "verify" => x509::verify(call, args),
        "genrsa" | "genpkey" | "ecparam" => genrsa(call, args),
        "rand" => rand(call, args),
        other => {
            call.warn(format!(
                "layerlab: openssl {other} is not simulated: it was not run, and nothing was changed"
            ));
            Ok(1)
        }
    }
}

/// Options by name, with the value behind those that take one, and what is neither. The last of several is taken, except for `-addext`,
/// whose values are gathered.
#[derive(Debug, Default)]
struct Options {
    values: BTreeMap<String, String>,
    extensions: Vec<String>,
    operands: Vec<String>,
}

impl Options {
    fn read(args: &[String], with_value: &[&str]) -> Options {
        let mut options = Options::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let Some(name) = arg.strip_prefix('-') else {
                options.operands.push(arg.clone());
                continue;
            };
            let name = name.trim_start_matches('-');
            if name == "addext" {
                options.extensions.extend(rest.next().cloned());
            } else {
                let value = if with_value.contains(&name) { rest.next() } else { None };
                options
                    .values
                    .insert(name.to_owned(), value.cloned().unwrap_or_default());
            }
        }
        options
    }

    fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

impl Call<'_> {
    /// The text of a file, or of standard input. `None` if it cannot be read; then that is said.
    fn pem(&mut self, file: Option<&str>) -> Result<Option<String>> {
        let Some(file) = file else {
            return Ok(Some(String::from_utf8_lossy(&self.all_stdin()?).into_owned()));
        };
        match self.world.read(&self.path(file)) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(need @ Errno::Need(_)) => Err(need),
            Err(errno) => {
                self.warn(format!("Can't open \"{file}\" for reading, {errno}"));
                Ok(None)
            }
        }
    }

    /// What `parse` makes of a file; a complaint is said.
    fn parsed<T>(
        &mut self,
        file: Option<&str>,
        what: &str,
        parse: impl Fn(&str) -> std::result::Result<T, CertificateError>,
    ) -> Result<Option<T>> {
        let Some(pem) = self.pem(file)? else {
            return Ok(None);
        };
        match parse(&pem) {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                self.warn(format!(
                    "Could not read {what} from {}: {error}",
                    file.unwrap_or("<stdin>")
                ));
                Ok(None)
            }
        }
    }

    /// Writes `text` to a file with this mode, or to standard output. False if it cannot be written; then that is said.
    fn deliver(&mut self, file: Option<&str>, mode: u32, text: &str) -> Result<bool> {
        let Some(file) = file else {
            self.out.push_str(text);
            return Ok(true);
        };
        let path = self.path(file);
        let is_new = !self.world.exists(&path);
        match self.world.write(&path, text.as_bytes()) {
            Ok(()) => {
                if is_new && let Ok(target) = self.world.resolve(&path, store::Follow::Last) {
                    self.world.chmod(&target, mode)?;
                }
                Ok(true)
            }
            Err(need @ Errno::Need(_)) => Err(need),
            Err(errno) => {
                self.warn(format!("Can't open \"{file}\" for writing, {errno}"));
                Ok(false)
            }
        }
    }

    fn new_key(&mut self, bits: u32) -> Key {
        let seed = format!("{:016x}{:016x}", self.world.random(), self.world.random());
        // Larger primes are longer to find.
        self.take_millis(u64::from(bits) * u64::from(bits) / 20_000);
        self.warn(SIMULATED);
        Key::new(&seed, bits)
    }
}

/// How many bits a key is to have; `None` if openssl refuses.
fn bits(text: &str) -> Option<u32> {
    text.parse().ok().filter(|bits| (512..=16_384).contains(bits))
}

fn genrsa(call: &mut Call<'_>, args: &[String]) -> Result<i32> {
    let options = Options::read(args, &["out", "algorithm", "pkeyopt", "name", "passout"]);
    let given = options.operands.first().map(String::as_str).or_else(|| {
        options
            .get("pkeyopt")
            .and_then(|option| option.strip_prefix("rsa_keygen_bits:"))
    });
    let Some(bits) = bits(given.unwrap_or("2048")) else {
        return call.fail("genrsa: expected a number of bits between 512 and 16384");
    };
    let key = call.new_key(bits);
    let written = call.deliver(options.get("out"), 0o600, &key.to_pem())?;
    Ok(i32::from(!written))
}

fn rand(call: &mut Call<'_>, args: &[String]) -> Result<i32> {
    use base64::Engine as _;
    let options = Options::read(args, &["out"]);
    let number = options.operands.first().and_then(|number| number.parse::<usize>().ok());
    let Some(number) = number.filter(|number| *number <= 1 << 20) else {
        return call.fail("rand: expected a number of bytes, at most 1048576");
    };
    let mut bytes = Vec::with_capacity(number + 8);
    while bytes.len() < number {
        bytes.extend(call.world.random().to_le_bytes());
    }
    bytes.truncate(number);
    let text = if options.has("hex") {
        let mut text = String::new();
        for byte in &bytes {
            let _ = write!(text, "{byte:02x}");
        }
        text + "\n"
    } else if options.has("base64") {
        base64::engine::general_purpose::STANDARD.encode(&bytes) + "\n"
    } else if let Some(file) = options.get("out") {
        let path = call.path(file);
        call.world.write(&path, &bytes)?;
        return Ok(0);
    } else {
        call.raw = bytes;
        return Ok(0);
    };
    let written = call.deliver(options.get("out"), 0o644, &text)?;
    Ok(i32::from(!written))
}

/// Reads `DNS:registry.lab,IP:10.0.0.2`; what is neither is left out.
fn names(list: &str) -> Vec<Name> {
    let one = |text: &str| match text.trim().split_once(':')? {
        ("DNS", name) => Some(Name::Dns(name.trim().to_owned())),
        ("IP" | "IP Address", address) => Some(Name::Ip(address.trim().to_owned())),
        _ => None,
    };
    list.split(',').filter_map(one).collect()
}

/// Names as openssl prints them.
fn shown_names(names: &[Name]) -> String {
    let shown: Vec<String> = names
        .iter()
        .map(|name| match name {
            Name::Dns(name) => format!("DNS:{name}"),
            Name::Ip(address) => format!("IP Address:{address}"),
        })
        .collect();
    shown.join(", ")
}

/// A subject as openssl prints it: `C = DE, CN = registry.lab`.
fn shown_subject(subject: &Subject) -> String {
    let shown: Vec<String> = subject
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    shown.join(", ")
}

/// What stands around a request instead of a certificate. A request is what its certificate will be, for no time yet.
const CERTIFICATE: &str = "CERTIFICATE-----";
const REQUEST: &str = "CERTIFICATE REQUEST-----";

fn request_pem(request: &Certificate) -> String {
    request.to_pem().replace(CERTIFICATE, REQUEST)
}

fn parse_request(pem: &str) -> std::result::Result<Certificate, CertificateError> {
    if !pem.contains(REQUEST) {
        return Err(CertificateError::NoBlock {
            label: "CERTIFICATE REQUEST",
        });
    }
    Certificate::parse(&pem.replace(REQUEST, CERTIFICATE))
}

/// A certificate from a file.
fn certificate(call: &mut Call<'_>, file: Option<&str>) -> Result<Option<Certificate>> {
    call.parsed(file, "certificate", Certificate::parse)
}
