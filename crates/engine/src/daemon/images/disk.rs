//! What everything takes: `docker system df`.

use super::super::{Container, Daemon};
use builder::Cache;
use oci::{ChainId, Digest};
use std::collections::BTreeMap;

/// How much of one kind of thing there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// How many.
    pub total: usize,
    /// How many of them are in use.
    pub active: usize,
    /// Their bytes, what they share counted once.
    pub size: u64,
    /// The bytes that are not in use.
    pub reclaimable: u64,
}

/// The rows of `docker system df`, and with `-v` what they consist of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskUsage {
    /// Images; active are those with containers.
    pub images: Counted,
    /// Containers; active are those that run.
    pub containers: Counted,
    /// Volumes; active are those that containers mount.
    pub volumes: Counted,
    /// Results in the build cache.
    pub build_cache: Counted,
    /// For `-v`: each image.
    pub each_image: Vec<ImageUsage>,
    /// For `-v`: each container by its ID, with the bytes of its writable layer.
    pub each_container: Vec<(String, u64)>,
    /// For `-v`: each volume by its name, with how many containers mount it and its bytes.
    pub each_volume: Vec<(String, usize, u64)>,
}

/// What one image takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageUsage {
    /// The image.
    pub id: Digest,
    /// The bytes of the files of its layers.
    pub size: u64,
    /// Those of layers that other images have too.
    pub shared: u64,
    /// Those of layers that no other image has.
    pub unique: u64,
    /// How many containers are made of it.
    pub containers: usize,
}

impl Daemon {
    /// What each image takes and shares, by ID. Images of build steps are left out.
    pub fn image_usage(&self) -> Vec<ImageUsage> {
        let listed = || {
            self.images()
                .filter(|image| self.images.has_name(image.id) || self.images.is_dangling(image.id))
        };
        let mut users: BTreeMap<ChainId, usize> = BTreeMap::new();
        for chain in listed().flat_map(super::StoredImage::chain_ids) {
            *users.entry(chain).or_default() += 1;
        }
        let usage = listed().map(|image| {
            let layers = image.chain_ids().into_iter().zip(&image.image.layers);
            let shared = layers.filter(|(chain, _)| users[chain] > 1);
            let shared = shared.map(|(_, layer)| layer.bytes()).sum();
            let size = image.size();
            ImageUsage {
                id: image.id,
                size,
                shared,
                unique: size - shared,
                containers: self.containers.using(image.id).count(),
            }
        });
        usage.collect()
    }

    /// What everything takes. The build cache is the caller's.
    pub fn disk_usage(&self, cache: &Cache) -> DiskUsage {
        let each_image = self.image_usage();
        let size = self.layer_bytes();
        let used: u64 = each_image
            .iter()
            .filter(|image| image.containers > 0)
            .map(|image| image.unique)
            .sum();
        let images = Counted {
            total: each_image.len(),
            active: each_image.iter().filter(|image| image.containers > 0).count(),
            size,
            reclaimable: size - used,
        };
        let sizes: Vec<(&Container, u64)> = self.containers().map(|c| (c, c.writable_bytes())).collect();
        let stopped = sizes.iter().filter(|(container, _)| !container.is_running());
        let containers = Counted {
            total: sizes.len(),
            active: sizes.iter().filter(|(container, _)| container.is_running()).count(),
            size: sizes.iter().map(|(_, size)| size).sum(),
            reclaimable: stopped.map(|(_, size)| size).sum(),
        };
        let each_volume: Vec<(String, usize, u64)> = self
            .volumes()
            .map(|volume| (volume.name.clone(), self.volume_users(&volume.name), volume.bytes()))
            .collect();
        let volumes = Counted {
            total: each_volume.len(),
            active: each_volume.iter().filter(|(_, users, _)| *users > 0).count(),
            size: each_volume.iter().map(|(_, _, size)| size).sum(),
            reclaimable: each_volume
                .iter()
                .filter(|(_, users, _)| *users == 0)
                .map(|(_, _, size)| size)
                .sum(),
        };
        DiskUsage {
            images,
            containers,
            volumes,
            build_cache: self.cache_usage(cache),
            each_container: sizes.iter().map(|(c, size)| (c.id.clone(), *size)).collect(),
            each_image,
            each_volume,
        }
    }

    /// Results that an image has as its layer are in use; their bytes count there.
    fn cache_usage(&self, cache: &Cache) -> Counted {
        let held: std::collections::BTreeSet<_> = self
            .images()
            .flat_map(|image| image.image.layers.iter().map(|layer| layer.diff_id))
            .collect();
        let mut counted = Counted::default();
        for record in cache.records().results.values() {
            counted.total += 1;
            let Some(layer) = &record.layer else { continue };
            if held.contains(&layer.diff_id) {
                counted.active += 1;
            } else {
                counted.size += layer.bytes();
                counted.reclaimable += layer.bytes();
            }
        }
        counted
    }
}
