//! The tables of programs and base images: they parse, every row can be reached and has a source, and look-ups find the right one.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use pidone::programs::{Base, Family, Inner, InnerShell, Kind, Program, Reaction, Sh, Tables};

/// A command line in words; `?` is a word that is not known, `'a b'` one with a blank.
fn words(line: &str) -> Vec<Option<String>> {
    shlex::split(line).unwrap().into_iter().map(|word| (word != "?").then_some(word)).collect()
}

fn with<T>(line: &str, look: impl FnOnce(&str, &[Option<&str>]) -> T) -> T {
    let words = words(line);
    let words: Vec<Option<&str>> = words.iter().map(Option::as_deref).collect();
    look(words[0].unwrap(), &words[1..])
}

fn row(line: &str) -> Option<&'static Program> {
    with(line, |name, arguments| Tables::builtin().program(name, arguments))
}

fn applet(line: &str) -> Option<&'static Program> {
    with(line, |name, arguments| Tables::builtin().applet(name, arguments))
}

fn inner(line: &str) -> Inner {
    with(line, |name, arguments| {
        Tables::inner_command(Tables::builtin().program(name, arguments).unwrap(), arguments)
    })
}

#[test]
fn the_tables_parse() {
    let tables = Tables::parse_builtin().unwrap_or_else(|error| panic!("{error}"));
    assert!(tables.programs().len() > 200);
}

#[test]
fn every_row_has_a_version_and_a_source() {
    for program in Tables::builtin().programs() {
        assert!(!program.version.is_empty(), "{:?} has no version", program.names);
        assert!(
            program.source == "measured" || program.source.starts_with("https://"),
            "{:?} has no source",
            program.names
        );
    }
}

#[test]
fn real_programs_have_measured_rows() {
    let text = std::fs::read_to_string("tests/data/programs.toml").unwrap();
    let data: toml::Value = toml::from_str(&text).unwrap();
    let entries = data["program"].as_array().unwrap();
    assert!(entries.len() > 200);
    for entry in entries {
        let line = entry.get("row").unwrap_or(&entry["run"]).as_str().unwrap();
        let found = match line.strip_prefix("busybox ") {
            Some(line) => applet(line),
            None => row(line),
        };
        assert_eq!(found.map(|row| row.source.as_str()), Some("measured"), "{line}");
    }
}

#[test]
fn every_row_can_be_reached() {
    let mut closed: HashMap<(&str, bool), &Program> = HashMap::new();
    for program in Tables::builtin().programs() {
        for name in &program.names {
            let key = (name.as_str(), program.busybox);
            assert!(!closed.contains_key(&key), "{name}: a row after one without conditions");
            if !program.is_conditional() {
                closed.insert(key, program);
            }
        }
    }
}

#[test]
fn rows_say_nothing_that_contradicts_itself() {
    for program in Tables::builtin().programs() {
        assert_eq!(program.problems(), Vec::<String>::new(), "{:?}", program.names);
    }
}

