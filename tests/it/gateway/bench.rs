//! What these tests stand on: a gateway of their own, and single commands under supervisors, as the
//! daemon would start them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use captd::supervisor::{Invocation, Settings};
use captd::terraform::installation::cli_configuration;
use captd::terraform::lock;
use captd_gateway::{Client, Limits, Provider, Said, Wish};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::support::{provider_mirror, until};

pub const AWS: &str = "registry.terraform.io/hashicorp/aws";

/// A gateway, and somebody who stays with it.
pub struct OwnGateway {
    child: Child,
    dir: TempDir,
    staying: Client,
}

pub fn limits() -> Limits {
    Limits {
        processes_max: 8,
        pool_bytes_max: 2_048 << 20,
        process_bytes_max: 1_024 << 20,
        idle_seconds_max: 900,
        age_seconds_max: 43_200,
        uses_max: 20_000,
        handshake_seconds_max: 60,
        heartbeat_seconds: 4,
    }
}

impl OwnGateway {
    pub async fn start() -> Self {
        Self::start_with(limits()).await
    }

    pub async fn start_with(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { limits, confinement: None };
        fs::write(dir.path().join("settings.json"), serde_json::to_vec(&settings).unwrap()).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_captd"))
            .args(["gateway", "serve"])
            .arg(dir.path())
            .env_clear()
            .envs(common_environment(dir.path()))
            .stdin(Stdio::null())
            .stderr(fs::File::create(dir.path().join("gateway.log")).unwrap())
            .spawn()
            .unwrap();
        let mut staying = until("the gateway answers", async || Client::connect(dir.path(), None).await.ok()).await;
        staying.stay().await.unwrap();
        Self { child, dir, staying }
    }

    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Lets it end, as a daemon does that ends.
    pub async fn stop(self) {
        let Self { mut child, dir, staying } = self;
        drop(staying);
        Client::connect(dir.path(), None).await.unwrap().leave().await.unwrap();
        let status = child.wait().await.unwrap();
        assert!(status.success(), "{}", fs::read_to_string(dir.path().join("gateway.log")).unwrap());
    }
}

/// What every process is given.
fn common_environment(home: &Path) -> BTreeMap<String, String> {
    let text = |path: &Path| path.display().to_string();
    [
        ("PATH", std::env::var("PATH").unwrap()),
        ("HOME", text(home)),
        ("TF_CLI_CONFIG_FILE", text(&home.join("terraform.rc"))),
        ("TF_IN_AUTOMATION", "1".to_owned()),
        ("TF_INPUT", "0".to_owned()),
        ("CHECKPOINT_DISABLE", "1".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// A workspace, and how its commands reach their providers.
pub struct Bench {
    dir: TempDir,
    gateway: Option<PathBuf>,
    steps: u32,
}

/// A command that is over.
pub struct Done {
    /// As a shell gives it.
    pub code: i64,
    pub stdout: String,
    pub stderr: String,
    /// How its providers were reached, where it was to be warm.
    pub said: Option<Said>,
}

impl Bench {
    /// An empty workspace.
    pub fn new(gateway: Option<&OwnGateway>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("workspace")).unwrap();
        let mirrors = provider_mirror().map(|folder| (folder, vec![AWS.to_owned()])).into_iter().collect();
        fs::write(dir.path().join("terraform.rc"), cli_configuration(&mirrors)).unwrap();
        Self { dir, gateway: gateway.map(|gateway| gateway.folder().to_owned()), steps: 0 }
    }

    pub fn workspace(&self) -> PathBuf {
        self.dir.path().join("workspace")
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.workspace().join(file), text).unwrap();
    }

    /// Its state, as Terraform keeps it.
    pub fn state(&self) -> Value {
        let text = fs::read(self.workspace().join("terraform.tfstate")).unwrap_or_else(|_| b"null".to_vec());
        serde_json::from_slice(&text).unwrap()
    }

    /// Installs the providers, as the daemon does before anything is warm.
    pub async fn init(&mut self) {
        let done = self.run("terraform", &["init", "-input=false", "-no-color"], None).await;
        assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    }

    /// Runs terraform, warm where this workspace is.
    pub async fn terraform(&mut self, args: &[&str]) -> Done {
        let wish = self.gateway.clone().map(|gateway| self.wish(gateway));
        self.run("terraform", args, wish).await
    }

    /// Runs a program to its end, under a supervisor.
    pub async fn run(&mut self, program: &str, args: &[&str], wish: Option<Wish>) -> Done {
        self.steps += 1;
        let folder = self.dir.path().join(self.steps.to_string());
        fs::create_dir(&folder).unwrap();
        let args = args.iter().map(|word| (*word).to_owned()).collect();
        let command = Invocation::new(program.to_owned(), args, self.workspace()).warmed(wish);
        fs::write(folder.join("command.json"), serde_json::to_vec(&command).unwrap()).unwrap();
        let ended = Command::new(env!("CARGO_BIN_EXE_captd"))
            .arg("supervise")
            .arg(&folder)
            .env_clear()
            .envs(common_environment(self.dir.path()))
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
        let exit: Value = serde_json::from_str(&read("exit.json"))
            .unwrap_or_else(|_| panic!("it left no exit status: {}", String::from_utf8_lossy(&ended.stderr)));
        let code = exit["code"].as_i64().unwrap_or_else(|| 128 + exit["signal"].as_i64().unwrap());
        let said = serde_json::from_str(&read("providers.json")).ok();
        Done { code, stdout: read("stdout.log"), stderr: read("stderr.log"), said }
    }

    /// What the daemon would wish for a command here.
    pub fn wish(&self, gateway: PathBuf) -> Wish {
        let text = fs::read_to_string(self.workspace().join(".terraform.lock.hcl")).unwrap();
        let providers = lock::parse(&text).unwrap().into_iter().map(|locked| {
            let version = self.workspace().join(".terraform/providers").join(&locked.address).join(&locked.version);
            let platform = fs::read_dir(version).unwrap().next().unwrap().unwrap().path();
            let folder = fs::canonicalize(platform).unwrap();
            Provider { address: locked.address, version: locked.version, folder, hashes: locked.hashes }
        });
        Wish {
            gateway,
            sockets: self.dir.path().join("s"),
            providers: providers.collect(),
            types: Some(self.types()),
            run: format!("run-{}", self.steps),
            namespace: "default".to_owned(),
            configuration: "default".to_owned(),
            applies: false,
        }
    }

    /// Words of the configuration, with the modules in it, and types in the state.
    fn types(&self) -> BTreeSet<String> {
        let modules = fs::read_dir(self.workspace().join("modules")).into_iter().flatten();
        let folders = modules.map(|entry| entry.unwrap().path()).chain([self.workspace()]);
        let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|end| end == "tf"));
        let text: String = files.map(|path| fs::read_to_string(path).unwrap()).collect();
        let mut types: BTreeSet<String> = lock::words(&text).map(str::to_owned).collect();
        let state = self.state();
        let resources = state["resources"].as_array().into_iter().flatten();
        types.extend(resources.filter_map(|resource| resource["type"].as_str().map(str::to_owned)));
        types
    }
}
