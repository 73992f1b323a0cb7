//! Text of unknown origin on its way into markup.

/// Text for an HTML element or a double-quoted attribute.
pub(crate) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for symbol in text.chars() {
        match symbol {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(symbol),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_element() {
        let evil = "</script><b onclick=\"x\">'&amp;";
        assert_eq!(html(evil), "&lt;/script&gt;&lt;b onclick=&quot;x&quot;&gt;&#39;&amp;amp;");
    }
}
