//! Lines at a terminal, and what they ask of their host.

use crate::Simulator;
use builder::{
    Answer, CallAnswer, Done, Echo, Executor, HOST_CALLS, HostCall, Line, Output, Purpose, RunRequest, Sessions,
    ShellState, Sink, SoFar, Stream, Then, Turn,
};
use store::{BlobStore, Content, Follow, MemoryBlobs, Meta, Node, Time, Tree, TreePath};

/// A host with a terminal.
struct Host {
    simulator: Simulator,
    tree: Tree,
    blobs: MemoryBlobs,
    state: ShellState,
    user: String,
    shell: String,
    /// What the terminal has shown.
    screen: String,
    now: i64,
}

impl Host {
    fn new() -> Host {
        let mut blobs = MemoryBlobs::default();
        let image = catalogue::find(&"ubuntu:bionic".parse().unwrap())
            .unwrap()
            .load(&mut blobs)
            .unwrap();
        let mut tree = image.tree().unwrap();
        for program in [
            "docker", "curl", "sudo", "vi", "openssl", "htpasswd", "ip", "ps", "top", "free", "less", "man",
        ] {
            let node = Node::file(Meta::of_mode(0o755), Content::Absent { size: 1000 });
            tree.insert(&TreePath::parse(&format!("/usr/bin/{program}")).unwrap(), node)
                .unwrap();
        }
        let mut host = Host {
            simulator: Simulator::new(),
            tree,
            blobs,
            state: ShellState::default(),
            user: String::new(),
            shell: "/bin/bash".to_owned(),
            screen: String::new(),
            now: 1_700_000_000,
        };
        host.line("useradd -m -s /bin/bash cloud_user; usermod -aG sudo cloud_user; useradd -m guest");
        assert_eq!(host.screen, "");
        host.state = ShellState::default();
        host.user = "cloud_user".to_owned();
        host
    }

    fn start_as(&mut self, id: u32, text: &str) -> Turn {
        self.now += 1;
        let line = Line {
            text: text.to_owned(),
            state: self.state.clone(),
            shell: self.shell.clone(),
            user: self.user.clone(),
            hostname: "workstation".to_owned(),
            env: vec![("LANG".to_owned(), "en_GB.UTF-8".to_owned())],
            cwd: String::new(),
            now: Time::of_secs(self.now),
            columns: 80,
            history: vec!["ls".to_owned(), "pwd".to_owned()],
            calls: HOST_CALLS.iter().map(|&name| name.to_owned()).collect(),
        };
        let turn = self.simulator.start(id, &line, &self.tree, &mut self.blobs).unwrap();
        self.take(turn)
    }

    fn start(&mut self, text: &str) -> Turn {
        self.start_as(1, text)
    }

    fn resume(&mut self, id: u32, answer: Answer) -> Turn {
        let turn = self.simulator.resume(id, answer, &self.tree, &mut self.blobs).unwrap();
        self.take(turn)
    }

    fn answer(&mut self, stdout: &[u8]) -> Turn {
        let answer = CallAnswer {
            stdout: stdout.to_vec(),
            ..CallAnswer::default()
        };
        self.resume(1, Answer::Call(answer))
    }

    fn type_in(&mut self, text: &str) -> Turn {
        self.resume(1, Answer::Text(Some(text.to_owned())))
    }

    fn take(&mut self, turn: Turn) -> Turn {
        let so_far = match &turn {
            Turn::Call(HostCall { so_far, .. }) | Turn::Lasts { so_far, .. } => so_far,
            Turn::Ask(question) => &question.so_far,
            Turn::Done(done) => {
                self.state = done.state.clone();
                &done.so_far
            }
            Turn::Unfinished => return turn,
        };
        let SoFar { output, tree, .. } = so_far;
        self.tree = tree.clone();
        for Output { bytes, .. } in output {
            self.screen.push_str(&String::from_utf8_lossy(bytes));
        }
        turn
    }

