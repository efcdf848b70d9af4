//! Which programs serve, watch or wait until they are stopped.

use super::banner;
use crate::command::Call;
use crate::world::Result;

/// Servers that stay in the foreground unless one of these arguments is given.
const FOREGROUND: &[(&str, &[&str])] = &[
    ("redis-server", &["--daemonize"]),
    ("redis-sentinel", &["--daemonize"]),
    ("valkey-server", &["--daemonize"]),
    ("postgres", &["--single", "--boot", "--describe-config"]),
    ("mysqld", &["--initialize", "--initialize-insecure", "--daemonize"]),
    ("mysqld_safe", &[]),
    ("mariadbd", &["--bootstrap"]),
    ("mongod", &["--fork", "--shutdown"]),
    ("memcached", &["-d"]),
    ("php-fpm", &["-t", "-D", "--daemonize"]),
    ("rabbitmq-server", &["-detached"]),
    ("haproxy", &["-c", "-D"]),
    ("envoy", &[]),
    ("etcd", &[]),
    ("nats-server", &[]),
    ("mosquitto", &["-d"]),
    ("prometheus", &[]),
    ("alertmanager", &[]),
    ("node_exporter", &[]),
    ("traefik", &["version", "healthcheck"]),
    ("grafana-server", &[]),
    ("influxd", &["version"]),
    ("dockerd", &[]),
    ("containerd", &["config"]),
    ("gunicorn", &["--check-config", "--daemon"]),
    ("uvicorn", &[]),
    ("hypercorn", &[]),
    ("daphne", &[]),
    ("waitress-serve", &[]),
    ("streamlit", &[]),
    ("nodemon", &[]),
    ("http-server", &[]),
    ("java", &["-version"]),
    ("apache2-foreground", &[]),
    ("catalina.sh", &["start", "stop", "version", "configtest"]),
    ("kafka-server-start.sh", &["-daemon"]),
    ("jenkins.sh", &[]),
];

/// Servers that stay in the foreground only with one of these arguments.
const ON_REQUEST: &[(&str, &[&str])] = &[
    ("registry", &["serve"]),
    ("httpd", &["-DFOREGROUND", "FOREGROUND", "-X", "-f"]),
    ("apache2", &["-DFOREGROUND", "FOREGROUND", "-X"]),
    ("apachectl", &["-DFOREGROUND", "FOREGROUND"]),
    ("apache2ctl", &["-DFOREGROUND", "FOREGROUND"]),
    ("sshd", &["-D"]),
    ("cron", &["-f"]),
    ("crond", &["-f"]),
    ("supervisord", &["-n", "--nodaemon"]),
    ("vault", &["server", "agent"]),
    ("consul", &["agent"]),
    ("minio", &["server"]),
    ("caddy", &["run", "file-server", "reverse-proxy"]),
    ("grafana", &["server"]),
    ("flask", &["run"]),
    ("celery", &["worker", "beat"]),
    ("rails", &["server", "s"]),
    ("php", &["-S"]),
    ("deno", &["serve"]),
    ("zkServer.sh", &["start-foreground"]),
    ("ping", &[]),
    ("watch", &[]),
];

/// Arguments with which a server only answers.
const ANSWERS: &[&str] = &["--version", "-v", "-V", "--help", "-h", "-?"];

/// What marks a program's source as one that serves, or that goes on for ever.
const SERVES: &[&str] = &[
    ".listen(",
    "serve_forever",
    "app.run(",
    "uvicorn.run(",
    "HTTPServer(",
    "socketserver",
    "while True",
    "while (true)",
    "while(true)",
    "setInterval(",
    "http.ListenAndServe",
];

/// Whether the program called `name`, of which nothing else is known, would go on until it is stopped; if so, it has said what it says
/// at its start.
pub(crate) fn lasts(call: &mut Call<'_>, name: &str, args: &[String]) -> Result<bool> {
    if call.is_build() || args.iter().any(|arg| ANSWERS.contains(&arg.as_str())) {
        return Ok(false);
    }
    let has = |words: &[&str]| args.iter().any(|arg| words.contains(&arg.as_str()));
    let entry = |table: &'static [(&str, &[&str])]| table.iter().find(|(known, _)| *known == name);
    let is_server = if let Some((_, not_with)) = entry(FOREGROUND) {
        !has(not_with)
    } else if let Some((_, only_with)) = entry(ON_REQUEST) {
        only_with.is_empty() || has(only_with)
    } else {
        runs_server(call, name, args)?
    };
    if is_server {
        banner::say(call, name, args);
    }
    Ok(is_server)
}

/// Whether an interpreter is given a program that serves.
fn runs_server(call: &Call<'_>, name: &str, args: &[String]) -> Result<bool> {
    let first = args.iter().find(|arg| !arg.starts_with('-')).map(String::as_str);
    Ok(match name {
        "npm" | "yarn" | "pnpm" | "bun" => {
            let word = if first == Some("run") {
                args.last().map(String::as_str)
            } else {
                first
            };
            matches!(word, Some("start" | "dev" | "serve" | "watch"))
        }
        "dotnet" => first.is_some_and(|program| {
            program
                .rsplit_once('.')
                .is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("dll"))
        }),
        "python" | "python3" if args.first().is_some_and(|arg| arg == "-m") => args.get(1).is_some_and(|module| {
            matches!(
                module.as_str(),
                "http.server" | "flask" | "uvicorn" | "gunicorn" | "SimpleHTTPServer"
            )
        }),
        "python" | "python3" | "node" | "ruby" | "perl" | "deno" => match first {
            Some(_) if has_word(args, "runserver") => true,
            Some(path) => {
                let path = call.path(path);
                let text = call.text_of(&path)?;
                let text = if text.is_empty() {
                    call.text_of(&format!("{path}.js"))?
                } else {
                    text
                };
                SERVES.iter().any(|mark| text.contains(mark))
            }
            None => false,
        },
        _ => false,
    })
}

fn has_word(args: &[String], word: &str) -> bool {
    args.iter().any(|arg| arg == word)
}
