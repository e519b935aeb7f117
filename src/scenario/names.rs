//! Whom a name means. Pools, models, servers and pipelines share one name space; loads and signals have one each.

use super::load::plain_name;
use super::reader::Section;
use crate::diagnostics::Problem;
use crate::diagnostics::closest;
use crate::units::{FlowId, Id, ModelId, PoolId, ServerId};

/// What can be pointed at by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pool,
    Model,
    Server,
    Pipeline,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Pool, Self::Model, Self::Server, Self::Pipeline];

    /// The word for it, which is its key as well.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Model => "model",
            Self::Server => "server",
            Self::Pipeline => "pipeline",
        }
    }
}

/// The lists of everything that has a name.
pub(super) struct Lists<'a> {
    pub(super) pools: Vec<Section<'a>>,
    pub(super) servers: Vec<Section<'a>>,
    pub(super) models: Vec<Section<'a>>,
    pub(super) flows: Vec<Section<'a>>,
}

impl<'a> Lists<'a> {
    pub(super) fn of(top: &Section<'a>) -> Self {
        Self {
            pools: top.tables("pool"),
            servers: top.tables("server"),
            models: top.tables("model"),
            flows: top.tables("pipeline"),
        }
    }

    fn sections(&self, kind: Kind) -> &[Section<'a>] {
        match kind {
            Kind::Pool => &self.pools,
            Kind::Model => &self.models,
            Kind::Server => &self.servers,
            Kind::Pipeline => &self.flows,
        }
    }

    /// Reports two of the same name, whatever they are.
    pub(super) fn unique(&self) {
        let mut seen: Vec<(Kind, &Section<'_>)> = Vec::new();
        for kind in Kind::ALL {
            for section in self.sections(kind) {
                let Some(name) = plain_name(section) else { continue };
                let first = seen.iter().find(|(_, earlier)| plain_name(earlier).as_ref() == Some(&name));
                if let Some((other, first)) = first {
                    report_twins(section, kind.word(), first, other.word(), &name);
                }
                seen.push((kind, section));
            }
        }
    }

    /// The place in its list of what this key names, if it is of one of the kinds; reported if it is not.
    pub(super) fn find(&self, section: &Section<'_>, key: &str, kinds: &[Kind]) -> Option<(Kind, usize)> {
        let wanted = section.name(key)?;
        let place = |kind: Kind| self.sections(kind).iter().position(|one| plain_name(one).as_ref() == Some(&wanted));
        if let Some(found) = kinds.iter().find_map(|&kind| Some((kind, place(kind)?))) {
            return Some(found);
        }
        let there: Vec<Kind> = kinds.iter().copied().filter(|&kind| !self.sections(kind).is_empty()).collect();
        let asked = if there.is_empty() { kinds[..1].to_vec() } else { there };
        let words: Vec<&str> = asked.iter().map(|kind| kind.word()).collect();
        let known: Vec<String> =
            asked.iter().flat_map(|&kind| self.sections(kind)).filter_map(plain_name).collect::<Vec<_>>();
        let help = match closest(&wanted, known.iter().map(String::as_str)) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None if known.is_empty() => format!("add a `[[{}]]`", words[0]),
            None => format!("the {}s are {}", words.join("s and "), known.join(", ")),
        };
        let other = Kind::ALL.into_iter().find(|&kind| place(kind).is_some());
        let label = match other {
            Some(other) => format!("a {} has this name", other.word()),
            None => "nobody has this name".to_owned(),
        };
        section.wrong(key, format!("there is no {} \"{wanted}\"", or(&words)), label, help);
        None
    }

    pub(super) fn pool(&self, section: &Section<'_>) -> Option<PoolId> {
        self.find(section, "pool", &[Kind::Pool]).map(|(_, place)| PoolId::from_index(place))
    }

    pub(super) fn server(&self, section: &Section<'_>) -> Option<ServerId> {
        self.find(section, "server", &[Kind::Server]).map(|(_, place)| ServerId::from_index(place))
    }

    pub(super) fn model(&self, section: &Section<'_>) -> Option<ModelId> {
        self.find(section, "model", &[Kind::Model]).map(|(_, place)| ModelId::from_index(place))
    }

    pub(super) fn flow(&self, section: &Section<'_>) -> Option<FlowId> {
        self.find(section, "pipeline", &[Kind::Pipeline]).map(|(_, place)| FlowId::from_index(place))
    }

    /// The pool, or the pods of the server, that the key `pool` names.
    pub(super) fn pods(&self, section: &Section<'_>) -> Option<PoolId> {
        let (kind, place) = self.find(section, "pool", &[Kind::Pool, Kind::Server])?;
        Some(if kind == Kind::Server { self.pods_of(ServerId::from_index(place)) } else { PoolId::from_index(place) })
    }

    pub(super) const fn has_servers(&self) -> bool {
        !self.servers.is_empty()
    }

    /// The pods of a server stand behind all pools.
    pub(super) fn pods_of(&self, server: ServerId) -> PoolId {
        PoolId::from_index(self.pools.len() + server.index())
    }
}

fn or(words: &[&str]) -> String {
    match words {
        [rest @ .., before, last] if !rest.is_empty() => format!("{}, {before} or {last}", rest.join(", ")),
        _ => words.join(" or "),
    }
}

/// Reports two of the same name in one list.
pub(super) fn unique(sections: &[Section<'_>], kind: &str) {
    for (number, section) in sections.iter().enumerate() {
        let Some(name) = plain_name(section) else { continue };
        if let Some(first) = sections[..number].iter().find(|earlier| plain_name(earlier).as_ref() == Some(&name)) {
            report_twins(section, kind, first, kind, &name);
        }
    }
}

fn report_twins(second: &Section<'_>, kind: &str, first: &Section<'_>, other: &str, name: &str) {
    let message = if kind == other {
        format!("two {kind}s are named \"{name}\"")
    } else {
        format!("a {other} and a {kind} are named \"{name}\"")
    };
    let (one, two) = if first.at.start <= second.at.start { (first, second) } else { (second, first) };
    second.reader.report(
        Problem::error(two.place("name"), message, "the second")
            .beside(one.place("name"), "the first")
            .help("give one of them another name"),
    );
}