    /// Runs a line to its end; returns what it showed.
    fn line(&mut self, text: &str) -> String {
        self.screen.clear();
        let turn = self.start(text);
        done(turn);
        self.screen.clone()
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        let at = self.tree.resolve(path, Follow::Last).unwrap();
        match self.tree.get(&at).unwrap().as_file().unwrap().content {
            Content::Blob { digest, .. } => self.blobs.get(&digest).unwrap().to_vec(),
            Content::Absent { size } => vec![0; size as usize],
        }
    }
}

#[track_caller]
fn done(turn: Turn) -> Done {
    match turn {
        Turn::Done(done) => done,
        other => panic!("expected the end of the line, found {other:?}"),
    }
}

#[track_caller]
fn call(turn: Turn) -> HostCall {
    match turn {
        Turn::Call(call) => call,
        other => panic!("expected a call, found {other:?}"),
    }
}

const ARCHIVE: &[u8] = &[0x1f, 0x8b, 0, 255, 254, b'\n', 0xc3, 0x28, 0, 13, 10, 0x80];

#[test]
fn a_shell_remembers_directory_variables_functions_and_umask() {
    let mut host = Host::new();
    assert_eq!(done(host.start("")).prompt, "cloud_user@workstation:~$ ");
    host.line("cd /etc; x=1; export Y=2; f() { echo f $x; }; alias g='echo alias'; umask 077; false");
    assert_eq!(host.line("echo $? $x; f; pwd; sh -c 'echo $Y'"), "1 1\nf 1\n/etc\n2\n");
    assert_eq!(host.line("g now"), "alias now\n");
    host.line("cd; mkdir -p registry && cd registry && echo secret > key");
    assert_eq!(
        host.line("stat -c '%a %U' key; pwd"),
        "600 cloud_user\n/home/cloud_user/registry\n"
    );
    assert_eq!(done(host.start("")).prompt, "cloud_user@workstation:~/registry$ ");
    assert_eq!(
        host.line("echo $LANG $COLUMNS $USER ~"),
        "en_GB.UTF-8 80 cloud_user /home/cloud_user\n"
    );
}

#[test]
fn a_shell_speaks_as_one_that_is_typed_at() {
    let mut host = Host::new();
    assert_eq!(host.line("nosuch"), "bash: nosuch: command not found\n");
    let turn = host.start("if fi");
    assert_eq!(done(turn).exit, 2);
    assert!(
        host.screen.contains("syntax error near unexpected token"),
        "{}",
        host.screen
    );
    assert_eq!(host.line("history"), "    1  ls\n    2  pwd\n");
    assert_eq!(host.line("uname -n; hostname"), "workstation\nworkstation\n");
}

#[test]
fn a_call_carries_what_the_command_was_given() {
    let mut host = Host::new();
    let turn = host.start("cd /tmp; export TOKEN=t; echo before; docker run -d \"a b\" *.nothing; echo after $?");
    let asked = call(turn);
    assert_eq!(asked.command, "docker");
    assert_eq!(asked.args, ["run", "-d", "a b", "*.nothing"]);
    assert_eq!((asked.cwd.as_str(), asked.user.as_str()), ("/tmp", "cloud_user"));
    assert!(asked.env.contains(&("TOKEN".to_owned(), "t".to_owned())));
    assert_eq!((asked.stdin, asked.stdout), (None, Sink::Terminal));
    assert_eq!(host.screen, "before\n");
    let answer = CallAnswer {
        stdout: b"0123\n".to_vec(),
        stderr: b"a warning\n".to_vec(),
        exit: 3,
        millis: 40,
    };
    let end = done(host.resume(1, Answer::Call(answer)));
    assert!(host.screen.starts_with("before\n"), "{}", host.screen);
    assert!(host.screen.contains("0123\n") && host.screen.contains("a warning\n"));
    assert!(host.screen.ends_with("after 3\n"), "{}", host.screen);
    assert_eq!((end.exit, end.so_far.millis), (0, 40));
    let streams: Vec<Stream> = end.so_far.output.iter().map(|output| output.stream).collect();
    assert!(streams.contains(&Stream::Err) && streams.contains(&Stream::Out));
}

