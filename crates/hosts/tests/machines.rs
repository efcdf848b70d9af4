//! What a person types at the machines, and what comes of it.

use hosts::{Exchange, Input, Lab, Shown, Tools, Wants};
use simulator::Simulator;
use store::{LentBlobs, Time};

const WORKSTATION: usize = 0;
const REGISTRY: usize = 1;

/// The machines, with somebody at their terminals.
struct Desk {
    lab: Lab,
    blobs: LentBlobs,
    shell: Simulator,
    now: Time,
    /// Seconds between two things that are typed.
    pause: i64,
}

impl Desk {
    fn new() -> Desk {
        let (mut blobs, now) = (LentBlobs::default(), Time::of_secs(1_700_000_000));
        Desk {
            lab: Lab::new(now, &mut blobs),
            blobs,
            shell: Simulator::new(),
            now,
            pause: 1,
        }
    }

    fn give(&mut self, machine: usize, input: Input) -> Shown {
        self.now.secs += self.pause;
        let mut tools = Tools {
            now: self.now,
            blobs: &mut self.blobs,
            shell: &mut self.shell,
        };
        self.lab
            .give(machine, input, &mut tools)
            .expect("there is such a machine")
    }

    fn line(&mut self, machine: usize, text: &str) -> Shown {
        self.give(machine, Input::Line(text.to_owned()))
    }

    /// Types a line whose command must end well; returns what it said.
    fn ok(&mut self, machine: usize, text: &str) -> String {
        let shown = self.line(machine, text);
        assert_eq!(shown.exit, Some(0), "{text}: {}", shown.text);
        shown.text
    }

    fn says(&mut self, machine: usize, text: &str, wanted: &str) {
        let shown = self.line(machine, text);
        assert!(
            shown.text.contains(wanted),
            "{text}: expected {wanted:?}, found\n{}",
            shown.text
        );
    }
}

fn prompt(shown: &Shown) -> &str {
    match &shown.wants {
        Wants::Prompt(prompt) => prompt,
        other => panic!("expected a prompt, found {other:?}\n{}", shown.text),
    }
}

#[test]
fn the_prompt_says_who_is_where() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.lab.wants(REGISTRY),
        Wants::Prompt("cloud_user@registry:~$ ".to_owned())
    );
    let shown = desk.line(REGISTRY, "mkdir auth && cd auth");
    assert_eq!(prompt(&shown), "cloud_user@registry:~/auth$ ");
}

#[test]
fn an_unfinished_line_goes_on_in_the_next() {
    let mut desk = Desk::new();
    assert_eq!(desk.line(WORKSTATION, "echo 'one").wants, Wants::More);
    assert_eq!(desk.ok(WORKSTATION, "two'"), "one\ntwo\n");
    assert_eq!(desk.line(WORKSTATION, "echo 'left").wants, Wants::More);
    let shown = desk.give(WORKSTATION, Input::Interrupt);
    assert_eq!(
        (shown.text.as_str(), prompt(&shown)),
        ("^C\n", "cloud_user@workstation:~$ ")
    );
}

#[test]
fn variables_and_functions_stay_from_line_to_line() {
    let mut desk = Desk::new();
    desk.ok(WORKSTATION, "name=world; hello() { echo \"hello $name\"; }");
    assert_eq!(desk.ok(WORKSTATION, "hello"), "hello world\n");
}

#[test]
fn sudo_opens_a_shell_of_root_and_exit_leaves_it() {
    let mut desk = Desk::new();
    let shown = desk.line(WORKSTATION, "sudo -i");
    assert_eq!(prompt(&shown), "root@workstation:~# ");
    assert_eq!(desk.ok(WORKSTATION, "whoami"), "root\n");
    let shown = desk.line(WORKSTATION, "exit");
    assert_eq!(prompt(&shown), "cloud_user@workstation:~$ ");
}

#[test]
fn ctrl_d_leaves_a_shell_on_another_machine_and_never_the_last_one() {
    let mut desk = Desk::new();
    let shown = desk.line(WORKSTATION, "ssh cloud_user@registry.lab");
    assert_eq!(prompt(&shown), "cloud_user@registry:~$ ");
    desk.ok(WORKSTATION, "echo there > note");
    let shown = desk.give(WORKSTATION, Input::EndOfInput);
    assert_eq!(prompt(&shown), "cloud_user@workstation:~$ ");
    assert_eq!(desk.ok(REGISTRY, "cat note"), "there\n");
    let shown = desk.give(WORKSTATION, Input::EndOfInput);
    assert_eq!(prompt(&shown), "cloud_user@workstation:~$ ");
}

