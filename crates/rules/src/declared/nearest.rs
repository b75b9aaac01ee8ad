//! What somebody probably meant: the nearest of the known names by edit distance.

/// The candidate that is nearest to `wanted`, if one is near enough to be a slip of the hand: at most one edit for
/// every three characters, a swap of neighbours being one. Names beyond 64 characters are not compared.
#[must_use]
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = wanted.to_lowercase().chars().take(65).collect();
    if wanted.len() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let letters: Vec<char> = candidate.to_lowercase().chars().take(65).collect();
            let distance = distance(&wanted, &letters);
            let allowed = wanted.len().max(letters.len()).div_ceil(3);
            (letters.len() <= 64 && distance <= allowed && distance < letters.len()).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut left_before = None;
    for (row, l) in left.iter().enumerate() {
        let mut current = Vec::with_capacity(right.len() + 1);
        current.push(row + 1);
        let mut right_before = None;
        for (column, r) in right.iter().enumerate() {
            let entry = |line: &[usize], at: usize| line.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut best = (entry(&last, column) + usize::from(l != r))
                .min(entry(&last, column + 1) + 1)
                .min(entry(&current, column) + 1);
            if column > 0 && left_before == Some(r) && right_before == Some(l) {
                best = best.min(entry(&before, column - 1) + 1);
            }
            current.push(best);
            right_before = Some(r);
        }
        left_before = Some(l);
        before = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(left.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        let known = ["base_path", "target", "access", "rate", "window_s"];
        assert_eq!(nearest("basepath", known), Some("base_path"));
        assert_eq!(nearest("bsae_path", known), Some("base_path"));
        assert_eq!(nearest("Target", known), Some("target"));
        assert_eq!(nearest("window", known), Some("window_s"));
        assert_eq!(nearest("rtae", known), Some("rate"));
        assert_eq!(nearest("policy", known), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest(&"x".repeat(5_000), known), None);
    }
}