#[test]
fn bytes_pass_through_pipes_and_redirections_unchanged() {
    let mut host = Host::new();
    let asked = call(host.start("docker export c > flat.tar"));
    assert_eq!(asked.stdout, Sink::Other);
    done(host.answer(ARCHIVE));
    assert_eq!(host.bytes("/home/cloud_user/flat.tar"), ARCHIVE);
    assert_eq!(host.screen, "");
    for line in [
        "cat flat.tar | docker import - flat:latest",
        "docker import - flat:latest < flat.tar",
        "cp flat.tar copy && sudo docker import - flat:latest < copy",
        "cat flat.tar | sudo docker import - flat:latest",
        "gzip -c flat.tar | gunzip | docker import - flat:latest",
        "cat flat.tar | tee /tmp/x | cat | docker import - flat:latest",
    ] {
        let asked = call(host.start(line));
        assert_eq!(asked.stdin.as_deref(), Some(ARCHIVE), "{line}");
        assert_eq!(asked.args, ["import", "-", "flat:latest"]);
        let is_root = line.contains("sudo");
        assert_eq!(asked.user, if is_root { "root" } else { "cloud_user" });
        done(host.answer(b"sha256:0\n"));
    }
    assert_eq!(host.bytes("/tmp/x"), ARCHIVE);
    call(host.start("docker save x | gzip > x.tgz"));
    done(host.answer(ARCHIVE));
    call(host.start("gunzip < x.tgz | docker load"));
    assert_eq!(host.simulator.abort(1).unwrap().exit, 130);
    let first = call(host.start("docker save x | docker load"));
    assert_eq!((first.stdout, first.args[0].as_str()), (Sink::Other, "save"));
    let second = call(host.answer(ARCHIVE));
    assert_eq!(second.stdin.as_deref(), Some(ARCHIVE));
    done(host.answer(b"Loaded image: x:latest\n"));
    assert!(host.screen.ends_with("Loaded image: x:latest\n"));
}

#[test]
fn the_courses_lines_reach_the_host_as_they_are_written() {
    let mut host = Host::new();
    host.line("mkdir ~/registry; cd registry; mkdir auth");
    let asked = call(host.start("docker run --entrypoint htpasswd registry:2 -Bbn testuser password > auth/htpasswd"));
    assert_eq!(
        asked.args.join(" "),
        "run --entrypoint htpasswd registry:2 -Bbn testuser password"
    );
    assert_eq!(
        (asked.cwd.as_str(), asked.stdout),
        ("/home/cloud_user/registry", Sink::Other)
    );
    done(host.answer(b"testuser:$2y$05$x\n\n"));
    assert_eq!(
        host.bytes("/home/cloud_user/registry/auth/htpasswd"),
        b"testuser:$2y$05$x\n\n"
    );
    let asked = call(host.start("docker run -d -p 5000:5000 -v $(pwd)/auth:/auth -v `pwd`/certs:/certs \\\n --restart=always --name registry registry:2"));
    assert_eq!(
        asked.args.join(" "),
        "run -d -p 5000:5000 -v /home/cloud_user/registry/auth:/auth -v /home/cloud_user/registry/certs:/certs --restart=always --name registry registry:2"
    );
    done(host.answer(b"0123\n"));
    let asked = call(host.start("sudo vi /etc/docker/daemon.json"));
    assert_eq!((asked.command.as_str(), asked.user.as_str()), ("vi", "root"));
    assert_eq!((asked.stdin, asked.stdout), (None, Sink::Terminal));
    done(host.answer(b""));
    let asked = call(host.start("docker image inspect nginx --format \"{{.Architecture}} {{.Os}}\""));
    assert_eq!(asked.args[4], "{{.Architecture}} {{.Os}}");
    done(host.answer(b"amd64 linux\n"));
}

