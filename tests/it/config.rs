//! Settings: defaults, the layers over them, and every problem told at once in the file's spelling.

use std::collections::BTreeMap;
use std::path::Path;

use captd::config::memory::applies;
use captd::config::providers::Credentials;
use captd::config::{Config, Error, Sources};

/// Settings of a file with this text.
fn of_file(text: &str) -> Result<Config, Error> {
    load(Some(text), &[], &[])
}

fn load(file: Option<&str>, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, Error> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let folder = tempfile::tempdir().unwrap();
    let path = file.map(|text| {
        let path = folder.path().join("captd.toml");
        std::fs::write(&path, text).unwrap();
        path
    });
    let sources = Sources {
        file: path,
        environment: environment.iter().map(owned).collect::<BTreeMap<_, _>>(),
        flags: flags.iter().map(owned).collect(),
    };
    Config::load(Path::new("/data"), &sources)
}

/// What is said of a file with this text, line by line, without the first.
fn told(text: &str) -> Vec<String> {
    said(of_file(text))
}

fn said(result: Result<Config, Error>) -> Vec<String> {
    let text = result.unwrap_err().to_string();
    text.lines().skip(1).map(|line| line.trim_start().to_owned()).collect()
}

#[test]
fn nothing_said_means_the_defaults() {
    for config in [load(None, &[], &[]).unwrap(), of_file("").unwrap(), of_file("[engine]\n[server]\n").unwrap()] {
        assert_eq!(config.data_dir, Path::new("/data"));
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:8420");
        assert_eq!(config.server.body_bytes_max, 1_048_576);
        assert_eq!(config.engine.binary, "terraform");
        assert_eq!(config.engine.provider_mirror, None);
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(config.engine.plans_at_once as usize, cores.min(1_024));
        assert_eq!(config.engine.warm_plans_at_once as usize, (4 * cores).min(1_024));
        assert!(config.engine.gateway);
        assert!((2..=64).contains(&config.engine.applies_at_once), "as memory allows");
        assert!((16..=512).contains(&config.engine.warm_applies_at_once), "as memory allows");
        assert_eq!(config.engine.pass_environment, [""; 0]);
        assert_eq!((config.limits.file_mib_max, config.limits.init_file_mib_max), (1_024, 8_192));
        assert_eq!((config.limits.data_mib_max, config.limits.folder_mib_max), (8_192, 8_192));
        assert_eq!((config.limits.open_files_max, config.limits.processes_max), (8_192, 512));
        assert_eq!(config.reconcile.observe_interval_seconds, 600);
        assert!(config.reconcile.backoff.base_seconds < config.reconcile.backoff.cap_seconds);
        assert_eq!(config.templates.dir, None);
        assert!(config.providers.aws.is_empty());
    }
}

#[test]
fn memory_bounds_the_applies() {
    let gib = |n: u64| n << 30;
    assert_eq!(applies(gib(0)), (2, 16));
    assert_eq!(applies(gib(8)), (8, 128));
    assert_eq!(applies(gib(24)), (24, 384));
    assert_eq!(applies(gib(1_000)), (64, 512));
    let given = load(Some("[engine]\napplies_at_once = 7\n"), &[], &[]).unwrap().engine;
    assert_eq!((given.applies_at_once, given.warm_applies_at_once), (7, 7), "who says a number means it");
}

#[test]
fn the_environment_goes_over_the_file_and_flags_over_both() {
    let file =
        "[engine]\nplans_at_once = 1\napplies_at_once = 1\nbinary = \"tofu\"\n[server]\nlisten = \"127.0.0.1:1\"\n";
    let environment = [
        ("CAPTD_ENGINE__PLANS_AT_ONCE", "3"),
        ("CAPTD_SERVER__LISTEN", "127.0.0.1:2"),
        ("CAPTD_PROVIDERS__AWS__DEFAULT__AMBIENT", "true"),
    ];
    let config = load(Some(file), &environment, &[("server.listen", "[::1]:3")]).unwrap();
    assert_eq!(config.engine.binary, "tofu", "what only the file says");
    assert_eq!(config.engine.applies_at_once, 1, "what only the file says");
    assert_eq!(config.engine.plans_at_once, 3, "the environment over the file");
    assert_eq!(config.server.listen.to_string(), "[::1]:3", "a flag over both");
    assert!(config.providers.aws["default"].credentials == Credentials::Ambient);
}

