//! How the report was made, at the end of the page.

use std::fmt::Write;

use serde_json::Value;
use simbias_report::{Provenance, format};

use super::Page;
use crate::escape::html;

impl Page {
    pub(super) fn provenance(&mut self, provenance: &Provenance) {
        let facts = [
            ("Started", provenance.started.clone()),
            ("Version", provenance.version.clone()),
            ("Device", provenance.device.clone()),
            ("Threads", provenance.threads.to_string()),
            ("Seed", provenance.seed.to_string()),
            ("Wall time", format::duration(provenance.wall_seconds)),
            ("CPU time", format::duration(provenance.cpu_seconds)),
        ];
        self.push(
            "<footer id=\"provenance\"><details><summary>How this was made</summary>\n\
             <p class=\"prose\">The same command on the same inputs gives the same figures.</p>\n",
        );
        self.push(&format!(
            "<pre><code>{}</code></pre>\n<dl class=\"facts\">",
            html(&provenance.command)
        ));
        for (name, value) in &facts {
            let entry = format!("<div><dt>{name}</dt><dd>{}</dd></div>", html(value));
            self.push(&entry);
        }
        self.push("</dl>\n");
        if !provenance.inputs.is_empty() {
            let rows: Vec<_> =
                provenance.inputs.iter().map(|i| (i.name.clone(), i.fingerprint.clone())).collect();
            self.pairs("Inputs", &rows);
        }
        if !provenance.settings.is_empty() {
            let rows: Vec<_> = provenance
                .settings
                .iter()
                .map(|(name, value)| (name.clone(), setting(value)))
                .collect();
            self.pairs("Settings", &rows);
        }
        self.push("</details></footer>\n");
    }

    fn pairs(&mut self, title: &str, rows: &[(String, String)]) {
        let mut markup =
            format!("<h3>{title}</h3><div class=\"scroll\"><table class=\"plain\"><tbody>");
        for (name, value) in rows {
            let (name, value) = (html(name), html(value));
            write!(markup, "<tr><th scope=\"row\">{name}</th><td><code>{value}</code></td></tr>")
                .expect("a string takes everything");
        }
        markup.push_str("</tbody></table></div>\n");
        self.push(&markup);
    }
}

fn setting(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
