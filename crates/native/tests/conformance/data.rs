//! What is pushed: 24 kinds of content, each with its blobs, its manifests in the order of their push, and their tags.

use oci::{AnyDigest, Digest};
use serde_json::{Value, json};
use std::sync::LazyLock;

pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const KIND: &str = "application/vnd.example.kind.v1";
const OTHER_KIND: &str = "application/vnd.example.other.v1+json";

/// The algorithm that names things.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Sha256,
    Sha512,
}

/// Bytes and their name.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) digest: String,
    pub(crate) bytes: Vec<u8>,
}

/// A manifest or an index.
#[derive(Clone)]
pub(crate) struct Manifest {
    pub(crate) named: Named,
    pub(crate) media_type: &'static str,
    pub(crate) tags: Vec<&'static str>,
    pub(crate) subject: Option<String>,
    pub(crate) artifact_type: Option<String>,
}

/// One kind of content.
pub(crate) struct Set {
    pub(crate) name: &'static str,
    pub(crate) repository: String,
    pub(crate) blobs: Vec<Named>,
    pub(crate) manifests: Vec<Manifest>,
    algorithm: Algorithm,
}

pub(crate) fn name(algorithm: Algorithm, bytes: &[u8]) -> String {
    match algorithm {
        Algorithm::Sha256 => AnyDigest::from(Digest::of(bytes)).to_string(),
        Algorithm::Sha512 => AnyDigest::sha512(bytes).to_string(),
    }
}

impl Set {
    fn new(name: &'static str) -> Set {
        Set {
            name,
            repository: format!("conformance/{name}"),
            blobs: Vec::new(),
            manifests: Vec::new(),
            algorithm: Algorithm::Sha256,
        }
    }

    /// Adds a blob and returns its descriptor.
    fn blob(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = name(self.algorithm, bytes);
        if !self.blobs.iter().any(|blob| blob.digest == digest) {
            self.blobs.push(Named {
                digest: digest.clone(),
                bytes: bytes.to_vec(),
            });
        }
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }

    /// A layer of its own for each set and number, larger than a few network packets.
    fn layer(&mut self, media_type: &str, n: usize) -> Value {
        let bytes: Vec<u8> = format!("{} layer {n} ", self.name)
            .bytes()
            .cycle()
            .take(3000 + n)
            .collect();
        self.blob(media_type, &bytes)
    }

    fn config(&mut self, platform: &str) -> Value {
        let config = json!({
            "architecture": platform, "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] },
            "config": { "Labels": { "of": self.name } },
        });
        self.blob(CONFIG, config.to_string().as_bytes())
    }

