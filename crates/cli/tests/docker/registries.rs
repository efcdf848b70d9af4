//! Registries: pulled from, pushed to, logged in to, searched.

use crate::support::Workstation;
use cli::docker::Outcome;

#[test]
fn a_pull_tells_of_each_layer_and_of_the_digest() {
    let mut machine = Workstation::new();
    let text = machine.ok("pull base");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Using default tag: latest");
    assert_eq!(lines[1], "latest: Pulling from library/base");
    assert_eq!(
        lines.iter().filter(|line| line.ends_with(": Pulling fs layer")).count(),
        2
    );
    assert_eq!(lines.iter().filter(|line| line.ends_with(": Pull complete")).count(), 2);
    assert!(!text.contains("Downloading"), "{text}");
    assert!(lines[lines.len() - 3].starts_with("Digest: sha256:"), "{text}");
    assert_eq!(lines[lines.len() - 2], "Status: Downloaded newer image for base:latest");
    assert_eq!(lines[lines.len() - 1], "docker.io/library/base:latest");
    let again = machine.ok("pull base:latest");
    assert!(
        again.contains("Status: Image is up to date for base:latest\n"),
        "{again}"
    );
    assert_eq!(machine.ok("pull -q base:1"), "docker.io/library/base:1\n");
    let all = machine.ok("pull -a base");
    assert!(
        all.contains("1: Pulling from library/base") && all.ends_with("docker.io/library/base\n"),
        "{all}"
    );
    assert_eq!(
        machine.fails("pull -a base:1").0,
        "tag can't be used with --all-tags/-a\n"
    );
}

#[test]
fn what_is_not_there_is_said_by_the_daemon() {
    let mut machine = Workstation::new();
    let said = machine.docker("pull nothing");
    assert_eq!((said.out.as_str(), said.code()), ("Using default tag: latest\n", 1));
    assert!(said.err.starts_with("Error response from daemon: "), "{}", said.err);
    let said = machine.docker("pull nowhere.example/x:1");
    assert!(said.err.contains("no such host"), "{}", said.err);
}

#[test]
fn an_image_is_pushed_once_and_then_it_is_there() {
    let mut machine = Workstation::new();
    machine.ok("pull -q base:1");
    machine.ok("tag base:1 localhost:5000/base");
    let text = machine.ok("push localhost:5000/base");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Using default tag: latest");
    assert_eq!(lines[1], "The push refers to repository [localhost:5000/base]");
    assert_eq!(
        lines.iter().filter(|line| line.ends_with(": Pushed")).count(),
        2,
        "{text}"
    );
    assert!(lines[lines.len() - 1].starts_with("latest: digest: sha256:"), "{text}");
    let again = machine.ok("push localhost:5000/base:latest");
    assert_eq!(
        again
            .lines()
            .filter(|line| line.ends_with(": Layer already exists"))
            .count(),
        2,
        "{again}"
    );
    assert!(machine.ok("images --digests localhost:5000/base").contains("sha256:"));
    // Layers that another repository of that registry has are taken from there.
    machine.ok("tag base:1 localhost:5000/other:1");
    let mounted = machine.ok("push localhost:5000/other:1");
    assert_eq!(
        mounted
            .lines()
            .filter(|line| line.ends_with(": Mounted from base"))
            .count(),
        2,
        "{mounted}"
    );
    machine.ok("rmi localhost:5000/base localhost:5000/other:1");
    machine.ok("pull localhost:5000/base");
    assert_eq!(
        machine.ok("push -q localhost:5000/base"),
        "localhost:5000/base:latest\n"
    );
}

#[test]
fn what_is_not_here_cannot_be_pushed() {
    let mut machine = Workstation::new();
    let said = machine.docker("push localhost:5000/none");
    assert_eq!(
        said.out,
        "Using default tag: latest\nThe push refers to repository [localhost:5000/none]\n"
    );
    assert_eq!(
        said.err,
        "An image does not exist locally with the tag: localhost:5000/none\n"
    );
    machine.ok("pull -q base:1");
    assert_eq!(machine.fails("push base:2").0, "tag does not exist: base:2\n");
}

