//! What can be asked of `layerlab registry`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

const SERVE_EXAMPLES: &str = "\
Examples:
  layerlab registry serve
        A registry at 127.0.0.1:5000 that lets everybody in.
  REGISTRY_LOG_LEVEL=debug REGISTRY_STORAGE_DELETE_ENABLED=true layerlab registry serve --addr 127.0.0.1:8000
        The variables are those of registry:2.
  REGISTRY_STORAGE=filesystem REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=data layerlab registry serve
        What is pushed stays, in the folder data.
  REGISTRY_HTTP_TLS_CERTIFICATE=domain.crt REGISTRY_HTTP_TLS_KEY=domain.key layerlab registry serve --addr :443
        Over TLS. The files are read again when they change.
  htpasswd -Bbn testuser password > htpasswd
  REGISTRY_AUTH_HTPASSWD_REALM=Realm REGISTRY_AUTH_HTPASSWD_PATH=htpasswd layerlab registry serve
        Only testuser may push and pull. The file is read again when it changes.

Beside the keys of registry:2, storage.maintenance.garbagecollection has enabled, interval (1h) and grace (24h): \
blobs that no manifest refers to and nobody asked for during the grace time are deleted while the registry serves. \
SIGTERM finishes what is under way and ends; a second one ends at once.";

const COLLECT_EXAMPLES: &str = "\
Examples:
  layerlab registry garbage-collect --dry-run config.yml
        What no manifest refers to, and how much it takes.
  layerlab registry garbage-collect --delete-untagged config.yml
        Delete that, and what only manifests without a tag refer to.

The registry must not be running: one that runs collects by itself.";

/// What can be done with a registry.
#[derive(Debug, Subcommand)]
pub enum RegistryCommand {
    /// Serve images over HTTP, from memory or from a folder
    Serve(ServeArgs),
    /// Delete what no manifest refers to from the folder of a registry that is not running
    GarbageCollect(CollectArgs),
    /// Read every blob in the folder of a registry that is not running, and say what is missing or broken
    Fsck(RegistryFsckArgs),
}

/// `layerlab registry garbage-collect`.
#[derive(Debug, Args)]
#[command(after_help = COLLECT_EXAMPLES)]
pub struct CollectArgs {
    /// The configuration file that the registry is run with; REGISTRY_* variables override it
    #[arg(value_name = "CONFIG")]
    pub config: PathBuf,

    /// Only say what would be deleted
    #[arg(short, long)]
    pub dry_run: bool,

    /// Delete manifests that no tag points to as well, unless one that stays names them
    #[arg(short = 'm', long)]
    pub delete_untagged: bool,
}

/// `layerlab registry fsck`.
#[derive(Debug, Args)]
pub struct RegistryFsckArgs {
    /// The configuration file that the registry is run with; REGISTRY_* variables override it
    #[arg(value_name = "CONFIG")]
    pub config: PathBuf,
}

/// `layerlab registry serve`.
#[derive(Debug, Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub struct ServeArgs {
    /// A configuration file as that of registry:2; REGISTRY_* variables override it
    #[arg(value_name = "CONFIG")]
    pub config: Option<PathBuf>,

    /// Listen here instead of at http.addr [default: 127.0.0.1:5000]
    #[arg(long, value_name = "HOST:PORT")]
    pub addr: Option<String>,
}