#[test]
fn kinds() {
    use Kind::{Detach, Exec, Fork, Helper, Init, Interpreter, Runner, Server, Setup, Shell, Supervisor};
    for (line, kind) in [
        ("tini -- app", Init),
        ("/tini -- app", Init),
        ("/sbin/tini -g -- app", Init),
        ("/usr/bin/dumb-init app", Init),
        ("/init", Supervisor),
        ("/sbin/my_init", Supervisor),
        ("/sbin/init", Supervisor),
        ("supervisord -n", Supervisor),
        ("/usr/bin/supervisord -c /etc/supervisord.conf", Supervisor),
        ("supervisord --version", Setup),
        ("pm2-runtime app.js", Supervisor),
        ("pm2 logs", Helper),
        ("pm2 save", Setup),
        ("concurrently a b", Supervisor),
        ("env A=1 app", Exec),
        ("gosu app server", Exec),
        ("su-exec app server", Exec),
        ("flock -F /lock app", Exec),
        ("flock /lock app", Fork),
        ("unshare -m app", Exec),
        ("unshare -pf app", Fork),
        ("setsid app", Detach),
        ("setsid -w app", Fork),
        ("setsid app -w", Detach),
        ("screen -dmS name app", Detach),
        ("screen -D -m app", Fork),
        ("start-stop-daemon --start -b -x /bin/app", Detach),
        ("start-stop-daemon --start -x /bin/app -- -b", Exec),
        ("start-stop-daemon --stop -n app", Setup),
        ("su app -c server", Fork),
        ("sudo -E -u app server", Fork),
        ("poetry run app", Exec),
        ("poetry install", Setup),
        ("uv run app", Fork),
        ("uv sync", Setup),
        ("bundle exec puma", Exec),
        ("npm start", Runner),
        ("npm --prefix web run build", Runner),
        ("npm ci", Setup),
        ("npx serve", Fork),
        ("yarn build", Runner),
        ("yarn install", Setup),
        ("yarn@berry start", Runner),
        ("pnpm --filter api start", Runner),
        ("pnpm exec app", Fork),
        ("bun run start", Runner),
        ("bun run index.ts", Interpreter),
        ("bun ./src/main.js", Interpreter),
        ("deno task start", Runner),
        ("deno run -A main.ts", Interpreter),
        ("bash -c x", Shell),
        ("node app.js -v", Interpreter),
        ("node --version", Setup),
        ("nodemon app.js", Interpreter),
        ("nodemon --exec app", Fork),
        ("python3.12 app.py", Interpreter),
        ("python -V", Setup),
        ("python app.py -V", Interpreter),
        ("python -m gunicorn app:app", Exec),
        ("python -um gunicorn app:app", Exec),
        ("python app.py -m 1", Interpreter),
        ("python manage.py migrate", Setup),
        ("python -u /app/manage.py collectstatic --noinput", Setup),
        ("python manage.py runserver", Interpreter),
        ("./manage.py migrate", Setup),
        ("php -S 0.0.0.0:80", Server),
        ("php artisan migrate --force", Setup),
        ("php artisan queue:work", Interpreter),
        ("php bin/console cache:clear", Setup),
        ("php app.php -v", Interpreter),
        ("java -jar app.jar --version", Interpreter),
        ("dotnet app.dll", Interpreter),
        ("./gradlew bootRun", Interpreter),
        ("go run .", Fork),
        ("go build .", Setup),
        ("gunicorn app:app", Server),
        ("/venv/bin/gunicorn app:app", Server),
        ("celery -A app worker", Server),
        ("celery -A app inspect ping", Setup),
        ("./bin/rails server", Interpreter),
        ("bin/rails db:migrate", Setup),
        ("nginx", Server),
        ("nginx -t", Setup),
        ("nginx -s reload", Setup),
        ("php-fpm8.2 -t", Setup),
        ("postgres --version", Setup),
        ("service nginx start", Server),
        ("service nginx status", Setup),
        ("/etc/init.d/cron start", Server),
        ("tail -f /dev/null", Helper),
        ("tail -fn100 /log", Helper),
        ("tail -n 1 /log", Setup),
        ("sleep infinity", Helper),
        ("chown -R app /data", Setup),
        ("find / -name x", Setup),
        ("find / -exec app {} +", Fork),
        ("wait-for-it.sh db:5432 -- app", Exec),
        ("./wait-for-it.sh db:5432 -t 30 -- app", Exec),
    ] {
        let found = row(line).unwrap_or_else(|| panic!("no row for {line}"));
        assert_eq!(found.kind, kind, "{line}");
    }
}

#[test]
fn the_projects_own_programs_are_not_the_tools() {
    for line in [
        "./server",
        "/app/node app.js",
        "/app/watch",
        "./time app",
        "bin/watch",
        "init",
        "/app/init",
        "npm $CMD",
        "npm ?",
        "myapp",
        "/usr/bin/myapp",
        "sleepy",
        "",
    ] {
        let found = if line.is_empty() { Tables::builtin().program("", &[]) } else { row(line) };
        assert!(found.is_none(), "{line}: {:?}", found.map(|program| &program.names));
    }
}

