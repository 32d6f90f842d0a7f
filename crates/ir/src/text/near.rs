//! The nearest name to one that is not known, for suggestions.

/// How far away a name may be to have been meant.
const FAR: usize = 3;
/// Names looked at, so that mistakes in a text of many names cost little.
const CANDIDATES: usize = 1000;

/// Of the candidates the one most like `name`, if it is near enough to have been meant. Of those alike one that begins with the
/// same letter is likelier: people rarely get that one wrong.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, FAR);
    if name.len() > 100 {
        return None;
    }
    candidates
        .filter(|c| !c.is_empty() && c.len().abs_diff(name.len()) <= limit)
        .take(CANDIDATES)
        .map(|c| (strsim::osa_distance(name, c), c))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, c)| (*distance, c.chars().next() != name.chars().next()))
        .map(|(_, c)| c)
}
