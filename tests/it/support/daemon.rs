//! A daemon as a user has it: a process of its own, spoken to over HTTP.
//!
//! **Invariant:** a test ends with [`Daemon::stop`], which fails when a run is open or a process
//! is left.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use reqwest::{Client, Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::{provider_mirror, until};

/// What a daemon is started with.
#[derive(Default)]
pub struct Setup {
    /// TOML, besides what every test needs.
    pub config: String,
}

pub struct Daemon {
    child: Child,
    dir: Option<TempDir>,
    data_dir: PathBuf,
    base: String,
    token: String,
    client: Client,
}

/// What the daemon answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text))
    }

    /// The pointers of a problem, sorted.
    pub fn pointers(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        let mut pointers: Vec<String> = errors.iter().map(|e| e["pointer"].as_str().unwrap().to_owned()).collect();
        pointers.sort();
        pointers
    }
}

impl Daemon {
    pub fn start() -> Self {
        Self::start_with(Setup::default())
    }

    pub fn start_with(setup: Setup) -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("captd.toml"), setup.config).unwrap();
        Self::start_in(dir)
    }

    /// Starts in a folder that an earlier daemon may have used.
    pub fn start_in(dir: TempDir) -> Self {
        Self::start_program(dir, Path::new(env!("CARGO_BIN_EXE_captd")), &[])
    }

    /// The same with a certain captd, and with variables of its own.
    pub fn start_program(dir: TempDir, program: &Path, variables: &[(&str, &str)]) -> Self {
        let data_dir = dir.path().join("data");
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data_dir)
            .arg("--config")
            .arg(dir.path().join("captd.toml"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", dir.path())
            // What a careless environment may hold: none of it may reach terraform.
            .env("TF_CLI_CONFIG_FILE", "/nonexistent/terraform.rc")
            .env("TF_LOG", "TRACE")
            .env("TF_VAR_desired_size", "99")
            .env("AWS_CA_BUNDLE", "/nonexistent/ca.pem")
            .env("AWS_PROFILE", "nobody")
            .env("CAPTD_RECONCILE__TICK_SECONDS", "1")
            .env("CAPTD_TEST_CLOCK_FILE", dir.path().join("clock"))
            .envs(provider_mirror().map(|mirror| ("CAPTD_ENGINE__PROVIDER_MIRROR", mirror)))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(dir.path().join("captd.log")).unwrap());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("listens on ").map(|(_, address)| address.trim().to_owned()));
        let base = address.unwrap_or_else(|| panic!("the daemon did not start: {}", log_of(dir.path())));
        // Whatever it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let token = std::fs::read_to_string(data_dir.join("admin.token")).unwrap().trim().to_owned();
        Self { child, dir: Some(dir), data_dir, base, token, client: client() }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// The folder that holds configuration, log and data folder.
    pub fn dir(&self) -> &Path {
        self.dir.as_ref().unwrap().path()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// Where the commands of a run work.
    pub fn work_dir(&self, run: &str) -> PathBuf {
        captd::supervisor::confine::work_dir(&self.data_dir.join("runs").join(run))
    }

    pub fn log(&self) -> String {
        log_of(self.dir.as_ref().unwrap().path())
    }

    /// A request with the token.
    pub async fn request(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        self.request_with(&self.token, method, path, headers, body).await
    }

    /// A request with another token.
    pub async fn request_with(
        &self,
        token: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.base)).bearer_auth(token).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request).await
    }

    /// A request without the token.
    pub async fn request_as_stranger(&self, method: Method, path: &str) -> Answer {
        answer(self.client.request(method, format!("{}{path}", self.base))).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, &[], Vec::new()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::POST, path, &[("content-type", "application/json")], body.to_string().into()).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::PATCH, path, &[("content-type", "application/merge-patch+json")], body.to_string().into())
            .await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::PUT, path, &[("content-type", "application/json")], body.to_string().into()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path, &[], Vec::new()).await
    }

    /// `POST /v1/apply` of YAML.
    pub async fn apply(&self, yaml: &str) -> Answer {
        self.request(Method::POST, "/v1/apply", &[("content-type", "application/yaml")], yaml.as_bytes().to_vec()).await
    }

    /// Ends it with SIGTERM while nothing is at work, and checks that nothing is left: no open
    /// run, no process. A look that captd has begun by itself is waited for. Gives back its folder.
    pub async fn stop(self) -> TempDir {
        until("captd has looked at what was due", async || {
            let open = self.get("/v1/runs?state=queued,preparing,planning,planned,applying&limit=500").await.json();
            let (looks, left): (Vec<Value>, Vec<Value>) =
                open["items"].as_array().unwrap().iter().cloned().partition(|run| run["trigger"] == "observe");
            assert_eq!(left, Vec::<Value>::new(), "runs are left open");
            looks.is_empty().then_some(())
        })
        .await;
        self.end(Signal::TERM).await
    }

    /// Ends it with a signal, whatever is at work.
    pub async fn end(mut self, signal: Signal) -> TempDir {
        let dir = self.dir.take().unwrap();
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let status = self.child.wait().unwrap();
        if signal == Signal::TERM {
            assert!(status.success(), "the daemon ended with {status}: {}", log_of(dir.path()));
            until("no process of the daemon is left", async || processes_of(&self.data_dir).is_empty().then_some(()))
                .await;
        }
        dir
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.dir.is_none() {
            return;
        }
        self.child.kill().ok();
        self.child.wait().ok();
        assert!(std::thread::panicking(), "a test must end its daemon with `stop`");
        eprintln!("the daemon's log:\n{}\n{}", self.log(), unfinished(&self.data_dir));
    }
}

/// What commands said last that have no end.
fn unfinished(data_dir: &Path) -> String {
    let below = |dir: PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let steps = below(data_dir.join("runs")).flat_map(below).filter(|step| step.join("command.json").exists());
    let open = steps.filter(|step| !step.join("exit.json").exists());
    let said = open.map(|step| {
        let text = std::fs::read_to_string(step.join("stdout.log")).unwrap_or_default();
        let last: Vec<&str> = text.lines().rev().take(3).collect();
        format!("{} has not ended; it said last, newest first:\n{}\n", step.display(), last.join("\n"))
    });
    said.collect()
}

/// One that lets go of a silent connection long before the daemon does: it would ask on one that is just being closed.
fn client() -> Client {
    Client::builder().pool_idle_timeout(std::time::Duration::from_secs(20)).build().unwrap()
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer { status: response.status(), headers: response.headers().clone(), text: response.text().await.unwrap() }
}

fn log_of(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("captd.log")).unwrap_or_default()
}

/// Command lines of processes that name the folder.
fn processes_of(data_dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let texts = lines.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "));
    texts.filter(|line| line.contains(data_dir.to_str().unwrap())).collect()
}
