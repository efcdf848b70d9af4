//! curl, wget and git without a network: what they would fetch is not known, and they say so.

use crate::command::Call;
use crate::world::Result;
use store::Content;

/// What a fetched file is assumed to have.
const ASSUMED_BYTES: u64 = 1_000_000;

fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':', '?']).next().unwrap_or(rest).to_owned()
}

/// The name that a URL's file gets.
fn file_name(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split(['?', '#']).next().unwrap_or(rest);
    match path.split_once('/') {
        Some((_, path)) => path
            .rsplit('/')
            .next()
            .filter(|name| !name.is_empty())
            .unwrap_or("index.html")
            .to_owned(),
        None => "index.html".to_owned(),
    }
}

fn save(call: &mut Call<'_>, url: &str, output: &str) -> Result<()> {
    let path = call.path(output);
    call.world
        .write_content(&path, Content::Absent { size: ASSUMED_BYTES })?;
    call.warn(format!(
        "layerlab: {url} was not fetched: {output} stands for it, of an assumed size and without content"
    ));
    call.take_transfer(ASSUMED_BYTES, ASSUMED_BYTES);
    Ok(())
}

fn is_url(word: &str) -> bool {
    word.contains("://") || (word.contains('.') && !word.starts_with('-')) || word.starts_with("localhost")
}

pub(crate) fn curl(call: &mut Call<'_>) -> Result<i32> {
    if call.args.iter().any(|arg| arg == "--version" || arg == "-V") {
        call.say("curl (simulated)");
        return Ok(0);
    }
    let mut outputs = Vec::new();
    let mut urls = Vec::new();
    let mut remote_name = false;
    let mut rest = call.args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-o" | "--output" => outputs.extend(rest.next().cloned()),
            "-O" | "--remote-name" => remote_name = true,
            "-H" | "--header" | "-d" | "--data" | "-X" | "--request" | "-u" | "--user" | "-A" | "--retry"
            | "--connect-timeout" | "-m" | "--max-time" | "--cacert" | "-e" | "-b" | "-c" | "-x" | "-w" => {
                rest.next();
            }
            arg if arg.starts_with("--") => {}
            arg if arg.starts_with('-') => {
                remote_name |= arg.contains('O');
                if arg.ends_with('o') {
                    outputs.extend(rest.next().cloned());
                }
            }
            url => urls.push(url.to_owned()),
        }
    }
    let Some(url) = urls.first().cloned() else {
        call.warn("curl: try 'curl --help' or 'curl --manual' for more information");
        return Ok(2);
    };
    let host = host(&url);
    if host == "localhost" || host.starts_with("127.") {
        call.warn(format!("curl: (7) Failed to connect to {host}: Connection refused"));
        return Ok(7);
    }
    if !call.world.network {
        call.warn(format!("curl: (6) Could not resolve host: {host}"));
        return Ok(6);
    }
    if remote_name {
        for url in &urls {
            save(call, url, &file_name(url))?;
        }
    } else if let Some(output) = outputs.first().cloned().filter(|output| output != "-") {
        save(call, &url, &output)?;
    } else {
        call.warn(format!(
            "layerlab: {url} was not fetched: what it says is not simulated"
        ));
        call.take_millis(300);
        call.world.unfetched = Some(url);
    }
    Ok(0)
}

pub(crate) fn wget(call: &mut Call<'_>) -> Result<i32> {
    let mut output = None;
    let mut dir = None;
    let mut urls = Vec::new();
    let mut rest = call.args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-O" | "--output-document" => output = rest.next().cloned(),
            "-P" | "--directory-prefix" => dir = rest.next().cloned(),
            "-T" | "-t" | "-U" | "--header" | "--timeout" | "--tries" => {
                rest.next();
            }
            arg if arg.starts_with("-O") => output = Some(arg[2..].to_owned()),
            // Bundles such as -qO- end in the output's name.
            arg if arg.starts_with('-') && !arg.starts_with("--") && arg.contains('O') => {
                let name = arg.split_once('O').map(|(_, name)| name).unwrap_or_default();
                output = if name.is_empty() {
                    rest.next().cloned()
                } else {
                    Some(name.to_owned())
                };
            }
            arg if arg.starts_with('-') => {}
            url => urls.push(url.to_owned()),
        }
    }
    let Some(url) = urls.first().cloned() else {
        call.warn("wget: missing URL");
        return Ok(1);
    };
    let host = host(&url);
    if !call.world.network {
        if call.is_busybox() {
            call.warn(format!("wget: bad address '{host}'"));
            return Ok(1);
        }
        call.warn(format!(
            "Resolving {host} ({host})... failed: Temporary failure in name resolution."
        ));
        call.warn(format!("wget: unable to resolve host address '{host}'"));
        return Ok(4);
    }
    if output.as_deref() == Some("-") {
        call.warn(format!(
            "layerlab: {url} was not fetched: what it says is not simulated"
        ));
        call.world.unfetched = Some(url);
        return Ok(0);
    }
    for url in &urls {
        let name = output.clone().unwrap_or_else(|| match &dir {
            Some(dir) => format!("{dir}/{}", file_name(url)),
            None => file_name(url),
        });
        save(call, url, &name)?;
    }
    Ok(0)
}

pub(crate) fn git(call: &mut Call<'_>) -> Result<i32> {
    let words: Vec<String> = call.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    match words.first().map(String::as_str) {
        Some("clone") => {
            let Some(url) = words.iter().skip(1).find(|word| is_url(word)).cloned() else {
                call.warn("fatal: You must specify a repository to clone.");
                return Ok(129);
            };
            let name = words.iter().skip_while(|word| **word != url).nth(1).cloned();
            let name = name.unwrap_or_else(|| file_name(&url).trim_end_matches(".git").to_owned());
            call.warn(format!("Cloning into '{name}'..."));
            if !call.world.network {
                call.warn(format!(
                    "fatal: unable to access '{url}': Could not resolve host: {}",
                    host(&url)
                ));
                return Ok(128);
            }
            let dir = call.path(&name);
            call.place(
                &format!("{dir}/.git/objects/pack/pack.files"),
                0o444,
                Content::Absent { size: ASSUMED_BYTES },
            )?;
            call.place_text(&format!("{dir}/.git/HEAD"), "ref: refs/heads/main\n")?;
            call.warn(format!(
                "layerlab: {url} was not cloned: {name} is there with an assumed history and no files"
            ));
            call.take_transfer(ASSUMED_BYTES, ASSUMED_BYTES);
            Ok(0)
        }
        Some("config" | "init" | "lfs") => Ok(0),
        None => {
            call.say("git version 2 (simulated)");
            Ok(0)
        }
        Some(other) => {
            call.warn(format!("layerlab: git {other} is not simulated: nothing was done"));
            Ok(0)
        }
    }
}
