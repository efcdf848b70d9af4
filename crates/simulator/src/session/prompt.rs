//! What stands before the cursor.

use crate::command::Dialect;

/// Whose prompt it is, and where.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) user: &'a str,
    pub(crate) uid: u32,
    pub(crate) hostname: &'a str,
    pub(crate) home: &'a str,
    pub(crate) cwd: &'a str,
}

/// The prompt that `ps1` describes; without one the prompt of a new shell.
pub(crate) fn prompt(place: &Place<'_>, ps1: Option<&str>) -> String {
    let usual = match place.dialect {
        Dialect::Bash | Dialect::BashPrompt => "\\u@\\h:\\w\\$ ",
        Dialect::Ash => "\\w \\$ ",
        Dialect::Dash => "\\$ ",
    };
    let mut out = String::new();
    let mut chars = ps1.unwrap_or(usual).chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('u') => out.push_str(place.user),
            Some('h') => out.push_str(place.hostname.split('.').next().unwrap_or_default()),
            Some('H') => out.push_str(place.hostname),
            Some('w') => out.push_str(&short(place)),
            Some('W') => {
                let short = short(place);
                out.push_str(short.rsplit('/').next().filter(|last| !last.is_empty()).unwrap_or("/"));
            }
            Some('$') => out.push(if place.uid == 0 { '#' } else { '$' }),
            Some('n') => out.push('\n'),
            Some('e') => out.push('\u{1b}'),
            Some('\\') | None => out.push('\\'),
            // These mark what takes no room; the terminal knows by itself.
            Some('[' | ']') => {}
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    out
}

/// The working directory with `~` for the home.
fn short(place: &Place<'_>) -> String {
    let home = place.home.trim_end_matches('/');
    match place.cwd.strip_prefix(home) {
        Some(rest) if !home.is_empty() && (rest.is_empty() || rest.starts_with('/')) => format!("~{rest}"),
        _ => place.cwd.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, prompt};
    use crate::command::Dialect;

    #[test]
    fn a_prompt_says_who_and_where() {
        let place = |dialect, uid, cwd| Place {
            dialect,
            user: if uid == 0 { "root" } else { "cloud_user" },
            uid,
            hostname: "workstation.lab",
            home: "/home/cloud_user",
            cwd,
        };
        let home = place(Dialect::Bash, 1001, "/home/cloud_user/registry");
        assert_eq!(prompt(&home, None), "cloud_user@workstation:~/registry$ ");
        assert_eq!(prompt(&home, Some("[\\W]\\$ ")), "[registry]$ ");
        let other = place(Dialect::Bash, 0, "/home/cloud_users");
        assert_eq!(prompt(&other, None), "root@workstation:/home/cloud_users# ");
        assert_eq!(prompt(&place(Dialect::Ash, 0, "/"), None), "/ # ");
        assert_eq!(prompt(&place(Dialect::Dash, 1, "/"), None), "$ ");
    }
}