#[test]
fn the_output_of_a_call_is_a_word_of_another() {
    let mut host = Host::new();
    let first = call(host.start("docker rm -f $(docker ps -aq)"));
    assert_eq!((first.stdout, first.args.join(" ").as_str()), (Sink::Other, "ps -aq"));
    let second = call(host.answer(b"aaa\nbbb\n"));
    assert_eq!(second.args, ["rm", "-f", "aaa", "bbb"]);
    done(host.answer(b""));
}

#[test]
fn files_that_the_host_makes_meanwhile_are_there() {
    let mut host = Host::new();
    call(host.start("docker save -o out.tar x; ls -l out.tar | wc -l; cat out.tar"));
    let digest = host.blobs.put(b"made by the host\n").unwrap();
    let node = Node::file(Meta::of_mode(0o644), Content::Blob { digest, size: 17 });
    host.tree
        .insert(&TreePath::parse("/home/cloud_user/out.tar").unwrap(), node)
        .unwrap();
    done(host.answer(b""));
    assert_eq!(host.screen, "1\nmade by the host\n");
}

#[test]
fn the_host_may_run_commands_while_a_line_waits() {
    let mut host = Host::new();
    call(host.start("echo mine > x; docker run alpine true && cat x"));
    let request = RunRequest {
        argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), "echo nested | cat".to_owned()],
        env: Vec::new(),
        cwd: "/".to_owned(),
        user: String::new(),
        mounts: Vec::new(),
        network: true,
        now: Time::of_secs(1_700_000_000),
        purpose: Purpose::Process,
        stdin: Vec::new(),
        hostname: "f00d".to_owned(),
    };
    let outcome = host.simulator.run(&request, &host.tree, &mut host.blobs).unwrap();
    assert_eq!(outcome.log(), "nested\n");
    done(host.answer(b"nested\n"));
    assert_eq!(host.screen, "nested\nmine\n");
}

#[test]
fn two_sessions_wait_side_by_side() {
    let mut host = Host::new();
    let one = call(host.start_as(1, "x=one; docker a; echo $x"));
    let two = call(host.start_as(2, "x=two; docker b; echo $x"));
    assert_eq!((one.args, two.args), (vec!["a".to_owned()], vec!["b".to_owned()]));
    host.screen.clear();
    done(host.resume(1, Answer::Call(CallAnswer::default())));
    assert_eq!(host.screen, "one\n");
    host.screen.clear();
    done(host.resume(2, Answer::Call(CallAnswer::default())));
    assert_eq!(host.screen, "two\n");
}

#[test]
fn a_line_that_is_broken_off_leaves_what_it_did() {
    let mut host = Host::new();
    call(host.start("cd /tmp; touch made; docker logs -f c; touch never"));
    let end = host.simulator.abort(1).unwrap();
    assert_eq!((end.exit, end.cwd.as_str(), end.then), (130, "/tmp", Then::Prompt));
    host.state = end.state;
    assert_eq!(host.line("echo $?; ls"), "130\nmade\n");
    assert!(host.simulator.abort(1).is_none());
    let late = host
        .simulator
        .resume(1, Answer::Call(CallAnswer::default()), &host.tree, &mut host.blobs);
    assert!(late.is_err());
}

#[test]
fn a_program_that_lasts_has_the_terminal_until_it_is_broken_off() {
    let mut host = Host::new();
    match host.start("echo a; sleep 100; echo b") {
        Turn::Lasts { argv, .. } => assert_eq!(argv, ["sleep", "100"]),
        other => panic!("{other:?}"),
    }
    assert_eq!(host.screen, "a\n");
    assert_eq!(host.simulator.abort(1).unwrap().exit, 130);
    assert_eq!(host.line("sleep 2; echo slept"), "slept\n");
}

