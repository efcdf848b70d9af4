//! What can be done with an image or a container by mouse: each is a docker command, typed into the terminal for all to see.

use messages::{ContainerRow, ImageRow};

use super::sharing::name;

/// A command, and how it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// On the button.
    pub(crate) label: &'static str,
    /// The command, or its beginning.
    pub(crate) command: String,
    /// What happens once it is typed.
    pub(crate) then: Then,
}

/// What happens once a command is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It runs.
    Run,
    /// It waits for Enter: something is to be filled in, or it cannot be taken back.
    Wait,
}

fn run(label: &'static str, command: String) -> Offer {
    Offer {
        label,
        command,
        then: Then::Run,
    }
}

fn wait(label: &'static str, command: String) -> Offer {
    Offer {
        label,
        command,
        then: Then::Wait,
    }
}

/// What can be done with an image.
pub(crate) fn of_image(image: &ImageRow) -> Vec<Offer> {
    let name = name(image);
    let mut offers = vec![
        wait("Run", format!("docker run -d {name}")),
        run("History", format!("docker image history {name}")),
        run("Inspect", format!("docker image inspect {name}")),
        wait("Tag", format!("docker tag {name} ")),
    ];
    if !image.dangling {
        offers.push(wait("Push", format!("docker push {name}")));
    }
    offers.push(run("Save", format!("docker save -o {}.tar {name}", file_stem(&name))));
    offers.push(wait("Remove", format!("docker image rm {name}")));
    offers
}

/// What can be done with a container in the state in which it is.
pub(crate) fn of_container(container: &ContainerRow) -> Vec<Offer> {
    let name = &container.name;
    let is_running = matches!(container.state.as_str(), "running" | "restarting");
    let mut offers = if is_running {
        vec![
            run("Stop", format!("docker stop {name}")),
            run("Run a shell in it", format!("docker exec -it {name} sh")),
        ]
    } else {
        vec![run("Start", format!("docker start {name}"))]
    };
    offers.extend([
        run("Logs", format!("docker logs {name}")),
        run("Changes", format!("docker diff {name}")),
        wait("Commit", format!("docker commit {name} ")),
        run("Export", format!("docker export {name} > {name}.tar")),
        wait(
            "Remove",
            format!("docker rm {}{name}", if is_running { "-f " } else { "" }),
        ),
    ]);
    offers
}

/// A name that is good for a file: `localhost:5000/api:1` becomes `api-1`.
fn file_stem(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    last.replace(':', "-").trim_end_matches("-latest").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(repository: &str, tag: &str) -> ImageRow {
        ImageRow {
            id: format!("sha256:{}", "ab".repeat(32)),
            repository: repository.to_owned(),
            tag: tag.to_owned(),
            dangling: repository == "<none>",
            ..ImageRow::default()
        }
    }

    fn command(offers: &[Offer], label: &str) -> (String, Then) {
        let offer = offers.iter().find(|offer| offer.label == label).expect("it is offered");
        (offer.command.clone(), offer.then)
    }

    #[test]
    fn an_image_is_called_by_its_name() {
        let offers = of_image(&image("localhost:5000/api", "1"));
        assert_eq!(
            command(&offers, "Save"),
            ("docker save -o api-1.tar localhost:5000/api:1".to_owned(), Then::Run)
        );
        assert_eq!(
            command(&offers, "Tag"),
            ("docker tag localhost:5000/api:1 ".to_owned(), Then::Wait)
        );
    }

    #[test]
    fn a_dangling_image_is_called_by_its_id_and_cannot_be_pushed() {
        let offers = of_image(&image("<none>", "<none>"));
        assert_eq!(command(&offers, "Remove").0, "docker image rm abababababab");
        assert!(offers.iter().all(|offer| offer.label != "Push"));
    }

    #[test]
    fn what_cannot_be_taken_back_waits_for_enter() {
        let running = ContainerRow {
            name: "web".to_owned(),
            state: "running".to_owned(),
            ..ContainerRow::default()
        };
        assert_eq!(
            command(&of_container(&running), "Remove"),
            ("docker rm -f web".to_owned(), Then::Wait)
        );
        assert_eq!(command(&of_image(&image("a", "latest")), "Remove").1, Then::Wait);
    }

    #[test]
    fn a_container_is_started_or_stopped_by_its_state() {
        let container = |state: &str| ContainerRow {
            name: "web".to_owned(),
            state: state.to_owned(),
            ..ContainerRow::default()
        };
        let labels = |state: &str| {
            of_container(&container(state))
                .iter()
                .map(|offer| offer.label)
                .collect::<Vec<_>>()
        };
        assert!(labels("running").contains(&"Stop") && !labels("running").contains(&"Start"));
        assert!(labels("exited").contains(&"Start") && !labels("exited").contains(&"Stop"));
    }
}
