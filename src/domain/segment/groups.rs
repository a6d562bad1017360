//! A rule as people put it together: conditions of which each must hold, and alternatives of which one must.
//!
//! Every rule can be seen so: what is nested deeper is one condition that is taken off as a whole.

use super::Rule;

/// All groups must hold, and of each group one condition. No group is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Groups(pub Vec<Vec<Rule>>);

impl Groups {
    pub fn of(rule: Rule) -> Self {
        let group = |rule: Rule| match rule {
            Rule::Any(rules) if !rules.is_empty() => rules,
            rule => vec![rule],
        };
        Self(match rule {
            Rule::All(rules) => rules.into_iter().map(group).collect(),
            rule => vec![group(rule)],
        })
    }

    /// The rule that means the same; none without any group, which is everything.
    pub fn rule(self) -> Option<Rule> {
        let mut rules: Vec<Rule> = self
            .0
            .into_iter()
            .filter_map(|mut group| match group.len() {
                0 => None,
                1 => group.pop(),
                _ => Some(Rule::Any(group)),
            })
            .collect();
        match rules.len() {
            0 => None,
            1 => rules.pop(),
            _ => Some(Rule::All(rules)),
        }
    }

    /// With one more condition: an alternative in a group, or a group of its own where there is no such group.
    #[must_use]
    pub fn with(mut self, group: Option<usize>, rule: Rule) -> Self {
        let known = group.and_then(|group| self.0.get_mut(group));
        match known {
            Some(group) => group.push(rule),
            None => self.0.push(vec![rule]),
        }
        self
    }

    /// Without one condition; one that is not there is no trouble.
    #[must_use]
    pub fn without(mut self, group: usize, at: usize) -> Self {
        if let Some(of) = self.0.get_mut(group)
            && at < of.len()
        {
            of.remove(at);
            self.0.retain(|group| !group.is_empty());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        Rule::parse(text).expect("a rule")
    }

    fn again(text: &str) -> String {
        Groups::of(rule(text))
            .rule()
            .map_or_else(String::new, |rule| rule.to_string())
    }

    #[test]
    fn a_rule_is_taken_apart_and_put_together_again() {
        for text in [
            "visits.over.1",
            "any(visits.over.1,email.empty)",
            "all(visits.over.1,email.empty)",
            "all(any(visits.over.1,email.empty),not(any(a.is.b)))"
                .replace("a.is.b", "phone.empty")
                .as_str(),
            "all(all(visits.over.1,email.empty),any())",
        ] {
            assert_eq!(again(text), text);
        }
        assert_eq!(again("all()"), "");
        assert_eq!(again("all(any(visits.over.1))"), "visits.over.1");
    }

    #[test]
    fn conditions_come_and_go() {
        let one = Groups::default().with(None, rule("visits.over.1"));
        let two = one
            .with(Some(0), rule("email.empty"))
            .with(Some(7), rule("phone.empty"));
        let text = |groups: Groups| groups.rule().map(|rule| rule.to_string());
        let all = "all(any(visits.over.1,email.empty),phone.empty)";
        assert_eq!(text(two.clone()).as_deref(), Some(all));
        let fewer = two.clone().without(0, 0);
        assert_eq!(
            text(fewer.clone()).as_deref(),
            Some("all(email.empty,phone.empty)")
        );
        assert_eq!(text(fewer.without(0, 0).without(0, 0)), None);
        assert_eq!(two.clone().without(9, 0), two);
    }
}
