//! The nearest name to one that is not known, for suggestions.

/// Of the candidates the one most like `name`, if it is near enough to have been meant.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name: String = name.chars().take(64).collect();
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .filter(|c| !c.is_empty() && c.len() <= 128)
        .map(|c| (strsim::osa_distance(&name, c), c))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}