#[test]
fn a_container_in_the_foreground_runs_until_it_is_interrupted() {
    let mut desk = Desk::new();
    let shown = desk.line(WORKSTATION, "docker run --name web nginx");
    assert_eq!(shown.wants, Wants::Nothing, "{}", shown.text);
    let shown = desk.give(WORKSTATION, Input::Interrupt);
    assert!(shown.text.starts_with("^C"), "{}", shown.text);
    prompt(&shown);
    desk.says(
        WORKSTATION,
        "docker ps -a --format '{{.Names}} {{.State}}'",
        "web exited",
    );
}

#[test]
fn a_shell_in_a_container_changes_its_writable_layer_and_ends_it() {
    let mut desk = Desk::new();
    let shown = desk.line(WORKSTATION, "docker run -it --name box alpine sh");
    assert_eq!(prompt(&shown), "/ # ");
    desk.ok(WORKSTATION, "echo kept > /kept");
    let shown = desk.line(WORKSTATION, "exit 3");
    assert_eq!((prompt(&shown), shown.exit), ("cloud_user@workstation:~$ ", Some(3)));
    assert_eq!(desk.ok(WORKSTATION, "docker diff box | grep kept"), "A /kept\n");
    desk.says(WORKSTATION, "docker ps -a --format '{{.Status}}'", "Exited (3)");
}

#[test]
fn a_shell_that_exec_adds_is_the_containers_own() {
    let mut desk = Desk::new();
    desk.ok(WORKSTATION, "docker run -d --name web --hostname front nginx");
    let shown = desk.line(WORKSTATION, "docker exec -it web bash");
    assert_eq!(prompt(&shown), "root@front:/# ");
    assert!(desk.ok(WORKSTATION, "ls /usr/share/nginx/html").contains("index.html"));
    let shown = desk.line(WORKSTATION, "exit");
    assert_eq!(prompt(&shown), "cloud_user@workstation:~$ ");
    desk.says(WORKSTATION, "docker ps --format '{{.Names}} {{.State}}'", "web running");
}

#[test]
fn the_first_image_of_every_tutorial_says_hello() {
    let mut desk = Desk::new();
    let said = desk.ok(WORKSTATION, "docker run --rm hello-world");
    assert!(said.contains("Hello from Docker!"), "{said}");
}

#[test]
fn bytes_go_through_pipes_and_files_unchanged() {
    let mut desk = Desk::new();
    desk.ok(
        WORKSTATION,
        "docker pull -q busybox && docker save busybox | gzip > b.tgz",
    );
    let id = desk.ok(WORKSTATION, "docker image ls -q --no-trunc busybox");
    desk.ok(WORKSTATION, "docker rmi busybox && docker load < b.tgz");
    assert_eq!(desk.ok(WORKSTATION, "docker image ls -q --no-trunc busybox"), id);
}

#[test]
fn without_its_daemon_docker_says_so() {
    let mut desk = Desk::new();
    desk.says(WORKSTATION, "systemctl stop docker", "Access denied");
    desk.ok(WORKSTATION, "sudo systemctl stop docker");
    desk.says(WORKSTATION, "docker ps", "Cannot connect to the Docker daemon");
    desk.ok(WORKSTATION, "sudo systemctl start docker && docker ps");
}

#[test]
fn a_wrong_daemon_json_keeps_the_daemon_down() {
    let mut desk = Desk::new();
    desk.ok(
        WORKSTATION,
        "echo '{\"insecure-registries\": [}' | sudo tee /etc/docker/daemon.json",
    );
    desk.says(
        WORKSTATION,
        "sudo systemctl restart docker",
        "Job for docker.service failed",
    );
    desk.says(
        WORKSTATION,
        "journalctl -u docker",
        "unable to configure the Docker daemon",
    );
    desk.says(WORKSTATION, "docker ps", "Cannot connect");
}

