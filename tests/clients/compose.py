"""Writes the Compose files that pidone repairs, before and after, for a validator: python compose.py PIDONE FOLDER

They are those of tests/data/deployments.toml and of the fixtures.
"""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

pidone, folder = sys.argv[1], Path(sys.argv[2])
table = tomllib.loads(Path("tests/data/deployments.toml").read_text(encoding="utf-8"))
cases = [case["files"] for case in table["case"] if "compose.yaml" in case.get("after", {})]
for path in sorted(Path("fixtures").glob("*/after/compose.yaml")):
    before = path.parent.parent / "before"
    cases.append({str(file.relative_to(before)): file.read_text(encoding="utf-8") for file in before.rglob("*") if file.is_file()})
assert len(cases) > 5, "there are Compose files to repair"
for number, files in enumerate(cases):
    project = folder / f"project-{number}"
    for name, text in files.items():
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
    shutil.copy(project / "compose.yaml", folder / f"{number}-before.yaml")
    subprocess.run([pidone, "check", "--fix", "--unsafe-fixes", "--quiet", "compose.yaml"], cwd=project, stdout=subprocess.DEVNULL, check=False)
    shutil.copy(project / "compose.yaml", folder / f"{number}-after.yaml")
    assert (folder / f"{number}-before.yaml").read_text() != (folder / f"{number}-after.yaml").read_text(), files
print(f"{len(cases)} Compose files repaired")
