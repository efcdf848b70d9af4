//! `openssl x509` and `openssl verify`: what a certificate says, and signing requests.

use super::{Options, certificate, names, parse_request, shown_names, shown_subject};
use crate::command::Call;
use crate::commands::clock::Clock;
use crate::world::Result;
use certificates::{Certificate, Distrust, Key, Name, judge};
use oci::Digest;

/// How long openssl certifies without `-days`.
const DAYS: &str = "30";

pub(super) fn x509(call: &mut Call<'_>, args: &[String]) -> Result<i32> {
    let with_value = [
        "in",
        "out",
        "CA",
        "CAkey",
        "CAserial",
        "days",
        "extfile",
        "extensions",
        "ext",
        "checkend",
        "checkhost",
        "checkip",
        "nameopt",
        "inform",
        "outform",
        "set_serial",
    ];
    let options = Options::read(args, &with_value);
    let found = if options.has("req") {
        sign(call, &options)?
    } else {
        certificate(call, options.get("in"))?
    };
    let Some(found) = found else { return Ok(1) };
    if options.has("text") {
        text(call, &found);
    }
    if options.has("serial") {
        call.say(format!("serial={}", serial(&found).to_uppercase()));
    }
    if options.has("issuer") {
        call.say(format!("issuer={}", shown_subject(&found.issuer)));
    }
    if options.has("subject") {
        call.say(format!("subject={}", shown_subject(&found.subject)));
    }
    if options.has("startdate") || options.has("dates") {
        call.say(format!("notBefore={}", moment(found.valid.start)));
    }
    if options.has("enddate") || options.has("dates") {
        call.say(format!("notAfter={}", moment(found.valid.end)));
    }
    if options.has("fingerprint") {
        call.say(format!("sha256 Fingerprint={}", fingerprint(&found)));
    }
    if options
        .get("ext")
        .is_some_and(|extension| extension.contains("subjectAltName"))
    {
        if found.names.is_empty() {
            call.warn("No extensions matching the requested names were found");
        } else {
            alternatives(call, &found, "");
        }
    }
    if !options.has("noout") && !call.deliver(options.get("out"), 0o644, &found.to_pem())? {
        return Ok(1);
    }
    if let Some(host) = options.get("checkhost").or(options.get("checkip")) {
        let is_good = judge(&found, host, std::slice::from_ref(&found), found.valid.start).is_ok();
        let not = if is_good { "" } else { "NOT " };
        call.say(format!("Hostname {host} does {not}match certificate"));
    }
    if let Some(secs) = options.get("checkend").and_then(|secs| secs.parse::<i64>().ok()) {
        let ends = found.valid.end < call.world.now_secs().saturating_add(secs);
        call.say(if ends {
            "Certificate will expire"
        } else {
            "Certificate will not expire"
        });
        return Ok(i32::from(ends));
    }
    Ok(0)
}

/// `-req`: what an authority makes of a request.
fn sign(call: &mut Call<'_>, options: &Options) -> Result<Option<Certificate>> {
    let Some(request) = call.parsed(options.get("in"), "certificate request", parse_request)? else {
        return Ok(None);
    };
    let Some(authority) = options.get("CA") else {
        call.warn("x509: expected -CA FILE and -CAkey FILE to sign with");
        return Ok(None);
    };
    let Some(above) = certificate(call, Some(authority))? else {
        return Ok(None);
    };
    let key_file = options.get("CAkey").or(Some(authority));
    let Some(key) = call.parsed(key_file, "CA private key", Key::parse)? else {
        return Ok(None);
    };
    let mut alternatives = if options.has("copy_extensions") {
        request.names.clone()
    } else {
        Vec::new()
    };
    if let Some(file) = options.get("extfile") {
        let Some(text) = call.pem(Some(file))? else {
            return Ok(None);
        };
        for line in text.lines() {
            let Some((name, value)) = line.split_once('=') else {
                continue;
            };
            match name.trim() {
                "subjectAltName" => alternatives.extend(names(value)),
                name if name.starts_with("DNS.") => alternatives.push(Name::Dns(value.trim().to_owned())),
                name if name.starts_with("IP.") => alternatives.push(Name::Ip(value.trim().to_owned())),
                _ => {}
            }
        }
    }
    if key.id != above.key.id {
        call.warn("CA certificate and CA private key do not match");
        return Ok(None);
    }
    let Some(days) = options
        .get("days")
        .unwrap_or(DAYS)
        .parse::<u32>()
        .ok()
        .filter(|days| *days > 0)
    else {
        call.warn("x509: expected a number of days behind -days");
        return Ok(None);
    };
    let now = call.world.now_secs();
    call.warn(format!(
        "Certificate request self-signature ok\nsubject={}",
        shown_subject(&request.subject)
    ));
    Ok(Some(Certificate {
        issuer: above.subject,
        names: alternatives,
        valid: now..now.saturating_add(i64::from(days) * 86_400),
        signed_by: key.id,
        ..request
    }))
}

