//! The world of one trial: its folder, its daemon that may be dead at any time, what struck it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::people::Event;
use super::scenario::Victim;
use super::{Kind, Trouble};
use crate::support::{SmallDisk, provider_mirror};

/// How long a daemon may take until it listens, and how long a request is made again.
const PATIENCE: Duration = Duration::from_mins(2);
const AGAIN: Duration = Duration::from_millis(100);

pub struct World {
    /// Holds everything.
    pub dir: PathBuf,
    pub data: PathBuf,
    pub disk: tokio::sync::Mutex<Option<SmallDisk>>,
    daemon: tokio::sync::Mutex<Option<Child>>,
    base: Mutex<String>,
    client: Client,
    began: f64,
    notes: Mutex<String>,
    struck: Mutex<BTreeSet<Victim>>,
    killed: Mutex<BTreeSet<u32>>,
    canceled: Mutex<BTreeSet<u32>>,
    met: Mutex<BTreeSet<Event>>,
    held: Mutex<Vec<Held>>,
}

/// Who asks: a client of the API, or a person's terraform, which knows a password alone.
#[derive(Debug, Clone, Copy)]
pub enum By {
    Client,
    Terraform,
}

/// A person's lock of a machine's state: from when to when it was held.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    pub machine: String,
    pub from: f64,
    pub to: f64,
}

/// Seconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the trials measure how long they take, and read a journal of times")]
pub fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

impl World {
    /// `config` is captd's configuration. With a disk of its own only where one is given.
    pub fn new(dir: PathBuf, disk: Option<SmallDisk>, config: &str) -> Self {
        std::fs::write(dir.join("captd.toml"), config).unwrap();
        let client = Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        Self {
            data: dir.join("data"),
            dir,
            disk: tokio::sync::Mutex::new(disk),
            daemon: tokio::sync::Mutex::default(),
            base: Mutex::default(),
            client,
            began: now(),
            notes: Mutex::default(),
            struck: Mutex::default(),
            killed: Mutex::default(),
            canceled: Mutex::default(),
            met: Mutex::default(),
            held: Mutex::default(),
        }
    }

    /// Writes down what happened, with the time since the beginning.
    pub fn note(&self, what: &str) {
        let mut notes = self.notes.lock().unwrap();
        writeln!(notes, "{:8.3} {what}", now() - self.began).unwrap();
        std::fs::write(self.dir.join("trial.log"), &*notes).unwrap();
    }

    pub fn struck(&self, victim: Victim, what: &str) {
        self.note(&format!("STRUCK {}: {what}", victim.words()));
        self.struck.lock().unwrap().insert(victim);
    }

    pub fn victims(&self) -> BTreeSet<Victim> {
        self.struck.lock().unwrap().clone()
    }

    pub fn killed_terraform(&self, pid: u32) {
        self.killed.lock().unwrap().insert(pid);
    }

    pub fn killed_terraforms(&self) -> BTreeSet<u32> {
        self.killed.lock().unwrap().clone()
    }

    /// A terraform that was asked to end, or made to: what it has begun goes on by itself.
    pub fn interrupted_terraform(&self, pid: u32, by_force: bool) {
        self.canceled.lock().unwrap().insert(pid);
        if by_force {
            self.killed_terraform(pid);
        }
    }

    pub fn canceled_terraforms(&self) -> BTreeSet<u32> {
        self.canceled.lock().unwrap().clone()
    }

    pub fn met(&self, event: Event) {
        self.met.lock().unwrap().insert(event);
    }

    pub fn events(&self) -> BTreeSet<Event> {
        self.met.lock().unwrap().clone()
    }

    pub fn held(&self, held: Held) {
        self.held.lock().unwrap().push(held);
    }

    pub fn locks_held(&self) -> Vec<Held> {
        self.held.lock().unwrap().clone()
    }

    /// The file that moves captd's clock.
    pub fn clock_file(&self) -> PathBuf {
        self.dir.join("clock")
    }

    /// Starts the daemon, again and again until it listens.
    pub async fn start(&self) -> Result<(), Trouble> {
        let mut daemon = self.daemon.lock().await;
        self.start_locked(&mut daemon).await
    }

