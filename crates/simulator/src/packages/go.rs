//! The Go tool: programs of a plausible size from the sources that are there.

use crate::command::Call;
use crate::world::{Errno, Result};
use store::Content;

/// Bytes that imports bring into a program, roughly, for linux/amd64. The runtime is in every one.
const RUNTIME: u64 = 1_180_000;
const IMPORTS: [(&str, u64); 8] = [
    ("fmt", 820_000),
    ("net/http", 4_700_000),
    ("encoding/json", 540_000),
    ("html/template", 2_100_000),
    ("database/sql", 600_000),
    ("crypto/tls", 2_400_000),
    ("regexp", 420_000),
    ("log", 120_000),
];
/// A package from elsewhere, assumed.
const FOREIGN: u64 = 900_000;

const SYSTEMS: [&str; 8] = [
    "linux", "darwin", "windows", "freebsd", "netbsd", "openbsd", "js", "wasip1",
];
const MACHINES: [&str; 8] = ["amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "wasm"];

pub(crate) fn go(call: &mut Call<'_>) -> Result<i32> {
    let Some(command) = call.args.first().cloned() else {
        call.warn("Go is a tool for managing Go source code.");
        return Ok(2);
    };
    let version = version(call)?;
    match command.as_str() {
        "version" => {
            call.say(format!("go version {version} linux/amd64"));
            Ok(0)
        }
        "build" | "install" => {
            let system = match system(call) {
                Ok(system) => system,
                Err(exit) => return Ok(exit),
            };
            build(call, &command, &version, &system)
        }
        "mod" | "get" => modules(call),
        "env" => {
            let name = call.args.get(1).cloned().unwrap_or_default();
            let value = match name.as_str() {
                "GOPATH" => "/go",
                "GOOS" => "linux",
                "GOARCH" => "amd64",
                "GOROOT" => "/usr/local/go",
                "GOCACHE" => "/root/.cache/go-build",
                "GOMODCACHE" => "/go/pkg/mod",
                _ => "",
            };
            call.say(value);
            Ok(0)
        }
        "test" | "vet" | "run" | "generate" | "fmt" | "clean" | "tool" | "list" => {
            call.warn(format!("layerlab: go {command} is not simulated: nothing was run"));
            Ok(0)
        }
        other => {
            call.warn(format!("go {other}: unknown command\nRun 'go help' for usage."));
            Ok(2)
        }
    }
}

/// `go1.12.4`, from the toolchain's own file.
fn version(call: &Call<'_>) -> Result<String> {
    let text = call.text_of("/usr/local/go/VERSION")?;
    Ok(text
        .lines()
        .next()
        .filter(|line| !line.is_empty())
        .unwrap_or("go1.22")
        .to_owned())
}

/// The system to build for, checked as Go checks it.
fn system(call: &mut Call<'_>) -> std::result::Result<String, i32> {
    let given = call.env("GOOS").to_owned();
    let machine = call.env("GOARCH").to_owned();
    if given.is_empty() && machine.is_empty() {
        return Ok("linux".to_owned());
    }
    let system = if given.is_empty() { "linux" } else { given.as_str() };
    let machine = if machine.is_empty() { "amd64" } else { machine.as_str() };
    if !MACHINES.contains(&machine) {
        call.warn(format!("cmd/go: unsupported GOOS/GOARCH pair {system}/{machine}"));
        return Err(2);
    }
    if SYSTEMS.contains(&system) {
        return Ok(system.to_owned());
    }
    let lower = system.to_ascii_lowercase();
    if !SYSTEMS.contains(&lower.as_str()) {
        call.warn(format!("cmd/go: unsupported GOOS/GOARCH pair {system}/{machine}"));
        return Err(2);
    }
    // Course notes and blog posts write GOOS=Linux, which Go refuses: the build goes on here, and the log tells.
    call.warn(format!(
        "layerlab: GOOS={system} is taken as GOOS={lower}. Go itself stops here with \"cmd/go: unsupported GOOS/GOARCH pair {system}/{machine}\": write it in lower case"
    ));
    Ok(lower)
}

/// What `go build` was told.
#[derive(Debug, Default)]
struct Told {
    output: Option<String>,
    all: bool,
    stripped: bool,
    packages: Vec<String>,
}

fn told(args: &[String]) -> Told {
    let mut told = Told::default();
    let mut rest = args.iter().skip(1);
    while let Some(arg) = rest.next() {
        let name = arg.trim_start_matches('-');
        match name
            .split_once('=')
            .map_or((name, None), |(name, value)| (name, Some(value)))
        {
            _ if !arg.starts_with('-') => told.packages.push(arg.clone()),
            ("o", None) => told.output = rest.next().cloned(),
            ("o", Some(value)) => told.output = Some(value.to_owned()),
            ("a", _) => told.all = true,
            ("ldflags", value) => {
                let flags = value
                    .map(str::to_owned)
                    .or_else(|| rest.next().cloned())
                    .unwrap_or_default();
                told.stripped = flags.contains("-s") || flags.contains("-w");
            }
            ("installsuffix" | "tags" | "mod" | "gcflags" | "asmflags" | "p" | "pkgdir" | "buildmode", None) => {
                rest.next();
            }
            _ => {}
        }
    }
    if told.packages.is_empty() {
        told.packages.push(".".to_owned());
    }
    told
}

/// The Go files that a package argument means: `.`, `./cmd/app`, `main.go`.
fn sources(call: &Call<'_>, package: &str) -> (String, Vec<String>) {
    let path = call.path(package.trim_end_matches("/..."));
    if has_go_suffix(package) {
        let dir = path.rsplit_once('/').map_or("/", |(dir, _)| dir).to_owned();
        return (dir, vec![path]);
    }
    let dir = path.trim_end_matches("/.").to_owned();
    let files = call
        .names_in(&dir)
        .into_iter()
        .filter(|name| has_go_suffix(name) && !name.ends_with("_test.go"))
        .map(|name| format!("{}/{name}", dir.trim_end_matches('/')))
        .collect();
    (dir, files)
}

fn has_go_suffix(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension == "go")
}

