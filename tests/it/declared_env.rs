//! What a declaration may set of the environment of its runs.

use captd::domain::env_names::{check_name, check_pattern, opens};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Daemon, Setup, on_path, requires};
use crate::workspaces::put;

/// Names that steer what a run starts, of each of its programs some.
const STEERING: &str = "PATH HOME TMPDIR TMP TEMP USER LOGNAME SHELL PWD LANG LANGUAGE LC_ALL LC_MESSAGES LOCPATH NLSPATH TZ TZDIR
    LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT LD_DEBUG LD_BIND_NOW LD_ORIGIN_PATH DYLD_INSERT_LIBRARIES DYLD_LIBRARY_PATH
    GCONV_PATH GETCONF_DIR GLIBC_TUNABLES MALLOC_CHECK_ MALLOC_TRACE MALLOC_ARENA_MAX LIBPATH SHLIB_PATH
    HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY FTP_PROXY SOCKS_PROXY RSYNC_PROXY PROXYCHAINS_CONF_FILE REQUEST_METHOD
    SSL_CERT_FILE SSL_CERT_DIR SSLKEYLOGFILE CURL_CA_BUNDLE CURL_HOME CURL_SSL_BACKEND REQUESTS_CA_BUNDLE NODE_EXTRA_CA_CERTS
    NODE_TLS_REJECT_UNAUTHORIZED OPENSSL_CONF OPENSSL_ENGINES OPENSSL_MODULES VAULT_CACERT VAULT_CAPATH PIP_CERT NETRC
    LOCALDOMAIN RES_OPTIONS RESOLV_HOST_CONF RESOLV_MULTI HOSTALIASES KRB5_CONFIG
    GIT_SSH GIT_SSH_COMMAND GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 GIT_CONFIG_GLOBAL GIT_EXEC_PATH GIT_PROXY_COMMAND
    GIT_TEMPLATE_DIR GIT_ASKPASS GIT_SSL_NO_VERIFY GIT_EXTERNAL_DIFF GIT_DIR SSH_AUTH_SOCK SSH_ASKPASS SSHPASS RSYNC_RSH GNUPGHOME
    TF_LOG TF_LOG_PATH TF_CLI_ARGS TF_CLI_ARGS_init TF_CLI_CONFIG_FILE TF_DATA_DIR TF_PLUGIN_CACHE_DIR TF_REATTACH_PROVIDERS
    TF_VAR_x TF_HTTP_ADDRESS TF_WORKSPACE TERRAFORM_CONFIG PLUGIN_PROTOCOL_VERSIONS PLUGIN_MIN_PORT CHECKPOINT_DISABLE
    OTEL_TRACES_EXPORTER OTEL_EXPORTER_OTLP_ENDPOINT GRPC_GO_LOG_SEVERITY_LEVEL GRPC_XDS_BOOTSTRAP
    AWS_ACCESS_KEY_ID AWS_PROFILE AWS_CONFIG_FILE AWS_CA_BUNDLE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_STS AWS_REGION
    AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_WEB_IDENTITY_TOKEN_FILE AWS_SDK_LOAD_CONFIG BOTO_CONFIG
    GODEBUG GOGC GOMAXPROCS GOMEMLIMIT GOTRACEBACK GOROOT GOPATH GOFLAGS GOPROXY GOSUMDB GOCOVERDIR GORACE CGO_CFLAGS
    RUST_MIN_STACK RUST_LOG RUST_BACKTRACE TOKIO_WORKER_THREADS CAPTD_TOKEN CAPTD_ADDR
    BASH_ENV BASH_FUNC_cat BASHOPTS ENV IFS SHELLOPTS PS4 PS1 PROMPT_COMMAND CDPATH GLOBIGNORE ZDOTDIR INPUTRC HISTFILE POSIXLY_CORRECT
    PYTHONPATH PYTHONSTARTUP PYTHONHOME PYTHONWARNINGS PERL5LIB PERL5OPT PERLIO RUBYOPT RUBYLIB GEM_HOME BUNDLE_GEMFILE NODE_OPTIONS
    NODE_PATH NPM_CONFIG_PREFIX JAVA_TOOL_OPTIONS JAVA_OPTS JDK_JAVA_OPTIONS _JAVA_OPTIONS CLASSPATH PHPRC LUA_PATH LUA_INIT
    DOTNET_STARTUP_HOOKS CORECLR_PROFILER COMPLUS_Version ERL_LIBS R_PROFILE AWKPATH VIMINIT EXINIT
    XDG_CONFIG_HOME XDG_DATA_DIRS XDG_CACHE_HOME DBUS_SESSION_BUS_ADDRESS EDITOR VISUAL PAGER LESSOPEN GREP_OPTIONS TAR_OPTIONS
    TERMINFO MAKEFLAGS NOTIFY_SOCKET WATCHDOG_USEC LISTEN_FDS CREDENTIALS_DIRECTORY ASAN_OPTIONS GCOV_PREFIX NIX_SSL_CERT_FILE";

