"""What schemathesis and Python cannot do by themselves with the API's document."""

import ast
import functools
import os

import schemathesis

parse = ast.parse


@functools.wraps(parse)
def parse_or_refuse(*args, **options):
    """CPython 3.11 sometimes fails in its own parser (gh-106905). What asks here wants to name a function, and does without when it cannot."""
    try:
        return parse(*args, **options)
    except SystemError as error:
        raise SyntaxError(str(error)) from error


ast.parse = parse_or_refuse


@schemathesis.serializer("application/x-ndjson")
def write_lines(_context, value):
    """Lines of JSON are text, as the document says."""
    return {"data": value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")}


@schemathesis.hook
def after_call(_context, case, response):
    """Which operations were really tried, and what they answered."""
    with open(os.environ["CALLS_FILE"], "a", encoding="utf-8") as calls:
        calls.write(f"{case.operation.method.upper()} {case.operation.path} {response.status_code}\n")


@schemathesis.hook
def before_load_schema(_context, raw_schema):
    """Python's regular expressions know no Unicode properties: without such a pattern it makes up values, most of which are refused."""
    forget_patterns(raw_schema)


def forget_patterns(node):
    if isinstance(node, dict):
        if "\\p{" in str(node.get("pattern", "")):
            del node["pattern"]
        for child in node.values():
            forget_patterns(child)
    elif isinstance(node, list):
        for child in node:
            forget_patterns(child)
