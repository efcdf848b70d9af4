//! `systemctl`, `service` and `journalctl`: the daemon as a service of its machine.

use super::{failed, operands, said};
use crate::lab::{Lab, Tools};
use crate::machine::Machine;
use builder::{CallAnswer, HostCall};
use registry::client::{DAEMON_JSON, DaemonConfig};

/// What is asked of a service.
enum Deed {
    Start,
    Stop,
    Restart,
    Status,
    IsActive,
    Nothing,
}

/// `systemctl DEED SERVICE` or `service SERVICE DEED`.
pub(super) fn control(call: &HostCall, machine: usize, lab: &mut Lab, tools: &mut Tools<'_>) -> CallAnswer {
    let words = operands(call);
    let (deed, unit) = match (call.command.as_str(), words.as_slice()) {
        ("systemctl", ["daemon-reload"]) => ("daemon-reload", "docker"),
        ("systemctl", [deed, unit]) | ("service", [unit, deed]) => (*deed, *unit),
        (command, _) => {
            return failed(
                1,
                &format!("{command}: expected what to do and a service, as in `{command} restart docker`\n"),
            );
        }
    };
    if !matches!(unit, "docker" | "docker.service") {
        return failed(
            5,
            &format!("Failed to {deed} {unit}.service: Unit {unit}.service not found.\n"),
        );
    }
    let deed = match deed {
        "start" => Deed::Start,
        "stop" => Deed::Stop,
        "restart" | "reload-or-restart" | "try-restart" | "reload" => Deed::Restart,
        "status" => Deed::Status,
        "is-active" => Deed::IsActive,
        "enable" | "disable" | "daemon-reload" => Deed::Nothing,
        other => return failed(1, &format!("Unknown command verb {other}.\n")),
    };
    let is_root = matches!(call.user.as_str(), "" | "root" | "0");
    if !is_root && !matches!(deed, Deed::Status | Deed::IsActive) {
        return failed(1, "Failed to change docker.service: Access denied (use sudo)\n");
    }
    match deed {
        Deed::Nothing => CallAnswer::default(),
        Deed::Status => status(&lab.machines[machine]),
        Deed::IsActive => active(&lab.machines[machine]),
        Deed::Stop => {
            stop(&mut lab.machines[machine], tools);
            lab.sync(tools);
            CallAnswer::default()
        }
        Deed::Start if lab.machines[machine].is_up => CallAnswer::default(),
        Deed::Start | Deed::Restart => {
            let answer = start(&mut lab.machines[machine], tools);
            lab.sync(tools);
            answer
        }
    }
}

/// Reads the daemon's configuration and starts it; containers come back as their policies say.
fn start(machine: &mut Machine, tools: &mut Tools<'_>) -> CallAnswer {
    let text = machine.text(DAEMON_JSON, tools.blobs);
    let config = match text.as_deref().map(DaemonConfig::parse).transpose() {
        Ok(config) => config.unwrap_or_default(),
        Err(error) => {
            stop(machine, tools);
            machine.journal.push(format!(
                "dockerd: unable to configure the Docker daemon with file {DAEMON_JSON}: {error}"
            ));
            return failed(
                1,
                "Job for docker.service failed because the control process exited with error code.\nSee \"systemctl status \
                 docker.service\" and \"journalctl -xeu docker.service\" for details.\n",
            );
        }
    };
    machine.registries = config.registries;
    machine
        .journal
        .push("dockerd: API listen on /run/docker.sock".to_owned());
    machine.is_up = true;
    machine.with_daemon(tools, engine::Daemon::restart_daemon);
    CallAnswer::default()
}

fn stop(machine: &mut Machine, tools: &mut Tools<'_>) {
    machine.is_up = false;
    machine.journal.push("dockerd: Daemon shutdown complete".to_owned());
    machine.with_daemon(tools, engine::Daemon::shut_down);
}

fn active(machine: &Machine) -> CallAnswer {
    if machine.is_up {
        said("active\n")
    } else {
        CallAnswer {
            exit: 3,
            ..said("inactive\n")
        }
    }
}

fn status(machine: &Machine) -> CallAnswer {
    let state = if machine.is_up {
        "active (running)"
    } else {
        "inactive (dead)"
    };
    let last = machine.journal.len().saturating_sub(5);
    let last = lines(&machine.journal[last..]);
    CallAnswer {
        exit: if machine.is_up { 0 } else { 3 },
        ..said(&format!(
            "docker.service - Docker Application Container Engine (simulated)\n     Active: {state}\n       Docs: https://docs.docker.com\n\n{last}"
        ))
    }
}

/// The daemon's own log.
pub(super) fn journal(machine: usize, lab: &Lab) -> CallAnswer {
    said(&lines(&lab.machines[machine].journal))
}

fn lines(journal: &[String]) -> String {
    journal.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}
