//! An S3 server, which the crate `s3s-fs` brings, over a folder and a socket.

#![allow(dead_code)] // each suite uses its part

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// An S3 server with one bucket. It ends when dropped.
pub(crate) struct S3 {
    pub(crate) address: String,
    /// A folder of its own, with the bucket `team` in `s3`.
    pub(crate) folder: PathBuf,
    _runtime: Runtime,
}

impl S3 {
    pub(crate) fn start() -> S3 {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("layerlab-s3-{}-{count}", std::process::id()));
        fs::create_dir_all(folder.join("s3/team")).unwrap();
        let runtime = Runtime::new().unwrap();
        let files = s3s_fs::FileSystem::new(folder.join("s3")).unwrap();
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single("key", "secret"));
        let service = builder.build();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move {
            // What S3 does in one step, such as to give an object and its tag, this server does in several: one request at a time.
            let working = Arc::new(tokio::sync::Mutex::new(()));
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let (service, working) = (service.clone(), Arc::clone(&working));
                let one = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let (service, working) = (service.clone(), Arc::clone(&working));
                    async move {
                        let _turn = working.lock_owned().await;
                        service.call(request.map(Into::into)).await
                    }
                });
                tokio::spawn(async move {
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), one)
                        .await;
                });
            }
        });
        S3 {
            address,
            folder,
            _runtime: runtime,
        }
    }

    /// The variables that lead there.
    pub(crate) fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("AWS_ENDPOINT_URL", self.address.clone()),
            ("AWS_ACCESS_KEY_ID", "key".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ]
    }

    /// The file of an object of the bucket `team`.
    pub(crate) fn object(&self, key: &str) -> PathBuf {
        self.folder.join("s3/team").join(key)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
