//! Programs of which a build needs little: nginx's own test, a C compiler's output, version lines.

use crate::command::Call;
use crate::lasting::{self, banner};
use crate::world::{Errno, Result};
use store::Content;

pub(crate) fn nginx(call: &mut Call<'_>) -> Result<i32> {
    let conf = "/etc/nginx/nginx.conf";
    if call.args.iter().any(|arg| arg == "-v" || arg == "-V") {
        let version = call
            .env("NGINX_VERSION")
            .split('-')
            .next()
            .unwrap_or_default()
            .to_owned();
        call.warn(format!(
            "nginx version: nginx/{}",
            if version.is_empty() { "1" } else { &version }
        ));
        return Ok(0);
    }
    let text = call.text_of(conf)?;
    if text.is_empty() {
        call.warn(format!(
            "nginx: [emerg] open() \"{conf}\" failed (2: No such file or directory)"
        ));
        return Ok(1);
    }
    if text.matches('{').count() != text.matches('}').count() {
        call.warn(format!(
            "nginx: [emerg] unexpected end of file, expecting \"}}\" in {conf}:{}",
            text.lines().count()
        ));
        call.warn(format!("nginx: configuration file {conf} test failed"));
        return Ok(1);
    }
    if call.args.iter().any(|arg| arg == "-t") {
        call.warn(format!("nginx: the configuration file {conf} syntax is ok"));
        call.warn(format!("nginx: configuration file {conf} test is successful"));
        return Ok(0);
    }
    if !call.is_build() {
        return if call.args.iter().any(|arg| arg.contains("daemon off")) || text.contains("daemon off") {
            if call.world.exists("/docker-entrypoint.sh") {
                banner::nginx(call);
            }
            Err(call.last_as_called())
        } else {
            // It goes on in the background, where nothing keeps a container alive.
            Ok(0)
        };
    }
    call.warn("layerlab: a server that runs while an image is built is not simulated: nginx was not started");
    Ok(0)
}

/// A C or C++ compiler: sources must be there; the output has a plausible size.
pub(crate) fn compile(call: &mut Call<'_>) -> Result<i32> {
    if call.args.iter().any(|arg| arg == "--version") {
        let line = format!("{} (simulated)", call.name);
        call.say(line);
        return Ok(0);
    }
    let mut output = None;
    let mut sources = Vec::new();
    let (mut objects_only, mut is_static) = (false, false);
    let mut rest = call.args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "-o" => output = rest.next().cloned(),
            "-c" => objects_only = true,
            "-static" => is_static = true,
            "-I" | "-L" | "-include" | "-x" => drop(rest.next()),
            arg if arg.starts_with('-') => {}
            source => sources.push(source.to_owned()),
        }
    }
    if sources.is_empty() {
        let line = format!("{}: fatal error: no input files\ncompilation terminated.", call.name);
        call.warn(line);
        return Ok(1);
    }
    let mut bytes = 0;
    for source in &sources {
        match call.world.read(&call.path(source)) {
            Ok(text) => bytes += text.len() as u64,
            Err(need @ Errno::Need(_)) => return Err(need),
            Err(Errno::NotSimulated) => {}
            Err(errno) => {
                let line = format!("{}: error: {source}: {errno}", call.name);
                call.warn(line);
                let line = format!("{}: fatal error: no input files\ncompilation terminated.", call.name);
                call.warn(line);
                return Ok(1);
            }
        }
    }
    let base = if is_static { 780_000 } else { 16_000 };
    if objects_only {
        for source in &sources {
            let stem = source
                .rsplit('/')
                .next()
                .and_then(|name| name.split('.').next())
                .unwrap_or("a")
                .to_owned();
            let name = output.clone().unwrap_or(format!("{stem}.o"));
            let path = call.path(&name);
            call.place(
                &path,
                0o644,
                Content::Absent {
                    size: 1_500 + bytes * 2,
                },
            )?;
        }
    } else {
        let path = call.path(output.as_deref().unwrap_or("a.out"));
        call.place(&path, 0o755, Content::Absent { size: base + bytes * 2 })?;
    }
    call.take_millis(350);
    Ok(0)
}

/// Interpreters: their version is known, what they would run is not.
pub(crate) fn version(call: &mut Call<'_>) -> Result<i32> {
    let (variable, before) = if call.name == "node" {
        ("NODE_VERSION", "v")
    } else {
        ("PYTHON_VERSION", "Python ")
    };
    match call.args.first().map(String::as_str) {
        Some("--version" | "-V" | "-v") => {
            let known = call.env(variable);
            let line = format!("{before}{}", if known.is_empty() { "3" } else { known });
            call.say(line);
        }
        Some("-m") if call.args.get(1).is_some_and(|module| module == "pip") && call.name != "node" => {
            let mut nested = Call {
                world: &mut *call.world,
                name: "pip",
                args: &call.args[2..],
                env: call.env,
                cwd: call.cwd,
                stdin: call.stdin,
                has_stdin: call.has_stdin,
                n_read: 0,
                answers: &[],
                n_used: 0,
                out: String::new(),
                raw: Vec::new(),
                err: String::new(),
            };
            let exit = super::pip::pip(&mut nested)?;
            let (out, err) = (nested.out, nested.err);
            call.out.push_str(&out);
            call.err.push_str(&err);
            return Ok(exit);
        }
        _ if lasting::lasts(call, call.name, call.args)? => return Err(call.last_as_called()),
        _ => {
            let line = format!(
                "layerlab: {} is not simulated: it was not run, and nothing was changed",
                call.name
            );
            call.warn(line);
        }
    }
    Ok(0)
}