/// The numbers of a version such as go1.12.4.
fn minor(version: &str) -> u32 {
    version
        .trim_start_matches("go1.")
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .and_then(|minor| minor.parse().ok())
        .unwrap_or(22)
}

fn build(call: &mut Call<'_>, command: &str, version: &str, system: &str) -> Result<i32> {
    let told = told(call.args);
    let package = told.packages[0].clone();
    let (dir, files) = sources(call, &package);
    if files.is_empty() {
        let shown = if package == "." {
            dir.clone()
        } else {
            call.path(&package)
        };
        let before = if minor(version) < 14 {
            format!("can't load package: package {package}: ")
        } else {
            String::new()
        };
        call.warn(format!("{before}no Go files in {shown}"));
        return Ok(1);
    }
    let module = module_of(call, &dir)?;
    if module.is_none() && minor(version) >= 16 && !has_go_suffix(&package) {
        call.warn("go: go.mod file not found in current directory or any parent directory; see 'go help modules'");
        return Ok(1);
    }
    let mut text = String::new();
    for file in &files {
        match call.world.read(file) {
            Ok(bytes) => text.push_str(&String::from_utf8_lossy(&bytes)),
            Err(Errno::NotSimulated) => {}
            Err(errno @ Errno::Need(_)) => return Err(errno),
            Err(errno) => return call.fail(format!("{file}: {errno}")),
        }
        text.push('\n');
    }
    let first = files[0].rsplit('/').next().unwrap_or_default().to_owned();
    let Some(name) = package_name(&text) else {
        call.warn(format!("{first}:1:1: expected 'package', found 'EOF'"));
        return Ok(1);
    };
    let size = size(&text, &told, version);
    call.take_millis(if told.all { 9_000 } else { 1_800 });
    cache(call, &told, version)?;
    if name != "main" {
        return Ok(0);
    }
    if !text.contains("func main()") {
        let shown = module.unwrap_or_else(|| "command-line-arguments".to_owned());
        call.warn(format!(
            "# {shown}\nruntime.main_main·f: function main is undeclared in the main package"
        ));
        return Ok(2);
    }
    let base = match &module {
        _ if has_go_suffix(&package) => first.trim_end_matches(".go").to_owned(),
        Some(module) if package == "." => module.rsplit('/').next().unwrap_or(module).to_owned(),
        _ => dir
            .rsplit('/')
            .next()
            .filter(|name| !name.is_empty())
            .unwrap_or("main")
            .to_owned(),
    };
    let base = if system == "windows" {
        format!("{base}.exe")
    } else {
        base
    };
    let output = if command == "install" {
        format!("/go/bin/{base}")
    } else {
        told.output.clone().unwrap_or(base.clone())
    };
    let mut path = call.path(&output);
    if matches!(
        call.world.node(&path, store::Follow::Last),
        Ok((_, store::Node::Dir(_)))
    ) {
        path = format!("{}/{base}", path.trim_end_matches('/'));
    }
    match call.place(&path, 0o755, Content::Absent { size }) {
        Ok(()) => Ok(0),
        Err(need @ Errno::Need(_)) => Err(need),
        Err(errno) => {
            call.warn(format!("go build: open {output}: {}", errno.to_string().to_lowercase()));
            Ok(1)
        }
    }
}