/// Names that providers take, and that an administrator may open.
const OPEN: &str = "DATADOG_API_KEY DATADOG_SITE DD_API_KEY CLOUDFLARE_API_TOKEN GITHUB_TOKEN GITLAB_TOKEN GOOGLE_CREDENTIALS GOOGLE_PROJECT
    ARM_CLIENT_ID VAULT_ADDR VAULT_TOKEN CONSUL_HTTP_ADDR KUBECONFIG KUBE_CONFIG_PATH HCLOUD_TOKEN DIGITALOCEAN_TOKEN PGHOST PGPASSWORD
    NEWRELIC_API_KEY PAGERDUTY_TOKEN FASTLY_API_KEY GODADDY_API_KEY OPENSTACK_AUTH OS_AUTH_URL TEAM greeting _x";

#[test]
fn no_allow_list_opens_a_name_that_steers_programs() {
    let steering: Vec<&str> = STEERING.split_whitespace().collect();
    assert!(steering.len() >= 150, "{}", steering.len());
    let mixed = |name: &str| -> String {
        name.char_indices()
            .map(|(at, c)| if at % 2 == 0 { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() })
            .collect()
    };
    for name in steering {
        for name in [name.to_owned(), name.to_ascii_lowercase(), mixed(name)] {
            assert!(check_name(&name).is_err(), "{name}");
            assert!(check_pattern(&name).is_err(), "{name}");
            // Whatever an older or a hand-written list may hold.
            for end in 0..name.len() {
                assert!(!opens(&[format!("{}*", &name[..end])], &name), "{name}");
            }
        }
    }
    for name in OPEN.split_whitespace() {
        assert_eq!(check_name(name), Ok(()), "{name}");
        assert!(opens(&[name.to_owned()], name) && opens(&[format!("{}*", &name[..2])], name), "{name}");
        assert!(!opens(&[format!("X{name}")], name) && !opens(&[], name), "{name}");
    }
    for wrong in [
        "*",
        "",
        "**",
        "A**",
        "*_KEY",
        "A*B",
        "A-B",
        "1A",
        "A=B",
        "A\n",
        "LD_*",
        "tf_*",
        "AWS_*",
        "GIT_*",
        "HTTPS_PROXY",
    ] {
        assert!(check_pattern(wrong).is_err(), "{wrong}");
    }
}

