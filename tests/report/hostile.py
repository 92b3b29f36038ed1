"""Names that try to be more than names, for everything that is printed: whoever makes an output adds it to the tests.

Accounts and ids have a form of their own; all else that is shown may come from a file, a shell or the API, and hold
any of this.
"""

from typing import Final
from unicodedata import category

HOSTILE: Final = "\x1b[31mev\u202eil\x07\x9b2J\r\n"
"""Some of the worst at once."""

STEERING: Final = {
    "colour": "\x1b[31mred\x1b[0m",
    "clear": "\x1b[2J\x1b[H",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\",
    "one byte": "\x9b2J\x90q\x9c",
    "back": "a\b\b\b\x7fb",
    "nul": "a\0b",
    "newline": "a\nerror: forged",
    "return": "a\rforged",
    "both": "a\r\nforged: 1",
    "other ends": "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g",
    "tab": "a\tb",
    "bidi": "\u202eevil\u2066x\u2069\u200f\u061c",
    "invisible": "a\u200b\u2060\u00ad\ufeffb",
    "tags": "a\U000e0041\U000e007fb",
    "half": "a\ud800b",
    "byte": "a\udcffb",
    "all": HOSTILE,
}
"""What moves the cursor, ends a line, turns or hides text, or cannot be encoded."""

MARKUP: Final = [
    "a|b",
    "a\\|b",
    "`a`|b",
    "</code><img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "]]><x/>",
    '"><x/>',
    "&lt;b&gt; &amp &#124; &unknown;",
    "[x](https://evil.example)",
    "![x](//evil)",
    "https://evil.example www.evil.example a@evil.example @admin #1 <https://evil.example>",
    "a\n| b | c |\n\n# d",
    "*a* _b_ ~~c~~ **d**",
    "[red]a[/red] [link=https://evil.example]b[/link]",
    HOSTILE,
]
"""What HTML, XML, Markdown or rich take for markup."""

COMMANDS: Final = [
    "::error::x",
    "a\n::set-output name=x::y",
    "a\r::x",
    "100%0A::x",
    "a,b:c",
    "::stop-commands::x",
    "##[error]x",
    HOSTILE,
]
"""What a runner of GitHub Actions takes for a command."""

FORMULAS: Final = [
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "  =1", "\x00=1", "\u200b=1", "=cmd|' /C calc'!A0"),
    *("\uff1d1", "\uff0b1", "\uff0d1", "\uff201"),
]
"""What a spreadsheet computes, the wide forms too."""

PUZZLES: Final = {
    "long": "x" * 10_000,
    "wide": "東京" * 500,
    "marks": "Z" + "\u0301\u0336\u035f" * 200,
    "joined": "👩\u200d🚀 \u200c",
    "reference": "${tenant.name} $${x} ${env:HOME}",
    "handlebars": "{{name}} {0} {x!r}",
    "percent": "%s%n%d%(x)s%%",
    "path": "../../etc/passwd",
    "drive": "..\\..\\C:\\x",
    "shell": "'; touch x; $(x) `x`",
    "cell": "a,\"b;c\td'",
    "backslash": '\\u001b \\n \\" \\',
    "beyond": "a\ufffe\uffffb\U0010ffff",
    "none": "null",
}
"""What formats, shells, paths and parsers take for theirs, and what takes room."""

NAMES: Final = {
    **STEERING,
    **PUZZLES,
    **{f"{kind} {number}": text for kind, texts in (("markup", MARKUP), ("command", COMMANDS), ("formula", FORMULAS))
       for number, text in enumerate(texts)},
}  # fmt: skip
"""The whole catalogue."""

_JOINERS: Final = "\u200c\u200d"  # scripts and emoji need them


def is_inert(text: str) -> bool:
    """Tell whether nothing in a text steers a terminal, hides or turns what follows; lines may end."""
    return all(each in f"\n{_JOINERS}" or category(each) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for each in text)
