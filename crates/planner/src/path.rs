//! Paths as texts, joined and cleaned without looking at any filesystem.

/// `path` without `.`, `..` and doubled slashes; `.` if nothing remains of a relative path.
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&"..") | None if !rooted => parts.push(".."),
                Some(_) => {
                    parts.pop();
                }
                None => {}
            },
            name => parts.push(name),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// `path` read from `dir`, cleaned; an absolute `path` stands for itself below the root.
pub fn join(dir: &str, path: &str) -> String {
    clean(&format!("{dir}/{path}"))
}

/// The last component of `path`; `/` for the root, `.` for nothing.
pub fn base(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match (path.is_empty(), trimmed.is_empty()) {
        (true, _) => ".",
        (_, true) => "/",
        _ => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }
}

/// Where a COPY to `dest` goes from the working directory `cwd`: absolute, with the `/` or `/.` it ends in.
pub(crate) fn destination(cwd: &str, dest: &str) -> String {
    let written = match dest {
        "" | "." => "./",
        other => other,
    };
    let path = if written.starts_with('/') {
        clean(written)
    } else {
        join(&join("/", cwd), written)
    };
    if written.ends_with('/') && path != "/" {
        path + "/"
    } else if written.ends_with("/.") {
        if path == "/" { "/.".to_owned() } else { path + "/." }
    } else {
        path
    }
}

/// The working directory after `WORKDIR path`: an absolute path stays as it is written.
pub(crate) fn workdir(current: &str, path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        join(&join("/", current), path)
    }
}

/// Whether a path holds a wildcard that is not escaped.
pub fn has_wildcard(path: &str) -> bool {
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'*' | b'?' | b'[' => return true,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_by_their_text() {
        for (path, cleaned) in [
            ("/a/../b//c/.", "/b/c"),
            ("/../x", "/x"),
            ("a/..", "."),
            ("../a", "../a"),
            ("", "."),
            ("/", "/"),
        ] {
            assert_eq!(clean(path), cleaned);
        }
        assert_eq!(base("/a/b/"), "b");
        assert_eq!(base("/"), "/");
    }

    #[test]
    fn a_destination_keeps_the_slash_that_makes_it_a_directory() {
        for (dest, path) in [
            (".", "/app/"),
            ("./", "/app/"),
            ("x", "/app/x"),
            ("x/", "/app/x/"),
            ("x/.", "/app/x/."),
            ("/", "/"),
            ("/y//z/", "/y/z/"),
        ] {
            assert_eq!(destination("/app", dest), path);
        }
    }

    #[test]
    fn an_absolute_workdir_stays_as_typed() {
        assert_eq!(workdir("/", "/app/"), "/app/");
        assert_eq!(workdir("/app/", "x/../y/"), "/app/y");
    }

    #[test]
    fn an_escaped_wildcard_is_none() {
        assert!(has_wildcard("a*"));
        assert!(!has_wildcard("a\\*"));
    }
}
