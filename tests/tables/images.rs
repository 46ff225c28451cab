//! Look-ups of base images.

use pidone::programs::{Base, Family, Sh, Tables};

fn base(reference: &str) -> Base {
    Tables::builtin().base(reference)
}

#[test]
fn the_table_of_images_is_sound() {
    assert_eq!(Tables::builtin().image_problems(), Vec::<String>::new());
}

#[test]
fn distributions_and_shells() {
    for (reference, family, sh) in [
        ("debian:bookworm-slim", Family::Debian, Sh::Dash),
        ("debian", Family::Debian, Sh::Dash),
        ("ubuntu:16.04", Family::Debian, Sh::Dash),
        ("ubuntu:${V}", Family::Debian, Sh::Dash),
        ("alpine:3.20", Family::Alpine, Sh::Ash),
        ("alpine:${V}", Family::Alpine, Sh::Ash),
        ("alpine@sha256:abc", Family::Alpine, Sh::Ash),
        ("busybox:musl", Family::Busybox, Sh::Ash),
        ("fedora:40", Family::Rhel, Sh::Bash),
        ("rockylinux:9", Family::Rhel, Sh::Bash),
        ("rockylinux/rockylinux:9-minimal", Family::Rhel, Sh::Bash),
        ("almalinux:9", Family::Rhel, Sh::Bash),
        ("oraclelinux:9-slim", Family::Rhel, Sh::Bash),
        ("amazonlinux:2023", Family::Rhel, Sh::Bash),
        ("quay.io/centos/centos:stream9", Family::Rhel, Sh::Bash),
        ("registry.access.redhat.com/ubi9/ubi-minimal", Family::Rhel, Sh::Bash),
        ("registry.access.redhat.com/ubi9-minimal@sha256:1", Family::Rhel, Sh::Bash),
        ("registry.access.redhat.com/ubi9/nodejs-20", Family::Rhel, Sh::Bash),
        ("redhat/ubi9-minimal", Family::Rhel, Sh::Bash),
        ("opensuse/leap:15.6", Family::Suse, Sh::Bash),
        ("registry.suse.com/bci/bci-micro:15.6", Family::Suse, Sh::Bash),
        ("archlinux:latest", Family::Arch, Sh::Bash),
        ("scratch", Family::None, Sh::None),
        ("gcr.io/distroless/static-debian12", Family::None, Sh::None),
        ("gcr.io/distroless/nodejs20-debian12:nonroot", Family::None, Sh::None),
        ("gcr.io/distroless/base:debug", Family::Busybox, Sh::Ash),
        ("gcr.io/distroless/java17-debian12:debug-nonroot", Family::Busybox, Sh::Ash),
        ("cgr.dev/chainguard/wolfi-base", Family::Wolfi, Sh::Ash),
        ("cgr.dev/chainguard/node:latest-dev", Family::Wolfi, Sh::Ash),
        ("cgr.dev/chainguard/node", Family::Unknown, Sh::Unknown),
        ("cgr.dev/chainguard/static", Family::None, Sh::None),
        ("node:20", Family::Debian, Sh::Dash),
        ("node:8", Family::Debian, Sh::Dash),
        ("node", Family::Debian, Sh::Dash),
        ("node:20-bookworm-slim", Family::Debian, Sh::Dash),
        ("arm64v8/node:20", Family::Debian, Sh::Dash),
        ("docker.io/arm32v7/ruby:3-alpine", Family::Alpine, Sh::Ash),
        ("node:20-alpine3.20", Family::Alpine, Sh::Ash),
        ("node:lts-alpine", Family::Alpine, Sh::Ash),
        ("node:${V}-alpine", Family::Alpine, Sh::Ash),
        ("node:${V}-slim", Family::Debian, Sh::Dash),
        ("node:${V}", Family::Unknown, Sh::Unknown),
        ("node:$V", Family::Unknown, Sh::Unknown),
        ("node@sha256:abc", Family::Unknown, Sh::Unknown),
        ("team/alpine", Family::Alpine, Sh::Ash),
        ("registry.example.org/team/ubuntu-java:17", Family::Debian, Sh::Dash),
        ("alpine/team-app", Family::Unknown, Sh::Unknown),
        ("node:20@sha256:abc", Family::Debian, Sh::Dash),
        ("NODE:20", Family::Debian, Sh::Dash),
        ("docker.io/library/node:20", Family::Debian, Sh::Dash),
        ("docker.io/node:20", Family::Debian, Sh::Dash),
        ("index.docker.io/library/node:20-alpine", Family::Alpine, Sh::Ash),
        ("public.ecr.aws/docker/library/node:20", Family::Debian, Sh::Dash),
        ("mirror.gcr.io/library/node:20", Family::Debian, Sh::Dash),
        ("proxy.example.com:5000/hub/library/node:20", Family::Debian, Sh::Dash),
        ("${REGISTRY}/library/node:20", Family::Debian, Sh::Dash),
        ("example.com/team/node:20", Family::Unknown, Sh::Unknown),
        ("${BASE}", Family::Unknown, Sh::Unknown),
        ("${BASE}:bookworm", Family::Debian, Sh::Dash),
        ("python:3.12-slim", Family::Debian, Sh::Dash),
        ("python:3.10.0-slim-bullseye", Family::Debian, Sh::Dash),
        ("python:3.12-windowsservercore-ltsc2022", Family::Windows, Sh::None),
        ("golang:1.22-alpine", Family::Alpine, Sh::Ash),
        ("ruby:3.3-slim", Family::Debian, Sh::Dash),
        ("rust:1-slim-bookworm", Family::Debian, Sh::Dash),
        ("php:8.3-apache", Family::Debian, Sh::Dash),
        ("php:8.3-fpm-alpine", Family::Alpine, Sh::Ash),
        ("php:${V}-apache", Family::Debian, Sh::Dash),
        ("composer:2", Family::Alpine, Sh::Ash),
        ("openjdk:8-jre", Family::Debian, Sh::Dash),
        ("openjdk:8-jdk-alpine", Family::Alpine, Sh::Ash),
        ("openjdk:11", Family::Debian, Sh::Dash),
        ("openjdk:11-jre-slim", Family::Debian, Sh::Dash),
        ("openjdk:17", Family::Rhel, Sh::Bash),
        ("openjdk:17-jdk-slim", Family::Debian, Sh::Dash),
        ("openjdk:17-alpine", Family::Alpine, Sh::Ash),
        ("eclipse-temurin:21-jre", Family::Debian, Sh::Dash),
        ("eclipse-temurin:21-jre-alpine", Family::Alpine, Sh::Ash),
        ("eclipse-temurin:21-jre-ubi9-minimal", Family::Rhel, Sh::Bash),
        ("amazoncorretto:21", Family::Rhel, Sh::Bash),
        ("amazoncorretto:21-alpine3.19", Family::Alpine, Sh::Ash),
        ("maven:3.9-eclipse-temurin-21", Family::Debian, Sh::Dash),
        ("maven:3.9-amazoncorretto-21", Family::Unknown, Sh::Unknown),
        ("gradle:8-jdk21-alpine", Family::Alpine, Sh::Ash),
        ("tomcat:9.0-jdk17", Family::Debian, Sh::Dash),
        ("mcr.microsoft.com/dotnet/aspnet:8.0", Family::Debian, Sh::Dash),
        ("mcr.microsoft.com/dotnet/aspnet:8.0-alpine", Family::Alpine, Sh::Ash),
        ("mcr.microsoft.com/dotnet/aspnet:8.0-jammy-chiseled", Family::None, Sh::None),
        ("mcr.microsoft.com/dotnet/aspnet:8.0-nanoserver-ltsc2022", Family::Windows, Sh::None),
        ("mcr.microsoft.com/windows/servercore:ltsc2022", Family::Windows, Sh::None),
        ("mcr.microsoft.com/dotnet/framework/aspnet:4.8", Family::Windows, Sh::None),
        ("nginx:1.27-alpine", Family::Alpine, Sh::Ash),
        ("postgres:16", Family::Debian, Sh::Dash),
        ("mysql:8.4", Family::Rhel, Sh::Bash),
        ("mysql:8.0-debian", Family::Debian, Sh::Dash),
        ("rabbitmq:4-management-alpine", Family::Alpine, Sh::Ash),
        ("denoland/deno:alpine-2.0.0", Family::Alpine, Sh::Ash),
        ("oven/bun:1-slim", Family::Debian, Sh::Dash),
        ("bitnami/redis:7.2", Family::Debian, Sh::Dash),
        ("bitnami/minideb", Family::Debian, Sh::Dash),
        ("nvidia/cuda:12.4.1-runtime-ubuntu22.04", Family::Debian, Sh::Dash),
        ("nvidia/cuda:12.4.1-runtime-rockylinux9", Family::Rhel, Sh::Bash),
        ("continuumio/miniconda3", Family::Debian, Sh::Dash),
        ("quay.io/jupyter/base-notebook", Family::Debian, Sh::Dash),
        ("quay.io/keycloak/keycloak:26.0", Family::Rhel, Sh::Bash),
        ("grafana/grafana:11.3.0-ubuntu", Family::Debian, Sh::Dash),
        ("prom/prometheus:v3.0.0", Family::Busybox, Sh::Ash),
        ("mirror.gcr.io/prom/prometheus", Family::Busybox, Sh::Ash),
        ("openresty/openresty:1.27.1.1-2-bookworm-fat", Family::Debian, Sh::Dash),
        ("phusion/baseimage:noble-1.0.0", Family::Debian, Sh::Dash),
        ("ghcr.io/hassio-addons/base:14", Family::Alpine, Sh::Ash),
        ("lscr.io/linuxserver/baseimage-alpine:3.20", Family::Alpine, Sh::Ash),
        ("lscr.io/linuxserver/sonarr", Family::Unknown, Sh::Unknown),
        ("serversideup/php:8.4-fpm-nginx", Family::Debian, Sh::Dash),
        ("public.ecr.aws/lambda/python:3.12", Family::Rhel, Sh::Bash),
        ("team/app:1.2-alpine", Family::Alpine, Sh::Ash),
        ("team/app:bookworm-slim", Family::Debian, Sh::Dash),
        ("team/app:1.2-slim", Family::Unknown, Sh::Unknown),
        ("team/app:1.2", Family::Unknown, Sh::Unknown),
        ("clearlinux:latest", Family::Unknown, Sh::Unknown),
        ("", Family::Unknown, Sh::Unknown),
    ] {
        let base = base(reference);
        assert_eq!((base.family, base.sh), (family, sh), "{reference}");
    }
}

