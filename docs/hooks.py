"""Brings the documents of the repository's root into the site, and keeps the links of all pages true.

A link to a document that is a page of the site leads to that page. A link to any other file of the repository becomes
the name of that file. A link to a file that does not exist ends the build.
"""

import os
import re
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
# Documents of the root and their pages.
ROOT_PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
# The text of a link may be a picture.
LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:!\[[^\]]*\]\([^)]*\)|[^\[\]])*)\]\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"^(```|~~~)")


def on_files(files, config):
    """Adds a page for every document of the root."""
    for name, page in ROOT_PAGES.items():
        text = linked((ROOT / name).read_text(encoding="utf-8"), name, page)
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Rewrites the links of the pages that lie in the documentation's folder."""
    if page.file.generated_by:
        return markdown
    source = f"docs/{page.file.src_uri}"
    return linked(markdown, source, page.file.src_uri)


def linked(markdown, source, page):
    """`markdown` of the file `source` of the repository, with its links as they must be on the page `page`."""
    lines, in_code = [], False
    for line in markdown.split("\n"):
        if CODE.match(line.strip()):
            in_code = not in_code
        lines.append(line if in_code else LINK.sub(lambda found: link(found, source, page), line))
    return "\n".join(lines)


def link(found, source, page):
    """One link."""
    target = found["target"]
    text = LINK.sub(lambda inner: link(inner, source, page), found["text"])
    if re.match(r"[a-z]+:|#", target):
        return f"{found['image']}[{text}]({target})"
    path, _, anchor = target.partition("#")
    path = os.path.normpath(os.path.join(os.path.dirname(source), path))
    if path in ROOT_PAGES:
        new = ROOT_PAGES[path]
    elif path.startswith("docs/"):
        new = path.removeprefix("docs/")
    elif (ROOT / path).exists():
        return f"{text} (`{path}` in the repository)"
    else:
        raise PluginError(f"{source}: the link to {target} leads nowhere")
    new = os.path.relpath(new, os.path.dirname(page) or ".")
    return f"{found['image']}[{text}]({new}{'#' + anchor if anchor else ''})"
