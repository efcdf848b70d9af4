//! Over TLS: who is trusted, and what is said of those who are not. `openssl` makes the certificates.

use crate::hostile::answer;
use crate::support::{Bench, Scratch};
use native::net::Surroundings;
use registry::client::Host;
use registry::{Call, ClientIdentity, Headers, Method, TlsPolicy, Transport};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Makes what `words` say, in a folder.
#[track_caller]
fn openssl(scratch: &Scratch, words: &str) {
    let done = Command::new("openssl")
        .args(words.split(' '))
        .current_dir(scratch.dir())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("openssl: {error}; it makes the certificates of these tests"));
    assert!(
        done.status.success(),
        "{words}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A certificate that vouches for itself, `NAME.crt` and `NAME.key`, for these names until `days` from now.
fn self_signed(scratch: &Scratch, name: &str, names: &str, days: i32) {
    let words = format!(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.crt -subj /CN={name} -days \
         {days}{}",
        if names.is_empty() {
            String::new()
        } else {
            format!(" -addext subjectAltName={names}")
        }
    );
    openssl(scratch, &words);
}

/// A certificate that `authority` vouches for.
fn signed(scratch: &Scratch, authority: &str, name: &str, extensions: &str) {
    fs::write(scratch.path("extensions"), extensions).unwrap();
    openssl(
        scratch,
        &format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
        ),
    );
    openssl(
        scratch,
        &format!(
            "x509 -req -in {name}.csr -CA {authority}.crt -CAkey {authority}.key -CAcreateserial -out {name}.crt -days 30 -extfile \
             extensions"
        ),
    );
}

/// A server that shows `name` and answers every connection once; asks who one is if it knows an authority. Returns its port.
fn serve(scratch: &Scratch, name: &str, clients: Option<&str>) -> u16 {
    let read = |name: &str| fs::read(scratch.path(name)).unwrap();
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(&format!("{name}.crt")))
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_slice(&read(&format!("{name}.key"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            let pem = read(&format!("{authority}.crt"));
            roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let config = Arc::new(builder.with_single_cert(certificates, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // It ends with the process.
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let config = config.clone();
            std::thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                if stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(&answer(200, "", b"over TLS"));
                    let _ = stream.flush();
                }
            });
        }
    });
    port
}