#[test]
fn a_text_that_is_not_finished_does_nothing() {
    let mut host = Host::new();
    for text in ["touch x; echo 'open", "cat > f <<EOF\nline", "docker run \\"] {
        assert_eq!(host.start(text), Turn::Unfinished, "{text}");
    }
    host.line("cat > daemon.json <<'EOF'\n{\"insecure-registries\" : [\"registry.lab\"]}\nEOF");
    assert_eq!(
        host.line("ls; cat daemon.json"),
        "daemon.json\n{\"insecure-registries\" : [\"registry.lab\"]}\n"
    );
}

#[test]
fn what_is_typed_becomes_a_file() {
    let mut host = Host::new();
    let Turn::Ask(question) = host.start("cat > note") else {
        panic!("cat reads the terminal")
    };
    assert_eq!((question.prompt.as_str(), question.echo), ("", Echo::Shown));
    assert!(matches!(host.type_in("first"), Turn::Ask(_)));
    assert!(matches!(host.type_in("second"), Turn::Ask(_)));
    done(host.resume(1, Answer::Text(None)));
    assert_eq!(host.bytes("/home/cloud_user/note"), b"first\nsecond\n");
    assert_eq!(host.screen, "");
}

#[test]
fn a_shell_is_left_or_becomes_another_users() {
    let mut host = Host::new();
    let end = done(host.start("exit 3"));
    assert_eq!((end.then, end.exit), (Then::Exit, 3));
    assert_eq!(done(host.start("logout")).then, Then::Exit);
    assert_eq!(done(host.start("(exit 4); sh -c 'exit 5'")).then, Then::Prompt);
    assert_eq!(done(host.start("sudo -i")).then, Then::Become("root".to_owned()));
    assert_eq!(done(host.start("sudo su -")).then, Then::Become("root".to_owned()));
    host.user = String::new();
    host.state = ShellState::default();
    assert_eq!(done(host.start("cd /")).prompt, "root@workstation:/# ");
}

/// Answers every question of a line in turn; returns the prompts.
fn answered(host: &mut Host, line: &str, answers: &[&str]) -> Vec<String> {
    let mut prompts = Vec::new();
    let mut turn = host.start(line);
    for answer in answers {
        match turn {
            Turn::Ask(question) => prompts.push(question.prompt),
            other => panic!("expected a question for {answer:?}, found {other:?}"),
        }
        turn = host.type_in(answer);
    }
    done(turn);
    prompts
}

const REQ: &str =
    "openssl req -newkey rsa:4096 -nodes -sha256 -keyout certs/domain.key -x509 -days 365 -out certs/domain.crt";

#[test]
fn openssl_asks_for_the_subject_of_a_certificate() {
    let mut host = Host::new();
    host.line("mkdir certs");
    host.screen.clear();
    let prompts = answered(&mut host, REQ, &["DE", ".", "", "Lab", "", "registry.lab", ""]);
    assert_eq!(prompts[0], "Country Name (2 letter code) [AU]:");
    assert_eq!(prompts[5], "Common Name (e.g. server FQDN or YOUR name) []:");
    let said = host.screen.matches("You are about to be asked").count();
    assert_eq!(said, 1, "{}", host.screen);
    assert!(
        host.screen.contains("layerlab: this key is simulated"),
        "{}",
        host.screen
    );
    let pem = String::from_utf8(host.bytes("/home/cloud_user/certs/domain.crt")).unwrap();
    let certificate = certificates::Certificate::parse(&pem).unwrap();
    assert_eq!(certificate.common_name(), Some("registry.lab"));
    assert!(certificate.is_self_signed() && certificate.names.is_empty());
    assert_eq!(certificate.valid.end - certificate.valid.start, 365 * 86_400);
    let key = String::from_utf8(host.bytes("/home/cloud_user/certs/domain.key")).unwrap();
    assert_eq!(certificates::Key::parse(&key).unwrap(), certificate.key);
    assert_eq!(host.line("stat -c %a certs/domain.key"), "600\n");
    let shown = host.line("openssl x509 -in certs/domain.crt -noout -subject -dates");
    assert_eq!(
        shown,
        "subject=C = DE, O = Lab, CN = registry.lab\nnotBefore=Nov 14 22:13:23 2023 GMT\nnotAfter=Nov 13 22:13:23 2024 GMT\n"
    );
}

