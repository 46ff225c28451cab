"""Reads what pidone reports with the readers of others: python read.py FOLDER SARIF_SCHEMA

FOLDER holds the same findings in every format, in files named by their format.
"""

import json
import sys
from pathlib import Path

import jsonschema
from junitparser import Failure, JUnitXml, Skipped

folder, schema = Path(sys.argv[1]), Path(sys.argv[2])


def load(name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def same(name, places):
    """Every format has the same findings at the same lines, in the same order."""
    places = list(places)
    assert places == expected, f"{name}: {set(places) ^ set(expected)}"
    print(f"{name}: {len(places)} findings")


report = load("json")["diagnostics"]
expected = [(found["rule"], found["path"], found["range"]["start"]["line"]) for found in report]
assert expected, "the fixtures have findings"

lines = [json.loads(line) for line in (folder / "json-lines").read_text(encoding="utf-8").splitlines()]
assert lines == report

log = load("sarif")
jsonschema.Draft4Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(log)
run = log["runs"][0]
rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
same(
    "sarif",
    (
        (
            rules[result["ruleIndex"]],
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            result["locations"][0]["physicalLocation"]["region"]["startLine"],
        )
        for result in run["results"]
    ),
)
assert all(rule["help"]["text"] and rule["help"]["markdown"] for rule in run["tool"]["driver"]["rules"])
assert any("fixes" in result for result in run["results"])

issues = load("gitlab")
same("gitlab", ((issue["check_name"], issue["location"]["path"], issue["location"]["lines"]["begin"]) for issue in issues))
assert len({issue["fingerprint"] for issue in issues}) == len(issues), "each fingerprint is there once"

cases = [case for suite in JUnitXml.fromfile(str(folder / "junit")) for case in suite]
found = [case for case in cases if case.result]
assert all(isinstance(result, (Failure, Skipped)) for case in found for result in case.result)
places = sorted((case.result[0].type, case.classname, int(case._elem.get("line"))) for case in found)
assert places == sorted(expected), "junit"
print(f"junit: {len(found)} findings, {len(cases) - len(found)} Dockerfiles without")