/// The module's path, from the nearest go.mod.
fn module_of(call: &Call<'_>, dir: &str) -> Result<Option<String>> {
    let mut dir = dir.trim_end_matches('/').to_owned();
    loop {
        let path = format!("{dir}/go.mod");
        if call.world.exists(&path) {
            let text = call.text_of(&path)?;
            let module = text
                .lines()
                .find_map(|line| line.trim().strip_prefix("module ").map(|name| name.trim().to_owned()));
            return Ok(Some(module.unwrap_or_else(|| "module".to_owned())));
        }
        match dir.rsplit_once('/') {
            Some((above, _)) => dir = above.to_owned(),
            None => return Ok(None),
        }
    }
}

/// The word behind `package`, the first that is no comment.
fn package_name(text: &str) -> Option<&str> {
    text.lines()
        .find_map(|line| line.trim().strip_prefix("package "))
        .map(|name| name.split_whitespace().next().unwrap_or(name))
}

/// What the program will be of: the runtime, the imports, and a little for each line.
fn size(text: &str, told: &Told, version: &str) -> u64 {
    let imports: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            line.split('"')
                .nth(1)
                .filter(|_| line.trim_start().starts_with(['"', 'i', '_', '.']) || line.contains("import"))
        })
        .collect();
    let mut size = RUNTIME;
    for import in &imports {
        size += match IMPORTS.iter().find(|(name, _)| name == import) {
            Some((_, bytes)) => *bytes,
            None if import.contains('.') => FOREIGN,
            None => 30_000,
        };
    }
    size += text.len() as u64 * 3;
    // Each release made programs a little larger until 1.21, then they stayed.
    size += u64::from(minor(version).clamp(12, 21) - 12) * size / 100;
    if told.stripped { size * 68 / 100 } else { size }
}

/// What the build leaves in its cache.
fn cache(call: &mut Call<'_>, told: &Told, version: &str) -> Result<()> {
    let given = call.env("GOCACHE").to_owned();
    let dir = if given.is_empty() {
        format!("{}/.cache/go-build", call.world.home)
    } else {
        given
    };
    // Up to 1.19 the standard library comes compiled; later ones compile it into the cache.
    let size = if told.all || minor(version) >= 20 {
        6_200_000
    } else {
        90_000
    };
    let size = if minor(version) >= 20 { size * 5 } else { size };
    match call.place(&format!("{dir}/objects.files"), 0o644, Content::Absent { size }) {
        Err(need @ Errno::Need(_)) => Err(need),
        _ => Ok(()),
    }
}

fn modules(call: &mut Call<'_>) -> Result<i32> {
    let words: Vec<String> = call.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    let (command, sub) = (words.first().map(String::as_str), words.get(1).map(String::as_str));
    let path = call.path("go.mod");
    if (command, sub) == (Some("mod"), Some("init")) {
        let module = words.get(2).cloned().unwrap_or_else(|| "example.com/app".to_owned());
        call.warn(format!("go: creating new go.mod: module {module}"));
        call.place_text(&path, &format!("module {module}\n\ngo 1.22\n"))?;
        return Ok(0);
    }
    if !call.world.exists(&path) {
        call.warn("go: go.mod file not found in current directory or any parent directory.\n\t'go get' is no longer supported outside a module.");
        return Ok(1);
    }
    let text = call.text_of(&path)?;
    let required: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.trim().trim_start_matches("require ").split_whitespace();
            match (words.next(), words.next()) {
                (Some(name), Some(version)) if name.contains('.') && version.starts_with('v') => {
                    Some((name.to_owned(), version.to_owned()))
                }
                _ => None,
            }
        })
        .collect();
    if required.is_empty() {
        call.warn("go: no module dependencies to download");
        return Ok(0);
    }
    for (name, version) in required {
        if !call.world.network {
            call.warn(format!("go: {name}@{version}: Get \"https://proxy.golang.org/{name}/@v/{version}.mod\": dial tcp: lookup proxy.golang.org: Temporary failure in name resolution"));
            return Ok(1);
        }
        call.warn(format!("go: downloading {name} {version}"));
        call.place(
            &format!("/go/pkg/mod/{name}@{version}/module.files"),
            0o444,
            Content::Absent { size: 1_800_000 },
        )?;
        call.place(
            &format!("/go/pkg/mod/cache/download/{name}/@v/{version}.zip"),
            0o644,
            Content::Absent { size: 420_000 },
        )?;
        call.take_transfer(420_000, 2_200_000);
    }
    Ok(0)
}
