"""Splits Rust source into tokens. Comments are dropped; a string keeps its text behind one quote, so that no token of code equals it."""
import re

QUOTE = '"'
TOKEN = re.compile(
    r"""
      (?P<space>\s+|//[^\n]*)
    | (?P<comment>/\*)
    | (?:b|c)?r(?P<hashes>\#*)"(?P<raw>.*?)"(?P=hashes)
    | (?:b|c)?"(?P<string>(?:\\.|[^"\\])*)"
    | (?P<char>b?'(?:\\(?:u\{[^}]*\}|x[0-9A-Fa-f]{2}|.)|[^'\\\n])')
    | (?P<token>'\w+|\$?(?:r\#)?[A-Za-z_]\w*|\d\w*(?:\.\d\w*)?|::|->|=>|\.\.=|\.\.|.)
    """,
    re.X | re.S,
)
COMMENT_EDGE = re.compile(r"/\*|\*/")
CLOSING_OF = {"(": ")", "[": "]", "{": "}"}
OPENING, CLOSING = set(CLOSING_OF), set(CLOSING_OF.values())


def tokens(text):
    """The tokens of a source text, as strings."""
    found, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        at = match.end()
        literal = match["string"] if match["string"] is not None else match["raw"]
        if match["comment"]:
            at = end_of_comment(text, at)
        elif literal is not None:
            found.append(QUOTE + literal)
        elif match["char"]:
            found.append(QUOTE)
        elif match["token"]:
            found.append(match["token"].replace("r#", "").replace("$crate", "crate"))
    return found


def end_of_comment(text, at):
    """The end of the block comment that opened before `at`. Block comments nest."""
    depth = 1
    while depth:
        edge = COMMENT_EDGE.search(text, at)
        if edge is None:
            return len(text)
        depth += 1 if edge.group() == "/*" else -1
        at = edge.end()
    return at


def brackets(code):
    """The index of the closing bracket for the index of each opening one."""
    pairs, unclosed = {}, []
    for index, token in enumerate(code):
        if token in OPENING:
            unclosed.append(index)
        elif token in CLOSING and unclosed:
            pairs[unclosed.pop()] = index
    pairs.update((index, len(code)) for index in unclosed)
    return pairs
