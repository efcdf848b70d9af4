//! Permission changes in words, `u=rwX,go-w`, as BSD's `setmode` and with it `COPY --chmod` reads them.

const ALL: u32 = 0o6777;
const STICKY: u32 = 0o1000;

/// One change; bits are those of the mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Clear(u32),
    Set(u32),
    /// Set if the file is a directory or anyone may execute it.
    SetIfExecutable(u32),
    /// Copy the three bits of a class (shifted by `from`) to the classes in `to`.
    Copy {
        from: u32,
        to: u32,
        sign: u8,
    },
}

/// Changes to apply in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// Reads a symbolic mode; `None` if it is none.
    pub fn parse(text: &str) -> Option<Changes> {
        let mut rest = text.as_bytes();
        let mut changes = Vec::new();
        loop {
            let who = take_who(&mut rest);
            loop {
                take_change(&mut rest, who, &mut changes)?;
                match rest.first() {
                    None => return Some(Changes(changes)),
                    Some(b',') => break,
                    Some(_) => {}
                }
            }
            rest = &rest[1..];
        }
    }

    /// The mode that `mode` becomes.
    pub fn apply(&self, mode: u32, kind: Kind) -> u32 {
        let mut new = mode;
        for change in &self.0 {
            match *change {
                Change::Clear(bits) => new &= !bits,
                Change::Set(bits) => new |= bits,
                Change::SetIfExecutable(bits) => {
                    if mode & 0o111 != 0 || kind == Kind::Directory {
                        new |= bits;
                    }
                }
                Change::Copy { from, to, sign } => {
                    let value = (new >> from) & 0o7;
                    let spread = [6, 3, 0].into_iter().filter(|class| to & (0o7 << class) != 0);
                    for class in spread {
                        match sign {
                            b'+' => new |= value << class,
                            b'-' => new &= !(value << class),
                            _ => new = (new & !(0o7 << class)) | (value << class),
                        }
                    }
                }
            }
        }
        new & 0o7777
    }
}

/// What a mode belongs to: `X` treats directories apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// Anything else.
    Other,
}

fn take_who(rest: &mut &[u8]) -> u32 {
    let mut who = 0;
    while let Some(byte) = rest.first() {
        who |= match byte {
            b'a' => ALL,
            b'u' => 0o4700,
            b'g' => 0o2070,
            b'o' => 0o0007,
            _ => break,
        };
        *rest = &rest[1..];
    }
    who
}

/// One operator and its permissions.
fn take_change(rest: &mut &[u8], who: u32, changes: &mut Vec<Change>) -> Option<()> {
    let (&op, after) = rest.split_first()?;
    *rest = after;
    if !matches!(op, b'+' | b'-' | b'=') {
        return None;
    }
    let mut who = who;
    let (mut bits, mut if_executable, mut copied) = (0, 0, false);
    loop {
        let byte = rest.first().copied();
        match byte {
            Some(b'r') => bits |= 0o444,
            Some(b'w') => bits |= 0o222,
            Some(b'x') => bits |= 0o111,
            Some(b'X') if op != b'-' => if_executable = 0o111,
            // For others alone, set-id and sticky mean nothing.
            Some(b's') if who == 0 || who & !0o7 != 0 => bits |= 0o6000,
            Some(b't') if who == 0 || who & !0o7 != 0 => {
                who |= STICKY;
                bits |= STICKY;
            }
            Some(b's' | b't' | b'X') => {}
            Some(class @ (b'u' | b'g' | b'o')) => {
                if bits != 0 {
                    push(changes, op, who, bits);
                    bits = 0;
                }
                if if_executable != 0 {
                    push(changes, b'X', who, if_executable);
                    if_executable = 0;
                }
                copied = true;
                let from = match class {
                    b'u' => 6,
                    b'g' => 3,
                    _ => 0,
                };
                let to = if who == 0 { 0o777 } else { who & 0o777 };
                changes.push(Change::Copy { from, to, sign: op });
            }
            _ => break,
        }
        *rest = &rest[1..];
    }
    if bits != 0 || (op == b'=' && !copied) {
        push(changes, op, who, bits);
    }
    if if_executable != 0 {
        push(changes, b'X', who, if_executable);
    }
    Some(())
}

fn push(changes: &mut Vec<Change>, op: u8, who: u32, bits: u32) {
    let bits_of_who = if who == 0 { bits } else { who & bits };
    match op {
        b'=' => {
            changes.push(Change::Clear(if who == 0 { ALL } else { who }));
            changes.push(Change::Set(bits_of_who));
        }
        b'+' => changes.push(Change::Set(bits_of_who)),
        b'-' => changes.push(Change::Clear(bits_of_who)),
        _ => changes.push(Change::SetIfExecutable(bits_of_who)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_applied_in_order() {
        for (text, before, after) in [
            ("u=rwx,go=rx", 0o644, 0o755),
            ("go-w", 0o666, 0o644),
            ("+x", 0o644, 0o755),
            ("a+X", 0o644, 0o644),
            ("a+X", 0o744, 0o755),
            ("g=u", 0o640, 0o660),
            ("o=", 0o777, 0o770),
            ("u+s,+t", 0o755, 0o5755),
            ("u=rwX,go=rX", 0o640, 0o644),
            ("u=rwX,go=rX", 0o700, 0o755),
            ("g=u-w", 0o640, 0o640),
        ] {
            let changes = Changes::parse(text).expect(text);
            assert_eq!(changes.apply(before, Kind::Other), after, "{text}");
        }
        let capital = Changes::parse("go+X").expect("good");
        assert_eq!(capital.apply(0o700, Kind::Directory), 0o711);
    }

    #[test]
    fn what_is_no_mode_is_refused() {
        for text in ["", "u", "u~x", "9x9", "u+x,", "rwx"] {
            assert_eq!(Changes::parse(text), None, "{text}");
        }
    }
}
