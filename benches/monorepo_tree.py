"""A monorepo that nobody wrote but somebody could have: folders with a Dockerfile, the script it starts, package.json, and what lies
around them. No two projects are alike, so that nothing that is read twice helps; the same size always gives the same files."""

import random
from pathlib import Path

WORDS = """account audit auth backup basket billing cache catalog chat checkout claim consent content coupon courier customer delivery
deposit digest document export feature feed fleet fraud gateway geo identity image import index inventory invoice journal ledger legacy
limit loyalty mail media meter notify offer order outbox partner payment payout plan policy price profile proxy queue quota rating refund
region report review risk route rule search session shipment stock stream tariff task tax template tenant ticket token tracking transfer
user vault voucher wallet webhook worker""".split()

# A language: build stage or none, base images, what is installed, what is run. {p} is the project's port, {n} its name.
LANGUAGES = [
    dict(base=["node:20-bookworm-slim", "node:22-slim", "node:18-bullseye"], os="apt", copy="package.json package-lock.json ./", build="npm ci --omit=dev", server='["node", "dist/{n}.js"]'),
    dict(base=["node:20-alpine", "node:22-alpine3.20"], os="apk", copy="package.json yarn.lock ./", build="yarn install --frozen-lockfile", server='["node", "--max-old-space-size=512", "server.js"]', stage="RUN yarn build"),
    dict(base=["python:3.12-slim", "python:3.11-slim-bookworm"], os="apt", copy="requirements.txt ./", build="pip install --no-cache-dir -r requirements.txt", server='["gunicorn", "--bind", "0.0.0.0:{p}", "{n}.wsgi:application"]'),
    dict(base=["python:3.12-alpine", "python:3.10-alpine3.19"], os="apk", copy="pyproject.toml poetry.lock ./", build="pip install poetry && poetry install --no-root --only main", server='["uvicorn", "{n}.main:app", "--host", "0.0.0.0", "--port", "{p}"]'),
    dict(base=["debian:bookworm-slim", "ubuntu:24.04", "ubuntu:22.04"], os="apt", copy="bin/ /opt/{n}/bin/", build="useradd --system --home /var/lib/{n} {n}", server='["/opt/{n}/bin/{n}d", "--config", "/etc/{n}.conf"]'),
    dict(base=["alpine:3.20", "alpine:3.19"], os="apk", copy="etc/ /etc/{n}/", build="adduser -S -D -H {n}", server='["/usr/local/bin/{n}", "-port", "{p}"]', stage="RUN go build -o /out/{n} ./cmd/{n}"),
    dict(base=["eclipse-temurin:21-jre", "eclipse-temurin:17-jre-jammy"], os="apt", copy="target/{n}.jar /app/app.jar", build="groupadd -r app && useradd -r -g app app", server='["java", "-XX:MaxRAMPercentage=75", "-jar", "/app/app.jar"]', stage="RUN mvn -q package -DskipTests"),
    dict(base=["ruby:3.3-slim", "ruby:3.2"], os="apt", copy="Gemfile Gemfile.lock ./", build="bundle install --jobs 4", server='["bundle", "exec", "puma", "-C", "config/puma.rb", "-p", "{p}"]'),
    dict(base=["nginx:1.27-alpine", "nginx:1.26"], os="none", copy="nginx.conf /etc/nginx/nginx.conf", build="rm -rf /usr/share/nginx/html/*", server='["nginx", "-g", "daemon off;"]'),
    dict(base=["php:8.3-fpm-alpine", "php:8.2-apache"], os="none", copy="composer.json composer.lock ./", build="docker-php-ext-install pdo_mysql opcache", server='["php", "-S", "0.0.0.0:{p}", "-t", "public"]'),
]

PACKAGES = "ca-certificates curl git gnupg jq libpq5 libxml2 netcat-openbsd openssl procps rsync tzdata unzip wget xz-utils zip".split()

