//! Environment lists: names and values in the order in which they were last set.

use std::collections::BTreeSet;

/// Names and values, each name once; setting a name moves it to the end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Env {
    list: Vec<(String, String)>,
}

impl Env {
    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.list
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Sets `name`, which moves to the end.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        self.remove(&name);
        self.list.push((name, value.into()));
    }

    /// Sets many, one after the other.
    pub(crate) fn set_all<'a>(&mut self, pairs: impl DoubleEndedIterator<Item = (&'a str, &'a str)>) {
        let mut seen = BTreeSet::new();
        let last: Vec<_> = pairs.rev().filter(|(name, _)| seen.insert(*name)).collect();
        self.list.retain(|(name, _)| !seen.contains(name.as_str()));
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        self.list.extend(last.into_iter().rev().map(owned));
    }

    /// Forgets `name`.
    pub fn remove(&mut self, name: &str) {
        self.list.retain(|(key, _)| key != name);
    }

    /// All pairs, in order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.list
    }
}

/// The two halves of `NAME=value`; the value is empty without `=`.
pub(crate) fn split(pair: &str) -> (&str, &str) {
    pair.split_once('=').unwrap_or((pair, ""))
}

/// Sets a variable in an image's list of `NAME=value`, where it stands or at the end.
pub(crate) fn set_in_config(list: &mut Vec<String>, name: &str, value: &str) {
    let pair = format!("{name}={value}");
    match list.iter_mut().find(|old| split(old).0 == name) {
        Some(old) => *old = pair,
        None => list.push(pair),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_again_moves_a_variable_to_the_end_of_the_environment_but_not_of_the_config() {
        let mut env = Env::default();
        env.set("A", "1");
        env.set("B", "2");
        env.set("A", "3");
        assert_eq!(env.pairs(), [("B".into(), "2".into()), ("A".into(), "3".into())]);

        let mut all = env.clone();
        all.set_all([("B", "4"), ("C", "5"), ("B", "6")].into_iter());
        for (name, value) in [("B", "4"), ("C", "5"), ("B", "6")] {
            env.set(name, value);
        }
        assert_eq!(all, env);

        let mut list = vec!["A=1".to_owned(), "B=2".to_owned()];
        set_in_config(&mut list, "A", "3");
        set_in_config(&mut list, "C", "");
        assert_eq!(list, ["A=3", "B=2", "C="]);
    }
}