#[test]
fn the_environment_has_other_variables_than_settings() {
    let others = [
        ("CAPTD_TOKEN", "secret"),
        ("CAPTD_ADDR", "http://127.0.0.1:1"),
        ("CAPTD_REQUIRE", "terraform"),
        ("OTHER__ENGINE__BINARY", "x"),
        ("ENGINE__BINARY", "x"),
        ("PATH", "/bin"),
    ];
    assert_eq!(load(None, &others, &[]).unwrap(), load(None, &[], &[]).unwrap());
}

#[test]
fn a_mistyped_variable_is_told() {
    let variables =
        [("CAPTD_ENGINE__PLAN_AT_ONCE", "3"), ("CAPTD_ENGIN__BINARY", "x"), ("CAPTD_ENGINE__PLANS_AT_ONCE", "many")];
    let lines = said(load(None, &variables, &[]));
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("engine.plan_at_once: unknown field")), "{lines:?}");
    assert!(
        lines.iter().any(|line| line.starts_with("engin: unknown field `engin`; did you mean `engine`?")),
        "{lines:?}"
    );
    assert!(lines.iter().any(|line| line == "engine.plans_at_once: must be a whole number, not a string"), "{lines:?}");
}

#[test]
fn a_variable_stands_for_a_number_a_word_or_a_list_where_one_is_wanted() {
    let variables = [
        ("CAPTD_ENGINE__PASS_ENVIRONMENT", "HTTP_PROXY, TF_LOG"),
        ("CAPTD_RECONCILE__OBSERVE_INTERVAL_SECONDS", "60"),
        ("CAPTD_PROVIDERS__AWS__P__AMBIENT", "true"),
        ("CAPTD_PROVIDERS__AWS__P__NAMESPACES", "tenant"),
    ];
    let config = load(None, &variables, &[]).unwrap();
    assert_eq!(config.engine.pass_environment, ["HTTP_PROXY", "TF_LOG"]);
    assert_eq!(config.reconcile.observe_interval_seconds, 60);
    assert!(config.providers.aws["p"].admits("tenant") && !config.providers.aws["p"].admits("other"));
    for wrong in ["x", "", "3.5", "3 4"] {
        let lines = said(load(None, &[("CAPTD_ENGINE__PLANS_AT_ONCE", wrong)], &[]));
        assert_eq!(lines, ["engine.plans_at_once: must be a whole number, not a string"], "{wrong}");
    }
    let lines = said(load(None, &[("CAPTD_ENGINE__PLANS_AT_ONCE", "0")], &[]));
    assert_eq!(lines, ["engine.plans_at_once: must be from 1 to 1024, not 0"]);
}

