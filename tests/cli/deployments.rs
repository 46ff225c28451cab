//! Compose files and manifests: what is skipped, and what is said of where a launch comes from.

use super::support::{GOOD, Project};

const MANIFEST: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: web\n    image: python:3.13\n    command: [sh, -c, \"gunicorn app:app; true\"]\n";
const COMPOSE: &str = "services:\n  web:\n    build: .\n    command: sh -c \"gunicorn app:app; true\"\n";

#[test]
fn templates_and_patches_are_skipped_with_a_word() {
    let values = MANIFEST.replace("python:3.13", "{{ .Values.image }}");
    let jinja = COMPOSE.replace("build: .", "image: \"{{ image }}\"");
    let overlay = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base]\npatches:\n- path: patch.yaml\n";
    let project = Project::new(&[
        ("chart/templates/web.yaml", &values),
        ("role/docker-compose.yml", &jinja),
        ("ytt/web.yaml", &format!("#@ load(\"@ytt:data\", \"data\")\n{MANIFEST}")),
        ("overlay/kustomization.yaml", overlay),
        ("overlay/patch.yaml", MANIFEST),
        ("lib/web.jsonnet", "{ kind: 'Pod', apiVersion: 'v1', spec: { containers: [] } }"),
    ]);
    let run = project.run(&["check", "--verbose"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    for skipped in [
        "chart/templates/web.yaml: skipped, a template is no manifest yet",
        "role/docker-compose.yml: skipped, a template is no manifest yet",
        "ytt/web.yaml: skipped, a template is no manifest yet",
        "overlay/patch.yaml: skipped, a patch is no manifest by itself",
    ] {
        assert!(run.err.contains(skipped), "{}", run.err);
    }
    assert!(!project.run(&["check"]).err.contains("skipped"));
    let named = project.run(&["check", "chart/templates/web.yaml"]);
    assert!(named.err.contains("skipped, a template is no manifest yet"), "{}", named.err);
}

#[test]
fn hooks_name_every_file() {
    let project = Project::new(&[
        ("ci.yml", "on: [push]\njobs: {}\n"),
        ("compose.yaml", COMPOSE),
        ("Dockerfile", GOOD),
    ]);
    assert_eq!(project.run(&["check", "ci.yml"]).code, 2);
    assert_eq!(project.run(&["check", "ci.yml", "--force-exclude"]).code, 0);
    assert_eq!(
        project.findings(&["ci.yml", "compose.yaml", "--force-exclude"]),
        ["compose.yaml:4 shell-wrapper"]
    );
}

#[test]
fn a_tree_says_where_each_part_comes_from() {
    let compose = format!("{COMPOSE}    stop_grace_period: 1m\n");
    let dockerfile = "FROM node:22-slim\nWORKDIR /app\nSTOPSIGNAL SIGINT\nCMD [\"node\", \"a.js\"]\n";
    let project = Project::new(&[("compose.yaml", &compose), ("Dockerfile", dockerfile)]);
    let tree = project.run(&["tree", "compose.yaml", "--output-format", "json"]).json();
    let image = tree["images"].as_array().unwrap().iter().find(|image| image["stage"] == "web").unwrap();
    let parts: Vec<String> = image["launch"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| {
            format!("{} {} {}:{}", part["part"], part["source"], part["path"], part["line"]).replace('"', "")
        })
        .collect();
    let expected = [
        "entrypoint base-image null:null",
        "cmd file compose.yaml:4",
        "workdir file Dockerfile:2",
        "stop-signal file Dockerfile:3",
        "grace-period file compose.yaml:5",
    ];
    assert_eq!(parts, expected);
    let shown = project.run(&["tree", "compose.yaml"]).out;
    assert!(shown.contains("grace period  60s"), "{shown}");
}

#[test]
fn an_init_where_the_configuration_wants_it() {
    let compose = "services:\n  web:\n    image: python:3.13\n    command: [uvicorn, \"app:app\"]\n  other:\n    image: python:3.13\n    init: true\n    command: [uvicorn, \"app:app\"]\n";
    let project = Project::new(&[("pidone.toml", "init = \"always\"\n"), ("compose.yaml", compose)]);
    assert_eq!(project.findings(&[]), ["compose.yaml:4 missing-init"]);
    assert_eq!(project.run(&["check", "--fix", "--unsafe-fixes"]).code, 0);
    let fixed = compose.replacen("python:3.13\n", "python:3.13\n    init: true\n", 1);
    assert_eq!(project.read("compose.yaml"), fixed);
}

/// The init goes into the image that needs it; what deploys that need not bring one, nor be kept from it.
#[test]
fn an_image_is_mended_before_what_deploys_it() {
    let dockerfile = "FROM node:20-bookworm-slim\nRUN npx playwright install --with-deps\nCOPY . .\nCMD [\"node\", \"app.js\"]\n";
    let compose = "services:\n  web:\n    build: ./web\n    command: [node, app.js]\n";
    let project = Project::new(&[("compose.yaml", compose), ("web/Dockerfile", dockerfile)]);
    project.run(&["check", "--fix", "--unsafe-fixes"]);
    assert!(
        project.read("web/Dockerfile").contains("\"tini\", \"--\""),
        "{}",
        project.read("web/Dockerfile")
    );
    assert_eq!(project.read("compose.yaml"), compose);
}

/// What the repair of one Dockerfile installs is not there for another that starts the same script.
#[test]
fn what_another_image_has_not_installed_is_not_called() {
    let image = |base: &str| format!("FROM {base}\nCOPY start.sh /start.sh\nCMD [\"/start.sh\"]\n");
    let script = "#!/bin/sh\nexec su app -c \"gunicorn a:b\"\n";
    for (other, is_offered) in [(None, true), (Some("alpine:3.20"), false), (Some("debian:12"), false)] {
        let (own, other) = (image("debian:12"), other.map(image));
        let mut files = vec![("Dockerfile", own.as_str()), ("start.sh", script)];
        files.extend(other.as_deref().map(|text| ("Dockerfile.other", text)));
        let project = Project::new(&files);
        let diff = project.run(&["check", "--diff", "--unsafe-fixes"]);
        assert_eq!(diff.out.contains("+exec gosu app gunicorn a:b"), is_offered, "{}", diff.out);
        let checked = project.run(&["check", "--unsafe-fixes"]);
        assert!(checked.out.contains("1 fixable"), "{}", checked.out);
        // What is safe comes in place of it.
        let is_safe = diff.out.contains("+exec su app -c \"exec gunicorn a:b\"");
        assert_eq!(is_safe, !is_offered, "{}", diff.out);
    }
}

/// The repair of a Dockerfile that sends a signal on which nobody knows what a container of a Compose file does.
#[test]
fn what_harms_another_container_is_not_offered() {
    let dockerfile = "FROM debian:12\nCMD [\"nginx\", \"-g\", \"daemon off;\"]\n";
    let web = "services:\n  web: {build: .}\n";
    let jobs = |command: &str| format!("{web}  jobs: {{build: ., command: {command}}}\n");
    for (compose, is_offered) in [
        (web.to_owned(), true),
        (jobs("./worker --queue high"), false),
        (jobs("celery -A app worker"), false),
    ] {
        let project = Project::new(&[("Dockerfile", dockerfile), ("compose.yaml", &compose)]);
        let found = project.run(&["check"]);
        assert!(found.out.contains("error[stop-signal]"), "{}", found.out);
        assert_eq!(found.out.contains("(1 fixable with --fix)"), is_offered, "{compose}{}", found.out);
        let diff = project.run(&["check", "--diff"]);
        assert_eq!(diff.out.contains("+STOPSIGNAL SIGQUIT"), is_offered, "{compose}{}", diff.out);
    }
}

/// What a Dockerfile's own check says is not said again of its service; what it cannot say, the service's check does.
#[test]
fn what_only_the_service_shows_is_told() {
    let compose = "services:\n  web:\n    build:\n      context: .\n      args: {APP: app}\n";
    let script = ("srv/app/run.sh", "#!/bin/sh\ngunicorn app:app\n");
    let dockerfile =
        "FROM debian:12\nARG APP\nCOPY --chmod=755 srv /srv\nWORKDIR /srv/$APP\nCMD [\"./run.sh\"]\n";
    let project = Project::new(&[("compose.yaml", compose), ("Dockerfile", dockerfile), script]);
    assert_eq!(project.findings(&[]), ["srv/app/run.sh:2 missing-exec"]);

    let odd = compose.replace("context: .", "dockerfile: image.txt");
    let project =
        Project::new(&[("compose.yaml", &odd), ("image.txt", "FROM debian:12\nCMD gunicorn app:app\n")]);
    assert_eq!(project.findings(&[]), ["image.txt:2 shell-form"]);
}
