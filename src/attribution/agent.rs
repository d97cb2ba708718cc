use regex::{RegexSet, RegexSetBuilder};

/// What a user agent may hold, and whom that points at.
#[derive(Debug, Clone)]
pub(super) struct AgentPattern {
    /// The regular expression.
    pub(super) says: String,
    /// Where one of these is found too, somebody else says so.
    pub(super) without: Vec<String>,
    /// Whom it points at: a place in the catalogue.
    pub(super) who: usize,
    /// Which data it was read from.
    pub(super) data: usize,
}

impl AgentPattern {
    /// For people: without the signs of a regular expression that stand for themselves.
    pub(super) fn words(&self) -> String {
        self.says.replace('\\', "")
    }
}

/// Many patterns, looked for at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Agents {
    patterns: Vec<AgentPattern>,
    /// Of each pattern, where its exceptions begin in the set; they stand behind all patterns.
    exceptions: Vec<std::ops::Range<usize>>,
    set: RegexSet,
}

/// How large the compiled set may grow, in bytes: several thousand patterns.
const SET_BYTES: usize = 64 << 20;

impl Agents {
    /// Compiles them.
    ///
    /// # Errors
    /// One is no regular expression, or all together are too large.
    pub(super) fn new(patterns: Vec<AgentPattern>) -> Result<Self, regex::Error> {
        let mut all: Vec<&str> = patterns.iter().map(|one| one.says.as_str()).collect();
        let mut exceptions = Vec::new();
        for pattern in &patterns {
            let begin = all.len();
            all.extend(pattern.without.iter().map(String::as_str));
            exceptions.push(begin..all.len());
        }
        let set = RegexSetBuilder::new(all).size_limit(SET_BYTES).build()?;
        Ok(Self {
            patterns,
            exceptions,
            set,
        })
    }

    /// What is found in a user agent, in the order of the patterns.
    pub(super) fn found(&self, agent: &str) -> Vec<&AgentPattern> {
        let hits = self.set.matches(agent);
        let of_itself = |index: usize| {
            let mut others = self.exceptions.get(index).cloned().unwrap_or_default();
            hits.matched(index) && !others.any(|other| hits.matched(other))
        };
        let patterns = self.patterns.iter().enumerate();
        patterns
            .filter(|(index, _)| of_itself(*index))
            .map(|(_, pattern)| pattern)
            .collect()
    }
}
