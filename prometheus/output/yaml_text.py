"""YAML for people: blocks for texts of several lines, comments above what they are about."""

import textwrap

import yaml

WIDTH = 110


class _Dumper(yaml.SafeDumper):
    """Indents lists, and writes long texts as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's signature
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else ">" if len(text) > WIDTH and " " in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(value: object) -> str:
    """Return a value as YAML."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)


def dump_all(values: list[object]) -> str:
    """Return values as documents of YAML."""
    return yaml.dump_all(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)


def as_comment(text: str) -> str:
    """Return a text as a comment: paragraphs are filled, indented lines stay as they are."""
    paragraphs = textwrap.dedent(text).strip().split("\n\n") if text.strip() else []
    blocks = [
        p if p.startswith(" ") else textwrap.fill(p, WIDTH - 8, break_on_hyphens=False) for p in paragraphs
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in "\n\n".join(blocks).splitlines())