#[test]
fn openssl_takes_subject_and_names_from_its_arguments() {
    let mut host = Host::new();
    host.line("mkdir certs");
    let line = format!("{REQ} -subj /CN=registry.lab -addext 'subjectAltName = DNS:registry.lab,IP:10.0.0.2'");
    host.line(&line);
    let shown = host.line("openssl x509 -in certs/domain.crt -noout -ext subjectAltName");
    assert_eq!(
        shown,
        "X509v3 Subject Alternative Name: \n    DNS:registry.lab, IP Address:10.0.0.2\n"
    );
    let text = host.line("openssl x509 -text -noout < certs/domain.crt");
    for part in [
        "Issuer: CN = registry.lab",
        "Public-Key: (4096 bit)",
        "simulated by layerlab",
        "CA:TRUE",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        host.line("openssl x509 -in certs/domain.key -noout")
            .contains("Could not read certificate")
    );
    assert!(
        host.line("openssl x509 -in nothing")
            .contains("No such file or directory")
    );
    assert!(
        host.line("openssl req -new -subj CN=x")
            .contains("expected to be in the format")
    );
    assert_eq!(host.line("openssl rand -hex 8").len(), 17);
    assert!(host.line("openssl version").contains("simulated"));
}

#[test]
fn an_authority_of_ones_own_signs_requests() {
    let mut host = Host::new();
    for line in [
        "openssl genrsa -out ca.key 4096",
        "openssl req -x509 -new -nodes -key ca.key -sha256 -days 1000 -out ca.crt -subj '/O=Lab/CN=Lab CA'",
        "openssl req -newkey rsa:2048 -nodes -keyout a.key -out a.csr -subj /CN=registry.lab",
        "echo 'subjectAltName = DNS:registry.lab' > a.ext",
        "openssl x509 -req -in a.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 90 -out a.crt -extfile a.ext",
    ] {
        host.line(line);
    }
    assert_eq!(host.line("openssl verify -CAfile ca.crt a.crt"), "a.crt: OK\n");
    assert!(
        host.line("openssl verify a.crt")
            .contains("unable to get local issuer certificate")
    );
    assert!(host.line("openssl verify ca.crt").contains("self-signed certificate"));
    let pem = String::from_utf8(host.bytes("/home/cloud_user/a.crt")).unwrap();
    let ca = String::from_utf8(host.bytes("/home/cloud_user/ca.crt")).unwrap();
    let (made, ca) = (
        certificates::Certificate::parse(&pem).unwrap(),
        certificates::Certificate::parse(&ca).unwrap(),
    );
    assert!(certificates::judge(&made, "registry.lab", &[ca], made.valid.start).is_ok());
    host.line("openssl genrsa -out other.key");
    let refused = host.line("openssl x509 -req -in a.csr -CA ca.crt -CAkey other.key -out b.crt");
    assert!(refused.contains("do not match"), "{refused}");
}