    /// Adds a manifest and returns its descriptor.
    fn manifest(&mut self, media_type: &'static str, tags: &[&'static str], text: String) -> Value {
        let document: Value = serde_json::from_str(&text).unwrap();
        let text_of = |value: &Value| value.as_str().map(str::to_owned);
        let bytes = text.into_bytes();
        let size = bytes.len();
        let digest = name(self.algorithm, &bytes);
        self.manifests.push(Manifest {
            named: Named {
                digest: digest.clone(),
                bytes,
            },
            media_type,
            tags: tags.to_vec(),
            subject: text_of(&document["subject"]["digest"]),
            artifact_type: text_of(&document["artifactType"]).or_else(|| text_of(&document["config"]["mediaType"])),
        });
        json!({ "mediaType": media_type, "digest": digest, "size": size })
    }

    fn image_of(&mut self, tags: &[&'static str], config: &Value, layers: &[Value], more: Value) -> Value {
        let mut document = json!({ "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": layers });
        merge(&mut document, more);
        self.manifest(IMAGE, tags, document.to_string())
    }

    fn image(&mut self, tags: &[&'static str], platform: &str, more: Value) -> Value {
        let config = self.config(platform);
        let layers: Vec<Value> = (0..3).map(|n| self.layer(TAR_GZIP, n)).collect();
        self.image_of(tags, &config, &layers, more)
    }

    fn index(&mut self, tags: &[&'static str], manifests: &[Value], more: Value) -> Value {
        let mut document = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        merge(&mut document, more);
        self.manifest(INDEX, tags, document.to_string())
    }

    fn two_platforms(&mut self, more: &Value) -> Vec<Value> {
        let mut children = Vec::new();
        for platform in ["amd64", "arm64"] {
            let mut child = self.image(&[], platform, more.clone());
            child["platform"] = json!({ "os": "linux", "architecture": platform });
            children.push(child);
        }
        children
    }

    fn artifact(&mut self, tags: &[&'static str], kind: &str, content: &str, more: Value) -> Value {
        let config = self.blob(EMPTY, b"{}");
        let layer = self.blob(kind, content.as_bytes());
        let mut document = json!({ "artifactType": kind });
        merge(&mut document, more);
        self.image_of(tags, &config, &[layer], document)
    }
}

fn merge(document: &mut Value, more: Value) {
    if let (Value::Object(document), Value::Object(more)) = (document, more) {
        document.extend(more);
    }
}

/// A set's name, and what is in it.
type Maker = (&'static str, fn(&mut Set));

/// A tag of 128 characters.
static LONG_TAG: LazyLock<String> = LazyLock::new(|| format!("_{}", "T.-9".repeat(31) + "abc"));

/// All 24.
pub(crate) fn all() -> Vec<Set> {
    let makers: [Maker; 24] = [
        ("image", |set| {
            set.image(&["v1", "latest"], "amd64", json!({}));
        }),
        ("image-uncompressed", |set| {
            let config = set.config("amd64");
            let layers = [set.layer(TAR, 0), set.layer(TAR, 1)];
            set.image_of(&["v1"], &config, &layers, json!({}));
        }),
        ("large-manifest", |set| {
            let annotations: Value = (0..390)
                .map(|n| (format!("large-{n}"), json!("A".repeat(10_000))))
                .collect();
            set.image(&["v1"], "amd64", json!({ "annotations": annotations }));
        }),
        ("index", |set| {
            let children = set.two_platforms(&json!({}));
            set.index(&["v1"], &children, json!({}));
        }),
        ("nested-index", |set| {
            let children = set.two_platforms(&json!({}));
            let inner = [
                set.index(&[], &children, json!({})),
                set.index(&[], &children[..1], json!({})),
            ];
            set.index(&["v1"], &inner, json!({}));
        }),
        ("empty-index", |set| {
            set.index(&["v1"], &[], json!({}));
        }),
        ("artifact", |set| {
            set.artifact(&["v1"], KIND, "an artifact", json!({}));
        }),
        ("artifact-index", |set| {
            let children = [
                set.artifact(&[], KIND, "one", json!({})),
                set.artifact(&[], OTHER_KIND, "two", json!({})),
            ];
            set.index(&["v1"], &children, json!({ "artifactType": KIND }));
        }),
        ("artifact-without-layers", |set| {
            let empty = set.blob(EMPTY, b"{}");
            set.image_of(
                &["v1"],
                &empty,
                std::slice::from_ref(&empty),
                json!({ "artifactType": KIND }),
            );
        }),
        ("artifacts-with-subject", |set| {
            let subject = set.image(&["v1"], "amd64", json!({}));
            set.image(&[], "arm64", json!({ "subject": subject }));
            let more =
                |n: usize| json!({ "subject": subject, "annotations": { "n": n.to_string(), "org.example": "é" } });
            set.artifact(&["signed"], KIND, "a signature", more(1));
            set.artifact(&[], OTHER_KIND, "a list of parts", more(2));
            set.artifact(&[], KIND, "another signature", more(3));
        }),
        ("index-with-subject", |set| {
            let children = set.two_platforms(&json!({}));
            let subject = set.index(&["v1"], &children, json!({}));
            set.index(
                &["about"],
                &children,
                json!({ "artifactType": KIND, "subject": subject }),
            );
        }),
        ("missing-subject", |set| {
            let subject = json!({ "mediaType": IMAGE, "digest": Digest::of(b"missing"), "size": 123 });
            set.artifact(&["v1"], KIND, "about nothing here", json!({ "subject": subject }));
        }),
        ("data-field", |set| {
            let mut config = set.blob(CONFIG, b"{}");
            config["data"] = json!("e30=");
            let layer = set.layer(TAR_GZIP, 0);
            set.image_of(&["v1"], &config, &[layer], json!({}));
        }),
        ("non-distributable-layers", |set| {
            let config = set.config("amd64");
            let foreign = |media_type: &str, n: u8| {
                json!({ "mediaType": media_type, "digest": Digest::of(&[n]), "size": 123_456,
                    "urls": ["https://store.example.com/layer"] })
            };
            let layers = [
                foreign("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", 1),
                foreign("application/vnd.oci.image.layer.nondistributable.v1.tar", 2),
                set.layer(TAR_GZIP, 0),
            ];
            set.image_of(&["v1"], &config, &layers, json!({}));
        }),
        ("custom-fields", |set| {
            let children = set.two_platforms(&json!({ "org.example.field": { "deep": [1, 2.5, null] } }));
            set.index(&["v1"], &children, json!({ "org.example.field": "kept" }));
        }),
        ("no-layers", |set| {
            let config = set.config("amd64");
            set.image_of(&["v1"], &config, &[], json!({}));
        }),
        ("odd-media-types", |set| {
            let config = set.blob("application/vnd.example.config+toml", b"a = 1\n");
            let layers = [
                set.blob("text/plain", b"plain"),
                set.blob("application/octet-stream", &[0, 255, 10, 13]),
                set.blob("application/vnd.example.very-odd.v99+x; version=1", b"odd"),
            ];
            set.image_of(&["v1"], &config, &layers, json!({}));
        }),
        ("docker-image", |set| {
            let config = set.blob("application/vnd.docker.container.image.v1+json", b"{\"os\":\"linux\"}");
            let layer = set.layer("application/vnd.docker.image.rootfs.diff.tar.gzip", 0);
            let document =
                json!({ "schemaVersion": 2, "mediaType": DOCKER_IMAGE, "config": config, "layers": [layer] });
            set.manifest(DOCKER_IMAGE, &["v1"], serde_json::to_string_pretty(&document).unwrap());
        }),
        ("docker-list", |set| {
            let children = set.two_platforms(&json!({}));
            let document = json!({ "schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": children });
            set.manifest(DOCKER_LIST, &["v1"], serde_json::to_string_pretty(&document).unwrap());
        }),
        ("sha512", |set| {
            set.algorithm = Algorithm::Sha512;
            let subject = set.image(&["v1"], "amd64", json!({}));
            set.artifact(&[], KIND, "a signature", json!({ "subject": subject }));
        }),
        ("both-algorithms", |set| {
            let config = set.config("amd64");
            set.algorithm = Algorithm::Sha512;
            let layers = [set.layer(TAR_GZIP, 0), set.layer(TAR_GZIP, 1)];
            set.algorithm = Algorithm::Sha256;
            let image = set.image_of(&["v1"], &config, &layers, json!({}));
            set.algorithm = Algorithm::Sha512;
            set.index(&["list"], &[image], json!({}));
        }),
        ("empty-layer", |set| {
            let config = set.config("amd64");
            let layers = [set.blob(TAR, b""), set.layer(TAR_GZIP, 0)];
            set.image_of(&["v1"], &config, &layers, json!({}));
        }),
        ("long-names", |set| {
            set.repository = format!("long/{}zzzzzzz", "a-1.b__c/".repeat(27));
            assert_eq!(set.repository.len(), 255);
            let tag: &'static str = &LONG_TAG;
            set.image(&[tag, "V1.0_x-y"], "amd64", json!({}));
        }),
        ("odd-json", |set| {
            let (config, layer) = (set.config("amd64"), set.layer(TAR_GZIP, 0));
            let text = format!(
                "\n{{ \"layers\":[{layer}],\t\"config\" : {config}, \"annotations\":{{\"a\":\"\\u00e9\\/ \u{1f40b}\",\"\":\"\"}},\
                 \"mediaType\":\"{IMAGE}\",\"schemaVersion\":2 }}\n\n"
            );
            set.manifest(IMAGE, &["v1"], text);
        }),
    ];
    makers
        .into_iter()
        .map(|(name, make)| {
            let mut set = Set::new(name);
            make(&mut set);
            set
        })
        .collect()
}
