//! How long the single steps of a check take, for one project of common size: `cargo bench --bench functions`.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use camino::Utf8Path;
use divan::{Bencher, black_box};
use pidone::source::{Excerpt, Loader, MemoryLoader, Source};
use pidone::{Settings, dockerfile, fix, launch, project, shell};

const DOCKERFILE: &str = r#"# syntax=docker/dockerfile:1
ARG NODE=20
FROM node:${NODE}-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:${NODE}-bookworm-slim
LABEL org.opencontainers.image.title="orders" \
      org.opencontainers.image.vendor="Acme"
RUN set -eux; \
    apt-get update; \
    apt-get install -y --no-install-recommends \
        ca-certificates curl netcat-openbsd \
    ; \
    rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production PORT=8080
WORKDIR /app
COPY --from=build /src/dist ./dist
COPY --from=build /src/node_modules ./node_modules
COPY --chmod=755 docker-entrypoint.sh /usr/local/bin/
EXPOSE 8080
HEALTHCHECK --interval=30s CMD curl -fsS http://localhost:8080/health || exit 1
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["node", "dist/server.js"]
"#;

const SCRIPT: &str = r#"#!/bin/sh
set -eu

: "${DB_HOST:=db}" "${DB_PORT:=5432}"
log() { printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*"; }

file_env() {
    name=$1 file="${1}_FILE"
    if [ -r "$(eval echo "\$$file")" ]; then
        export "$name"="$(cat "$(eval echo "\$$file")")"
    fi
}
file_env DB_PASSWORD

until nc -z "$DB_HOST" "$DB_PORT"; do
    log "waiting for $DB_HOST"
    sleep 1
done

for hook in /docker-entrypoint.d/*.sh; do
    [ -f "$hook" ] || continue
    . "$hook"
done

case "${MODE:-web}" in
    web) ;;
    migrate) exec node dist/migrate.js ;;
    *) log "unknown mode"; exit 1 ;;
esac

if [ "${1#-}" != "$1" ]; then
    set -- node "$@"
fi
"$@"
"#;

fn main() {
    divan::main();
}

fn files() -> MemoryLoader {
    MemoryLoader::new()
        .with("Dockerfile", DOCKERFILE)
        .with("docker-entrypoint.sh", SCRIPT)
        .with("package.json", "{}")
}

#[divan::bench]
fn read_a_dockerfile(bencher: Bencher<'_, '_>) {
    let source = Source::new("Dockerfile", DOCKERFILE);
    bencher.bench_local(|| dockerfile::parse(black_box(&source)));
}

#[divan::bench]
fn read_a_script(bencher: Bencher<'_, '_>) {
    // A text that was read before is not read again.
    bencher
        .with_inputs(|| Arc::new(Excerpt::whole(&Source::new("docker-entrypoint.sh", SCRIPT))))
        .bench_local_values(shell::parse);
}

#[divan::bench]
fn simulate_a_launch(bencher: Bencher<'_, '_>) {
    let (files, settings) = (files(), Settings::default());
    let parsed = Arc::new(dockerfile::parse(&files.read(Utf8Path::new("Dockerfile")).unwrap()));
    let image = dockerfile::images(&parsed, &settings.tables).pop().unwrap();
    let context = project::Context::new(&image, &files);
    bencher.bench_local(|| launch::simulate(black_box(&image), &context, &settings.tables));
}

#[divan::bench]
fn check_a_project(bencher: Bencher<'_, '_>) {
    let settings = Settings::default();
    bencher
        .with_inputs(files)
        .bench_local_values(|files| pidone::check("Dockerfile".into(), &files, &settings).diagnostics.len());
}

#[divan::bench]
fn fix_a_project(bencher: Bencher<'_, '_>) {
    let settings = Settings::default();
    bencher
        .with_inputs(files)
        .bench_local_values(|files| fix::fix_all(&["Dockerfile".into()], &files, &settings).changed.len());
}
