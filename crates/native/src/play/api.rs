//! The local API: what the page can ask, each answered by the program itself as a child.

use super::body::{Answered, json, only, refuse, stream, whole};
use super::child::{Lines, Program};
use super::desk::{Desk, GoError};
use super::door::API;
use super::images;
use super::lines::Progress;
use super::listing::list;
use super::project::{Checked, MAX_BYTES, MAX_FILES};
use super::run::{Results, build, cannot, follow, tell};
use hyper::body::Bytes;
use hyper::{Method, Response, StatusCode};
use messages::{Go, Hello, OfImage, Project, Stop};
use oci::ContainerConfig;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How many children run at once, besides the build.
const MAX_CHILDREN: usize = 4;
/// The most bytes of a request that holds no project.
const SMALL: u64 = 16 << 10;
/// The most bytes of a request that holds one: base64 makes four of three, and paths come to it.
const LARGE: u64 = (MAX_BYTES as u64) * 4 / 3 + (4 << 20);
/// How long a build may take to clean up when the program ends.
const FAREWELL: Duration = Duration::from_secs(6);
/// One event a line.
const EVENTS: &str = "application/x-ndjson";

/// What the API works with.
pub(super) struct Api {
    program: Program,
    desk: Arc<Desk>,
    places: Arc<Semaphore>,
    /// Held by the build that runs, until its child is gone.
    building: Arc<Semaphore>,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Who is there?
    Hello,
    /// Which images are there?
    Images,
    /// What would be executed?
    Plan,
    /// Execute it.
    Go,
    /// Stop it.
    Stop,
    /// An image as an archive.
    Save,
    /// An image to its registry.
    Push,
    /// An image from its registry.
    Pull,
}

impl Asked {
    /// What an address means, or why it means nothing.
    pub(super) fn of(method: &Method, path: &str) -> Result<Asked, Response<Answered>> {
        let (asked, expected) = match path.strip_prefix(API).unwrap_or_default() {
            "hello" => (Asked::Hello, Method::GET),
            "images" => (Asked::Images, Method::GET),
            "plan" => (Asked::Plan, Method::POST),
            "go" => (Asked::Go, Method::POST),
            "stop" => (Asked::Stop, Method::POST),
            "save" => (Asked::Save, Method::POST),
            "push" => (Asked::Push, Method::POST),
            "pull" => (Asked::Pull, Method::POST),
            _ => {
                return Err(refuse(
                    StatusCode::NOT_FOUND,
                    "expected a request of this program's page, found another",
                ));
            }
        };
        match (*method == expected, expected == Method::GET) {
            (true, _) => Ok(asked),
            (false, true) => Err(only("GET")),
            (false, false) => Err(only("POST")),
        }
    }

    /// The most bytes of its body.
    pub(super) fn limit(self) -> u64 {
        match self {
            Asked::Hello | Asked::Images => 0,
            Asked::Plan => LARGE,
            Asked::Go | Asked::Stop | Asked::Save | Asked::Push | Asked::Pull => SMALL,
        }
    }
}

impl Api {
    /// An API that answers with this program.
    pub(super) fn new(program: Program, desk: Desk) -> Api {
        Api {
            program,
            desk: Arc::new(desk),
            places: Arc::new(Semaphore::new(MAX_CHILDREN)),
            building: Arc::new(Semaphore::new(1)),
        }
    }

    /// Stops the build that runs, and waits until it is gone.
    pub(super) async fn end(&self) {
        self.desk.stop_all();
        // A child that takes longer is killed when the program ends.
        let _ = tokio::time::timeout(FAREWELL, self.building.acquire()).await;
    }

    /// Answers a request that was let in.
    pub(super) async fn answer(&self, asked: Asked, body: &[u8]) -> Response<Answered> {
        let answered = match asked {
            Asked::Hello => Ok(json(&Hello {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                max_files: MAX_FILES,
                max_bytes: MAX_BYTES,
            })),
            Asked::Images => self.images().await,
            Asked::Plan => self.plan(body).await,
            Asked::Go => self.go(body),
            Asked::Stop => self.stop(body),
            Asked::Save => self.save(body).await,
            Asked::Push => self.transfer("push", body),
            Asked::Pull => self.transfer("pull", body),
        };
        answered.unwrap_or_else(|refused| refused)
    }

    async fn images(&self) -> Result<Response<Answered>, Response<Answered>> {
        let _place = self.place()?;
        let listed = self
            .program
            .output(&self.program.verb(&images::LIST))
            .await
            .map_err(failed)?;
        images::read(&listed).map(|images| json(&images)).map_err(failed)
    }

    async fn plan(&self, body: &[u8]) -> Result<Response<Answered>, Response<Answered>> {
        let _place = self.place()?;
        let project = Checked::new(read::<Project>(body)?).map_err(|error| unfit(error.to_string()))?;
        let known = self.known().await;
        // Hashing and planning take a while: not on the threads that serve the connections.
        let listed = tokio::task::spawn_blocking(move || {
            let plan = list(&project, &|name| known.get(&images::full_name(name)?).cloned())?;
            Ok::<_, String>((plan, project))
        });
        let (plan, project) = listed
            .await
            .map_err(|error| failed(error.to_string()))?
            .map_err(unfit)?;
        let answer = json(&plan);
        self.desk.put(plan, project);
        Ok(answer)
    }

