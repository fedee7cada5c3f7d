//! What a run may touch, computed.

use std::path::{Path, PathBuf};

use captd::config::Confine;
use captd::supervisor::confine::{Needs, confinement, obstacle, tmp_dir};
use captd::supervisor::{Confinement, Effect, Environment, Invocation, effect};

const RUN: &str = "/data/runs/01930000-0000-7000-8000-0123456789ab";

/// The rights of a run with this environment.
fn of(environment: &[(&str, &str)], signs_in_by_files: bool) -> Confinement {
    let environment: Environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    confinement(&Needs {
        data_dir: Path::new("/data"),
        run_dir: Path::new(RUN),
        cli_config: Path::new("/data/terraform.rc"),
        key_file: Path::new("/keys/state.key"),
        mirrors: &[PathBuf::from("/opt/mirror")],
        environment: &environment,
        signs_in_by_files,
        read: &[PathBuf::from("/opt/shared")],
        write: &[PathBuf::from("/var/cache/shared")],
    })
}

/// The paths that are readable because of the environment.
fn opened(environment: &[(&str, &str)], signs_in_by_files: bool) -> Vec<String> {
    let without = of(&[], false).read;
    let read = of(environment, signs_in_by_files).read;
    read.iter().filter(|path| !without.contains(path)).map(|path| path.display().to_string()).collect()
}

fn holds(paths: &[PathBuf], path: &str) -> bool {
    paths.iter().any(|allowed| Path::new(path).starts_with(allowed))
}

#[test]
fn in_the_data_folder_a_run_has_its_own_things_only() {
    let rights = of(&[("HOME", "/homes/op"), ("SSL_CERT_FILE", "/etc/ssl/own.pem")], true);
    let mut below: Vec<String> = rights
        .read
        .iter()
        .chain(&rights.write)
        .filter(|path| path.starts_with("/data") || Path::new("/data").starts_with(path))
        .map(|path| path.display().to_string())
        .collect();
    below.sort();
    assert_eq!(below, ["/data/runs/0123456789ab.tmp", "/data/terraform.rc"]);
    assert_eq!(rights.file, None);
}

#[test]
fn system_folders_are_read_and_nothing_of_them_is_written() {
    let rights = of(&[], false);
    for path in ["/usr/bin/env", "/bin/sh", "/lib/x", "/etc/ssl/certs/ca.crt", "/etc/resolv.conf", "/proc/self/stat"] {
        assert!(holds(&rights.read, path) && !holds(&rights.write, path), "{path}");
    }
    for path in [
        "/etc/shadow",
        "/etc/captd/captd.toml",
        "/etc/ssl/private/key.pem",
        "/homes/op",
        "/var/lib/x",
        "/tmp/x",
        "/dev/sda",
        "/run/docker.sock",
    ] {
        assert!(!holds(&rights.read, path) && !holds(&rights.write, path), "{path}");
    }
    assert!(holds(&rights.write, "/dev/null") && holds(&rights.write, "/var/cache/shared/x"));
    assert!(holds(&rights.read, "/opt/mirror/x") && holds(&rights.read, "/opt/shared/x"));
}

#[test]
fn of_the_home_folder_credentials_are_read_only_when_they_are_used() {
    let of_terraform = ["/homes/op/.terraform.d/plugins", "/homes/op/.terraform.d/plugin-cache"];
    assert_eq!(opened(&[("HOME", "/homes/op")], false), of_terraform, "what signs in to registries lies beside these");
    assert_eq!(opened(&[("HOME", "/homes/op")], true), [&of_terraform[..], &["/homes/op/.aws"]].concat());
}

