//! The programs that stand in for the real ones: which names there are, and how each takes a signal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a stand-in behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// Holds data: on TERM or INT it takes half a second to save it, and ends.
    Service,
    /// The same, which takes a little longer.
    SlowService,
    /// A service that saves on QUIT; TERM and INT make it drop its work (nginx, php-fpm).
    QuitService,
    /// A service that saves on WINCH; TERM and INT make it drop its work (Apache httpd).
    WinchService,
    /// A service that saves on USR1; TERM and INT make it drop its work (haproxy).
    Usr1Service,
    /// A service that hears INT only.
    IntService,
    /// A service that leaves its work to a forked job, and waits for it on TERM.
    Prefork,
    /// That job: it has no handler.
    PreforkJob,
    /// Stays, has no handler, has nothing to lose.
    Helper,
    /// Ends at once.
    Setup,
    /// Ends after two seconds.
    SlowSetup,
    /// Replaces itself by the program behind its own arguments (`gosu app server`).
    Exec,
    /// Starts the program behind its own arguments, forwards signals, waits.
    Forwarder,
    /// The same, and kills the program two seconds after TERM (su).
    Su,
    /// Starts the program behind its own arguments and keeps signals to itself.
    Swallower,
    /// Runs a script of package.json with sh, forwards TERM to that shell, waits for it only (npm, pnpm).
    Runner,
    /// The same, but leaves at once (yarn 1).
    LeavingRunner,
    /// Runs each argument as a command line, forwards signals, waits (multirun).
    Multirun,
    /// Runs the lines of a Procfile (overmind, honcho, foreman).
    Procfile,
    /// Runs the programs of its configuration (supervisord).
    Supervisord,
    /// Runs the services under /etc/s6-overlay or /etc/services.d (s6-overlay's /init).
    S6,
    /// Runs the services under /etc/service (phusion's my_init).
    MyInit,
    /// Runs the services below the directory that it is given (s6-svscan).
    S6Svscan,
}

impl Role {
    /// The signals on which it saves its work and ends.
    pub(crate) fn graceful(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Service | Self::SlowService | Self::Prefork => Some(&["TERM", "INT"]),
            Self::QuitService => Some(&["QUIT"]),
            Self::WinchService => Some(&["WINCH"]),
            Self::Usr1Service => Some(&["USR1"]),
            Self::IntService => Some(&["INT"]),
            _ => None,
        }
    }

    /// The signals on which it ends without saving.
    pub(crate) fn fast(self) -> &'static [&'static str] {
        match self {
            Self::QuitService | Self::WinchService | Self::Usr1Service => &["TERM", "INT"],
            _ => &[],
        }
    }
}

/// The stand-ins that every container has.
const USUAL: &[(Role, &str)] = &[
    (
        Role::Service,
        "srv server server2 worker api app web node nodejs java python python3 ruby php deno bun dotnet gunicorn \
         uvicorn hypercorn celery redis-server mysqld mariadbd postgres mongod memcached rabbitmq-server caddy \
         traefik puma unicorn rails sidekiq catalina.sh analyzer inotifyd tsx next remix-serve cron crond daemon-a \
         daemon-b sshd rsyslogd vite serve",
    ),
    (Role::QuitService, "nginx php-fpm"),
    (Role::WinchService, "httpd apache2 apache2-foreground httpd-foreground"),
    (Role::Usr1Service, "haproxy"),
    (Role::IntService, "intserver"),
    (Role::Prefork, "prefork"),
    (Role::PreforkJob, "prefork-job"),
    (Role::Helper, "rawserver helper cron-helper relayd srv-raw"),
    (
        Role::Setup,
        "setup migrate render-config wait-ready init-db envsubst chown oneshot-a oneshot-b crontab-setup \
         wait-for-it update-ca-certificates ssh-keygen",
    ),
    (Role::SlowSetup, "oneshot-init-slow"),
    (
        Role::Exec,
        "su-exec gosu setpriv cross-env poetry pipenv bundle s6-setuidgid chpst dotenv with-contenv",
    ),
    (Role::Forwarder, "sudo uv pdm pm2-runtime"),
    (Role::Su, "su runuser"),
    (Role::Swallower, "conda pm2 mysqld_safe"),
    (Role::Runner, "npm pnpm npx"),
    (Role::LeavingRunner, "yarn"),
    (Role::Multirun, "multirun"),
    (Role::Procfile, "overmind honcho foreman"),
    (Role::Supervisord, "supervisord"),
    (Role::S6Svscan, "s6-svscan"),
    (Role::MyInit, "my_init"),
];

/// Every usual stand-in's name.
pub(crate) fn usual_names() -> impl Iterator<Item = &'static str> {
    USUAL.iter().flat_map(|(_, names)| names.split_ascii_whitespace())
}

/// The role of the program called as `argv0`: what the container declares, or the usual one.
pub(crate) fn role(argv0: &str, declared: &BTreeMap<String, Role>) -> Option<Role> {
    let name = base_name(argv0);
    let by_name = |(path, role): (&String, &Role)| (base_name(path) == name).then_some(*role);
    declared.get(argv0).copied().or_else(|| declared.iter().find_map(by_name)).or_else(|| {
        USUAL
            .iter()
            .find_map(|(role, names)| names.split_ascii_whitespace().any(|n| n == name).then_some(*role))
    })
}

/// True if the program puts itself into the background when called like this.
pub(crate) fn daemonises(name: &str, args: &[String]) -> bool {
    let has = |flag: &str| args.iter().any(|arg| arg.contains(flag));
    match name {
        "cron" | "crond" => !args.iter().any(|arg| arg == "-f" || arg == "-n"),
        "nginx" => !has("daemon off"),
        "httpd" | "apache2" => !has("FOREGROUND"),
        "sshd" => !args.iter().any(|arg| arg.starts_with('-') && arg.contains('D')),
        "celery" => has("--detach"),
        // The configuration of the official images keeps it in front, Debian's does not.
        "php-fpm" => has("-D"),
        "php-fpm8.2" => !has("-F"),
        _ => false,
    }
}

/// The part behind the last slash.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
