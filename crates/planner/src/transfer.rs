//! COPY and ADD: what is taken from where, and where it goes.

use crate::assemble::{Assembly, Made};
use crate::chmod::Changes;
use crate::definition;
use crate::path;
use crate::plan::{Action, Copy, CopyItem, CopyKind, Id, Input, Mode, Owner, Source, Url};
use crate::scope::Scope;
use crate::states::Command;
use crate::words::Words;
use dockerfile::Transfer;

/// COPY or ADD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Copy,
    Add,
}

/// The words of a COPY or ADD with variables replaced.
struct Said {
    sources: Vec<String>,
    inline: Vec<(String, String)>,
    dest: String,
    chown: String,
    chmod: String,
    checksum: String,
}

impl Assembly<'_> {
    /// Plans a COPY or ADD whose local sources are in `from`.
    pub(crate) fn transfer(
        &mut self,
        scope: &mut Scope,
        command: &Command,
        transfer: &Transfer,
        verb: Verb,
        from: Input,
    ) -> Result<(), String> {
        let words = self.transfer_words(scope, command, transfer)?;
        let mode = read_mode(&words.chmod)?;
        check_checksum(&words, verb)?;
        let mut items = Vec::new();
        for source in &words.sources {
            items.push(self.item(source, &words, transfer, verb, from)?);
        }
        for (name, text) in &words.inline {
            let from = self.source(Source::Inline {
                name: name.clone(),
                mode: 0o644,
                text: text.clone(),
            });
            items.push(CopyItem {
                from,
                path: path::join("/", name),
                include: None,
                required: None,
                kind: CopyKind::Remote { unpack: false },
            });
        }
        let copy = Copy {
            items,
            dest: path::destination(&scope.cwd, &words.dest),
            owner: (!words.chown.is_empty()).then(|| read_owner(&words.chown)),
            mode,
            exclude: transfer.exclude.iter().map(|pattern| pattern.value.clone()).collect(),
        };
        let text = self.words.word(&command.instruction.original, &scope.env);
        let text = text.unwrap_or_else(|_| command.instruction.original.clone());
        let definition = definition::of_copy(&copy);
        let made = Made {
            action: Action::Copy(copy),
            definition,
            text,
        };
        // With a mode, BuildKit silently makes an ordinary copy of a linked one; on nothing there is nothing to lay it over.
        if transfer.link && words.chmod.is_empty() && scope.at != Input::Scratch {
            self.link_step(scope, command, made);
        } else {
            self.step(scope, command, made);
        }
        self.note_step(scope, created_by(&words, transfer, verb));
        Ok(())
    }

    fn transfer_words(&self, scope: &Scope, command: &Command, transfer: &Transfer) -> Result<Said, String> {
        let word = |text: &str| self.words.word(text, &scope.env);
        let flag = |flag: &Option<dockerfile::Spanned<String>>| match flag {
            Some(text) => word(&text.value),
            None => Ok(String::new()),
        };
        let chown = flag(&transfer.chown)?;
        let chmod = flag(&transfer.chmod)?;
        let checksum = flag(&transfer.checksum)?;
        let dest = word(&transfer.dest.value)?;
        let sources = transfer
            .sources
            .iter()
            .map(|source| word(&source.value))
            .collect::<Result<_, _>>()?;
        let inline = transfer
            .inline
            .iter()
            .filter_map(|(index, _)| command.instruction.heredocs.get(*index))
            .map(|heredoc| {
                let text = if heredoc.expand {
                    Words::heredoc(&heredoc.body, &scope.env)?
                } else {
                    heredoc.body.clone()
                };
                Ok((heredoc.name.clone(), text))
            })
            .collect::<Result<_, String>>()?;
        Ok(Said {
            sources,
            inline,
            dest,
            chown,
            chmod,
            checksum,
        })
    }

    fn item(
        &mut self,
        source: &str,
        words: &Said,
        transfer: &Transfer,
        verb: Verb,
        from: Input,
    ) -> Result<CopyItem, String> {
        if is_git(source) {
            if verb == Verb::Copy {
                return Err("source can't be a git ref for COPY".to_owned());
            }
            return Ok(CopyItem {
                from: self.source(Source::Git(source.to_owned())),
                path: "/".to_owned(),
                include: None,
                required: None,
                kind: CopyKind::Remote { unpack: false },
            });
        }
        if is_url(source) {
            if verb == Verb::Copy {
                return Err("source can't be a URL for COPY".to_owned());
            }
            let filename = url_filename(source);
            let path = path::join("/", &filename);
            let from = self.source(Source::Url(Url {
                url: source.to_owned(),
                filename,
                checksum: (!words.checksum.is_empty()).then(|| words.checksum.clone()),
            }));
            return Ok(CopyItem {
                from,
                path,
                include: None,
                required: None,
                kind: CopyKind::Remote {
                    unpack: transfer.unpack.unwrap_or(false),
                },
            });
        }
        let (path, include, required) = if transfer.parents {
            parents(source)
        } else {
            (path::join("/", source), None, None)
        };
        Ok(CopyItem {
            from,
            path,
            include,
            required,
            kind: CopyKind::Local {
                unpack: transfer.unpack.unwrap_or(verb == Verb::Add),
            },
        })
    }
}

/// With `--parents`: the directory to start in, the pattern below it, and what must exist.
fn parents(source: &str) -> (String, Option<String>, Option<String>) {
    let (start, pattern) = source.split_once("/./").unwrap_or(("/", source));
    let must_exist = !path::has_wildcard(start) && !path::has_wildcard(pattern);
    let below = path::join("/", pattern);
    let required = must_exist
        .then(|| path::join(start, &below))
        .map(|p| path::join("/", &p));
    let below = below.trim_start_matches('/').to_owned();
    (path::join("/", start), Some(below), required)
}