/// `Nov 14 22:13:20 2023 GMT`.
fn moment(secs: i64) -> String {
    let clock = Clock::of(secs);
    format!(
        "{} {:2} {} {} GMT",
        clock.month_name(),
        clock.day,
        clock.time(),
        clock.year
    )
}

/// The number of a certificate: it follows from what it says.
fn serial(found: &Certificate) -> String {
    Digest::of(found.to_pem().as_bytes()).hex()[..40].to_owned()
}

fn fingerprint(found: &Certificate) -> String {
    let digest = Digest::of(found.to_pem().as_bytes());
    let pairs: Vec<String> = digest.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

fn text(call: &mut Call<'_>, found: &Certificate) {
    call.say("Certificate:\n    Data:\n        Version: 3 (0x2), simulated by layerlab");
    call.say(format!("        Serial Number: {}", serial(found)));
    call.say("        Signature Algorithm: sha256WithRSAEncryption");
    call.say(format!("        Issuer: {}", shown_subject(&found.issuer)));
    call.say(format!(
        "        Validity\n            Not Before: {}\n            Not After : {}",
        moment(found.valid.start),
        moment(found.valid.end)
    ));
    call.say(format!("        Subject: {}", shown_subject(&found.subject)));
    call.say(format!(
        "        Subject Public Key Info:\n            Public Key Algorithm: rsaEncryption\n                Public-Key: ({} bit)",
        found.key.bits
    ));
    call.say("        X509v3 extensions:");
    call.say(format!(
        "            X509v3 Subject Key Identifier: \n                {}",
        found.key.id
    ));
    call.say(format!(
        "            X509v3 Authority Key Identifier: \n                {}",
        found.signed_by
    ));
    let ca = if found.is_self_signed() { "TRUE" } else { "FALSE" };
    call.say(format!(
        "            X509v3 Basic Constraints: critical\n                CA:{ca}"
    ));
    if !found.names.is_empty() {
        alternatives(call, found, "            ");
    }
}

fn alternatives(call: &mut Call<'_>, found: &Certificate, indent: &str) {
    let names = shown_names(&found.names);
    call.say(format!(
        "{indent}X509v3 Subject Alternative Name: \n{indent}    {names}"
    ));
}

/// `openssl verify`: whether an authority stands behind certificates.
pub(super) fn verify(call: &mut Call<'_>, args: &[String]) -> Result<i32> {
    let options = Options::read(args, &["CAfile", "CApath", "untrusted"]);
    let mut trusted = Vec::new();
    for name in ["CAfile", "untrusted"] {
        if let Some(file) = options.get(name) {
            let Some(text) = call.pem(Some(file))? else {
                return Ok(1);
            };
            trusted.extend(Certificate::parse_all(&text));
        }
    }
    let mut exit = 0;
    for file in options.operands.clone() {
        let Some(found) = certificate(call, Some(&file))? else {
            exit = 1;
            continue;
        };
        // Its own name: only authority and time are looked at.
        let host = match found.names.first() {
            Some(Name::Dns(name) | Name::Ip(name)) => name.replace('*', "a"),
            None => found.common_name().unwrap_or_default().to_owned(),
        };
        match judge(&found, &host, &trusted, call.world.now_secs()) {
            Ok(_) => call.say(format!("{file}: OK")),
            Err(distrust) => {
                let (number, why) = match distrust {
                    Distrust::Expired { .. } => (10, "certificate has expired or is not yet valid"),
                    _ if found.is_self_signed() => (18, "self-signed certificate"),
                    _ => (20, "unable to get local issuer certificate"),
                };
                call.warn(shown_subject(&found.subject));
                call.warn(format!(
                    "error {number} at 0 depth lookup: {why}\nerror {file}: verification failed"
                ));
                exit = 2;
            }
        }
    }
    Ok(exit)
}
