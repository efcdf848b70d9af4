//! `openssl req`: requests and self-signed certificates, the subject given or asked for.

use super::{Options, bits, names, parse_request, request_pem, shown_names, shown_subject};
use crate::command::Call;
use crate::world::Result;
use builder::Echo;
use certificates::{Certificate, Key, Name, Subject};

/// What is asked for: attribute, question, what stands without an answer.
const QUESTIONS: &[(&str, &str, &str)] = &[
    ("C", "Country Name (2 letter code)", "AU"),
    ("ST", "State or Province Name (full name)", "Some-State"),
    ("L", "Locality Name (eg, city)", ""),
    ("O", "Organization Name (eg, company)", "Internet Widgits Pty Ltd"),
    ("OU", "Organizational Unit Name (eg, section)", ""),
    ("CN", "Common Name (e.g. server FQDN or YOUR name)", ""),
    ("emailAddress", "Email Address", ""),
];

const PREAMBLE: &str = "-----
You are about to be asked to enter information that will be incorporated
into your certificate request.
What you are about to enter is called a Distinguished Name or a DN.
There are quite a few fields but you can leave some blank
For some fields there will be a default value,
If you enter '.', the field will be left blank.
-----";

/// How long openssl certifies without `-days`.
const DAYS: &str = "30";

pub(super) fn req(call: &mut Call<'_>, args: &[String]) -> Result<i32> {
    let with_value = [
        "newkey",
        "keyout",
        "key",
        "days",
        "out",
        "in",
        "subj",
        "config",
        "extensions",
        "reqexts",
        "passout",
        "passin",
        "set_serial",
        "pkeyopt",
    ];
    let options = Options::read(args, &with_value);
    if let Some(file) = options.get("in") {
        return show(call, file, &options);
    }
    let Some(days) = options
        .get("days")
        .unwrap_or(DAYS)
        .parse::<u32>()
        .ok()
        .filter(|days| *days > 0)
    else {
        return call.fail("req: expected a number of days behind -days");
    };
    let config = match options.get("config") {
        Some(file) => match call.pem(Some(file))? {
            Some(text) => Config::read(&text),
            None => return Ok(1),
        },
        None => Config::default(),
    };
    let Some(key) = key(call, &options)? else { return Ok(1) };
    let subject = match subject(call, &options, &config)? {
        Ok(subject) => subject,
        Err(exit) => return Ok(exit),
    };
    let mut alternatives = config.names;
    for extension in &options.extensions {
        if let Some((name, list)) = extension.split_once('=')
            && name.trim() == "subjectAltName"
        {
            alternatives = names(list);
        }
    }
    if !options.has("key") {
        let file = options.get("keyout").unwrap_or("privkey.pem");
        if !options.has("nodes") && !options.has("noenc") {
            call.warn("layerlab: a pass phrase is not simulated: the key is written without one, as with -nodes");
        }
        if !call.deliver(Some(file), 0o600, &key.to_pem())? {
            return Ok(1);
        }
    }
    let text = if options.has("x509") {
        let now = call.world.now_secs();
        let until = now.saturating_add(i64::from(days) * 86_400);
        Certificate::self_signed(&key, subject, alternatives, now..until).to_pem()
    } else {
        request_pem(&Certificate::self_signed(&key, subject, alternatives, 0..0))
    };
    let written = call.deliver(options.get("out"), 0o644, &text)?;
    Ok(i32::from(!written))
}

/// The key that is given, or a new one. `None` if there is none; then why is said.
fn key(call: &mut Call<'_>, options: &Options) -> Result<Option<Key>> {
    if let Some(file) = options.get("key") {
        return call.parsed(Some(file), "private key", Key::parse);
    }
    let wanted = options.get("newkey").unwrap_or("rsa:2048");
    let number = match wanted.split_once(':') {
        Some((_, number)) => number,
        None if wanted.starts_with("rsa") => "2048",
        None => wanted,
    };
    if let Some(bits) = bits(number) {
        return Ok(Some(call.new_key(bits)));
    }
    call.fail(format!("req: expected -newkey rsa:BITS, found {wanted}"))?;
    Ok(None)
}