    /// The configurations of the images that are here: what their triggers are is a part of a plan.
    async fn known(&self) -> BTreeMap<String, ContainerConfig> {
        let listed = self.program.output(&self.program.verb(&images::LIST)).await;
        let all = listed
            .ok()
            .and_then(|listed| images::read(&listed).ok())
            .unwrap_or_default();
        let names: Vec<&str> = all
            .iter()
            .map(|image| image.name.as_str())
            .filter(|name| !name.is_empty())
            .collect();
        if names.is_empty() {
            return BTreeMap::new();
        }
        let mut words = self.program.verb(&["image", "inspect"]);
        words.push("--".into());
        words.extend(names.iter().map(OsString::from));
        let inspected = self.program.output(&words).await.unwrap_or_default();
        images::configs(&names, &inspected)
    }

    fn go(&self, body: &[u8]) -> Result<Response<Answered>, Response<Answered>> {
        let Go { hash } = read(body)?;
        let (project, turn) = self.desk.take(&hash).map_err(|error| {
            let status = match error {
                GoError::Unknown => StatusCode::NOT_FOUND,
                GoError::Busy => StatusCode::CONFLICT,
            };
            refuse(status, error.to_string())
        })?;
        let (pieces, response) = stream(EVENTS);
        let (program, building) = (self.program.clone(), Arc::clone(&self.building));
        tokio::spawn(async move {
            let _building = building.acquire().await;
            let ended = build(&program, &project, &turn, &pieces).await;
            tell(&pieces, &ended.unwrap_or_else(cannot)).await;
        });
        Ok(response)
    }

    fn stop(&self, body: &[u8]) -> Result<Response<Answered>, Response<Answered>> {
        let Stop { hash } = read(body)?;
        if self.desk.stop(&hash) {
            Ok(whole(StatusCode::OK, "application/json", "{}"))
        } else {
            Err(refuse(
                StatusCode::NOT_FOUND,
                "expected the hash of the build that runs, found another",
            ))
        }
    }

    fn transfer(&self, verb: &'static str, body: &[u8]) -> Result<Response<Answered>, Response<Answered>> {
        let image = image(body)?;
        let place = self.place()?;
        let (pieces, response) = stream(EVENTS);
        let program = self.program.clone();
        tokio::spawn(async move {
            let mut words = program.verb(&[verb]);
            words.extend(["--".into(), image.into()]);
            let ended = follow(&program, &words, Results::Told, &Notify::new(), &pieces).await;
            tell(&pieces, &ended.map_or_else(cannot, |ended| ended.event(None))).await;
            drop(place);
        });
        Ok(response)
    }

    async fn save(&self, body: &[u8]) -> Result<Response<Answered>, Response<Answered>> {
        let image = image(body)?;
        let place = self.place()?;
        let mut words = self.program.verb(&["save"]);
        words.extend(["--".into(), image.into()]);
        let mut child = self.program.start(&words).map_err(|error| failed(error.to_string()))?;
        let (mut output, mut errors) = (child.stdout(), Lines::of(child.stderr()));
        let said = tokio::spawn(async move {
            let mut progress = Progress::default();
            while let Some(line) = errors.next().await {
                progress.read(&line);
            }
            progress.why()
        });
        // An image that is not there is told as such, and not as an archive that breaks off.
        let mut first = vec![0; 64 << 10];
        let n_bytes = output.read(&mut first).await.unwrap_or(0);
        if n_bytes == 0 {
            // Whatever its status is: an archive has bytes.
            let _ = child.wait().await;
            return Err(failed(said.await.unwrap_or_default()));
        }
        first.truncate(n_bytes);
        let (pieces, response) = stream("application/x-tar");
        tokio::spawn(async move {
            let mut piece = first;
            let broken = loop {
                // Who does not read any more wants no more: the child is ended.
                if pieces.send(Ok(Bytes::from(piece))).await.is_err() {
                    return child.end().await;
                }
                piece = vec![0; 64 << 10];
                match output.read(&mut piece).await {
                    Ok(0) => break None,
                    Ok(n_bytes) => piece.truncate(n_bytes),
                    Err(error) => break Some(error),
                }
            };
            let is_whole = child.wait().await.is_ok_and(|status| status.success());
            if !is_whole || broken.is_some() {
                let _ = pieces.send(Err(io::Error::other("the archive is not whole"))).await;
            }
            drop(place);
        });
        Ok(response)
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Response<Answered>> {
        let places = Arc::clone(&self.places).try_acquire_owned();
        places.map_err(|_| {
            refuse(
                StatusCode::TOO_MANY_REQUESTS,
                "expected fewer requests at once: try again when one has ended",
            )
        })
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Response<Answered>> {
    serde_json::from_slice(body).map_err(|error| {
        let status = StatusCode::BAD_REQUEST;
        refuse(
            status,
            format!("expected the JSON of this request, found something else: {error}"),
        )
    })
}

/// The image of a request: a name or an ID, and neither looks like a flag.
fn image(body: &[u8]) -> Result<String, Response<Answered>> {
    let OfImage { image } = read(body)?;
    if images::is_image(&image) {
        Ok(image)
    } else {
        Err(unfit(format!(
            "expected the name or the ID of an image, found {image:?}"
        )))
    }
}

fn failed(why: String) -> Response<Answered> {
    refuse(StatusCode::BAD_GATEWAY, why)
}

fn unfit(why: String) -> Response<Answered> {
    refuse(StatusCode::UNPROCESSABLE_ENTITY, why)
}