fn machine(env: &Value) -> Value {
    json!({"apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": "workers"}, "spec": {
        "workspaceTemplateRef": {"name": "eks-nodegroup-template"}, "clusterName": "demo", "env": env,
        "nodeGroupConfig": {"name": "workers", "instanceType": "t3.medium", "subnetIds": ["subnet-0a1b2c3d", "subnet-4e5f6a7b"],
            "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 1}}}})
}

#[tokio::test]
async fn of_captds_own_templates_the_provider_configuration_says_what_may_be_set() {
    let provider =
        "[providers.aws.default]\nregion = \"eu-central-1\"\naccess_key = \"AKIA\"\nsecret_key = \"not-a-secret\"\n";
    let daemon = Daemon::start_with(Setup { config: format!("{provider}env_allow = [\"DATADOG_*\", \"TEAM\"]\n") });
    let try_it = async |name: &str| {
        let document = machine(&json!([{"name": name, "value": "x"}]));
        let answer = daemon.post("/v1/apply?dryRun=true", &json!([document])).await;
        let error = answer.json()["errors"][0].clone();
        (answer.status.as_u16(), error["detail"].as_str().unwrap_or_default().to_owned())
    };
    for name in ["DATADOG_SITE", "TEAM"] {
        assert_eq!(try_it(name).await, (200, String::new()), "{name}");
    }
    let (status, detail) = try_it("CLOUDFLARE_API_TOKEN").await;
    assert_eq!(status, 422);
    insta::assert_snapshot!(detail, @r#"`CLOUDFLARE_API_TOKEN` is not open to declarations; the operator opens it with `env_allow = ["CLOUDFLARE_API_TOKEN"]` in [providers.aws.default]"#);
    for name in ["https_proxy", "SSL_CERT_FILE", "Ld_Preload", "AWS_CA_BUNDLE", "GODEBUG"] {
        assert_eq!(try_it(name).await.0, 422, "{name}");
    }
    // A template that is uploaded says it itself; one of CAPT opens what its own `env` lists.
    let upload = |env: &Value| json!({"spec": {"env": env, "files": {"main.tf": "output \"it\" { value = 1 }\n"}}});
    let path = "/v1/namespaces/default/templates/own";
    for wrong in ["LD_PRELOAD", "*", "tf_*"] {
        let refused = daemon.put(path, &upload(&json!([wrong]))).await;
        assert!(refused.status == 422 && refused.text.contains("template.yaml: env:"), "{}", refused.text);
    }
    let capt = json!({"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": "WorkspaceTemplate", "metadata": {"name": "capt"},
        "spec": {"template": {"spec": {"forProvider": {"module": "output \"it\" { value = 1 }\n",
            "env": [{"name": "HTTPS_PROXY", "value": "http://evil"}]}}}}});
    let refused = daemon.post("/v1/apply", &json!([capt])).await;
    assert!(refused.status == 422 && refused.text.contains("`HTTPS_PROXY`: which proxy runs take"), "{}", refused.text);
    if requires("terraform") {
        assert_eq!(daemon.put(path, &upload(&json!(["TEAM_*"]))).await.status, 201);
        let mut capt = capt;
        capt["spec"]["template"]["spec"]["forProvider"]["env"] = json!([{"name": "DD_SITE", "value": "x"}]);
        assert_eq!(daemon.post("/v1/apply", &json!([capt])).await.status, 200);
        for (template, name, status) in
            [("own", "TEAM_A", 200), ("own", "DATADOG_SITE", 422), ("capt", "DD_SITE", 200), ("capt", "TEAM", 422)]
        {
            let document = json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": "w"}, "spec": {
                "workspaceTemplateRef": {"name": template}, "env": [{"name": name, "value": "x"}]}});
            let answer = daemon.post("/v1/apply?dryRun=true", &json!([document])).await;
            assert_eq!(answer.status, status, "{template} {name}: {}", answer.text);
        }
    }
    daemon.stop().await;
}

#[test]
fn an_allow_list_a_proxy_and_certificates_are_checked_when_they_are_written() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    for (name, text) in [
        ("good.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("key.pem", "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n"),
        ("none.pem", "x"),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
        std::fs::write(data.join(name), text).unwrap();
    }
    let file = dir.path().join("captd.toml");
    let wrong = |line: &str| {
        let text = format!("[providers.aws.default]\naccess_key = \"A\"\nsecret_key = \"b\"\n{line}\n");
        std::fs::write(&file, text).unwrap();
        let sources = captd::config::Sources { file: Some(file.clone()), ..captd::config::Sources::default() };
        captd::config::Config::load(&data, &sources).err().map(|error| error.to_string())
    };
    let at = |name: &str| format!("ca_file = {:?}", dir.path().join(name));
    for good in [
        "env_allow = [\"DATADOG_*\"]",
        "proxy = \"http://user:word@proxy:3128\"",
        "proxy = \"socks5://proxy:1\"",
        &at("good.pem"),
    ] {
        assert_eq!(wrong(good), None, "{good}");
    }
    for (bad, words) in [
        ("env_allow = [\"GIT_*\"]", "git, ssh"),
        ("env_allow = [\"*\"]", "DATADOG_*"),
        ("proxy = \"proxy:3128\"", "no address of a proxy"),
        ("proxy = \"file:///etc\"", "no address of a proxy"),
        ("proxy = \"http://\"", "no address of a proxy"),
        ("ca_file = \"good.pem\"", "no absolute path"),
        (&at("missing.pem"), "cannot be read"),
        (&at("none.pem"), "no certificate"),
        (&at("key.pem"), "private key"),
        (&at("data/good.pem"), "lies in the data folder"),
        (&at("data/../data/good.pem"), "lies in the data folder"),
    ] {
        let said = wrong(bad).unwrap_or_default();
        assert!(said.contains(words), "{bad}: {said}");
    }
}

/// A terraform that notes the names and values of its environment, command by command.
const NOTES: &str = "#!/bin/sh
for argument; do case $argument in -*) ;; *) command=$argument; break ;; esac; done
env >>\"$(dirname \"$0\")/notes/$command\" 2>/dev/null
exec REAL \"$@\"
";

#[tokio::test]
async fn an_init_has_the_environment_of_captd_alone() {
    use std::os::unix::fs::PermissionsExt;
    if !requires("terraform") {
        return;
    }
    let folder = TempDir::new().unwrap();
    put(folder.path(), "own", "resource \"terraform_data\" \"it\" {}\noutput \"it\" { value = 1 }\n");
    let manifest = folder.path().join("workspace/own/template.yaml");
    std::fs::write(manifest, "description: Of a test.\nprovider: none\nenv: [GREETING]\n").unwrap();
    let notes = folder.path().join("notes");
    std::fs::create_dir(&notes).unwrap();
    let program = folder.path().join("terraform");
    std::fs::write(&program, NOTES.replace("REAL", &on_path("terraform").unwrap().display().to_string())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!(
        "[templates]\ndir = {:?}\n[engine]\nbinary = {program:?}\nconfine_read = [{:?}]\nconfine_write = [{notes:?}]\n",
        folder.path(),
        on_path("terraform").unwrap(),
    );
    let daemon = Daemon::start_with(Setup { config });
    let document = json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": "w"}, "spec": {
        "workspaceTemplateRef": {"name": "own"}, "env": [{"name": "GREETING", "value": "of a declaration"}]}});
    assert_eq!(daemon.post("/v1/apply", &json!([document])).await.status, 200);
    daemon.wait_for_workspace("w").await;
    let written_by = |command: &str| std::fs::read_to_string(notes.join(command)).unwrap();
    for command in ["plan", "apply"] {
        assert!(written_by(command).contains("GREETING=of a declaration"), "{command}: {}", written_by(command));
    }
    assert!(
        written_by("init").contains("TF_IN_AUTOMATION=1") && !written_by("init").contains("GREETING"),
        "{}",
        written_by("init")
    );
    daemon.stop().await;
}
