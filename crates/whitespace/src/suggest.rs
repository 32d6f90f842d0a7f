//! Near misses of names.

use std::borrow::Cow;

/// How many names are compared: enough for programs that people write, and little time for others.
const MOST: usize = 10_000;

/// The known name that is most like a word, if one is like it.
pub(crate) fn near<'n>(word: &str, known: impl Iterator<Item = Cow<'n, str>>) -> Option<Cow<'n, str>> {
    if word.len() > 64 {
        return None;
    }
    let word_in_small = word.to_ascii_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&word_in_small, &name.to_ascii_lowercase());
    let candidates = known.take(MOST).filter(|name| name.len() <= 64);
    let scored = candidates.map(|name| (likeness(&name), name)).filter(|(score, _)| *score > 0.8);
    // Of equals the first.
    scored.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, name)| name)
}