#[test]
fn a_registry_with_accounts_wants_a_login() {
    let mut machine = Workstation::new();
    machine.ok("pull -q base:1");
    machine.ok("tag base:1 reg.example:5000/base");
    let (error, _) = machine.fails("push reg.example:5000/base");
    assert!(error.contains("no basic auth credentials"), "{error}");
    let said = machine.piped(b"wrong\n", "login -u testuser --password-stdin reg.example:5000");
    assert_eq!(said.code(), 1);
    assert!(
        said.err.starts_with("Error response from daemon: ") && said.err.contains("401 Unauthorized"),
        "{}",
        said.err
    );
    let said = machine.piped(b"password\n", "login -u testuser --password-stdin reg.example:5000");
    assert_eq!(said.out, "Login Succeeded\n");
    assert_eq!(
        said.err,
        "\nWARNING! Your credentials are stored unencrypted in '/home/me/.docker/config.json'.\nConfigure a credential helper \
         to remove this warning. See\nhttps://docs.docker.com/go/credential-store/\n\n"
    );
    assert!(
        machine
            .text("/home/me/.docker/config.json")
            .contains("\"reg.example:5000\"")
    );
    machine.ok("push reg.example:5000/base");
    let said = machine.docker("login reg.example:5000");
    assert_eq!(
        said.out,
        "Authenticating with existing credentials... [Username: testuser]\nLogin Succeeded\n"
    );
    assert_eq!(
        machine.ok("logout reg.example:5000"),
        "Removing login credentials for reg.example:5000\n"
    );
    assert!(
        machine
            .fails("push reg.example:5000/base")
            .0
            .contains("no basic auth credentials")
    );
    assert_eq!(
        machine.ok("logout"),
        "Removing login credentials for https://index.docker.io/v1/\n"
    );
}

#[test]
fn a_login_asks_for_what_it_was_not_told() {
    let mut machine = Workstation::new();
    let asks = |prompt: &str, hidden| Outcome::Asks {
        prompt: prompt.to_owned(),
        hidden,
    };
    let login = "login reg.example:5000";
    assert_eq!(machine.at_terminal(login, &[]).outcome, asks("Username: ", false));
    assert_eq!(
        machine.at_terminal(login, &["testuser"]).outcome,
        asks("Password: ", true)
    );
    let said = machine.at_terminal(login, &["testuser", "password"]);
    assert_eq!((said.out.as_str(), said.code()), ("Login Succeeded\n", 0));
    let mut machine = Workstation::new();
    assert_eq!(
        machine.fails(login).0,
        "Error: Cannot perform an interactive login from a non TTY device\n"
    );
    let said = machine.docker("login -u testuser -p password reg.example:5000");
    assert!(
        said.err
            .starts_with("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n")
    );
    assert_eq!(said.out, "Login Succeeded\n");
    for (line, error) in [
        (
            "login --password-stdin",
            "the --password-stdin option requires --username to be set\n",
        ),
        (
            "login -u a -p x --password-stdin",
            "conflicting options: cannot specify both --password and --password-stdin\n",
        ),
        ("login -u testuser -p ''", "password is empty\n"),
    ] {
        assert!(machine.fails(line).0.ends_with(error), "{line}");
    }
}

#[test]
fn the_hub_is_searched() {
    let mut machine = Workstation::new();
    assert_eq!(
        machine.ok("search ubuntu"),
        "\
NAME          DESCRIPTION                                     STARS     OFFICIAL
ubuntu        An operating system with a very long descrip…   16000     [OK]
some/ubuntu   Mine                                            2         
"
    );
    assert_eq!(
        machine.ok("search ubuntu -f stars=3 --format '{{.Name}} {{.IsOfficial}}'"),
        "ubuntu true\n"
    );
    assert!(
        machine
            .fails("search --limit 200 x")
            .0
            .contains("limit 200 is outside the range of [1, 100]")
    );
}