#[test]
fn inner_commands() {
    let command = |name| Inner::Command { name, arguments: name + 1 };
    let line = |argument| Inner::Line { argument, offset: 0 };
    for (text, expected) in [
        ("tini -- app x", command(1)),
        ("tini app", command(0)),
        ("tini -g -e 143 -- app", command(4)),
        ("tini -vv -p SIGTERM app", command(3)),
        ("tini --", Inner::None),
        ("tini ?", command(0)),
        ("tini --version", Inner::Unknown),
        ("dumb-init -r 15:3 app", command(2)),
        ("dumb-init --rewrite 15:3 -- app", command(3)),
        ("dumb-init --rewrite=15:3 -- app", command(2)),
        ("env -i A=1 B=2 app", command(3)),
        ("env - A=1 app", command(2)),
        ("env -u X app", command(2)),
        ("env", Inner::None),
        ("env -S 'node --x'", Inner::Unknown),
        ("gosu app:app server", command(1)),
        ("gosu ? server", command(1)),
        ("nice -n 10 app", command(2)),
        ("nice -10 app", command(1)),
        ("nice -n10 app", command(1)),
        ("taskset -c 0-3 app", command(2)),
        ("taskset -p 1", Inner::Unknown),
        ("stdbuf -oL app", command(1)),
        ("stdbuf -o L app", command(2)),
        ("setpriv --reuid app --init-groups app", command(3)),
        ("setpriv --reuid=app --clear-groups app", command(2)),
        ("chpst -u app:app -e /env app", command(4)),
        ("timeout -s INT -k 5 60 app", command(5)),
        ("timeout 60 app -k 1", command(1)),
        ("sudo -Eu app server", command(2)),
        ("sudo -u app A=1 server", command(3)),
        ("sudo --user=app -H server", command(2)),
        ("flock -n /lock app", command(2)),
        ("flock /lock -c 'app x'", line(2)),
        ("flock /lock", Inner::None),
        ("su app -c 'server x'", line(2)),
        ("su - app -s /bin/sh -c 'exec server'", line(5)),
        ("su -c 'server' app", line(1)),
        ("su -lc 'server' app", line(1)),
        ("su app --command=server", Inner::Line { argument: 1, offset: 10 }),
        ("su app", Inner::None),
        ("su app script.sh", Inner::Unknown),
        ("runuser -u app -- server", command(3)),
        ("runuser app -c server", line(2)),
        ("script -qec 'app' /dev/null", line(1)),
        ("script -q /dev/null -c app", line(3)),
        ("xvfb-run -a -s '-screen 0' app", command(3)),
        ("watch -n 5 app", command(2)),
        ("find / -name x -exec app {} ;", command(4)),
        ("strace -f -o /log app", command(3)),
        ("strace -p 1", Inner::Unknown),
        ("ddtrace-run gunicorn -m 1", command(0)),
        ("newrelic-admin run-program app", command(1)),
        ("start-stop-daemon --start --exec /bin/app -- -x", Inner::Command { name: 2, arguments: 4 }),
        ("start-stop-daemon -S -u app -x /bin/app", Inner::Command { name: 4, arguments: 5 }),
        ("poetry run app", command(1)),
        ("poetry -C /app run app", command(3)),
        ("uv run --with x app", command(3)),
        ("uv run -m gunicorn x", command(2)),
        ("uv run gunicorn -m 007", command(1)),
        ("npx -c 'app x'", line(1)),
        ("npx -p x app", command(2)),
        ("npm exec -- app", command(2)),
        ("nodemon --exec 'app x'", line(1)),
        ("nodemon --watch src app.js", command(2)),
        ("python -m gunicorn x", command(1)),
        ("python -W ignore -m gunicorn x", command(3)),
        ("python -u app.py", command(1)),
        ("python -c 'x'", Inner::Unknown),
        ("node --require ./x app.js", command(2)),
        ("dockerize -wait tcp://db:5432 -timeout 60s app x", command(4)),
        ("wait-for-it.sh db:5432 -t 30 -- app", command(4)),
        ("wait-for-it.sh db:5432", Inner::None),
        ("busybox httpd -f", command(0)),
        ("sh -c 'app x'", line(1)),
        ("sh -ec app", line(1)),
        ("bash -euo pipefail -c app", line(3)),
        ("bash -o pipefail -c app", line(3)),
        ("bash -c -e app", line(2)),
        ("sh -c -- app", line(2)),
        ("sh script.sh -c x", command(0)),
        ("sh -x script.sh", command(1)),
        ("sh +e script.sh", command(1)),
        ("sh", Inner::None),
        ("go run .", Inner::None),
        ("nginx -g x", Inner::None),
    ] {
        assert_eq!(inner(text), expected, "{text}");
    }
}

