#!/usr/bin/env python3
"""Holds the JSON Schema, the samples and the loader together.

usage: samples_test.py [MAILSTEAD]

The program may also be named by $MAILSTEAD_BINARY. Every sample must be valid by the schema; every document of refused_configs.json must be refused by it, save those whose
fault only the loader can see. With the path of the program the same is asked of `mailstead -c FILE check`.
"""
import copy
import json
import os
import re
import subprocess
import sys
import tempfile

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = os.path.join(HERE, "..", "..", "config-samples")


def without_comments(text):
    """Line comments go; what stands inside strings stays."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|//[^\n]*', lambda m: m.group(1) or "", text)


def merged(base, patch):
    """RFC 7386."""
    out = copy.deepcopy(base)
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict):
            out[key] = merged(out[key] if isinstance(out.get(key), dict) else {}, value)
        else:
            out[key] = value
    return out


class Test:
    def __init__(self, program):
        with open(os.path.join(SAMPLES, "mailstead.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        self.validator = jsonschema.Draft202012Validator(schema)
        self.program = program
        self.failures = []

    def expect(self, good, what):
        if not good:
            self.failures.append(what)

    def check(self, path):
        """Exit status and words of `mailstead -c path check`."""
        done = subprocess.run([self.program, "-c", path, "check"], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, check=False)
        return done.returncode, done.stdout + done.stderr

    def samples(self):
        names = sorted(n for n in os.listdir(SAMPLES) if n.endswith(".json") and n != "mailstead.schema.json")
        self.expect(len(names) >= 3, "samples are missing")
        for name in names:
            path = os.path.join(SAMPLES, name)
            with open(path, encoding="utf-8") as file:
                document = json.loads(without_comments(file.read()))
            for error in self.validator.iter_errors(document):
                self.failures.append(f"{name}: the schema refuses it: {error.message} at {error.json_path}")
            if self.program:
                status, words = self.check(path)
                self.expect(status == 0, f"{name}: the loader refuses it: {words}")
        return len(names)

    def refused(self, directory):
        with open(os.path.join(HERE, "refused_configs.json"), encoding="utf-8") as file:
            table = json.load(file)
        self.expect(self.validator.is_valid(table["base"]), "the schema refuses the base of the refused documents")
        for row in table["rows"]:
            document = merged(table["base"], row["patch"])
            valid = self.validator.is_valid(document)
            self.expect(valid == (row["schema"] == "accepts"),
                        f"{row['name']}: the schema {'accepts' if valid else 'refuses'} it")
            if self.program:
                path = os.path.join(directory, row["name"] + ".json")
                with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as file:
                    json.dump(document, file, indent=1)
                status, words = self.check(path)
                self.expect(status == 2, f"{row['name']}: `check` ends with status {status}, not 2")
                self.expect(row["said"] in words, f"{row['name']}: {row['said']!r} is not in {words!r}")
        return len(table["rows"])


def main():
    test = Test(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MAILSTEAD_BINARY"))
    with tempfile.TemporaryDirectory() as directory:
        samples, refused = test.samples(), test.refused(directory)
    for failure in test.failures:
        print("samples_test: " + failure, file=sys.stderr)
    asked = "schema and loader" if test.program else "schema"
    print(f"{samples} samples and {refused} documents to refuse, by {asked}: {len(test.failures)} failures")
    return 1 if test.failures else 0


if __name__ == "__main__":
    sys.exit(main())