# How it is started: the end of the Dockerfile, and where its script goes if it has one.
LAUNCHES = [
    ('COPY --chmod=755 {s} /usr/local/bin/\nENTRYPOINT ["{b}"]\nCMD {c}', True),
    ('COPY --chmod=755 {s} /usr/local/bin/{b}\nENTRYPOINT ["/usr/local/bin/{b}"]\nCMD {c}', True),
    ('COPY {s} /\nRUN chmod +x /{b}\nENTRYPOINT ["/{b}"]\nCMD {c}', True),
    ('COPY --chmod=0755 {s} /opt/{n}/\nWORKDIR /opt/{n}\nCMD ["./{b}"]', True),
    ('COPY {s} /usr/local/bin/{b}\nRUN chmod a+x /usr/local/bin/{b}\nENTRYPOINT ["tini", "--", "{b}"]\nCMD {c}', True),
    ('COPY {s} /scripts/\nCMD ["bash", "/scripts/{b}"]', True),
    ('COPY --chmod=755 {s} /entry.sh\nENTRYPOINT exec /entry.sh', True),
    ("ENTRYPOINT {c}", False),
    ("CMD {c}", False),
    ('ENTRYPOINT ["dumb-init", "--"]\nCMD {c}', False),
    ('CMD ["npm", "start"]', False),
    ("CMD exec {t}", False),
    ("CMD {t}", False),
]

# Pieces of scripts; {w} and {v} are words, {W} is a name in capitals, {k} a number.
PIECES = [
    ': "${{{W}_PORT:={k}}}"\n: "${{{W}_HOST:=0.0.0.0}}"\nexport {W}_PORT {W}_HOST\n',
    'if [ -z "${{{W}_URL:-}}" ]; then\n    echo >&2 "error: {W}_URL is not set"\n    exit 1\nfi\n',
    'if [ "${{{W}_MIGRATE:-no}}" = yes ]; then\n    echo "migrating {w}"\n    /opt/{w}/bin/migrate --table "{v}_{k}" --yes\nfi\n',
    "mkdir -p /var/lib/{w}/{v} /var/run/{w}\nchown -R {k}:{k} /var/lib/{w}\n",
    'for file in /docker-entrypoint.d/{w}-*.sh; do\n    [ -f "$file" ] || continue\n    echo "running $file"\n    . "$file"\ndone\n',
    'until nc -z "${{{W}_DB:-{v}-db}}" {k}; do\n    echo "waiting for {v}"\n    sleep 1\ndone\n',
    "log_{w}() {{\n    printf '%s [{w}] %s\\n' \"$(date -u +%H:%M:%S)\" \"$*\"\n}}\n\nlog_{w} \"starting {v} {k}\"\n",
    "cat > /etc/{w}/{v}.conf <<CONF\nlisten = ${{{W}_PORT:-{k}}}\nname = {w}\nlevel = ${{LOG_LEVEL:-info}}\nCONF\n",
    'case "${{{W}_MODE:-{v}}}" in\n    {v}) threads={k} ;;\n    batch | import) threads=1 ;;\n    *) threads=4 ;;\nesac\nexport {W}_THREADS="$threads"\n',
    'file_{w}() {{\n    local name="$1" file="${{1}}_FILE"\n    if [ -r "$(eval echo "\\$$file")" ]; then\n        export "$name"="$(cat "$(eval echo "\\$$file")")"\n    fi\n}}\nfile_{w} {W}_PASSWORD\nfile_{w} {W}_TOKEN\n',
    'if [ "$(id -u)" = 0 ] && [ -d /data/{w} ]; then\n    find /data/{w} ! -user {v} -exec chown {v} {{}} +\nfi\n',
    "sed -i \"s|@{W}@|${{{W}_KEY:-{v}{k}}}|g\" /etc/{w}.ini\nenvsubst < /etc/{w}.tmpl > /run/{w}.yml\n",
    'if [ "${{1#-}}" != "$1" ]; then\n    set -- {w}d "$@"\nfi\n',
    "# {w}: the {v} keeps {k} of these; see the run book.\nulimit -n {k} 2>/dev/null || true\numask 027\n",
    'version=$(sed -n "s/^{w}=//p" /etc/{w}-release 2>/dev/null | head -n 1)\n[ -n "$version" ] && echo "{w} $version" || echo "{w}: unknown version"\n',
    'test -e /certs/{w}.pem || openssl req -x509 -nodes -days {k} -subj "/CN={v}" -newkey rsa:2048 \\\n    -keyout /certs/{w}.key -out /certs/{w}.pem\n',
]

