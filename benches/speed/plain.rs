//! The plain side: Terraform itself in a folder of its own, as somebody would use it without captd.
//!
//! **Invariant:** the files, the values and the state are captd's own; only the backend is another.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use super::ground::{Ground, now};
use crate::support::{on_path, provider_mirror};

const VALUES: &str = "terraform.tfvars.json";
const BACKEND: &str = "captd_backend.tf";
const LOCK: &str = ".terraform.lock.hcl";
/// How often values are looked for, which lie in the workspace only while a run is at work.
const LOOK: Duration = Duration::from_millis(1);

/// An initialised folder with the root module of a machine and its state.
pub struct Plain {
    folder: PathBuf,
    cli_config: PathBuf,
}

impl Plain {
    /// Copies what captd has of a machine. The machine must be left alone afterwards, if this side
    /// changes something.
    pub async fn copy_of(ground: &Ground, machine: &str) -> Self {
        let values = loop {
            let run = ground.ask(machine, "plan", &json!({})).await;
            let workspace = ground.workspace(&run);
            let folder = ground.new_plain_folder(machine);
            let caught = loop {
                if let Some(values) = read(&workspace.join(VALUES)) {
                    // While it is there: it goes with the run.
                    copy(&workspace, &folder);
                    fs::copy(workspace.join(LOCK), folder.join(LOCK)).unwrap();
                    break Some(values);
                }
                if ground.run(run["id"].as_str().unwrap()).await.get("finishedAt").is_some() {
                    break None;
                }
                tokio::time::sleep(LOOK).await;
            };
            ground.ended(&run, "unchanged").await;
            if let Some(values) = caught {
                break (folder, values);
            }
        };
        let plain = Self { folder: values.0, cli_config: ground.data().join("terraform.rc") };
        fs::remove_file(plain.folder.join(BACKEND)).unwrap();
        fs::write(plain.folder.join(VALUES), values.1.to_string()).unwrap();
        fs::write(plain.folder.join("terraform.tfstate"), ground.state(machine).await).unwrap();
        plain.terraform(&["init", "-input=false"], 0);
        plain
    }

    /// `init`, `plan` and `show` where there is nothing to do; in seconds.
    pub fn no_op(&self) -> f64 {
        let begun = now();
        self.plan(0);
        now() - begun
    }

    /// The same where something is to be changed, and `apply`; in seconds.
    pub fn scale(&self, desired: u32) -> f64 {
        let path = self.folder.join(VALUES);
        let mut values = read(&path).unwrap();
        values["desired_size"] = json!(desired);
        fs::write(&path, values.to_string()).unwrap();
        let begun = now();
        self.plan(2);
        self.terraform(&["apply", "-input=false", "made.tfplan"], 0);
        now() - begun
    }

    /// The plan tells by its exit code whether there is something to do (2) or not (0).
    fn plan(&self, code: i32) {
        self.terraform(&["init", "-input=false"], 0);
        self.terraform(&["plan", "-input=false", "-detailed-exitcode", "-out=made.tfplan"], code);
        self.terraform(&["show", "-json", "made.tfplan"], 0);
    }

    fn terraform(&self, arguments: &[&str], code: i32) {
        let log = self.folder.join(format!("{}.log", arguments[0]));
        let file = File::create(&log).unwrap();
        let mut command = Command::new("terraform");
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.parent().unwrap())
            // The mirror that captd uses. Without one, providers come from the registry once.
            .env("TF_CLI_CONFIG_FILE", &self.cli_config)
            .env("CHECKPOINT_DISABLE", "1")
            // Those of the fake AWS, as captd gives them.
            .env("AWS_ACCESS_KEY_ID", "AKIACAPTDTEST")
            .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file);
        if provider_mirror().is_none() {
            let cache = self.folder.parent().unwrap().join("cache");
            fs::create_dir_all(&cache).unwrap();
            command.env("TF_PLUGIN_CACHE_DIR", cache);
        }
        let status = command.status().unwrap();
        let said = || fs::read_to_string(&log).unwrap_or_default();
        assert!(status.code() == Some(code), "plain terraform {arguments:?} ended with {status}: {}", said());
    }
}

/// No-op runs in all folders, as many at the same time as there are cores, as `xargs -P` does it; in
/// seconds.
pub fn all(folders: &[Plain]) -> f64 {
    let left = Mutex::new(folders.iter());
    let begun = now();
    std::thread::scope(|scope| {
        for _ in 0..cores() {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().next();
                    let Some(folder) = next else { return };
                    folder.no_op();
                }
            });
        }
    });
    now() - begun
}

pub fn cores() -> usize {
    std::thread::available_parallelism().unwrap().get()
}

/// `1.11.4`
pub fn terraform_version() -> String {
    let output = Command::new(on_path("terraform").unwrap())
        .args(["version", "-json"])
        .env_remove("TF_CLI_CONFIG_FILE")
        .env("CHECKPOINT_DISABLE", "1")
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    said["terraform_version"].as_str().unwrap().to_owned()
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Copies files and folders, but what begins with a dot and the values.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if name.to_str().is_some_and(|name| name.starts_with('.') || name == VALUES) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}
