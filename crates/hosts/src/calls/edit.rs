//! `vi` and `nano`: the page shows the file in an editor of its own.

use super::{Called, Calling, Said, failed};
use crate::lab::{Lab, Tools};
use crate::people::{Access, Person};
use builder::{CallAnswer, HostCall};
use store::{Content, Follow, Meta, Node};

/// Largest file that is opened.
const MAX_BYTES: u64 = 1 << 20;

pub(super) fn begin(call: &HostCall, machine: usize, lab: &mut Lab, tools: &mut Tools<'_>) -> Called {
    let Some(name) = call.args.iter().find(|arg| !arg.starts_with(['-', '+'])) else {
        let text = format!(
            "{}: give the file to edit: the page shows it in an editor of its own\n",
            call.command
        );
        return Called::done(failed(1, &text));
    };
    let path = super::reach::absolute(name, &call.cwd);
    let tree = &lab.machines[machine].tree;
    let person = Person::of(&lab.machines[machine], &call.user, tools.blobs);
    let place = match tree.resolve(&path, Follow::Last) {
        Ok(place) => place,
        Err(error) => return Called::done(failed(1, &format!("{}: {error}\n", call.command))),
    };
    let text = match tree.get(&place) {
        None => String::new(),
        Some(Node::File(file)) => {
            if !person.may(&file.meta, Access::Read) {
                return Called::done(failed(1, &format!("{}: {name}: Permission denied\n", call.command)));
            }
            let bytes = match file.content {
                Content::Blob { digest, size } if size <= MAX_BYTES => tools.blobs.get(&digest).ok(),
                _ => None,
            };
            let Some(text) = bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()) else {
                let text = format!("{}: {name}: expected a text of at most 1 MiB\n", call.command);
                return Called::done(failed(1, &text));
            };
            text
        }
        Some(_) => return Called::done(failed(1, &format!("{}: {name} is a directory\n", call.command))),
    };
    Called::Waits {
        output: Vec::new(),
        calling: Calling::Editing {
            path: place.absolute(),
            text,
        },
    }
}

pub(super) fn go_on(
    call: &HostCall,
    path: String,
    text: String,
    said: Said,
    machine: usize,
    lab: &mut Lab,
    tools: &mut Tools<'_>,
) -> Called {
    let saved = match said {
        Said::Edited(Some(saved)) => saved,
        Said::Edited(None) | Said::Interrupt => return Called::done(CallAnswer::default()),
        // What is typed goes to the editor; it says when it is left.
        Said::Line(_) | Said::End => {
            return Called::Waits {
                output: Vec::new(),
                calling: Calling::Editing { path, text },
            };
        }
    };
    match write(&path, saved.as_bytes(), call, machine, lab, tools) {
        Ok(()) => Called::done(CallAnswer::default()),
        Err(why) => Called::done(failed(1, &format!("{}: {path}: {why}\n", call.command))),
    }
}

/// Writes a file as the person who calls.
pub(super) fn write(
    path: &str,
    bytes: &[u8],
    call: &HostCall,
    machine: usize,
    lab: &mut Lab,
    tools: &mut Tools<'_>,
) -> Result<(), String> {
    let person = Person::of(&lab.machines[machine], &call.user, tools.blobs);
    let tree = &mut lab.machines[machine].tree;
    let place = tree.resolve(path, Follow::Last).map_err(|error| error.to_string())?;
    let parent = place.parent().ok_or("Is a directory")?;
    let meta = match tree.get(&place) {
        Some(Node::File(file)) if !person.may(&file.meta, Access::Write) => return Err("Permission denied".to_owned()),
        Some(Node::File(file)) => Meta {
            mtime: tools.now,
            ..file.meta.clone()
        },
        Some(_) => return Err("Is a directory".to_owned()),
        None => {
            let above = tree.get(&parent).ok_or("No such file or directory")?.meta().clone();
            if !person.may(&above, Access::Write) {
                return Err("Permission denied".to_owned());
            }
            Meta {
                uid: person.uid,
                gid: person.gid,
                mtime: tools.now,
                ..Meta::of_mode(0o644)
            }
        }
    };
    let digest = tools.blobs.put(bytes).map_err(|error| error.to_string())?;
    let content = Content::Blob {
        digest,
        size: bytes.len() as u64,
    };
    tree.insert(&place, Node::file(meta, content))
        .map_err(|error| error.to_string())
}
