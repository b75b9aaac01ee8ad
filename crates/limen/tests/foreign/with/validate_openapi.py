"""Reads one OpenAPI document from standard input and says what openapi-spec-validator finds wrong with it."""

import itertools
import json
import sys

from openapi_spec_validator import OpenAPIV31SpecValidator

document = json.load(sys.stdin)
errors = list(itertools.islice(OpenAPIV31SpecValidator(document).iter_errors(), 5))
for error in errors:
    place = "/".join(str(part) for part in getattr(error, "absolute_path", []))
    print(f"{place}: {str(getattr(error, 'message', error))[:300]}")
sys.exit(1 if errors else 0)
