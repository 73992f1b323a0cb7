//! Patterns for names of columns.

/// `*` stands for any run of characters, `?` for one.
pub(super) fn glob_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    // reached[j]: the pattern so far matches the first j characters.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for symbol in pattern {
        let mut next = vec![false; text.len() + 1];
        if symbol == '*' {
            let mut any = false;
            for (j, next) in next.iter_mut().enumerate() {
                any |= reached[j];
                *next = any;
            }
        } else {
            for j in 1..=text.len() {
                next[j] = reached[j - 1] && (symbol == '?' || symbol == text[j - 1]);
            }
        }
        reached = next;
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        assert!(glob_matches("colour=*", "colour=red"));
        assert!(glob_matches("a?c*", "abcde"));
        assert!(!glob_matches("a?c", "abcd"));
    }
}