#[test]
fn every_problem_is_told_at_once_in_the_files_spelling() {
    let file = r#"
        [serve]
        listen = "x"
        [server]
        listen = "localhost"
        body_bytes_max = 1023
        trusted_proxies = ["10.0.0.7", "192.0.2.0/24", "proxy", "10.0.0.0/33"]
        connections_max = 15
        [engine]
        plans_at_once = 0
        applies_at_once = "64"
        plan_at_once = 3
        provider_mirror = "/nowhere/at/all"
        pass_environment = ["A", 5]
        [reconcile]
        retry_base_seconds = 100
        retry_cap_seconds = 99
        [retention]
        runs_per_workspace = 1
        [templates]
        dir = "/nowhere/at/all"
        [providers.gcp.default]
        region = "x"
        [providers.aws.default]
        region = "eu-central-1"
        [providers.aws.both]
        profile = "a"
        ambient = true
        account_id = "12345"
        endpoint_url = "localhost:5000"
    "#;
    let error = of_file(file).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().skip(1).map(str::trim_start).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    server.listen: `localhost` is no address with a port, such as 127.0.0.1:8420 or [::1]:8420
    server.trusted_proxies: `proxy` is not an address or network, such as 10.0.0.7 or 10.0.0.0/8
    server.trusted_proxies: `10.0.0.0/33` is not an address or network, such as 10.0.0.7 or 10.0.0.0/8
    server.body_bytes_max: must be from 1024 to 268435456, not 1023
    server.connections_max: must be from 16 to 65536, not 15
    engine.provider_mirror: is no folder that exists; it should hold registry.terraform.io/hashicorp/aws/…
    engine.plans_at_once: must be from 1 to 1024, not 0
    engine.applies_at_once: must be a whole number, not a string
    engine.pass_environment.1: must be a string, not a number
    engine.plan_at_once: unknown field `plan_at_once`; did you mean `plans_at_once`?
    reconcile.retry_base_seconds: is greater than retry_cap_seconds
    retention.runs_per_workspace: must be from 2 to 100000, not 1
    templates.dir: is no folder that exists; it should hold workspace/<name>/template.yaml
    providers.aws.both.account_id: `12345` is no AWS account: 12 digits, in quotes
    providers.aws.both.profile: give exactly one of: profile; access_key with secret_key; ambient = true
    providers.aws.both.endpoint_url: `localhost:5000` is no URL that begins with http:// or https://
    providers.aws.default.profile: say how to sign in: profile = "…", or access_key and secret_key, or ambient = true
    providers.gcp: unknown field `gcp`; known here: aws
    serve: unknown field `serve`; did you mean `server`?
    "#);
    assert_eq!(error.lines().next(), Some("the configuration has 19 problem(s):"));
}

#[test]
fn a_key_lies_where_no_template_reads_it() {
    assert_eq!(of_file("").unwrap().state.key_file, Path::new("/data/state.key"));
    let own = "[state]\nkey_file = \"/keys/captd.key\"\n[engine]\nconfine_read = [\"/opt\", \"/keys/others\"]";
    assert_eq!(of_file(own).unwrap().state.key_file, Path::new("/keys/captd.key"));
    let remedy = "choose a place of its own, such as state.key in the data folder";
    for (text, problem) in [
        ("[state]\nkey_file = \"captd.key\"", "is no absolute path of a file".to_owned()),
        ("[state]\nkey_file = \"/\"", "is no absolute path of a file".to_owned()),
        (
            "[state]\nkey_file = \"/usr/share/captd.key\"",
            format!("`/usr/share/captd.key` lies in /usr, which a confined terraform may read; {remedy}"),
        ),
        (
            "[state]\nkey_file = \"/keys/captd.key\"\n[engine]\nconfine_read = [\"/keys\"]",
            format!("`/keys/captd.key` lies in /keys, which a confined terraform may read; {remedy}"),
        ),
        (
            "[state]\nkey_file = \"/keys/captd.key\"\n[engine]\nconfine_write = [\"/keys/captd.key\"]",
            format!("`/keys/captd.key` lies in /keys/captd.key, which a confined terraform may read; {remedy}"),
        ),
        (
            "[state]\nkey_file = \"/data/workspaces/captd.key\"\n[engine]\nconfine = \"off\"",
            format!(
                "`/data/workspaces/captd.key` lies in /data/workspaces, where templates work and captd removes what is old; {remedy}"
            ),
        ),
    ] {
        assert_eq!(told(text), [format!("state.key_file: {problem}")], "{text}");
    }
    let unconfined = "[state]\nkey_file = \"/usr/share/captd.key\"\n[engine]\nconfine = \"off\"";
    assert!(of_file(unconfined).is_ok(), "who confines nothing has it where they like");
}