#[test]
fn htpasswd_keeps_a_file_of_accounts() {
    let mut host = Host::new();
    assert_eq!(
        host.line("htpasswd -Bb users one secret"),
        "htpasswd: cannot modify file users; use '-c' to create it\n"
    );
    assert_eq!(
        host.line("htpasswd -cBb users one secret"),
        "Adding password for user one\n"
    );
    let prompts = answered(&mut host, "htpasswd -B users two", &["hush", "hush"]);
    assert_eq!(prompts, ["New password: ", "Re-type new password: "]);
    let Turn::Ask(question) = host.start("htpasswd -B users two") else {
        panic!("it asks")
    };
    assert_eq!(question.echo, Echo::Hidden);
    host.screen.clear();
    answered(&mut host, "htpasswd -B users two", &["hush", "hash"]);
    assert_eq!(host.screen, "htpasswd: password verification error\n");
    assert_eq!(
        host.line("htpasswd -vb users two hush"),
        "Password for user two correct.\n"
    );
    assert_eq!(done(host.start("htpasswd -vb users two hash")).exit, 3);
    assert_eq!(host.line("cut -d: -f1 users"), "one\ntwo\n");
    assert_eq!(
        host.line("htpasswd -D users one; cut -d: -f1 users"),
        "Deleting password for user one\ntwo\n"
    );
    assert_eq!(
        host.line("echo typed | htpasswd -Bi users three; htpasswd -vb users three typed"),
        "Adding password for user three\nPassword for user three correct.\n"
    );
    assert!(host.line("htpasswd -bn a b").contains("give -B for bcrypt"));
    assert_eq!(done(host.start("htpasswd")).exit, 2);
}

#[test]
fn the_machine_tells_of_itself() {
    let mut host = Host::new();
    host.user = String::new();
    host.state = ShellState::default();
    let text = b"127.0.0.1 localhost\n10.0.1.10 workstation.lab workstation\n";
    let digest = host.blobs.put(text).unwrap();
    let size = text.len() as u64;
    let node = Node::file(Meta::of_mode(0o644), Content::Blob { digest, size });
    host.tree.insert(&TreePath::parse("/etc/hosts").unwrap(), node).unwrap();
    assert_eq!(host.line("hostname -I"), "10.0.1.10\n");
    assert!(host.line("ip a").contains("inet 10.0.1.10/24 scope global eth0\n"));
    for (line, part) in [
        ("ps", "bash"),
        ("top", "load average"),
        ("free -h", "3.8Gi"),
        ("df -h", "/dev/root"),
        ("man docker", "docker --help"),
        ("less +G /etc/hosts", "10.0.1.10 workstation.lab"),
        ("whoami", "root"),
        ("date +%Y", "2023"),
        ("which docker", "/usr/bin/docker"),
    ] {
        let shown = host.line(line);
        assert!(shown.contains(part), "{line}: {shown}");
    }
}

#[test]
fn sudo_is_for_those_who_may() {
    let mut host = Host::new();
    assert_eq!(host.line("sudo whoami; whoami"), "root\ncloud_user\n");
    host.line("echo '{}' | sudo tee /etc/daemon.json > /dev/null; sudo mkdir -p /etc/docker/certs.d/registry.lab");
    assert_eq!(host.bytes("/etc/daemon.json"), b"{}\n");
    assert_eq!(host.line("stat -c %U /etc/daemon.json"), "root\n");
    assert!(host.line("echo x > /etc/nope").contains("Permission denied"));
    host.user = "guest".to_owned();
    host.state = ShellState::default();
    assert_eq!(host.line("sudo whoami"), "guest is not in the sudoers file.\n");
    assert!(host.line("su -").contains("su: Authentication failure"));
}

#[test]
fn a_program_that_is_not_installed_is_not_called() {
    let mut host = Host::new();
    assert_eq!(
        host.line("systemctl restart docker"),
        "bash: systemctl: command not found\n"
    );
}

#[test]
fn a_shell_state_of_other_bytes_is_a_new_shell() {
    let mut host = Host::new();
    host.state = ShellState(b"{\"variables\": 7".to_vec());
    assert_eq!(host.line("pwd"), "/home/cloud_user\n");
}

#[test]
fn the_same_lines_leave_the_same_state() {
    let run = || {
        let mut host = Host::new();
        host.line("a=1; b=2; c=3; declare -A m=([x]=1 [y]=2); f() { :; }; g() { :; }");
        (host.state.clone(), host.tree.clone())
    };
    assert_eq!(run(), run());
}
