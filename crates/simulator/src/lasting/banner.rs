//! What well-known servers write when they start, in short.

use crate::command::Call;
use crate::commands::clock::Clock;

/// Writes the first lines of the server called `name`. Those that are not known start without a word.
pub(crate) fn say(call: &mut Call<'_>, name: &str, args: &[String]) {
    let now = Clock::of(call.world.now_secs());
    let version = |call: &Call<'_>, variable: &str, or: &str| match call.env(variable) {
        "" => or.to_owned(),
        known => known.split(['-', '~', '+']).next().unwrap_or_default().to_owned(),
    };
    match name {
        "redis-server" => {
            let stamp = format!("{:02} {} {} {}.000", now.day, now.month_name(), now.year, now.time());
            let version = version(call, "REDIS_VERSION", "7.4.1");
            call.say(format!("1:C {stamp} * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo"));
            call.say(format!(
                "1:C {stamp} * Redis version={version}, bits=64, commit=00000000, modified=0, pid=1, just started"
            ));
            call.say(format!("1:M {stamp} * Running mode=standalone, port=6379."));
            call.say(format!("1:M {stamp} * Server initialized"));
            call.say(format!("1:M {stamp} * Ready to accept connections tcp"));
        }
        "postgres" => {
            let stamp = format!("{} {}.000 UTC [1]", now.date(), now.time());
            let version = version(call, "PG_VERSION", "16.4");
            for line in [
                format!("starting PostgreSQL {version} on x86_64-pc-linux-gnu, 64-bit"),
                "listening on IPv4 address \"0.0.0.0\", port 5432".to_owned(),
                "listening on IPv6 address \"::\", port 5432".to_owned(),
                "database system is ready to accept connections".to_owned(),
            ] {
                call.warn(format!("{stamp} LOG:  {line}"));
            }
        }
        "mysqld" => {
            let stamp = format!("{}T{}.000000Z", now.date(), now.time());
            let version = version(call, "MYSQL_VERSION", "8.0.40");
            call.warn(format!(
                "{stamp} 0 [System] [MY-010931] [Server] /usr/sbin/mysqld: ready for connections. Version: '{version}'  socket: '/var/run/mysqld/mysqld.sock'  port: 3306  MySQL Community Server - GPL."
            ));
        }
        "mariadbd" => {
            let stamp = format!("{} {}", now.date(), now.time());
            call.warn(format!("{stamp} 0 [Note] mariadbd: ready for connections."));
        }
        "httpd" | "apache2" | "apache2-foreground" => {
            let stamp = format!(
                "[{} {} {:02} {}.000000 {}]",
                now.weekday_name(),
                now.month_name(),
                now.day,
                now.time(),
                now.year
            );
            let version = version(call, "HTTPD_VERSION", "2.4.62");
            call.warn(format!(
                "{stamp} [mpm_event:notice] [pid 1:tid 1] AH00489: Apache/{version} (Unix) configured -- resuming normal operations"
            ));
            call.warn(format!(
                "{stamp} [core:notice] [pid 1:tid 1] AH00094: Command line: '{name} {}'",
                args.join(" ").replace("-DFOREGROUND", "-D FOREGROUND")
            ));
        }
        _ => {}
    }
}

/// Writes what nginx tells its error log where that is the terminal.
pub(crate) fn nginx(call: &mut Call<'_>) {
    let now = Clock::of(call.world.now_secs());
    let stamp = format!("{} {}", now.date().replace('-', "/"), now.time());
    let version = call
        .env("NGINX_VERSION")
        .split('-')
        .next()
        .unwrap_or_default()
        .to_owned();
    for line in [
        "using the \"epoll\" event method".to_owned(),
        format!("nginx/{}", if version.is_empty() { "1.27.2" } else { &version }),
        "start worker processes".to_owned(),
        "start worker process 29".to_owned(),
        "start worker process 30".to_owned(),
    ] {
        call.warn(format!("{stamp} [notice] 1#1: {line}"));
    }
}