/// The subject as given, or as answered; or the exit code.
fn subject(call: &mut Call<'_>, options: &Options, config: &Config) -> Result<std::result::Result<Subject, i32>> {
    if let Some(text) = options.get("subj") {
        return Ok(parse_subject(text).ok_or_else(|| {
            call.warn(format!(
                "req: subject name is expected to be in the format /type0=value0/type1=value1/type2=..., found {text}"
            ));
            1
        }));
    }
    if options.has("batch") || !config.subject.is_empty() {
        return Ok(Ok(config.subject.clone()));
    }
    call.warn(PREAMBLE);
    let mut attributes = Vec::new();
    for (attribute, question, default) in QUESTIONS {
        let Some(answer) = call.ask(&format!("{question} [{default}]:"), Echo::Shown)? else {
            return Ok(no_answer(call));
        };
        let value = match answer.trim() {
            "." => String::new(),
            "" => (*default).to_owned(),
            value => value.to_owned(),
        };
        if *attribute == "C" && value.chars().count() > 2 {
            call.warn("string is too long, it needs to be no more than 2 bytes long");
            return Ok(Err(1));
        }
        if !value.is_empty() {
            attributes.push(((*attribute).to_owned(), value));
        }
    }
    if !options.has("x509") {
        call.warn("\nPlease enter the following 'extra' attributes\nto be sent with your certificate request");
        for question in ["A challenge password []:", "An optional company name []:"] {
            if call.ask(question, Echo::Shown)?.is_none() {
                return Ok(no_answer(call));
            }
        }
    }
    Ok(Ok(attributes))
}

/// Reads `/C=DE/CN=registry.lab`; a backslash takes the slash behind it into the value.
fn parse_subject(text: &str) -> Option<Subject> {
    let mut parts = vec![String::new()];
    let mut chars = text.strip_prefix('/')?.chars();
    while let Some(c) = chars.next() {
        match c {
            '/' => parts.push(String::new()),
            c => parts
                .last_mut()?
                .push(if c == '\\' { chars.next().unwrap_or(c) } else { c }),
        }
    }
    parts
        .iter()
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        })
        .filter(|pair| pair.as_ref().is_none_or(|(_, value)| !value.is_empty()))
        .collect()
}

fn no_answer(call: &mut Call<'_>) -> std::result::Result<Subject, i32> {
    call.warn("problems making Certificate Request: no answer: give -subj /CN=NAME where there is no terminal");
    Err(1)
}

/// What is used of a configuration file: subject and names, in whichever section they stand.
#[derive(Debug, Default)]
struct Config {
    subject: Subject,
    names: Vec<Name>,
}

impl Config {
    fn read(text: &str) -> Config {
        let mut config = Config::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((name, value)) = line.split_once('=') else {
                continue;
            };
            let (name, value) = (name.trim(), value.trim().to_owned());
            let attribute = match name.trim_end_matches("_default") {
                "C" | "countryName" => "C",
                "ST" | "stateOrProvinceName" => "ST",
                "L" | "localityName" => "L",
                "O" | "organizationName" => "O",
                "OU" | "organizationalUnitName" => "OU",
                "CN" | "commonName" => "CN",
                "subjectAltName" => {
                    config.names.extend(names(&value));
                    continue;
                }
                name if name.starts_with("DNS.") || name == "DNS" => {
                    config.names.push(Name::Dns(value));
                    continue;
                }
                name if name.starts_with("IP.") || name == "IP" => {
                    config.names.push(Name::Ip(value));
                    continue;
                }
                _ => continue,
            };
            config.subject.push((attribute.to_owned(), value));
        }
        config
    }
}

/// `-in`: what a request says.
fn show(call: &mut Call<'_>, file: &str, options: &Options) -> Result<i32> {
    let Some(request) = call.parsed(Some(file), "certificate request", parse_request)? else {
        return Ok(1);
    };
    if options.has("text") {
        call.say("Certificate Request:\n    Data:");
        call.say(format!("        Subject: {}", shown_subject(&request.subject)));
        call.say(format!("        Public-Key: ({} bit), simulated", request.key.bits));
        if !request.names.is_empty() {
            let names = shown_names(&request.names);
            call.say(format!("        X509v3 Subject Alternative Name:\n            {names}"));
        }
    }
    if options.has("subject") {
        call.say(format!("subject={}", shown_subject(&request.subject)));
    }
    if !options.has("noout") {
        call.out.push_str(&request_pem(&request));
    }
    Ok(0)
}
