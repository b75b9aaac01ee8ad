"""Judges values by JSON Schema 2020-12, with numbers as they are written: a case a line in, its verdicts a line out.

A case is {"schema", "schemas", "texts"}; a verdict is [whether it is valid, [pointers of what is wrong]].
"""

import json
import sys
from decimal import Decimal, getcontext

from jsonschema import Draft202012Validator, FormatChecker, validators

getcontext().prec = 3_000
getcontext().Emax = 999_999_999
getcontext().Emin = -999_999_999


def is_number(_, value):
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def is_integer(checker, value):
    return is_number(checker, value) and value == int(value)


CHECKER = Draft202012Validator.TYPE_CHECKER.redefine_many({"number": is_number, "integer": is_integer})
Validator = validators.extend(Draft202012Validator, type_checker=CHECKER)
FORMATS = FormatChecker(formats=["date", "ipv4", "ipv6", "uuid"])


def pointer(path):
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def wrong(error):
    """Where the error is; of a missing member, its own name too."""
    at = list(error.absolute_path)
    if error.validator == "required":
        return [pointer(at + [name]) for name in error.validator_value if name not in error.instance]
    return [pointer(at)]


def judge(case):
    validator = Validator({**case["schema"], "schemas": case["schemas"]}, format_checker=FORMATS)
    for text in case["texts"]:
        value = json.loads(text, parse_float=Decimal)
        found = sorted({place for error in validator.iter_errors(value) for place in wrong(error)})
        yield [not found, found]


for line in sys.stdin:
    print(json.dumps(list(judge(json.loads(line, parse_float=Decimal)))), flush=True)