#[test]
fn scripts_of_package_runners() {
    let script = |line: &str| {
        with(line, |name, arguments| {
            let script = Tables::builtin().program(name, arguments)?.script(arguments)?;
            let own = |text: Option<&str>| text.map(str::to_owned);
            Some((script.name.to_owned(), own(script.directory), own(script.workspace)))
        })
    };
    let named = |name: &str| Some((name.to_owned(), None, None));
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(script("npm start"), named("start"));
    assert_eq!(script("npm start --silent"), named("start"));
    assert_eq!(script("npm run dev -- --port 1"), named("dev"));
    assert_eq!(script("npm run --silent dev"), named("dev"));
    assert_eq!(script("npm --prefix web start"), Some(("start".to_owned(), text("web"), None)));
    assert_eq!(script("npm --prefix=web run dev"), Some(("dev".to_owned(), text("web"), None)));
    assert_eq!(script("npm run dev -w api"), Some(("dev".to_owned(), None, text("api"))));
    assert_eq!(script("npm start --prefix web"), Some(("start".to_owned(), text("web"), None)));
    assert_eq!(script("npm start -- -w api"), named("start"));
    assert_eq!(script("npm run dev --workspaces"), None);
    assert_eq!(script("npm --script-shell=/bin/bash start"), None);
    assert_eq!(script("npm -w api run dev"), Some(("dev".to_owned(), None, text("api"))));
    assert_eq!(script("npm run"), None);
    assert_eq!(script("npm run ?"), None);
    assert_eq!(script("yarn serve"), named("serve"));
    assert_eq!(script("yarn --cwd web run serve"), Some(("serve".to_owned(), text("web"), None)));
    assert_eq!(script("yarn workspace api start"), Some(("start".to_owned(), None, text("api"))));
    assert_eq!(script("yarn workspace api run start"), Some(("start".to_owned(), None, text("api"))));
    assert_eq!(script("yarn workspaces run start"), None);
    assert_eq!(script("pnpm -r start"), None);
    assert_eq!(script("yarn"), None);
    assert_eq!(script("pnpm -C web dev"), Some(("dev".to_owned(), text("web"), None)));
    assert_eq!(script("pnpm --filter @app/api start"), Some(("start".to_owned(), None, text("@app/api"))));
    assert_eq!(script("bun run start"), named("start"));
    assert_eq!(script("bun run index.ts"), None);
    assert_eq!(script("deno task start"), named("start"));
    assert_eq!(script("node app.js"), None);
}

#[test]
fn the_shell_in_between() {
    for (line, shell) in [
        ("npm start", Some(InnerShell::Sh)),
        ("pnpm start", Some(InnerShell::Sh)),
        ("pnpm exec app", None),
        ("bun run start", Some(InnerShell::Bash)),
        ("yarn@berry start", Some(InnerShell::Own)),
        ("cross-env A=1 app", None),
        ("cross-env-shell A=1 app", Some(InnerShell::Sh)),
    ] {
        assert_eq!(row(line).unwrap().shell, shell, "{line}");
    }
}