fn read_mode(text: &str) -> Result<Option<Mode>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let not_octal = || format!("invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777");
    let is_octal = text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if is_octal && mode <= 0o7777 => Ok(Some(Mode::Octal(mode))),
        Ok(_) if is_octal => Err(not_octal()),
        _ if text.starts_with(|c: char| c.is_ascii_digit()) => Err(not_octal()),
        _ => match Changes::parse(text) {
            Some(_) => Ok(Some(Mode::Symbolic(text.to_owned()))),
            None => Err("invalid syntax".to_owned()),
        },
    }
}

/// Reads `user[:group]`; whatever is no number is a name, `root` is 0.
pub(crate) fn read_owner(text: &str) -> Owner {
    let id = |text: &str| match text {
        "root" => Id::Number(0),
        _ => match text.parse::<i32>() {
            // A negative number ends up as the same bits.
            Ok(number) => Id::Number(number as u32),
            // BuildKit takes an empty name for user 0.
            Err(_) if text.is_empty() => Id::Number(0),
            Err(_) => Id::Name(text.to_owned()),
        },
    };
    match text.split_once(':') {
        Some((user, group)) => Owner {
            user: id(user),
            group: Some(id(group)),
        },
        None => Owner {
            user: id(text),
            group: None,
        },
    }
}

fn check_checksum(words: &Said, verb: Verb) -> Result<(), String> {
    if words.checksum.is_empty() {
        return Ok(());
    }
    if verb == Verb::Copy {
        return Err("checksum can't be specified for COPY".to_owned());
    }
    let [source] = words.sources.as_slice() else {
        return Err("checksum can't be specified for multiple sources".to_owned());
    };
    if is_git(source) {
        return Ok(());
    }
    if !is_url(source) {
        return Err("checksum requires HTTP(S) or Git sources".to_owned());
    }
    words
        .checksum
        .parse::<oci::Digest>()
        .map(|_| ())
        .map_err(|_| "invalid checksum digest format".to_owned())
}

fn created_by(words: &Said, transfer: &Transfer, verb: Verb) -> String {
    let mut said = vec![match verb {
        Verb::Copy => "COPY".to_owned(),
        Verb::Add => "ADD".to_owned(),
    }];
    if transfer.parents {
        said.push("--parents".to_owned());
    }
    if !words.chown.is_empty() {
        said.push(format!("--chown={}", words.chown));
    }
    if !words.chmod.is_empty() {
        said.push(format!("--chmod={}", words.chmod));
    }
    said.extend(words.sources.iter().cloned());
    said.extend(words.inline.iter().map(|(name, _)| format!("<<{name}")));
    said.push(words.dest.clone());
    format!("{} # buildkit", said.join(" "))
}

fn is_url(source: &str) -> bool {
    (source.starts_with("http://") || source.starts_with("https://")) && !is_git(source)
}

/// Whether a source names a git repository: a git or ssh URL, an http URL whose path ends in `.git`, `user@host:path`.
fn is_git(source: &str) -> bool {
    if source.starts_with("git://") || source.starts_with("ssh://") {
        return true;
    }
    if source.starts_with("http://") || source.starts_with("https://") {
        let end = source.find(['#', '?']).unwrap_or(source.len());
        return source.as_bytes()[..end].ends_with(b".git");
    }
    let Some((user, rest)) = source.split_once('@') else {
        return false;
    };
    let plain = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    };
    plain(user)
        && rest
            .split_once(':')
            .is_some_and(|(host, path)| plain(host) && !path.is_empty())
}

/// The last component of a URL's path.
fn url_filename(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let path = rest[..end].find('/').map_or("", |slash| &rest[slash..end]);
    match path::base(path) {
        "" | "." | "/" => "__unnamed__".to_owned(),
        name => percent_decode(name),
    }
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(hex.unwrap_or(bytes[at]));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_octal_or_in_words() {
        assert_eq!(read_mode("0755"), Ok(Some(Mode::Octal(0o755))));
        assert_eq!(read_mode("u=rw"), Ok(Some(Mode::Symbolic("u=rw".into()))));
        assert!(read_mode("9x9").is_err_and(|m| m.starts_with("invalid chmod parameter: '9x9'.")));
        assert!(read_mode("10000").is_err_and(|m| m.starts_with("invalid chmod parameter")));
        assert_eq!(read_mode("u~x"), Err("invalid syntax".to_owned()));
    }

    #[test]
    fn owners_are_numbers_or_names() {
        assert_eq!(read_owner("7").group, None);
        assert_eq!(read_owner("root:staff").user, Id::Number(0));
        assert_eq!(read_owner("root:staff").group, Some(Id::Name("staff".into())));
    }

    #[test]
    fn repositories_are_told_from_files_and_paths() {
        assert!(is_git("https://example.com/a.git#main:sub"));
        assert!(is_git("git@github.com:a/b.git"));
        assert!(!is_git("https://example.com/a.tar.gz"));
        assert!(!is_git("a@b"));
        assert_eq!(url_filename("https://example.com/a/b%20c.txt?x=1#y"), "b c.txt");
        assert_eq!(url_filename("https://example.com"), "__unnamed__");
    }

    #[test]
    fn parents_start_at_the_pivot() {
        assert_eq!(
            parents("a/./b/c"),
            ("/a".to_owned(), Some("b/c".to_owned()), Some("/a/b/c".to_owned()))
        );
        assert_eq!(parents("a/*.txt"), ("/".to_owned(), Some("a/*.txt".to_owned()), None));
    }
}