#[test]
fn launches_of_base_images() {
    // ENTRYPOINT, CMD and STOPSIGNAL, as text.
    for (reference, entrypoint, cmd, stop_signal) in [
        ("debian:12", "", "bash", ""),
        ("alpine", "", "/bin/sh", ""),
        ("scratch", "", "", ""),
        ("node:20", "docker-entrypoint.sh", "node", ""),
        ("node:${V}-alpine", "docker-entrypoint.sh", "node", ""),
        ("node:${V}", "docker-entrypoint.sh", "node", ""),
        ("python:3.12-slim", "", "python3", ""),
        ("python:${V}", "", "python3", ""),
        ("golang:1.22", "", "bash", ""),
        ("golang:1.22-alpine", "", "/bin/sh", ""),
        ("php:8.3", "docker-php-entrypoint", "php -a", ""),
        ("php:8.3-fpm", "docker-php-entrypoint", "php-fpm", "SIGQUIT"),
        ("php:8.3-apache", "docker-php-entrypoint", "apache2-foreground", "SIGWINCH"),
        ("php:${V}-fpm-alpine", "docker-php-entrypoint", "php-fpm", "SIGQUIT"),
        ("nginx:1.27", "/docker-entrypoint.sh", "nginx -g daemon off;", "SIGQUIT"),
        ("httpd:2.4", "", "httpd-foreground", "SIGWINCH"),
        ("openresty/openresty:alpine", "", "/usr/local/openresty/bin/openresty -g daemon off;", "SIGQUIT"),
        ("openresty/openresty:bookworm", "", "/usr/bin/openresty -g daemon off;", "SIGQUIT"),
        ("adminer:4", "entrypoint.sh docker-php-entrypoint", "php -S [::]:8080 -t /var/www/html", "SIGINT"),
        ("jupyter/base-notebook", "tini -g -- start.sh", "start-notebook.py", ""),
        ("postgres:16-alpine", "docker-entrypoint.sh", "postgres", "SIGINT"),
        ("haproxy:3.0", "docker-entrypoint.sh", "haproxy -f /usr/local/etc/haproxy/haproxy.cfg", "SIGUSR1"),
        ("kong:3", "/docker-entrypoint.sh", "kong docker-start", "SIGQUIT"),
        ("sonarqube:lts", "/opt/sonarqube/docker/entrypoint.sh", "", "SIGINT"),
        ("redis:7", "docker-entrypoint.sh", "redis-server", ""),
        ("mysql:8", "docker-entrypoint.sh", "mysqld", ""),
        ("mariadb:11", "docker-entrypoint.sh", "mariadbd", ""),
        ("mongo:7", "docker-entrypoint.sh", "mongod", ""),
        ("traefik:v3.0", "/entrypoint.sh", "traefik", ""),
        ("traefik:scratch", "/traefik", "", ""),
        ("wordpress:6", "docker-entrypoint.sh", "apache2-foreground", "SIGWINCH"),
        ("wordpress:fpm-alpine", "docker-entrypoint.sh", "php-fpm", "SIGQUIT"),
        ("wordpress:cli", "docker-entrypoint.sh", "wp shell", ""),
        ("nextcloud:29-fpm", "/entrypoint.sh", "php-fpm", "SIGQUIT"),
        ("docker:dind", "dockerd-entrypoint.sh", "", ""),
        ("docker:27-cli", "docker-entrypoint.sh", "sh", ""),
        ("jenkins/jenkins:lts", "/usr/bin/tini -- /usr/local/bin/jenkins.sh", "", ""),
        ("jenkins/jenkins:lts-alpine", "/sbin/tini -- /usr/local/bin/jenkins.sh", "", ""),
        ("couchdb:3", "tini -- /docker-entrypoint.sh", "/opt/couchdb/bin/couchdb", ""),
        ("eclipse-temurin:21-jre", "/__cacert_entrypoint.sh", "", ""),
        ("eclipse-temurin:21", "/__cacert_entrypoint.sh", "jshell", ""),
        ("tomcat:9.0-jdk17", "", "catalina.sh run", ""),
        ("node:8", "docker-entrypoint.sh", "node", ""),
        ("node:8.11-alpine", "", "node", ""),
        ("node:6", "", "node", ""),
        ("nginx:1.11", "", "nginx -g daemon off;", ""),
        ("nginx:1.17-alpine", "", "nginx -g daemon off;", "SIGTERM"),
        ("nginx:1.18", "/docker-entrypoint.sh", "nginx -g daemon off;", "SIGQUIT"),
        ("nginx:1.19.2", "/docker-entrypoint.sh", "nginx -g daemon off;", "SIGTERM"),
        ("nginx:1.19", "/docker-entrypoint.sh", "nginx -g daemon off;", "SIGQUIT"),
        ("nginx:${V}", "/docker-entrypoint.sh", "nginx -g daemon off;", "SIGQUIT"),
        ("php:7.0-fpm", "docker-php-entrypoint", "php-fpm", ""),
        ("php:7.2.10-apache", "docker-php-entrypoint", "apache2-foreground", ""),
        ("php:7.2-apache", "docker-php-entrypoint", "apache2-foreground", "SIGWINCH"),
        ("httpd:2.4.39", "", "httpd-foreground", ""),
        ("httpd:2.4.46", "", "httpd-foreground", "SIGWINCH"),
        ("haproxy:1.7.5", "docker-entrypoint.sh", "haproxy -f /usr/local/etc/haproxy/haproxy.cfg", ""),
        ("postgres:12.2", "docker-entrypoint.sh", "postgres", ""),
        ("postgres:12", "docker-entrypoint.sh", "postgres", "SIGINT"),
        ("traefik:1.7", "/traefik", "", ""),
        ("traefik:1.7-alpine", "/entrypoint.sh", "traefik", ""),
        ("docker:20.10", "docker-entrypoint.sh", "sh", ""),
        ("docker:27", "dockerd-entrypoint.sh", "", ""),
        ("wordpress:4.8-php7.1-fpm", "docker-entrypoint.sh", "php-fpm", "SIGQUIT"),
        ("wordpress:4.8-fpm", "docker-entrypoint.sh", "php-fpm", ""),
        ("elasticsearch:5.6", "/docker-entrypoint.sh", "elasticsearch", ""),
        ("mcr.microsoft.com/dotnet/aspnet:8.0-jammy-chiseled", "/usr/bin/dotnet", "--info", ""),
        ("mcr.microsoft.com/dotnet/runtime-deps:8.0-jammy-chiseled", "", "", ""),
        ("phusion/baseimage:noble-1.0.0", "", "/sbin/my_init", ""),
        ("ghcr.io/hassio-addons/base:14", "/init", "", ""),
        ("linuxserver/sonarr:4", "/init", "", ""),
        ("serversideup/php:8.4-fpm-nginx", "docker-php-serversideup-entrypoint", "/init", "SIGQUIT"),
        ("gcr.io/distroless/nodejs20-debian12", "/nodejs/bin/node", "", ""),
        ("gcr.io/distroless/static:debug", "/busybox/sh", "", ""),
        ("denoland/deno:2.0.0", "/tini -- docker-entrypoint.sh", "eval console.log('Welcome to Deno!')", ""),
        ("mcr.microsoft.com/dotnet/aspnet:8.0", "", "", ""),
    ] {
        let base = base(reference);
        assert!(base.known, "{reference}");
        let text = |words: Option<Vec<String>>| words.unwrap_or_default().join(" ");
        assert_eq!(text(base.entrypoint), entrypoint, "{reference}");
        assert_eq!(text(base.cmd), cmd, "{reference}");
        assert_eq!(base.stop_signal.unwrap_or_default(), stop_signal, "{reference}");
    }
}

