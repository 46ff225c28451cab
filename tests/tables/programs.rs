//! Look-ups of programs: their kinds, their inner commands, what they do on signals.

use pidone::programs::{Inner, InnerShell, Kind, Reaction, Tables};

use super::{applet, inner, row, with};

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
        ("php artisan queue:work", Server),
        ("php artisan cachet:install --force", Setup),
        ("php artisan bot:poll", Interpreter),
        ("docker compose up -d", Setup),
        ("airflow db migrate", Setup),
        ("airflow scheduler", Server),
        ("/opt/solr/bin/solr start -f", Server),
        ("solr create -c books", Setup),
        ("prefect server start", Server),
        ("mlflow ui", Server),
        ("docker run -d nginx", Setup),
        ("php bin/console cache:clear", Setup),
        ("php app.php -v", Interpreter),
        ("java -jar app.jar --version", Interpreter),
        ("dotnet app.dll", Interpreter),
        ("./gradlew bootRun", Server),
        ("./gradlew --no-daemon bootRun", Interpreter),
        ("go run .", Server),
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
        ("proxychains4 -q app", Exec),
        ("cpulimit -l 50 -- app", Detach),
        ("uwsgi --http :80 --master", Server),
        ("squid -z", Setup),
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
        let found =
            if line.is_empty() { Tables::builtin().program("", &[]).map(AsRef::as_ref) } else { row(line) };
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
        ("su app script.sh", Inner::ForShell { arguments: 1 }),
        ("su app -s /bin/app -- server", Inner::ForShell { arguments: 4 }),
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
        ("haproxy -db -f /c", false),
        ("uwsgi --ini /c.ini --daemonize /log", true),
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
        ("squid", true),
        ("squid -N", false),
        ("varnishd -a :80", true),
        ("varnishd -F -a :80", false),
        ("smbd -F --no-process-group", false),
        ("smbd", true),
        ("uwsgi app.ini", false),
        ("tor", false),
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
        ("su app -c x", "INT", Forwards, Forwards),
        ("su app -c x", "HUP", Ignores, Unknown),
        ("runuser -u app x", "INT", Ignores, Unknown),
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
        ("env-cmd app", "TERM", Forwards, Cuts),
        ("pidproxy /pid app", "TERM", Cuts, Cuts),
        ("apache2 -D FOREGROUND", "QUIT", Ignores, Cuts),
        ("uwsgi --http :80", "TERM", Ignores, Ignores),
        ("uwsgi --http :80 --die-on-term", "TERM", Cuts, Cuts),
        ("uwsgi --ini app.ini --http :80", "TERM", Unknown, Unknown),
        ("pgbouncer /p.ini", "INT", Finishes, Finishes),
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
