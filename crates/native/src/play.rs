//! `layerlab play`: the page, and a local API with which it runs builds on this machine.
//!
//! The API does nothing itself: every request becomes the program once more, as a child with fixed arguments. Who may ask is decided in
//! `door`; what may be posted, in `project`; what will be executed is listed by `listing` and waits on the `desk` until a person agrees.

mod api;
mod body;
mod child;
mod desk;
mod door;
mod images;
mod lines;
mod listing;
mod page;
mod project;
mod run;

use crate::args::{Opening, PlayArgs};
use crate::failure::Failure;
use crate::session::root_of;
use crate::terminal::Terminal;
use api::{Api, Asked};
use body::{Answered, refuse};
use child::Program;
use desk::Desk;
use door::{API, Door, Token, announced};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use page::Page;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

/// How many connections are open at once. More wait until one ends.
const MAX_CONNECTIONS: usize = 64;
/// How long a client may take for its header fields, and for its body.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait after a failed accept: without descriptors, the next one fails as well.
const PAUSE: Duration = Duration::from_millis(50);
/// How long children may take to clean up when the program ends.
const FAREWELL: Duration = Duration::from_secs(6);

/// A server that has its address and is about to answer.
pub struct Play {
    runtime: Runtime,
    listener: TcpListener,
    link: String,
    shared: Arc<Shared>,
}

struct Shared {
    door: Door,
    page: Page,
    api: Api,
}

impl Play {
    /// Finds the page and takes an address of the loopback. `program` is what builds: this program itself.
    ///
    /// # Errors
    ///
    /// [`Failure`] if there is no page, or the address or the folder of the state cannot be had.
    pub fn bind(args: &PlayArgs, program: PathBuf, terminal: &Terminal<'_>) -> Result<Play, Failure> {
        let page = Page::find(args.page.as_deref())?;
        let root = root_of(args.root.as_deref(), terminal)?;
        let desk = Desk::open(&root)
            .map_err(|error| Failure::new(format!("could not make a folder below {}: {error}", root.display())))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(format!("could not start: {error}")))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
        let refused = |error| {
            let mut failure = Failure::new(format!("could not listen on {address}: {error}"));
            failure.hints = vec!["choose another port, or none: `layerlab play --port 0` takes a free one".to_owned()];
            failure
        };
        let listener = runtime.block_on(TcpListener::bind(address)).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let token = Token::new().map_err(|error| Failure::new(format!("could not read /dev/urandom: {error}")))?;
        let door = Door::new(address, token);
        Ok(Play {
            link: format!("http://{address}/#token={}", door.token().as_str()),
            runtime,
            listener,
            shared: Arc::new(Shared {
                door,
                page,
                api: Api::new(Program { path: program, root }, desk),
            }),
        })
    }

    /// The address with the token in its fragment, which no browser sends.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// Answers until the process is asked to end; then ends all children.
    ///
    /// # Errors
    ///
    /// [`Failure`] if signals cannot be heard.
    pub fn run(self) -> Result<(), Failure> {
        let listen = |kind| {
            let _inside = self.runtime.enter();
            signal(kind).map_err(|error| Failure::new(format!("could not listen for signals: {error}")))
        };
        let mut terminate = listen(SignalKind::terminate())?;
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut hang_up = listen(SignalKind::hangup())?;
        self.run_until(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hang_up.recv() => {}
            }
        });
        Ok(())
    }

    fn run_until(self, ended: impl Future<Output = ()>) {
        let Play {
            runtime,
            listener,
            shared,
            ..
        } = self;
        runtime.block_on(async {
            tokio::select! {
                () = accept(listener, Arc::clone(&shared)) => {}
                () = ended => {}
            }
            shared.api.end().await;
        });
        // Tasks that still hold a child end it when they are dropped.
        runtime.shutdown_timeout(FAREWELL);
    }
}

/// Serves the page, prints the link, and opens a browser if that is wanted.
///
/// # Errors
///
/// As [`Play::bind`] and [`Play::run`].
pub fn play(args: &PlayArgs, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(format!("could not find this program itself: {error}")))?;
    let play = Play::bind(args, program, terminal)?;
    terminal.print(&format!("Layerlab is at {}   (Ctrl+C ends it)\n", play.link()))?;
    if args.opening() == Opening::Browser
        && let Err(error) = open_browser(play.link())
    {
        terminal.remark(&format!("warning: no browser could be opened: {error}"));
    }
    play.run()
}

/// Opens the link in the person's browser, by way of a private file: arguments of a process can be read by everybody.
fn open_browser(link: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let place = crate::atomic::beside(&std::env::temp_dir().join("layerlab-play.html"));
    let mut file = std::fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&place)?;
    write!(
        file,
        "<!doctype html><meta name=\"referrer\" content=\"no-referrer\"><meta http-equiv=\"refresh\" content=\"0;url={link}\">"
    )?;
    let started = std::process::Command::new("xdg-open")
        .arg(&place)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    match started {
        Ok(mut opener) => {
            std::thread::spawn(move || {
                // The browser has read the file some time after its starter has ended.
                let _ = opener.wait();
                std::thread::sleep(PATIENCE);
                let _ = std::fs::remove_file(&place);
            });
            Ok(())
        }
        Err(error) => {
            let _ = std::fs::remove_file(&place);
            Err(error)
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    serve(stream, shared).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Without it, a line of a log waits for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| respond(request, Arc::clone(&shared)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), service);
    // A client that breaks off has nobody left to be told.
    let _ = connection.await;
}

async fn respond(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Answered>, Infallible> {
    let (head, body) = request.into_parts();
    if let Err(refused) = shared.door.admit(&head) {
        return Ok(refuse(refused.status, refused.why));
    }
    if !head.uri.path().starts_with(API) {
        return Ok(shared.page.answer(&head));
    }
    let asked = match Asked::of(&head.method, head.uri.path()) {
        Ok(asked) => asked,
        Err(refused) => return Ok(refused),
    };
    let limit = asked.limit();
    let large = || {
        refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("expected at most {limit} bytes, found more"),
        )
    };
    if announced(&head).is_some_and(|length| length > limit) {
        return Ok(large());
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let body = match tokio::time::timeout(PATIENCE, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Ok(large()),
        Ok(Err(_)) => {
            return Ok(refuse(
                StatusCode::BAD_REQUEST,
                "expected a whole request, found a part of one",
            ));
        }
        Err(_) => {
            return Ok(refuse(
                StatusCode::REQUEST_TIMEOUT,
                "expected a whole request in 30 seconds",
            ));
        }
    };
    Ok(shared.api.answer(asked, &body).await)
}

#[cfg(test)]
mod tests;