#[test]
fn a_registry_keeps_its_images_when_its_machine_restarts_docker() {
    let mut desk = Desk::new();
    desk.ok(
        REGISTRY,
        "docker run -d -p 5000:5000 --restart=always --name registry registry:2",
    );
    desk.ok(
        REGISTRY,
        "docker pull busybox && docker tag busybox localhost:5000/app && docker push localhost:5000/app",
    );
    desk.ok(REGISTRY, "sudo systemctl restart docker");
    assert_eq!(desk.lab.repositories(REGISTRY)[0].name, "app");
    desk.ok(
        REGISTRY,
        "docker rmi localhost:5000/app busybox && docker pull localhost:5000/app",
    );
    desk.ok(REGISTRY, "docker rm -f -v registry");
    assert!(desk.lab.repositories(REGISTRY).is_empty());
    desk.ok(REGISTRY, "docker run -d -p 5000:5000 --name registry registry:2");
    assert!(desk.lab.repositories(REGISTRY).is_empty(), "its volume is gone");
}

#[test]
fn a_registry_that_cannot_start_says_why_in_its_log() {
    let mut desk = Desk::new();
    desk.line(
        REGISTRY,
        "docker run -d --name registry -e REGISTRY_AUTH=htpasswd -e REGISTRY_AUTH_HTPASSWD_REALM=R \
         -e REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd registry:2",
    );
    desk.says(
        REGISTRY,
        "docker logs registry",
        "/auth/htpasswd: no such file or directory",
    );
    desk.says(REGISTRY, "docker ps -a --format '{{.Status}}'", "Exited (1)");
}

#[test]
fn nobody_listens_where_no_port_is_published() {
    let mut desk = Desk::new();
    desk.ok(REGISTRY, "docker run -d --name registry registry:2");
    desk.says(
        WORKSTATION,
        "curl http://registry.lab:5000/v2/",
        "Couldn't connect to server",
    );
    desk.says(
        WORKSTATION,
        "curl http://nowhere.lab/",
        "Could not resolve host: nowhere.lab",
    );
}

#[test]
fn a_certificate_counts_for_the_names_in_it() {
    let mut desk = Desk::new();
    desk.ok(
        REGISTRY,
        "mkdir certs && openssl req -newkey rsa:4096 -nodes -sha256 -keyout certs/domain.key -x509 -days 365 -out certs/domain.crt \
         -subj /CN=registry.lab -addext 'subjectAltName = DNS:registry.lab'",
    );
    desk.ok(
        REGISTRY,
        "docker run -d -p 443:443 -v ~/certs:/certs -e REGISTRY_HTTP_ADDR=:443 -e REGISTRY_HTTP_TLS_CERTIFICATE=/certs/domain.crt \
         -e REGISTRY_HTTP_TLS_KEY=/certs/domain.key registry:2",
    );
    desk.says(
        WORKSTATION,
        "docker pull registry.lab/app",
        "certificate signed by unknown authority",
    );
    for name in ["registry.lab", "10.0.0.20"] {
        desk.ok(
            WORKSTATION,
            &format!("sudo mkdir -p /etc/docker/certs.d/{name} && sudo scp cloud_user@registry.lab:certs/domain.crt /etc/docker/certs.d/{name}/ca.crt"),
        );
    }
    desk.says(WORKSTATION, "docker pull registry.lab/app", "not found");
    desk.says(
        WORKSTATION,
        "docker pull 10.0.0.20/app",
        "certificate is valid for registry.lab, not 10.0.0.20",
    );
}

#[test]
fn what_takes_its_time_on_one_machine_is_over_when_the_other_one_looks() {
    let mut desk = Desk::new();
    // Nobody types so fast, but a script does.
    desk.pause = 0;
    desk.ok(
        REGISTRY,
        "mkdir certs && openssl req -newkey rsa:4096 -nodes -sha256 -keyout certs/domain.key -x509 -out certs/domain.crt \
         -subj /CN=registry.lab",
    );
    desk.ok(
        REGISTRY,
        "docker run -d -p 443:443 -v ~/certs:/certs -e REGISTRY_HTTP_ADDR=:443 -e REGISTRY_HTTP_TLS_CERTIFICATE=/certs/domain.crt \
         -e REGISTRY_HTTP_TLS_KEY=/certs/domain.key registry:2",
    );
    desk.says(
        WORKSTATION,
        "docker pull registry.lab/app",
        "certificate signed by unknown authority",
    );
    let before: i64 = desk.ok(WORKSTATION, "date +%s").trim().parse().expect("seconds");
    desk.ok(WORKSTATION, "sleep 3");
    let after: i64 = desk.ok(REGISTRY, "date +%s").trim().parse().expect("seconds");
    assert!(after >= before + 3, "{before} {after}");
}

