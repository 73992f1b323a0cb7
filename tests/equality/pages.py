"""What a page of HTML says, apart from how it looks."""

import base64
import gzip
from html.parser import HTMLParser

# Facts about the run that may differ.
MEASURED = {"Started", "Version", "Wall time", "CPU time"}


class Page(HTMLParser):
    """Collects the texts of a page and the data of its charts and tables."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.data = ""
        self.texts = []
        self.open_script = None
        self.is_data = False

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag in ("script", "style"):
            self.open_script = tag
            self.is_data = attributes.get("type") in ("application/json", "text/plain")
            return
        # Pictures and lengths of drawn bars carry numbers too.
        self.texts += [f"{tag} {key}={attributes[key]}" for key in ("src", "style", "data-kind") if key in attributes]

    def handle_endtag(self, tag):
        if tag == self.open_script:
            self.open_script, self.is_data = None, False

    def handle_data(self, data):
        if self.is_data:
            self.data += data
        elif self.open_script is None and data.strip():
            before = self.texts[-1] if self.texts else ""
            text = data.strip()
            # The fingerprint of a result changes with the name of its schema's key.
            is_result = before.endswith("result.json") and text.startswith("blake3:")
            self.texts.append("measured" if before in MEASURED or is_result else text)


def page_parts(text):
    """The JSON behind tables and charts, and all texts in their order."""
    page = Page()
    page.feed(text)
    page.close()
    data = page.data.strip() or "null"
    if data[0] not in "{n":
        # Packed with gzip, in base64; pages of earlier versions have plain JSON.
        data = gzip.decompress(base64.b64decode(data)).decode()
    return data, page.texts
