//! The machines through the page's messages: the project on the workstation, and what is inside of images and containers.

use messages::{
    Answer, Ask, FileInput, FileRow, ImageView, Input, Options, Origin, Subject, TerminalView, View, Wants,
};
use simulator::Simulator;
use store::Time;
use workbench::{Next, Workbench};

const NOW: Time = Time {
    secs: 1_700_000_000,
    nanos: 0,
};

struct Page {
    bench: Workbench,
    shell: Simulator,
}

impl Page {
    fn new() -> Page {
        let mut page = Page {
            bench: Workbench::new(NOW),
            shell: Simulator::new(),
        };
        let text = "FROM alpine\nCOPY page.html /srv/\n";
        let files = vec![file("Dockerfile", text), file("page.html", "hello\n")];
        page.bench.handle(Ask::Open { files }, NOW);
        page
    }

    fn line(&mut self, line: &str) -> Vec<Answer> {
        let ask = Ask::Type {
            host: 0,
            input: Input::Line(line.to_owned()),
        };
        self.bench.drive(ask, NOW, &mut self.shell)
    }

    fn says(&mut self, line: &str) -> String {
        terminals(&self.line(line))
            .iter()
            .map(|view| view.text.as_str())
            .collect()
    }

    fn build(&mut self, tag: &str) -> ImageView {
        let options = Options {
            dockerfile: "Dockerfile".to_owned(),
            tag: tag.to_owned(),
            ..Options::default()
        };
        let mut last = self.bench.start(&options, NOW).pop();
        while self.bench.next() != Next::Idle {
            last = self.bench.step(&mut self.shell).pop();
        }
        match last {
            Some(Answer::Built(image)) => *image,
            other => panic!("expected an image, found {other:?}"),
        }
    }

    fn rows(&mut self, subject: Subject, view: View) -> Vec<FileRow> {
        match self.bench.handle(Ask::Files { subject, view }, NOW).pop() {
            Some(Answer::Files(rows)) => rows,
            other => panic!("expected rows, found {other:?}"),
        }
    }
}

fn file(path: &str, text: &str) -> FileInput {
    FileInput {
        path: path.to_owned(),
        mode: 0o644,
        bytes: text.as_bytes().to_vec(),
    }
}

fn terminals(answers: &[Answer]) -> Vec<&TerminalView> {
    let mut views = Vec::new();
    for answer in answers {
        if let Answer::Terminal(view) = answer {
            views.push(view);
        }
    }
    views
}

#[test]
fn the_project_lies_on_the_workstation() {
    let mut page = Page::new();
    assert_eq!(page.says("cat project/page.html"), "hello\n");
    let files = vec![file("page.html", "other\n")];
    page.bench.handle(Ask::Put { files }, NOW);
    assert_eq!(page.says("cat project/page.html"), "other\n");
    let paths = vec!["page.html".to_owned()];
    page.bench.handle(Ask::Remove { paths }, NOW);
    assert_eq!(page.says("ls project"), "Dockerfile\n");
}

#[test]
fn what_a_command_does_to_the_project_comes_back() {
    let mut page = Page::new();
    let answers = page.line("cd project && echo new > new.txt && rm page.html && chmod 755 Dockerfile");
    let edited = answers.iter().find_map(|answer| match answer {
        Answer::Edited { files, removed } => Some((files.clone(), removed.clone())),
        _ => None,
    });
    let expected = (vec![file("new.txt", "new\n")], vec!["page.html".to_owned()]);
    assert_eq!(edited, Some(expected));
    let again = page.line("ls");
    assert!(!again.iter().any(|answer| matches!(answer, Answer::Edited { .. })));
}

#[test]
fn what_is_built_in_the_editor_is_an_image_of_the_workstation() {
    let mut page = Page::new();
    let image = page.build("site:1");
    assert_eq!(page.says("docker image ls -q --no-trunc site:1").trim(), image.id);
    assert!(
        page.says("docker build project").contains("CACHED"),
        "both have one cache"
    );
}

#[test]
fn a_container_is_its_image_and_a_writable_layer() {
    let mut page = Page::new();
    page.build("site:1");
    page.says("docker run --name box site:1 sh -c 'echo own > /own; rm /srv/page.html; echo more >> /etc/hostname.d'");
    let answers = page.bench.handle(Ask::Look, NOW);
    let Some(Answer::Machines(machines)) = answers.first() else {
        panic!("{answers:?}")
    };
    let container = &machines[0].containers[0];
    let origin = |path: &str| {
        container
            .paths
            .iter()
            .find(|row| row.path == path)
            .map(|row| row.origin)
    };
    assert_eq!(origin("own"), Some(Origin::Own));
    assert_eq!(origin("srv/page.html"), Some(Origin::Whiteout));
    assert_eq!(origin("srv"), Some(Origin::CopiedUp));
    let subject = Subject::Container {
        host: 0,
        id: container.id.clone(),
    };
    let n_image = machines[0].images[0].layers.len();
    let rows = page.rows(subject.clone(), View::Layer(n_image));
    assert!(rows.iter().any(|row| row.path == "own" && row.bytes == 4), "{rows:?}");
    match page.bench.handle(Ask::Inspect(subject), NOW).pop() {
        Some(Answer::Inspected { image, .. }) => {
            assert_eq!(image.layers.len(), n_image + 1);
            assert_eq!(image.layers[n_image].instruction, "the container's writable layer");
        }
        other => panic!("expected what is inside, found {other:?}"),
    }
}

#[test]
fn a_look_says_what_each_terminal_waits_for_and_types_nothing() {
    let mut page = Page::new();
    page.line("openssl req -newkey rsa:2048 -nodes -keyout k -x509 -out c");
    for _ in 0..2 {
        let answers = page.bench.handle(Ask::Look, NOW);
        let waits: Vec<&Wants> = terminals(&answers).iter().map(|view| &view.wants).collect();
        assert!(
            matches!(waits[0], Wants::Line { prompt, .. } if prompt.contains("Country Name")),
            "{waits:?}"
        );
        assert_eq!(*waits[1], Wants::Prompt("cloud_user@registry:~$ ".to_owned()));
    }
}

#[test]
fn a_machine_that_is_not_there_is_refused() {
    let mut page = Page::new();
    let subject = Subject::Image {
        host: 7,
        id: "sha256:0".to_owned(),
    };
    let asks = [
        Ask::Inspect(subject.clone()),
        Ask::Archive(subject),
        Ask::Load {
            host: 7,
            name: "a.tar".to_owned(),
            bytes: Vec::new(),
        },
    ];
    for ask in asks {
        let answers = page.bench.handle(ask, NOW);
        assert!(matches!(answers.as_slice(), [Answer::Failed(_)]), "{answers:?}");
    }
    let ask = Ask::Type {
        host: 7,
        input: Input::Line("ls".to_owned()),
    };
    let answers = page.bench.drive(ask, NOW, &mut page.shell);
    assert!(matches!(answers.as_slice(), [Answer::Failed(_)]), "{answers:?}");
}
