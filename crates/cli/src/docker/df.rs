//! `docker system df`.

use super::{Done, SUCCESS, Session, images, kinds, lent, ps, time, volumes};
use crate::table::list as print_list;
use crate::template::Value;
use crate::units::{size, size_exactly};
use crate::words::Call;
use engine::{ContainerFilters, Counted, DiskUsage, ImageUsage, Which};
use oci::Reference;

pub(super) fn df(call: &Call, session: &mut Session<'_, '_>) -> Done {
    session.daemon.count_bytes(&mut lent!(session))?;
    let usage = session.daemon.disk_usage(session.cache);
    let format = call.text("format").filter(|format| !format.is_empty());
    let text = if call.on("verbose") {
        verbose(session, &usage, format)?
    } else {
        let rows = [
            ("Images", usage.images),
            ("Containers", usage.containers),
            ("Local Volumes", usage.volumes),
            ("Build Cache", usage.build_cache),
        ];
        let rows: Vec<Value> = rows.iter().map(|(kind, counted)| row(kind, counted)).collect();
        print_list(format, &kinds::USAGE, &rows)?
    };
    session.console.print(&text);
    Ok(SUCCESS)
}

fn row(kind: &str, counted: &Counted) -> Value {
    let reclaimable = size_exactly(counted.reclaimable);
    // Docker tells no share of the cache.
    let reclaimable = if counted.size > 0 && kind != "Build Cache" {
        let share = u128::from(counted.reclaimable) * 100 / u128::from(counted.size);
        format!("{reclaimable} ({share}%)")
    } else {
        reclaimable
    };
    kinds::USAGE.row([
        ("Active", counted.active.to_string().into()),
        ("Reclaimable", reclaimable.into()),
        ("Size", size_exactly(counted.size).into()),
        ("TotalCount", counted.total.to_string().into()),
        ("Type", kind.into()),
    ])
}

fn verbose(
    session: &Session<'_, '_>,
    usage: &DiskUsage,
    format: Option<&str>,
) -> Result<String, crate::template::TemplateError> {
    let image_rows: Vec<Value> = usage
        .each_image
        .iter()
        .flat_map(|image| image_rows(session, image))
        .collect();
    let containers = session
        .daemon
        .list_containers(Which::All, &ContainerFilters::default(), session.now)
        .unwrap_or_default();
    let container_rows: Vec<Value> = containers
        .iter()
        .map(|row| ps::container_row(row, false, false, session))
        .collect();
    let volume_rows: Vec<Value> = usage
        .each_volume
        .iter()
        .filter_map(|(name, links, bytes)| {
            let volume = session.daemon.volume(name).ok()?;
            Some(volumes::row(volume, &links.to_string(), &size(*bytes), session.daemon))
        })
        .collect();
    let cache_rows: Vec<Value> = cache_rows(session);
    if let Some(format) = format.filter(|format| *format == "json" || !format.starts_with("table")) {
        let all = Value::Row(
            "*formatter.DiskUsageContext",
            [
                ("Images", image_rows),
                ("Containers", container_rows),
                ("Volumes", volume_rows),
                ("BuildCache", cache_rows),
            ]
            .map(|(name, rows)| (name.to_owned(), Value::List(rows)))
            .to_vec(),
        );
        let one = crate::table::Kind {
            row: "*formatter.DiskUsageContext",
            columns: "",
            headers: &[],
        };
        return print_list(Some(format), &one, &[all]);
    }
    Ok(format!(
        "Images space usage:\n\n{}\nContainers space usage:\n\n{}\nLocal Volumes space usage:\n\n{}\nBuild cache usage: {}\n\n{}",
        print_list(None, &kinds::IMAGE_USAGE, &image_rows)?,
        print_list(None, &kinds::CONTAINER_USAGE, &container_rows)?,
        print_list(None, &kinds::VOLUME_USAGE, &volume_rows)?,
        size_exactly(usage.build_cache.size),
        print_list(None, &kinds::CACHE_USAGE, &cache_rows)?,
    ))
}

fn image_rows(session: &Session<'_, '_>, image: &ImageUsage) -> Vec<Value> {
    let created = session
        .daemon
        .image_by_id(image.id)
        .map(engine::StoredImage::created)
        .unwrap_or_default();
    let row = |repository: &str, tag: &str| {
        kinds::IMAGES.row([
            ("Containers", image.containers.to_string().into()),
            ("CreatedAt", time::written(created).into()),
            ("CreatedSince", time::ago(created, session.now).into()),
            ("Digest", "".into()),
            ("ID", images::shown_id(image.id, false).into()),
            ("Repository", repository.into()),
            ("SharedSize", size_exactly(image.shared).into()),
            ("Size", size(image.size).into()),
            ("Tag", tag.into()),
            ("UniqueSize", size_exactly(image.unique).into()),
            ("VirtualSize", size_exactly(image.size).into()),
        ])
    };
    let names = session.daemon.repo_tags(image.id);
    let named = names.iter().filter_map(|name| Reference::parse(name).ok());
    let rows: Vec<Value> = named
        .map(|name| row(&name.familiar_name(), name.tag().unwrap_or("latest")))
        .collect();
    if rows.is_empty() {
        vec![row("<none>", "<none>")]
    } else {
        rows
    }
}

fn cache_rows(session: &Session<'_, '_>) -> Vec<Value> {
    let held: std::collections::BTreeSet<_> = session
        .daemon
        .images()
        .flat_map(|image| image.image.layers.iter().map(|layer| layer.diff_id))
        .collect();
    let records = session.cache.records().results.iter();
    records
        .map(|(key, record)| {
            let shared = record.layer.as_ref().is_some_and(|layer| held.contains(&layer.diff_id));
            let bytes = record.layer.as_ref().map_or(0, store::Layer::bytes);
            kinds::CACHE_USAGE.row([
                ("CacheType", "regular".into()),
                ("CreatedSince", time::ago(record.created, session.now).into()),
                ("ID", key.hex()[..12].into()),
                ("InUse", "false".into()),
                ("LastUsedSince", "".into()),
                ("Shared", shared.to_string().into()),
                ("Size", size(bytes).into()),
                ("UsageCount", "1".into()),
            ])
        })
        .collect()
}
