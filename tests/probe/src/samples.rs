//! Projects of the sizes whose speed is promised.

use builder::Ignore;
use dockerfile::Severity;
use oci::{ImageConfig, Platform};
use planner::{ImageName, Options, Reach, Resolved};
use std::fmt::Write as _;

/// A Dockerfile of exactly 200 lines as people write them: stages, comments, long commands, copies between stages.
pub fn dockerfile_of_200_lines() -> String {
    let mut text = String::from("# syntax=docker/dockerfile:1\nARG VERSION=3.9.3\n");
    for service in 0..9 {
        write!(
            text,
            "
# What service {service} is built with.
FROM alpine:${{VERSION}} AS build-{service}
ARG TARGET=release
ENV SERVICE=service-{service} \\
    MODE=${{TARGET}} \\
    LEVEL=\"info ${{SERVICE:-none}}\"
WORKDIR /src/${{SERVICE}}
COPY --chown=10:20 go.mod go.sum ./
RUN --mount=type=cache,target=/root/.cache apk add --no-cache \\
      git make \\
    && make deps \\
    && rm -rf /tmp/*
COPY [\"service-{service}/\", \"lib/*.go\", \"./\"]
RUN make -C /src/service-{service} OUT=/out/service-{service}
HEALTHCHECK --interval=30s CMD wget -q http://localhost:80{service}0/ || exit 1
LABEL org.example.service=\"{service}\" org.example.team='a team'
"
        )
        .expect("memory takes it");
    }
    text.push_str("\nFROM alpine:${VERSION}\n");
    for service in 0..9 {
        writeln!(
            text,
            "COPY --from=build-{service} --chmod=755 /out/service-{service} /usr/bin/"
        )
        .expect("memory takes it");
    }
    text.push_str("COPY <<EOF /etc/services.conf\n");
    while text.lines().count() < 195 {
        text.push_str("service = on\n");
    }
    text.push_str(
        "EOF\nEXPOSE 8000-8090/tcp\nUSER 10:20\nENTRYPOINT [\"/usr/bin/service-0\"]\nCMD [\"--all\", \"--verbose\"]\n",
    );
    text
}

/// The text of the Dockerfile, then path and text of each file: 50 steps over 2,000 files.
pub fn project_of_50_steps() -> (String, Vec<(String, String)>) {
    let mut text = String::from("FROM alpine:3.9.3\nENV MODE=release\nWORKDIR /app\n");
    let mut files = Vec::new();
    for part in 0..40 {
        writeln!(text, "COPY src/part-{part} ./part-{part}/").expect("memory takes it");
        for file in 0..50 {
            let body = format!("part {part}, file {file}\n").repeat(30);
            files.push((format!("src/part-{part}/file-{file}.txt"), body));
        }
    }
    for step in 0..8 {
        writeln!(text, "RUN echo {step} > /app/step-{step}").expect("memory takes it");
    }
    text.push_str("COPY . /all/\nCMD [\"/app/run\"]\n");
    (text, files)
}

/// Reads, plans and checks `text`, every image of it being a plain one; returns how much was found.
///
/// # Panics
///
/// If it cannot be planned: then there is nothing to measure.
pub fn check(text: &str) -> usize {
    let platform = Platform::linux_amd64();
    let options = Options {
        reach: Reach::All,
        ..Options::new(platform.clone())
    };
    let mut named = |_: &ImageName| {
        let mut config = ImageConfig {
            platform: platform.clone(),
            ..ImageConfig::default()
        };
        config.config.env = vec!["PATH=/usr/bin:/bin".to_owned()];
        Ok::<_, std::convert::Infallible>(Some(Resolved::Image(Box::new(config))))
    };
    let Ok(found) = engine::check_text(text, &options, &Ignore::default(), &mut named);
    let error = found.iter().find(|found| found.severity == Severity::Error);
    assert!(error.is_none(), "{error:?}");
    found.len()
}
