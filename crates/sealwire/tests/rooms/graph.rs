//! Which room of a crate uses which: the modules at its top, and the arrows between them.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Name, Source};

/// The arrows between rooms, each with a place where it is drawn.
pub(crate) struct Graph {
    pub(crate) arrows: BTreeMap<(String, String), String>,
}

/// How often names may stand for others.
const MAX_STEPS: usize = 8;

impl Graph {
    /// Draws an arrow to the room through whose door a name is taken, and to the one where it is
    /// at home. What the root says belongs to no room.
    pub(crate) fn of(source: &Source) -> Self {
        let mut arrows = BTreeMap::new();
        for (name, module) in &source.modules {
            let Some(room) = name.first() else { continue };
            let uses = module.uses.iter().map(|one| &one.path);
            for path in uses.chain(&module.paths) {
                let named = source.absolute(name, path);
                let home = named.as_ref().and_then(|named| source.home(named, MAX_STEPS));
                for to in [named, home].into_iter().flatten() {
                    let Some(to) = to.first().filter(|to| *to != room) else { continue };
                    if source.modules.contains_key(std::slice::from_ref(to)) {
                        let place = format!("{}: {}", name.join("::"), path.join("::"));
                        arrows.entry((room.clone(), to.clone())).or_insert(place);
                    }
                }
            }
        }
        Self { arrows }
    }

    /// A way from a room back to itself, if there is one.
    pub(crate) fn circle(&self) -> Option<Vec<String>> {
        let mut left: BTreeSet<&String> = self.arrows.keys().flat_map(|(a, b)| [a, b]).collect();
        // Who uses nobody that is left is in no circle.
        while let Some(done) = left.iter().copied().find(|room| self.next(room, &left).is_none()) {
            left.remove(done);
        }
        let mut way = vec![(*left.first()?).clone()];
        loop {
            let next = self.next(way.last()?, &left)?;
            if let Some(start) = way.iter().position(|room| room == next) {
                way.drain(..start);
                return Some(way);
            }
            way.push(next.clone());
        }
    }

    /// Arrows that go up, or from room to room of a layer that is not in the table. `layers` has
    /// the lowest first; rooms of one layer may use each other.
    pub(crate) fn upward(&self, layers: &[&[&str]]) -> Vec<String> {
        let floor = |room: &str| layers.iter().position(|layer| layer.contains(&room));
        let goes_up = |(from, to): &(String, String)| match (floor(from), floor(to)) {
            (Some(from), Some(to)) => from < to,
            _ => true,
        };
        let up = self.arrows.iter().filter(|(arrow, _)| goes_up(arrow));
        up.map(|((from, to), place)| format!("{from} -> {to} ({place})")).collect()
    }

    fn next<'a>(&'a self, room: &str, among: &BTreeSet<&String>) -> Option<&'a String> {
        let mut from = self.arrows.keys().filter(|(from, _)| from == room);
        from.find(|(_, to)| among.contains(to)).map(|(_, to)| to)
    }
}

impl Source {
    /// The rooms: the modules at the top.
    pub(crate) fn rooms(&self) -> BTreeSet<&str> {
        self.modules.keys().filter_map(|name| Some(name.first()?.as_str())).collect()
    }

    /// What `path` means in module `here`, from the root; `None` for what is not in this crate.
    fn absolute(&self, here: &Name, path: &[String]) -> Option<Name> {
        let (first, rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" => Vec::new(),
            "self" => here.clone(),
            "super" => here[..here.len().checked_sub(1)?].to_vec(),
            name => {
                let child = [here.as_slice(), &[name.to_owned()]].concat();
                if self.modules.contains_key(&child) {
                    child
                } else {
                    // A name that a `use` made; `use` of itself means another crate.
                    let of = &self.modules.get(here)?.uses;
                    let made = of.iter().find(|one| one.called.as_deref() == Some(name))?;
                    let known = made.path.first().is_some_and(|first| first != name);
                    known.then(|| self.absolute(here, &made.path))??
                }
            }
        };
        let mut rest = rest;
        while let [first, more @ ..] = rest
            && first == "super"
        {
            base.pop();
            rest = more;
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    /// Where the item of this name is at home, behind all names that stand for it.
    fn home(&self, name: &Name, steps: usize) -> Option<Name> {
        let steps = steps.checked_sub(1)?;
        let length = (0..=name.len()).rev().find(|n| self.modules.contains_key(&name[..*n]))?;
        let (module, rest) = name.split_at(length);
        let Some((called, rest)) = rest.split_first() else { return Some(name.clone()) };
        let uses = &self.modules.get(module)?.uses;
        let stands = uses.iter().find(|one| one.called.as_ref() == Some(called));
        let Some(stands) = stands else { return Some(name.clone()) };
        let mut target = self.absolute(&module.to_vec(), &stands.path)?;
        if target == *name {
            return Some(name.clone());
        }
        target.extend_from_slice(rest);
        self.home(&target, steps)
    }
}