#[test]
fn nothing_of_the_data_folder_is_opened_to_runs() {
    for path in ["/data", "/data/", "/data/gateway", "/data/gateway/token", "/data/./runs", "/data/state.key"] {
        for name in ["confine_read", "confine_write"] {
            let said = told(&format!("[engine]\n{name} = [{path:?}]"));
            let is_told = |said: &String| said.starts_with(&format!("engine.{name}: ")) && said.contains("data folder");
            assert!(said.iter().any(is_told), "{name} = {path}: {said:?}");
        }
    }
    for path in ["/data-of-others", "/opt/data"] {
        assert!(of_file(&format!("[engine]\nconfine_read = [{path:?}]")).is_ok(), "{path}");
    }
}

#[test]
fn a_key_behind_a_link_lies_where_the_link_leads() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/usr/share", folder.path().join("link")).unwrap();
    let key = folder.path().join("link/captd.key").display().to_string();
    let told = told(&format!("[state]\nkey_file = {key:?}"));
    assert!(told.len() == 1 && told[0].contains("lies in /usr, which"), "{told:?}");
}

#[test]
fn numbers_are_taken_up_to_both_ends_of_their_range() {
    for (section, key, low, high) in [
        ("engine", "plans_at_once", 1, 1_024),
        ("engine", "applies_at_once", 1, 4_096),
        ("engine", "queue_length_max", 1, 1_000_000),
        ("engine", "plan_seconds_max", 1, 86_400),
        ("reconcile", "observe_interval_seconds", 1, 86_400),
        ("reconcile", "retries_max", 0, 1_000_000),
        ("retention", "deleted_days", 0, 36_500),
    ] {
        for (number, fits) in [(low - 1, false), (low, true), (high, true), (high + 1, false)] {
            let lines = of_file(&format!("[{section}]\n{key} = {number}\n")).map_err(|error| error.to_string());
            assert_eq!(lines.is_ok(), fits, "{section}.{key} = {number}: {lines:?}");
        }
    }
}

#[test]
fn each_way_to_sign_in() {
    let credentials =
        |lines: &str| of_file(&format!("[providers.aws.p]\n{lines}\n")).unwrap().providers.aws["p"].clone();
    assert_eq!(credentials("profile = \"ops\"").credentials, Credentials::Profile("ops".to_owned()));
    assert_eq!(credentials("ambient = true").credentials, Credentials::Ambient);
    let key = Credentials::Key { access_key: "AKIA".to_owned(), secret_key: "s3cret".to_owned() };
    assert_eq!(credentials("access_key = \"AKIA\"\nsecret_key = \"s3cret\"").credentials, key);

    for half in [
        "access_key = \"AKIA\"",
        "secret_key = \"s\"",
        "profile = \"ops\"\naccess_key = \"AKIA\"",
        "ambient = true\nprofile = \"ops\"",
    ] {
        let expected =
            "providers.aws.p.profile: give exactly one of: profile; access_key with secret_key; ambient = true";
        assert_eq!(told(&format!("[providers.aws.p]\n{half}\n")), [expected], "{half}");
    }
    for nothing in ["", "ambient = false", "assume_role_arn = \"arn:aws:iam::123456789012:role/captd\""] {
        let lines = told(&format!("[providers.aws.p]\n{nothing}\n"));
        assert_eq!(lines.len(), 1, "{nothing}");
        assert!(lines[0].starts_with("providers.aws.p.profile: say how to sign in"), "{nothing}: {lines:?}");
    }
}

#[test]
fn a_provider_with_every_setting() {
    let text = "[providers.aws.Prod-1]\nregion = \"eu-central-1\"\naccount_id = \"012345678901\"\nnamespaces = [\"a\", \"b\"]\nprofile = \"ops\"\nassume_role_arn = \"arn:aws:iam::012345678901:role/captd\"\n";
    let provider = of_file(text).unwrap().providers.aws["Prod-1"].clone();
    assert_eq!(provider.region.as_deref(), Some("eu-central-1"));
    assert_eq!(provider.account_id.as_deref(), Some("012345678901"));
    assert_eq!(provider.assume_role_arn.as_deref(), Some("arn:aws:iam::012345678901:role/captd"));
    assert_eq!(provider.endpoint_url, None);
    assert!(provider.admits("a") && provider.admits("b") && !provider.admits("c"));
    assert!(of_file("[providers.aws.p]\nambient = true\n").unwrap().providers.aws["p"].admits("anybody"));
}