#[test]
fn daemons() {
    for (line, daemonizes) in [
        ("nginx", true),
        ("nginx -c /etc/nginx/nginx.conf", true),
        ("nginx -g 'daemon off;'", false),
        ("nginx -g 'pid /x; daemon  off;'", false),
        ("apache2", true),
        ("httpd -DFOREGROUND", false),
        ("httpd -D FOREGROUND", false),
        ("apache2 -k start -D FOREGROUND", false),
        ("apachectl -D FOREGROUND", false),
        ("apachectl start", true),
        ("apache2-foreground", false),
        ("lighttpd -D -f /c", false),
        ("lighttpd -f /c", true),
        ("php-fpm", true),
        ("php-fpm8.2 -F", false),
        ("php-fpm --nodaemonize", false),
        ("php-fpm -RF", false),
        ("cron", true),
        ("cron -f", false),
        ("cron -L 15 -f", false),
        ("sshd", true),
        ("/usr/sbin/sshd -D", false),
        ("sshd -De", false),
        ("sshd -o Deny=1", true),
        ("rsyslogd -n", false),
        ("rsyslogd", true),
        ("redis-server", false),
        ("redis-server --daemonize yes", true),
        ("redis-server /etc/redis/redis.conf", true),
        ("redis-server /etc/redis/redis.conf --daemonize no", false),
        ("memcached -u root", false),
        ("memcached -vd", true),
        ("gunicorn app:app", false),
        ("gunicorn --daemon app:app", true),
        ("celery multi start w", true),
        ("celery -A app worker --detach", true),
        ("celery -A app worker", false),
        ("supervisord", true),
        ("supervisord -nc /etc/s.conf", false),
        ("supervisord -c /etc/s.conf -n", false),
        ("haproxy -W -db -f /c", false),
        ("haproxy -D -f /c", true),
        ("pm2 start app.js", true),
        ("pm2 start app.js --no-daemon", false),
        ("forever start app.js", true),
        ("forever app.js", false),
        ("pg_ctl start -D /data", true),
        ("service nginx start", true),
        ("/etc/init.d/nginx start", true),
        ("catalina.sh run", false),
        ("/usr/local/tomcat/bin/catalina.sh start", true),
        ("zkServer.sh start-foreground", false),
        ("postfix start", true),
        ("postfix start-fg", false),
    ] {
        assert_eq!(row(line).unwrap_or_else(|| panic!("no row for {line}")).daemonizes, daemonizes, "{line}");
    }
}

#[test]
fn a_word_that_is_not_known_may_keep_a_server_in_front() {
    for line in ["nginx ?", "nginx -g ?", "cron ?", "supervisord ?", "sshd -e ?", "php-fpm ?"] {
        assert!(row(line).is_none_or(|program| !program.daemonizes), "{line}");
    }
    assert!(row("supervisord -c ?").unwrap().daemonizes, "the value of an option is no option");
    assert!(!row("nginx -g 'daemon off;' ?").unwrap().daemonizes);
    assert_eq!(row("setsid ?").unwrap().kind, Kind::Detach, "it is the command");
    assert!(row("redis-server ?").is_some_and(|program| !program.daemonizes));
}

#[test]
fn reactions() {
    use Reaction::{Cuts, Finishes, Forwards, Ignores, Unknown};
    for (line, signal, as_pid1, elsewhere) in [
        ("tini app", "TERM", Forwards, Forwards),
        ("tini app", "SIGQUIT", Forwards, Forwards),
        ("timeout 60 app", "TERM", Forwards, Forwards),
        ("timeout 60 app", "INT", Forwards, Forwards),
        ("timeout 60 app", "USR1", Ignores, Unknown),
        ("su app -c x", "TERM", Forwards, Forwards),
        ("su app -c x", "INT", Ignores, Unknown),
        ("flock /lock app", "TERM", Ignores, Cuts),
        ("strace app", "TERM", Cuts, Cuts),
        ("strace -f -o /log app", "TERM", Ignores, Ignores),
        ("unshare -f app", "TERM", Ignores, Ignores),
        ("watch app", "TERM", Cuts, Cuts),
        ("go run .", "TERM", Cuts, Cuts),
        ("npm start", "TERM", Forwards, Forwards),
        ("npm start", "QUIT", Ignores, Unknown),
        ("yarn start", "TERM", Cuts, Cuts),
        ("yarn@berry start", "TERM", Forwards, Forwards),
        ("nginx -g 'daemon off;'", "TERM", Cuts, Cuts),
        ("nginx -g 'daemon off;'", "3", Finishes, Finishes),
        ("postgres", "SIGINT", Finishes, Finishes),
        ("postgres", "QUIT", Cuts, Cuts),
        ("apache2-foreground", "WINCH", Finishes, Finishes),
        ("haproxy -f /c", "TERM", Ignores, Cuts),
        ("haproxy -f /c", "USR1", Finishes, Finishes),
        ("haproxy -W -f /c", "TERM", Cuts, Cuts),
        ("gunicorn app:app", "TERM", Finishes, Finishes),
        ("supervisord -n", "QUIT", Finishes, Finishes),
        ("s6-svscan", "HUP", Ignores, Ignores),
        ("/sbin/init", "37", Finishes, Finishes),
        ("/sbin/init", "SIGRTMIN+3", Finishes, Finishes),
        ("/sbin/init", "TERM", Ignores, Ignores),
        ("sleep infinity", "TERM", Ignores, Cuts),
        ("sleep infinity", "WINCH", Ignores, Ignores),
        ("flask run", "TERM", Ignores, Cuts),
        ("flask --app x run --debug", "TERM", Cuts, Cuts),
        ("cron -f", "TERM", Ignores, Cuts),
        ("mysqld_safe", "TERM", Ignores, Ignores),
        ("node app.js", "TERM", Unknown, Unknown),
        ("micromamba run app", "TERM", Unknown, Unknown),
    ] {
        let program = row(line).unwrap_or_else(|| panic!("no row for {line}"));
        assert_eq!(program.reaction(signal, true), as_pid1, "{line} {signal} as PID 1");
        assert_eq!(program.reaction(signal, false), elsewhere, "{line} {signal} elsewhere");
    }
}