#[test]
fn launches_that_are_not_known() {
    for reference in [
        "${BASE}",
        "team/app:1-alpine",
        "team/node:20",
        "bitnami/redis",
        "nvidia/cuda:12.4.1-base-ubuntu22.04",
        "php:${V}",
        "php@sha256:abc",
        "golang:${V}",
        "serversideup/php:8.4-cli",
        "cgr.dev/chainguard/node:latest-dev",
        "clearlinux:latest",
    ] {
        let base = base(reference);
        assert!(!base.known && base.entrypoint.is_none() && base.cmd.is_none(), "{reference}");
    }
}

#[test]
fn other_facts_of_base_images() {
    assert!(base("node:20").entrypoint_execs);
    assert!(!base("debian").entrypoint_execs);
    assert_eq!(base("alpine").bash, Some(false));
    assert_eq!(base("node:20").bash, Some(true));
    assert_eq!(base("node:20-alpine").bash, Some(false));
    assert_eq!(base("postgres:16-alpine").bash, Some(true));
    assert_eq!(base("team/app:1-alpine").bash, None);
    assert_eq!(base("tomcat:9").workdir.as_deref(), Some("/usr/local/tomcat"));
    assert_eq!(base("nginxinc/nginx-unprivileged").user.as_deref(), Some("101"));
    assert_eq!(base("wordpress:cli").stop_signal, None);
}

