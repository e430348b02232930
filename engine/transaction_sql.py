"""Finds the statements in a query that control its transaction or change settings of its session.

The scanner makes one pass, in time linear in the length of the query. It skips semicolons that end no statement: in strings,
quoted names, dollar quotes and comments. It follows PostgreSQL's lexer with `standard_conforming_strings`. A control statement
that it misses is detected after the query, by the state of the transaction.
"""

import re
from itertools import chain

#: What a statement does.
END = "end"  # begins or ends a transaction
SAVEPOINT, RELEASE, UNDO = "savepoint", "release", "undo"
SETTING = "setting"  # changes settings of the session

#: How nearly all statements of the ORM begin; none of these controls the transaction.
PLAIN = ("SELECT", "INSERT", "UPDATE", "DELETE")
#: The function that changes a setting, as it is usually written.
SETS = ("set_config", "SET_CONFIG")
#: PostgreSQL truncates names to this length.
NAME_LIMIT = 63

# no text can match any of these in more than one way, so matching takes linear time
_BLANK = re.compile(r"[ \t\n\r\f\v]*")
_WORD = re.compile(r"[A-Za-z_\u0080-\U0010ffff][\w$\u0080-\U0010ffff]*")
_WORD_REST = re.compile(r"[\w$\u0080-\U0010ffff]*")
_LINE_END = re.compile(r"[\n\r]")
_COMMENT_MARK = re.compile(r"/\*|\*/")
_DOLLAR_TAG = re.compile(r"\$(?:[A-Za-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff]*)?\$")
_ESCAPE_OR_QUOTE = re.compile(r"[\\']")
_CONTINUATION = re.compile(r"[ \t\f\v]*[\n\r][ \t\n\r\f\v]*'")
_ATOMIC_BODY = re.compile(r"\bBEGIN[ \t\n\r\f\v]+ATOMIC\b", re.IGNORECASE)
#: What may end a statement, or start something that may contain a semicolon.
_MARK = re.compile(r"""[;'"$]|--|/\*""")


def controls(text):
    """The control statements of a query, in order.

    :param str text: of the query
    :returns: iterable of `(kind, savepoint name)`; the name is None where the kind has none
    """
    settings = ((SETTING, None),) if any(name in text for name in SETS) else ()
    if text.startswith(PLAIN) and ";" not in text:
        return settings
    return chain(settings, _scan(text))


def _scan(text):
    position = 0
    while position < len(text):
        verb, position = _word(text, _skip(text, position))
        if control := _control(verb, text, position):
            yield control
        position = _next_statement(text, position, verb == "CREATE")


def _control(verb, text, position):
    if verb in ("COMMIT", "END", "ABORT", "BEGIN", "START"):
        return END, None
    if verb == "PREPARE":
        return (END, None) if _word(text, _skip(text, position))[0] == "TRANSACTION" else None
    if verb == "ROLLBACK":
        return _rollback(text, position)
    if verb == "SAVEPOINT":
        return SAVEPOINT, _name(text, position)
    if verb == "RELEASE":
        return RELEASE, _savepoint_name(text, position)
    if verb in ("SET", "RESET"):
        return SETTING, None
    return None


def _rollback(text, position):
    word, position = _word(text, _skip(text, position))
    if word in ("WORK", "TRANSACTION"):
        word, position = _word(text, _skip(text, position))
    return (UNDO, _savepoint_name(text, position)) if word == "TO" else (END, None)


def _savepoint_name(text, position):
    """The name after an optional `SAVEPOINT`."""
    word, after = _word(text, _skip(text, position))
    return _name(text, after if word == "SAVEPOINT" else position)


def _name(text, position):
    """The name at a position as PostgreSQL reads it: unquoted, else in lower case; empty where there is none."""
    start = _skip(text, position)
    if text.startswith('"', start):
        end = _after(text, '"', start + 1) - 1
        return text[start + 1 : min(end, start + 1 + NAME_LIMIT)]
    word = _WORD.match(text, start)
    return text[start : min(word.end(), start + NAME_LIMIT)].lower() if word else ""


def _word(text, position):
    """The word at a position, in upper case (empty where there is none), and the position after it."""
    match = _WORD.match(text, position)
    if not match:
        return "", position
    return text[position : min(match.end(), position + NAME_LIMIT)].upper(), match.end()


def _skip(text, position):
    """The position after whitespace and comments."""
    while True:
        position = _BLANK.match(text, position).end()
        if text.startswith("--", position):
            position = _line_end(text, position)
        elif text.startswith("/*", position):
            position = _comment_end(text, position)
        else:
            return position


def _next_statement(text, position, may_have_body):
    """The position after the semicolon that ends the statement; else the end of the text."""
    if text.find(";", position) < 0:
        return len(text)
    while match := _MARK.search(text, position):
        gap, position = position, match.start()
        mark = match.group()
        if mark == ";":
            if may_have_body and _ATOMIC_BODY.search(text, gap, position):
                return len(text)  # the body of a function, up to its own END
            return position + 1
        if mark == "'":
            escaped = _is_escaping(text, gap, position)
            position = _escaped_end(text, position + 1) if escaped else _after(text, "'", position + 1)
        elif mark == '"':
            position = _after(text, '"', position + 1)
        elif mark == "$":
            position = _dollar_end(text, gap, position)
        elif mark == "--":
            position = _line_end(text, position)
        else:
            position = _comment_end(text, position)
    return len(text)


def _after(text, mark, position):
    """The position after the next mark. A doubled quote needs no special case: it ends one string and starts another."""
    found = text.find(mark, position)
    return len(text) if found < 0 else found + len(mark)


def _is_escaping(text, gap, quote):
    """Whether the quote at a position starts a string with backslash escapes: `E'...'`."""
    return quote > gap and text[quote - 1] in "eE" and (quote - 1 == gap or not _is_in_word(text, quote - 2))


def _is_in_word(text, position):
    return bool(_WORD_REST.match(text, position, position + 1).group())


def _escaped_end(text, position):
    while match := _ESCAPE_OR_QUOTE.search(text, position):
        position = match.end()
        if match.group() == "\\" or text.startswith("'", position):
            position += 1
        elif continued := _CONTINUATION.match(text, position):
            position = continued.end()
        else:
            return position
    return len(text)


def _dollar_end(text, gap, position):
    """The position after a dollar-quoted string, or after the word or parameter that contains the dollar."""
    if position > gap and _is_in_word(text, position - 1):
        return _WORD_REST.match(text, position).end()
    tag = _DOLLAR_TAG.match(text, position)
    return _after(text, tag.group(), tag.end()) if tag else position + 1


def _line_end(text, position):
    match = _LINE_END.search(text, position)
    return match.end() if match else len(text)


def _comment_end(text, position):
    """The position after a comment; comments nest."""
    depth = 0
    while match := _COMMENT_MARK.search(text, position):
        position = match.end()
        depth += 1 if match.group() == "/*" else -1
        if not depth:
            return position
    return len(text)
