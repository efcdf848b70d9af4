//! What bashkit's find cannot know: owners. Its tests for them become calls of a hidden command of ours.
//!
//! Source: POSIX.1-2024, find, "Operands".

use crate::command::Call;
use crate::world::Result;
use store::Follow;

/// The hidden command: a test's name, its argument if it has one, and a path.
pub(crate) const OWNER: &str = "__layerlab_owner";

/// What makes find print nothing by itself.
const ACTIONS: &[&str] = &[
    "-print", "-print0", "-printf", "-fprint", "-exec", "-execdir", "-ok", "-okdir", "-delete", "-ls", "-quit",
];

/// Whether a builtin walks directories without following links.
pub(crate) fn walks(name: &str) -> bool {
    matches!(name, "find" | "du" | "tree")
}

/// The arguments of a find whose tests of owners are commands.
pub(crate) fn with_owners(args: &[String]) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = args.iter();
    let mut n_tests = 0;
    while let Some(arg) = rest.next() {
        let with_value = match arg.as_str() {
            "-user" | "-group" | "-uid" | "-gid" => true,
            "-nouser" | "-nogroup" => false,
            // The words of a command are not find's.
            "-exec" | "-execdir" | "-ok" | "-okdir" => {
                words.push(arg.clone());
                for word in rest.by_ref() {
                    words.push(word.clone());
                    if word == ";" || word == "+" {
                        break;
                    }
                }
                continue;
            }
            "-name" | "-iname" | "-path" | "-ipath" | "-wholename" | "-regex" | "-iregex" | "-newer" | "-printf" => {
                words.push(arg.clone());
                words.extend(rest.next().cloned());
                continue;
            }
            _ => {
                words.push(arg.clone());
                continue;
            }
        };
        let Some(value) = with_value
            .then(|| rest.next().cloned())
            .map_or(Some(None), |value| value.map(Some))
        else {
            words.push(arg.clone());
            break;
        };
        n_tests += 1;
        words.extend(["-exec", OWNER, arg].map(str::to_owned));
        words.extend(value);
        words.extend(["{}", ";"].map(str::to_owned));
    }
    if n_tests > 0 && !args.iter().any(|arg| ACTIONS.contains(&arg.as_str())) {
        print_at_end(&mut words);
    }
    words
}

/// Puts the expression into parentheses and a print behind it: a command in it has taken away the one that is implied.
fn print_at_end(words: &mut Vec<String>) {
    let is_option = |word: &str| matches!(word, "-H" | "-L" | "-P") || word.starts_with("-O");
    let starts =
        |word: &str| (word.starts_with('-') && word.len() > 1 && !is_option(word)) || word == "(" || word == "!";
    let Some(mut at) = words.iter().position(|word| starts(word)) else {
        return;
    };
    while matches!(words.get(at).map(String::as_str), Some("-maxdepth" | "-mindepth")) && at + 2 < words.len() {
        at += 2;
    }
    words.insert(at, "(".to_owned());
    words.extend([")", "-print"].map(str::to_owned));
}

/// Whether the owner of a path is the one that find was asked for.
pub(crate) fn owner(call: &mut Call<'_>) -> Result<i32> {
    let [test, rest @ ..] = call.args else { return Ok(1) };
    let Some(given) = rest.last() else { return Ok(1) };
    let meta = call.world.node(&call.path(given), Follow::AllButLast)?.1.meta().clone();
    let value = rest.first().map(String::as_str).unwrap_or_default();
    let is_it = match test.as_str() {
        "-nouser" => !call.world.accounts()?.iter().any(|user| user.uid == meta.uid),
        "-nogroup" => !call.world.groups()?.iter().any(|(_, gid, _)| *gid == meta.gid),
        "-uid" | "-gid" => {
            let found = if test == "-uid" { meta.uid } else { meta.gid };
            match (value.strip_prefix('+'), value.strip_prefix('-')) {
                (Some(above), _) => above.parse().is_ok_and(|number: u32| found > number),
                (_, Some(below)) => below.parse().is_ok_and(|number: u32| found < number),
                _ => value.parse() == Ok(found),
            }
        }
        test => {
            let (wanted, found, what) = if test == "-user" {
                (call.world.uid_of(value)?, meta.uid, "a known user")
            } else {
                (call.world.gid_of(value)?, meta.gid, "an existing group")
            };
            let Some(wanted) = wanted.or_else(|| value.parse().ok()) else {
                let line = format!("find: '{value}' is not the name of {what}");
                call.warn(line);
                return Ok(1);
            };
            wanted == found
        }
    };
    Ok(i32::from(!is_it))
}