#[test]
fn how_to_install_an_init() {
    let path = |family| Tables::builtin().install("tini", family, "any").map(|init| init.path);
    assert_eq!(path(Family::Debian), Some("/usr/bin/tini"));
    assert_eq!(path(Family::Alpine), Some("/sbin/tini"));
    assert_eq!(path(Family::Wolfi), Some("/usr/bin/tini"));
    assert_eq!(path(Family::Arch), Some("/usr/bin/tini"));
    for family in
        [Family::Rhel, Family::Suse, Family::Busybox, Family::None, Family::Windows, Family::Unknown]
    {
        assert_eq!(path(family), None, "{family:?}: no package that is always there");
    }
    let on = |reference| Tables::builtin().install("tini", Family::Debian, reference).is_some();
    assert!(["debian:12", "node:20", "python:3.13-slim", "golang:1.19"].into_iter().all(on));
    assert!(!["debian:9", "debian:stretch", "node:10", "python:2.7", "golang:1.9"].into_iter().any(on));
}

#[test]
fn package_managers_tell_the_distribution() {
    for (reference, lines, sh) in [
        ("team/base:1", &["apk add --no-cache tzdata"][..], Sh::Ash),
        ("team/base:1", &["set -e; /sbin/apk --no-cache add curl"], Sh::Ash),
        ("team/base:1", &["apt-get update && apt-get install -y curl"], Sh::Dash),
        ("team/base:1", &["microdnf install -y tini", "yum clean all"], Sh::Bash),
        (
            "team/base:1",
            &["if command -v apk; then apk add curl; else apt-get install curl; fi"],
            Sh::Unknown,
        ),
        ("team/base:1", &["echo there is no apk here", "apt-key add key.asc"], Sh::Unknown),
        ("debian:12", &["apk add curl"], Sh::Dash),
    ] {
        let tables = Tables::builtin();
        assert_eq!(tables.with_packages(tables.base(reference), lines).sh, sh, "{reference} {lines:?}");
    }
}