# How scripts end, good and bad, by how often people write them.
ENDINGS = [
    (20, 'exec "$@"\n'),
    (8, "exec {t}\n"),
    (4, 'exec gosu {w} "$@"\n'),
    (3, '"$@"\n'),
    (3, "{t}\n"),
    (1, "{t} &\nwait\n"),
    (1, "trap 'kill -TERM $child' TERM INT\n{t} &\nchild=$!\nwait \"$child\"\nwait \"$child\"\n"),
    (1, "{t} &\ntail -f /dev/null\n"),
    (1, '{t} 2>&1 | tee -a "/var/log/{w}.log"\n'),
]

SCRIPTS = ["docker-entrypoint.sh", "docker/entrypoint.sh", "scripts/start.sh", "run.sh", "deploy/docker/{n}-entrypoint.sh", "bin/boot.sh"]


class Tree:
    """Writes the tree; `dockerfiles` and `texts` name what a checker has to read of it."""

    def __init__(self, root: Path, size: int):
        self.root, self.random = root, random.Random(size)
        self.dockerfiles: list[str] = []
        self.texts: list[str] = []
        self.around()
        for number in range(size):
            self.project(number, size)

    def write(self, path: str, text: str) -> str:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return path

    def around(self):
        self.write(".git/HEAD", "ref: refs/heads/main\n")
        self.write(".gitignore", "node_modules/\ndist/\n*.log\n.env\n")
        self.write("README.md", "# Everything\n")

    def words(self, **more) -> dict:
        pick = self.random.choice
        word = pick(WORDS)
        return dict(w=word, v=pick(WORDS), W=word.upper() + pick(["", "_" + pick(WORDS).upper()]), k=self.random.randrange(3, 9999), **more)

    def project(self, number: int, size: int):
        pick = self.random.choice
        name = f"{pick(WORDS)}-{pick(WORDS)}"
        folder = f"{'services apps libs tools'.split()[number % 4]}/{WORDS[number // 4 % len(WORDS)]}-{number // 400}/{name}-{number}"
        language, (launch, has_script) = pick(LANGUAGES), pick(LAUNCHES)
        values = dict(n=name, p=self.random.randrange(1024, 65535))
        server = language["server"].format(**values)
        values |= dict(c=server, t=" ".join(part.strip(' "') for part in server.strip("[]").split(",")))
        script = pick(SCRIPTS).format(n=name) if has_script else ""
        values |= dict(s=script, b=script.rsplit("/", 1)[-1])
        docker = pick(["Dockerfile"] * 8 + [f"{name}.dockerfile", "Dockerfile.prod"])
        self.dockerfiles.append(self.write(f"{folder}/{docker}", self.dockerfile(language, launch, values)))
        self.texts.append(self.dockerfiles[-1])
        if script:
            self.texts.append(self.write(f"{folder}/{script}", self.script(values)))
            (self.root / self.texts[-1]).chmod(0o755)
        scripts = f'"build": "tsc -p {name}", "start": "node {pick(["server", "index", name])}.js", "test": "vitest run {number}"'
        self.texts.append(self.write(f"{folder}/package.json", f'{{\n  "name": "@acme/{name}",\n  "version": "{number % 9}.{number % 31}.0",\n  "scripts": {{ {scripts} }}\n}}\n'))
        for copied in language["copy"].format(**values).split()[:-1]:
            self.copied(folder, copied, name)
        self.write(f"{folder}/src/{name}.js", f"export const port = {values['p']};\n" * self.random.randrange(1, 60))
        self.write(f"{folder}/README.md", f"# {name}\n\nWhat {pick(WORDS)} needs of {pick(WORDS)}.\n")
        if number % 16 == 0:
            service = f"services:\n  {name}:\n    build: .\n    init: {pick(['true', 'false'])}\n    ports: ['{values['p']}:{values['p']}']\n"
            self.texts.append(self.write(f"{folder}/compose.yaml", service))
        if number % 8 == 0:
            self.texts.append(self.write(f"{folder}/config/{name}.yml", f"name: {name}\nport: {values['p']}\nlimits:\n  cpu: {number % 7}\n"))
        if number % 10 == 0:
            for module in self.random.sample(WORDS, 6):
                self.write(f"{folder}/node_modules/{module}/package.json", f'{{ "name": "{module}" }}\n')
                self.write(f"{folder}/node_modules/{module}/index.js", "module.exports = {};\n")
        if number % 5 == 0:
            self.write(f".git/objects/{number % 256:02x}/{number:038x}", "x" * 200)

    def copied(self, folder: str, path: str, name: str):
        """What a Dockerfile copies is there, unless it is a build's."""
        if path.endswith("/"):
            self.write(f"{folder}/{path}{name}.conf", f"name = {name}\n")
        elif not path.startswith(("target/", "package.json")):
            self.write(f"{folder}/{path}", f"# {name}\n" * self.random.randrange(1, 20))

    def dockerfile(self, language: dict, launch: str, values: dict) -> str:
        pick, chance = self.random.choice, lambda share: self.random.random() < share
        base, lines = pick(language["base"]), []
        if chance(0.3):
            lines.append("# syntax=docker/dockerfile:1")
        if "stage" in language and chance(0.8):
            lines += [f"FROM {base} AS build", "WORKDIR /src", "COPY . .", language["stage"].format(**values), ""]
        if chance(0.4):
            lines.append(f"ARG VERSION={values['p']}")
        lines += [f"FROM {base}", f'LABEL org.opencontainers.image.title="{values["n"]}" \\\n      org.opencontainers.image.vendor="Acme"']
        packages = sorted(self.random.sample(PACKAGES, self.random.randrange(1, 7)))
        if language["os"] == "apt":
            listed = " \\\n".join(f"        {package}" for package in packages + ["tini", "dumb-init", "gosu"])
            lines.append(f"RUN set -eux; \\\n    apt-get update; \\\n    apt-get install -y --no-install-recommends \\\n{listed} \\\n    ; \\\n    rm -rf /var/lib/apt/lists/*")
        elif language["os"] == "apk":
            lines.append(f"RUN apk add --no-cache {' '.join(packages)} tini dumb-init bash")
        for _ in range(self.random.randrange(0, 5)):
            lines.append("ENV {W}_LEVEL={k} \\\n    {W}_NAME={v}".format(**self.words()))
        lines += ["WORKDIR /app", f"COPY {language['copy'].format(**values)}", f"RUN {language['build'].format(**values)}"]
        if chance(0.5):
            lines.append("COPY . .")
        if chance(0.4):
            lines.append("# {w} wants its {v} here\nRUN mkdir -p /data/{w} && chmod 0{k} /data/{w}".format(**self.words() | {"k": 775}))
        if chance(0.6):
            lines.append(f"EXPOSE {values['p']}")
        if chance(0.3):
            lines.append(f"HEALTHCHECK --interval=30s --timeout=3s CMD curl -fsS http://localhost:{values['p']}/health || exit 1")
        if chance(0.2):
            lines.append(f"STOPSIGNAL {pick(['SIGTERM', 'SIGINT', 'SIGQUIT'])}")
        lines.append(launch.format(**values))
        return "\n".join(lines) + "\n"

    def script(self, values: dict) -> str:
        pieces = self.random.sample(PIECES, self.random.randrange(1, 8))
        ending = self.random.choices(ENDINGS, [weight for weight, _ in ENDINGS])[0][1]
        shebang = self.random.choice(["#!/bin/sh\nset -e", "#!/bin/sh\nset -eu", "#!/bin/bash\nset -euo pipefail", "#!/usr/bin/env bash"])
        filled = [piece.format(**self.words()) for piece in pieces]
        return "\n".join([shebang + "\n", *filled, ending.format(**self.words(t=values["t"]))])
