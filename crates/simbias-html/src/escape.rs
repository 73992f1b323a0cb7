//! Text of unknown origin on its way into markup.

use serde::Serialize;

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

/// Text for a chart, where the chart library reads a small part of HTML.
pub(crate) fn chart(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// JSON for a `<script>` element: nothing in it can end the element or open a comment.
pub(crate) fn json_in_script(value: &impl Serialize) -> String {
    serde_json::to_string(value)
        .expect("what a page shows has string keys only and is written to memory")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_element() {
        let evil = "</script><b onclick=\"x\">'&amp;";
        assert_eq!(html(evil), "&lt;/script&gt;&lt;b onclick=&quot;x&quot;&gt;&#39;&amp;amp;");
        let json = json_in_script(&serde_json::json!({ evil: "<!--" }));
        assert!(!json.contains(['<', '>', '&']));
        let back: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(back[evil], "<!--");
    }
}
