"""Follows every link of a site inside itself: python links.py FOLDER"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

root = Path(sys.argv[1]).resolve()


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = [], {"", "top"}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.append(value)
            if name in ("id", "name") and value:
                self.anchors.add(value)


pages = {path: Page(path.read_text(encoding="utf-8")) for path in root.rglob("*.html")}
followed, broken = 0, []
for path, page in pages.items():
    # The page for what is not found belongs to no folder, and the one to print repeats all others.
    if path.name in ("404.html", "print.html", "toc.html"):
        continue
    for link in page.links:
        address, anchor = urldefrag(link)
        if urlparse(link).scheme:
            continue
        target = (path.parent / unquote(address)).resolve() if address else path
        followed += 1
        if not target.exists():
            broken.append(f"{path.relative_to(root)}: {link}")
        elif target in pages and unquote(anchor) not in pages[target].anchors:
            broken.append(f"{path.relative_to(root)}: {link}: no such section")
print(f"{len(pages)} pages, {followed} links")
if broken or not followed:
    sys.exit("links that lead nowhere:\n" + "\n".join(broken))