/// What comes from a host under a policy.
fn get(url: &str, tls: &TlsPolicy) -> Result<String, String> {
    let mut bench = Bench::new();
    let answer = bench.sockets.send(Call {
        method: Method::Get,
        url,
        headers: &Headers::default(),
        body: &mut std::io::empty(),
        length: Some(0),
        tls,
    });
    let mut text = String::new();
    let mut body = answer.map_err(|error| error.to_string())?.body;
    body.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

fn trusting(scratch: &Scratch, authority: &str) -> TlsPolicy {
    TlsPolicy {
        authorities: vec![fs::read_to_string(scratch.path(&format!("{authority}.crt"))).unwrap()],
        ..TlsPolicy::default()
    }
}

#[test]
fn a_self_signed_certificate_is_trusted_if_it_was_given_and_for_its_names_only() {
    let scratch = Scratch::new();
    self_signed(&scratch, "domain", "DNS:localhost", 30);
    self_signed(&scratch, "other", "DNS:localhost", 30);
    let port = serve(&scratch, "domain", None);
    let (url, by_address) = (
        format!("https://localhost:{port}/"),
        format!("https://127.0.0.1:{port}/"),
    );
    let unknown = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    assert_eq!(get(&url, &TlsPolicy::default()).unwrap_err(), unknown);
    assert_eq!(get(&url, &trusting(&scratch, "other")).unwrap_err(), unknown);
    assert_eq!(get(&url, &trusting(&scratch, "domain")).unwrap(), "over TLS");
    let wrong = "tls: failed to verify certificate: x509: certificate is valid for localhost, not 127.0.0.1";
    assert_eq!(get(&by_address, &trusting(&scratch, "domain")).unwrap_err(), wrong);
    let anybody = TlsPolicy {
        skip_verify: true,
        ..TlsPolicy::default()
    };
    assert_eq!(get(&by_address, &anybody).unwrap(), "over TLS");
}

#[test]
fn a_certificate_without_names_or_whose_time_is_over_is_refused() {
    let scratch = Scratch::new();
    self_signed(&scratch, "localhost", "", 30);
    let url = format!("https://localhost:{}/", serve(&scratch, "localhost", None));
    let legacy = "x509: certificate relies on legacy Common Name field, use SANs instead";
    assert!(
        get(&url, &trusting(&scratch, "localhost"))
            .unwrap_err()
            .ends_with(legacy)
    );
    self_signed(&scratch, "ca", "", 30);
    openssl(
        &scratch,
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout old.key -out old.csr -subj /CN=old",
    );
    fs::write(scratch.path("extensions"), "subjectAltName=DNS:localhost").unwrap();
    fs::write(scratch.path("index"), "").unwrap();
    fs::write(scratch.path("serial"), "01\n").unwrap();
    let config = "[ca]\ndefault_ca=own\n[own]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\n[any]\n\
                  commonName=supplied\n";
    fs::write(scratch.path("config"), config).unwrap();
    openssl(
        &scratch,
        "ca -batch -config config -cert ca.crt -keyfile ca.key -in old.csr -out old.crt -startdate 20200101000000Z -enddate \
         20210101000000Z -extfile extensions -notext",
    );
    let url = format!("https://localhost:{}/", serve(&scratch, "old", None));
    let expired = get(&url, &trusting(&scratch, "ca")).unwrap_err();
    let words = "x509: certificate has expired or is not yet valid: current time ";
    assert!(
        expired.contains(words) && expired.ends_with(" is after 2021-01-01T00:00:00Z"),
        "{expired}"
    );
}

#[test]
fn a_host_that_asks_who_one_is_is_shown_the_certificate_of_its_folder() {
    let scratch = Scratch::new();
    self_signed(&scratch, "ca", "", 30);
    signed(&scratch, "ca", "server", "subjectAltName=DNS:localhost");
    signed(&scratch, "ca", "client", "extendedKeyUsage=clientAuth");
    let port = serve(&scratch, "server", Some("ca"));
    let (registry, url) = (format!("localhost:{port}"), format!("https://localhost:{port}/"));
    let folder = scratch.path("certs.d").join(&registry);
    fs::create_dir_all(&folder).unwrap();
    fs::copy(scratch.path("ca.crt"), folder.join("ca.crt")).unwrap();
    let surroundings = Surroundings::of_folders(&[scratch.dir().to_owned()]).unwrap();
    assert!(get(&url, &surroundings.certs(&registry)).is_err(), "nobody was shown");
    fs::copy(scratch.path("client.crt"), folder.join("client.cert")).unwrap();
    let half = get(&url, &surroundings.certs(&registry)).unwrap_err();
    assert!(
        half.starts_with("missing key client.key for client certificate client.cert"),
        "{half}"
    );
    fs::copy(scratch.path("client.key"), folder.join("client.key")).unwrap();
    assert_eq!(get(&url, &surroundings.certs(&registry)).unwrap(), "over TLS");
    assert_eq!(surroundings.certs("other.example"), TlsPolicy::default());
    assert_eq!(surroundings.certs(".."), TlsPolicy::default());
}

#[test]
fn a_key_that_is_none_is_said() {
    let tls = TlsPolicy {
        identities: vec![ClientIdentity {
            certificates: "nothing".to_owned(),
            key: "secret".to_owned(),
        }],
        ..TlsPolicy::default()
    };
    let error = get("https://localhost:1/", &tls).unwrap_err();
    assert_eq!(error, "tls: expected a certificate in PEM for the client certificate");
}
