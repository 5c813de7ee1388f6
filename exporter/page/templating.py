"""The pages' templates, and the policy under which pages are shown."""

import base64
import hashlib
import re

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from exporter.nouns import counted, several
from exporter.page import wording

_templates = PackageLoader("exporter.page")

_NUMBER = r"\d+(?:[,.]\d+)*"
_FIGURE = re.compile(rf"\(?(?:(?:at least|under) )?\b{_NUMBER}(?: of {_NUMBER}| (?:%|s\b|min\b|h\b|d\b))\)?")
"""A number with its whole or its unit."""


def unbroken(text: str) -> Markup:
    """Return a text as HTML in which no end of a line parts a figure: `25 of 80`, `at least 17 %`."""
    return Markup(_FIGURE.sub(r'<span class="figure">\g<0></span>', str(escape(text))))  # noqa: S704 - it is escaped


def _made() -> Environment:
    made = Environment(
        loader=_templates,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = (
        wording.number,
        wording.percent,
        wording.at_least,
        wording.share,
        wording.part_of,
        several,
        counted,
        wording.span,
        wording.duration,
        wording.ago,
        wording.short,
        unbroken,
    )
    made.filters |= {function.__name__: function for function in filters}
    made.globals |= {
        "style": Markup(_STYLE),  # noqa: S704 - it is a file of this package
        "missing": wording.MISSING,
    }
    return made


_STYLE = _templates.get_source(Environment(autoescape=True), "status.css")[0]
environment = _made()

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The policy under which the page works: its own style, its icon, and nothing else."""