    async fn start_locked(&self, daemon: &mut Option<Child>) -> Result<(), Trouble> {
        let deadline = now() + PATIENCE.as_secs_f64();
        loop {
            let said = self.dir.join("captd.said");
            std::fs::write(&said, "").unwrap();
            let mut child = self.spawn(&said);
            loop {
                let text = std::fs::read_to_string(&said).unwrap();
                if let Some(base) =
                    text.lines().find_map(|line| line.split_once("listens on ")).filter(|_| text.ends_with('\n'))
                {
                    base.1.trim().clone_into(&mut self.base.lock().unwrap());
                    *daemon = Some(child);
                    return Ok(());
                }
                if let Some(status) = child.try_wait().unwrap() {
                    self.note(&format!("the daemon did not start: {status}"));
                    break;
                }
                if now() > deadline {
                    return Err(Trouble::new(Kind::Stuck, "the daemon does not start; see captd.log"));
                }
                sleep(Duration::from_millis(10)).await;
            }
            sleep(AGAIN).await;
        }
    }

    fn spawn(&self, said: &Path) -> Child {
        let append = |path: PathBuf| std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_captd"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&self.data)
            .arg("--config")
            .arg(self.dir.join("captd.toml"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", &self.dir)
            .env("CAPTD_TEST_CLOCK_FILE", self.clock_file())
            .stdin(Stdio::null())
            .stdout(append(said.to_owned()))
            .stderr(append(self.dir.join("captd.log")))
            .kill_on_drop(true);
        if let Some(mirror) = provider_mirror() {
            command.env("CAPTD_ENGINE__PROVIDER_MIRROR", mirror);
        }
        command.spawn().unwrap()
    }

    /// SIGKILL, and a start after `away`. One at a time.
    pub async fn kill_daemon(&self, away: Duration) -> Result<(), Trouble> {
        let mut daemon = self.daemon.lock().await;
        if let Some(mut child) = daemon.take() {
            child.kill().await.unwrap();
        }
        sleep(away).await;
        self.start_locked(&mut daemon).await
    }

    /// SIGTERM, and the end that follows.
    pub async fn end_daemon(&self) -> Result<(), Trouble> {
        let Some(mut child) = self.daemon.lock().await.take() else { return Ok(()) };
        let pid = i32::try_from(child.id().unwrap()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::TERM)
            .unwrap();
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        let status = ended.map_err(|_| Trouble::new(Kind::Stuck, "the daemon does not end on SIGTERM"))?.unwrap();
        if status.success() {
            Ok(())
        } else {
            Err(Trouble::new(Kind::Other, format!("the daemon ended with {status}")))
        }
    }

    /// One request; `None` when no answer came.
    async fn request(&self, method: &Method, path: &str, body: Option<&Value>, by: By) -> Option<(u16, String)> {
        let base = self.base.lock().unwrap().clone();
        let token = std::fs::read_to_string(self.data.join("admin.token")).ok()?;
        let request = self.client.request(method.clone(), format!("{base}{path}"));
        let mut request = match by {
            By::Client => request.bearer_auth(token.trim()),
            By::Terraform => request.basic_auth("somebody", Some(token.trim())),
        };
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.ok()?;
        Some((response.status().as_u16(), response.text().await.ok()?))
    }

    /// The same request until it is decided: not while the daemon is away, overloaded or in trouble.
    pub async fn insist(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, String), Trouble> {
        self.insist_as(By::Client, method, path, body).await
    }

    /// The same, and who asks.
    pub async fn insist_as(
        &self,
        by: By,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(u16, String), Trouble> {
        let deadline = now() + PATIENCE.as_secs_f64();
        loop {
            let answer = self.request(&method, path, body, by).await;
            if let Some((status, text)) = &answer
                && *status < 500
                && *status != 429
            {
                return Ok((*status, text.clone()));
            }
            if now() > deadline {
                return Err(Trouble::new(Kind::Stuck, format!("{method} {path} is never answered: {answer:?}")));
            }
            sleep(AGAIN).await;
        }
    }

    /// What `path` says; it must exist.
    pub async fn get(&self, path: &str) -> Result<Value, Trouble> {
        let (status, text) = self.insist(Method::GET, path, None).await?;
        if status != 200 {
            return Err(Trouble::new(Kind::Other, format!("GET {path} answers {status}: {text}")));
        }
        serde_json::from_str(&text).map_err(|error| Trouble::new(Kind::Other, format!("GET {path}: {error}")))
    }

    /// The machine; `None` when there is none.
    pub async fn machine(&self, name: &str) -> Result<Option<Value>, Trouble> {
        let path = format!("/v1/namespaces/default/machines/{name}");
        let (status, text) = self.insist(Method::GET, &path, None).await?;
        match status {
            200 => serde_json::from_str(&text).map(Some).map_err(|error| Trouble::new(Kind::Other, error.to_string())),
            404 => Ok(None),
            other => Err(Trouble::new(Kind::Other, format!("GET {path} answers {other}: {text}"))),
        }
    }
}