#[test]
fn applets_of_busybox() {
    assert_eq!(applet("su app -c server").unwrap().kind, Kind::Exec);
    assert_eq!(row("su app -c server").unwrap().kind, Kind::Fork);
    assert_eq!(applet("timeout 60 app").unwrap().kind, Kind::Exec);
    assert_eq!(applet("httpd -f").unwrap().reaction("TERM", true), Reaction::Ignores);
    assert_eq!(applet("/sbin/init").unwrap().reaction("TERM", true), Reaction::Finishes);
    assert_eq!(applet("crond -f").unwrap().reaction("TERM", false), Reaction::Cuts);
    assert_eq!(applet("nginx").unwrap().names[0], "nginx", "what is no applet is what it is elsewhere");
    assert_eq!(applet("/init").unwrap().source, row("/init").unwrap().source);
}

#[test]
fn options_of_wrappers() {
    let shell = |line: &str| {
        with(line, |name, arguments| {
            let program = Tables::builtin().program(name, arguments).unwrap();
            program.option_value(arguments, &["-s", "--shell"]).map(str::to_owned)
        })
    };
    assert_eq!(shell("su app -s /bin/bash -c x").as_deref(), Some("/bin/bash"));
    assert_eq!(shell("su app --shell=/bin/bash -c x").as_deref(), Some("/bin/bash"));
    assert_eq!(shell("su app -ls /bin/bash -c x").as_deref(), Some("/bin/bash"));
    assert_eq!(shell("su app -c x"), None);
}

#[test]
fn rows_of_the_user_win() {
    let tables = Tables::builtin()
        .with_rows(
            r#"
            fail-on = "error"
            [[program]]
            names = ["nginx", "su", "/app/server", "my-wrapper"]
            kind = "helper"
            [[image]]
            names = ["node", "example.com/team/*"]
            on = ["alpine"]
            launch.stop-signal = "SIGQUIT"
            "#,
        )
        .unwrap();
    let kind = |name: &str| tables.program(name, &[]).map(|program| program.kind);
    for name in ["nginx", "su", "/app/server", "my-wrapper", "/usr/bin/my-wrapper"] {
        assert_eq!(kind(name), Some(Kind::Helper), "{name}");
    }
    assert_eq!(kind("tini"), Some(Kind::Init));
    assert_eq!(kind("/srv/server"), None);
    assert_eq!(tables.applet("su", &[]).unwrap().kind, Kind::Helper, "before busybox's, too");
    assert!(tables.own("/app/server", &[]).is_some() && tables.own("tini", &[]).is_none());
    assert_eq!(tables.base("node:20").sh, Sh::Ash);
    assert_eq!(tables.base("example.com/team/base:1").stop_signal.as_deref(), Some("SIGQUIT"));
    assert_eq!(tables.base("python:3").sh, Sh::Dash);
    let more = tables.with_rows("[[program]]\nnames = ['tini']\nkind = 'exec'").unwrap();
    assert_eq!(more.own("my-wrapper", &[]).unwrap().kind, Kind::Helper);
    assert_eq!(more.program("tini", &[Some("x")]).unwrap().kind, Kind::Exec);
}