#[test]
fn an_account_does_not_go_together_with_an_endpoint() {
    let text =
        "[providers.aws.p]\nambient = true\naccount_id = \"123456789012\"\nendpoint_url = \"http://127.0.0.1:5000\"\n";
    let expected = "providers.aws.p.account_id: does not go together with endpoint_url, which implies that no account is asked for";
    assert_eq!(told(text), [expected]);
}

#[test]
fn an_account_is_twelve_digits_from_wherever_it_comes() {
    let account = |digits: &str| {
        let variables = [("CAPTD_PROVIDERS__AWS__P__AMBIENT", "true"), ("CAPTD_PROVIDERS__AWS__P__ACCOUNT_ID", digits)];
        load(None, &variables, &[]).map(|config| config.providers.aws["p"].account_id.clone())
    };
    assert_eq!(account("123456789012").unwrap().as_deref(), Some("123456789012"));
    for digits in ["12345678901", "1234567890123", "12345678901a"] {
        let expected = format!("providers.aws.p.account_id: `{digits}` is no AWS account: 12 digits, in quotes");
        assert_eq!(said(account(digits).map(|_| load(None, &[], &[]).unwrap())), [expected]);
    }
}

#[test]
fn an_account_may_begin_with_a_zero() {
    let variables =
        [("CAPTD_PROVIDERS__AWS__P__AMBIENT", "true"), ("CAPTD_PROVIDERS__AWS__P__ACCOUNT_ID", "012345678901")];
    let config = load(None, &variables, &[]).unwrap();
    assert_eq!(config.providers.aws["p"].account_id.as_deref(), Some("012345678901"));
}

#[test]
fn a_key_of_digits_is_still_a_key() {
    let variables = [("CAPTD_PROVIDERS__AWS__P__ACCESS_KEY", "1234"), ("CAPTD_PROVIDERS__AWS__P__SECRET_KEY", "true")];
    let expected = Credentials::Key { access_key: "1234".to_owned(), secret_key: "true".to_owned() };
    assert!(load(None, &variables, &[]).unwrap().providers.aws["p"].credentials == expected);
}

#[test]
fn a_secret_is_in_no_debug_text() {
    let text = "[providers.aws.p]\naccess_key = \"AKIAHIDDEN\"\nsecret_key = \"s3cret\"\nregion = \"eu-central-1\"\n";
    let config = of_file(text).unwrap();
    for shown in [format!("{config:?}"), format!("{:#?}", config.providers), format!("{:?}", config.providers.aws["p"])]
    {
        assert!(shown.contains("eu-central-1"), "{shown}");
        assert!(!shown.contains("s3cret") && !shown.contains("AKIAHIDDEN"), "{shown}");
    }
    let environment = [("CAPTD_PROVIDERS__AWS__P__SECRET_KEY".to_owned(), "s3cret".to_owned())].into();
    let sources = Sources { environment, ..Sources::default() };
    assert!(!format!("{sources:?}").contains("s3cret"), "{sources:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let broken = of_file("[engine\n").unwrap_err();
    assert!(matches!(broken, Error::Read(_)), "{broken}");
    assert!(broken.to_string().starts_with("cannot read the configuration: "), "{broken}");

    let sources = Sources { file: Some("/nowhere/captd.toml".into()), ..Sources::default() };
    let missing = Config::load(Path::new("/data"), &sources).unwrap_err().to_string();
    assert!(missing.contains("/nowhere/captd.toml"), "{missing}");
}