#[test]
fn the_wire_shows_what_a_push_sends_and_what_it_is_spared() {
    let mut desk = Desk::new();
    desk.ok(
        REGISTRY,
        "docker run -d -p 5000:5000 registry:2 && docker pull busybox && docker tag busybox localhost:5000/app",
    );
    desk.lab.take_wire();
    desk.ok(REGISTRY, "docker push localhost:5000/app");
    let first = desk.lab.take_wire();
    let size = desk.ok(REGISTRY, "docker image ls --format '{{.Size}}' busybox");
    let wanted = format!("Simulated: it stands for {}.", size.trim());
    let layer = first.iter().find(|exchange| exchange.note.contains(&wanted));
    assert!(layer.is_some(), "expected {wanted:?} in {first:?}");
    assert!(desk.lab.repositories(REGISTRY)[0].bytes > 4_000_000);
    let sent = |wire: &[Exchange]| wire.iter().map(|exchange| exchange.sent_bytes).sum::<u64>();
    assert!(sent(&first) > 1000, "{}", sent(&first));
    desk.ok(REGISTRY, "docker push localhost:5000/app");
    let second = desk.lab.take_wire();
    assert!(sent(&second) < sent(&first));
    assert!(second.iter().any(|exchange| exchange.spared.is_some()), "{second:?}");
    let last = |wire: &[Exchange]| wire.last().map_or(0, |exchange| exchange.number);
    assert!(last(&second) > last(&first));
}

#[test]
fn an_editor_writes_as_the_person_who_opened_it() {
    let mut desk = Desk::new();
    let shown = desk.line(WORKSTATION, "vi notes.txt");
    let edit = Wants::Edit {
        path: "/home/cloud_user/notes.txt".to_owned(),
        text: String::new(),
    };
    assert_eq!(shown.wants, edit);
    let shown = desk.give(WORKSTATION, Input::Edited(Some("text\n".to_owned())));
    prompt(&shown);
    assert_eq!(
        desk.ok(WORKSTATION, "cat notes.txt; stat -c %U notes.txt"),
        "text\ncloud_user\n"
    );
    desk.line(WORKSTATION, "vi /etc/hostname");
    let shown = desk.give(WORKSTATION, Input::Edited(Some("mine\n".to_owned())));
    assert!(shown.text.contains("Permission denied"), "{}", shown.text);
    assert_eq!(desk.ok(WORKSTATION, "cat /etc/hostname"), "workstation\n");
}

#[test]
fn a_file_that_is_not_readable_is_not_copied() {
    let mut desk = Desk::new();
    desk.ok(REGISTRY, "echo secret > key && chmod 600 key && sudo chown root key");
    desk.says(WORKSTATION, "scp cloud_user@registry.lab:key .", "Permission denied");
    desk.says(
        WORKSTATION,
        "scp cloud_user@registry.lab:nothing .",
        "No such file or directory",
    );
}

#[test]
fn words_are_completed_from_commands_images_and_paths() {
    let mut desk = Desk::new();
    desk.ok(WORKSTATION, "docker pull -q alpine && mkdir -p work/deep");
    assert_eq!(
        desk.lab.complete(WORKSTATION, "docker im"),
        (7, vec!["image ".to_owned(), "images ".to_owned(), "import ".to_owned()])
    );
    assert_eq!(
        desk.lab.complete(WORKSTATION, "docker run alp"),
        (11, vec!["alpine:latest ".to_owned()])
    );
    assert_eq!(desk.lab.complete(WORKSTATION, "cd wo"), (3, vec!["work/".to_owned()]));
    assert_eq!(
        desk.lab.complete(WORKSTATION, "ls work/"),
        (3, vec!["work/deep/".to_owned()])
    );
}

#[test]
fn control_characters_do_not_reach_the_screen() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.ok(WORKSTATION, "printf 'a\\033[2Jb\\033[31mc\\033[0m\\n'"),
        "ab\u{1b}[31mc\u{1b}[0m\n"
    );
}