#[test]
fn files_that_variables_name_are_read() {
    let variables = [
        ("AWS_SHARED_CREDENTIALS_FILE", "/etc/captd/credentials"),
        ("AWS_CONFIG_FILE", "/etc/captd/config"),
        ("SSL_CERT_FILE", "/srv/ca.pem"),
        ("SSL_CERT_DIR", "/srv/one:/srv/two"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/run/secrets/eks/token"),
        ("AWS_ROLE_ARN", "/srv/no-file"),
    ];
    let expected =
        ["/etc/captd/credentials", "/etc/captd/config", "/srv/ca.pem", "/srv/one", "/srv/two", "/run/secrets/eks"];
    assert_eq!(opened(&variables, false), expected);
}

#[test]
fn no_variable_opens_the_data_folder_the_key_or_the_home_folder() {
    let up = "/data/../data/admin.token";
    let here = ["/data/admin.token", "/data/runs/x", "/srv/../data/captd.db", up, "/none/./../data/captd.db"];
    let link = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/", link.path().join("root")).unwrap();
    let by_link = link.path().join("root").display().to_string();
    let and_by_link = format!("{by_link}/data/state.key");
    let outside = ["/", "/data", "/keys", "/keys/state.key", "relative", "", &by_link, &and_by_link];
    for path in outside.into_iter().chain(here) {
        for name in ["AWS_CONFIG_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
            assert_eq!(opened(&[(name, path)], false), [""; 0], "{name} = {path}");
        }
    }
    let token = |path| opened(&[("HOME", "/homes/op"), ("AWS_WEB_IDENTITY_TOKEN_FILE", path)], false);
    for path in ["/homes/op/token", "/homes/token", "/token", "/keys/token"] {
        assert_eq!(
            token(path),
            ["/homes/op/.terraform.d/plugins", "/homes/op/.terraform.d/plugin-cache", path],
            "its folder is too wide"
        );
    }
}

#[test]
fn the_plan_is_written_by_one_command_and_read_by_others() {
    let plan = Path::new("/data/runs/x/plan.tfplan");
    let writing = of(&[], false).writing(plan);
    assert_eq!((writing.file.as_deref(), holds(&writing.read, "/data/runs/x/plan.tfplan")), (Some(plan), false));
    let reading = of(&[], false).reading(plan);
    assert_eq!((reading.file, holds(&reading.read, "/data/runs/x/plan.tfplan")), (None, true));
    assert!(!holds(&reading.write, "/data/runs/x/plan.tfplan"));
}

#[test]
fn temporary_folders_are_short_and_differ() {
    assert_eq!(tmp_dir(Path::new(RUN)), Path::new("/data/runs/0123456789ab.tmp"));
    assert_eq!(tmp_dir(Path::new("/data/runs/x")), Path::new("/data/runs/x.tmp"));
    // 107 bytes are what a socket's path may have.
    let longest = format!("/{}", "d".repeat(67));
    assert_eq!(obstacle(Path::new(&longest), Path::new(&longest)), None);
    assert_eq!(format!("{longest}/runs/0123456789ab.tmp/plugin4294967295").len(), 107);
    let longer = format!("{longest}d");
    assert!(obstacle(Path::new(&longer), Path::new(&longer)).unwrap().contains("69 bytes"));
}

#[test]
fn a_data_folder_in_a_system_folder_cannot_be_kept_back() {
    assert!(obstacle(Path::new("/srv/captd"), Path::new("/usr/local/captd")).unwrap().contains("/usr"));
    assert!(obstacle(Path::new("/usr/local/captd"), Path::new("/usr/local/captd")).unwrap().contains("/usr"));
    assert_eq!(obstacle(Path::new("/var/lib/captd"), Path::new("/var/lib/captd")), None);
}

#[test]
fn the_setting_and_the_kernel_decide_together() {
    let (can, cannot) = (|| Ok(7), || Err("why".to_owned()));
    let why = "why".to_owned();
    assert_eq!(effect(Confine::Required, can()), Effect::Confined(7));
    assert_eq!(effect(Confine::Preferred, can()), Effect::Confined(7));
    assert_eq!(effect(Confine::Off, can()), Effect::Off);
    assert_eq!(effect(Confine::Required, cannot()), Effect::Refused(why.clone()));
    assert_eq!(effect(Confine::Preferred, cannot()), Effect::Unavailable(why));
    assert_eq!(effect(Confine::Off, cannot()), Effect::Off);
}

#[test]
fn a_command_of_an_earlier_version_is_read_as_not_confined() {
    let text = r#"{"format":1,"program":"terraform","args":["show"],"working_dir":"/w"}"#;
    let command: Invocation = serde_json::from_str(text).unwrap();
    let today = Invocation::new("terraform".to_owned(), vec!["show".to_owned()], "/w".into());
    assert_eq!(command, Invocation { format: 1, captd: None, ..today });
    assert_eq!(command.confinement, None);
    assert_eq!(serde_json::to_string(&command).unwrap(), text);
    let confined = command.confined(Some(of(&[], false)));
    let again: Invocation = serde_json::from_str(&serde_json::to_string(&confined).unwrap()).unwrap();
    assert_eq!(again, confined);
}