#[test]
fn rows_that_are_wrong_are_shown_where_they_are() {
    let program = "[[program]]\nnames = ['a']\nkind = 'exec'\n";
    for (text, place, message) in [
        ("[[program", "", "unclosed array table"),
        ("[[program]]\nnames = ['a']\nkind = 'ship'", "'ship'", "unknown variant `ship`"),
        (
            "[[program]]\nnames = ['a']\nkind = 'exec'\nsingals.none = true",
            "singals",
            "unknown field `singals`",
        ),
        ("[[program]]\nkind = 'exec'", "[[program]]", "missing field `names`"),
        ("[[program]]\nnames = []\nkind = 'exec'", "[[program]]", "needs a name"),
        (
            "[[program]]\nnames = ['a']\nkind = 'exec'\nsignals.fast = ['SIGTERM']",
            "[[program]]",
            "without SIG",
        ),
        ("[[image]]\nnames = ['a']\non = ['debain']", "[[image]]", "no distribution is called `debain`"),
    ] {
        let text = format!("{program}{text}");
        let error = Tables::builtin().with_rows(&text).unwrap_err();
        assert!(error.message.contains(message), "{text}: {error}");
        assert!(text[error.span.start..].starts_with(place), "{text}: {:?}", &text[error.span.start..]);
    }
}

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
        ("node:20-alpine3.20", Family::Alpine, Sh::Ash),
        ("node:lts-alpine", Family::Alpine, Sh::Ash),
        ("node:${V}-alpine", Family::Alpine, Sh::Ash),
        ("node:${V}-slim", Family::Debian, Sh::Dash),
        ("node:${V}", Family::Unknown, Sh::Unknown),
        ("node:$V", Family::Unknown, Sh::Unknown),
        ("node@sha256:abc", Family::Unknown, Sh::Unknown),
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
        ("tomcat:9.0-jdk17", "/__cacert_entrypoint.sh", "catalina.sh run", ""),
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
    let path = |family| Tables::builtin().init_install("tini", family, "any").map(|init| init.path.as_str());
    assert_eq!(path(Family::Debian), Some("/usr/bin/tini"));
    assert_eq!(path(Family::Alpine), Some("/sbin/tini"));
    assert_eq!(path(Family::Wolfi), Some("/usr/bin/tini"));
    assert_eq!(path(Family::Arch), Some("/usr/bin/tini"));
    for family in
        [Family::Rhel, Family::Suse, Family::Busybox, Family::None, Family::Windows, Family::Unknown]
    {
        assert_eq!(path(family), None, "{family:?}: no package that is always there");
    }
}

mod whatever_is_asked {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_arguments_break_a_row(words in proptest::collection::vec(proptest::option::of("[-+=/a-zA-Zé]{0,6}|--|-[a-z]+|run"), 0..7)) {
            let words: Vec<Option<&str>> = words.iter().map(Option::as_deref).collect();
            for program in Tables::builtin().programs() {
                match program.inner_command(&words) {
                    Inner::Command { name, arguments } => prop_assert!(name < words.len() && arguments <= words.len()),
                    Inner::Line { argument, offset } => {
                        prop_assert!(words[argument].is_none_or(|word| word.get(offset..).is_some()));
                    }
                    Inner::None | Inner::Unknown => {}
                }
                let _ = (program.script(&words), Tables::builtin().program(&program.names[0], &words));
            }
        }

        #[test]
        fn no_name_breaks_a_look_up(name in "[-./a-z0-9é]{0,12}|\\PC{0,8}") {
            let _ = (Tables::builtin().program(&name, &[]), Tables::builtin().applet(&name, &[None]));
        }

        #[test]
        fn no_reference_breaks_a_look_up(reference in "[a-z:/@${}*.]{0,16}|\\PC{0,12}") {
            let _ = base(&reference);
        }
    }
}
