//! A provider process: started, greeted, ended.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use captd_process::{Process, end_session};
use rustix::process::Signal;

use crate::protocol::Dialect;

/// Variables of a process, by name.
pub type Environment = BTreeMap<String, String>;

/// Starts a provider: in a session of its own, confined where that is so.
pub type Starter = Arc<dyn Fn(Launch<'_>) -> std::io::Result<Child> + Send + Sync>;

/// A provider that is to be started.
#[derive(Debug)]
pub struct Launch<'a> {
    /// Its program.
    pub program: &'a Path,
    /// Its environment: this and nothing else.
    pub environment: Environment,
    /// The folder that is its own: it runs there, and may write there.
    pub folder: &'a Path,
    /// Where its standard output goes. A file: whoever reads a pipe may end, and then its writer does.
    pub stdout: File,
    /// Where its standard error goes.
    pub stderr: File,
}

/// go-plugin's agreement between terraform and its providers.
const MAGIC_COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");
/// What a provider logs. At TRACE, which it takes by itself, there are whole HTTP bodies in it.
const LOGS: &[&str] = &["TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_SDK", "TF_LOG_SDK_PROTO", "TF_LOG_SDK_FRAMEWORK"];
/// How often it is looked whether a provider has said where it listens.
const LOOK: Duration = Duration::from_millis(5);
/// Bytes of a handshake; more is none.
const HANDSHAKE_BYTES_MAX: usize = 4_096;

/// Bytes of a standard error before it is shortened.
const STDERR_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a standard error that are read, and that are left of one that was too long.
const TAIL_BYTES: u64 = 4_096;

/// What a provider says on its standard output: where it listens.
const STDOUT: &str = "stdout.log";
/// What it says on its standard error.
pub(crate) const STDERR: &str = "stderr.log";

/// Variables that belong to one run or to terraform itself, and are nothing to a provider.
const NOT_FOR_PROVIDERS: &[&str] =
    &["TF_HTTP_", "TF_CLI_", "TF_DATA_DIR", "TF_REATTACH", "TF_IN_", "TF_INPUT", "TMPDIR"];

/// A provider cannot be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the provider cannot be started: {0}")]
    Start(std::io::Error),
    #[error("the provider ended before it said where it listens{0}")]
    Ended(String),
    #[error("the provider did not say where it listens within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the provider's handshake is none: `{0}`")]
    Garbage(String),
    #[error("the provider speaks protocol {0}, and terraform 5 and 6")]
    Protocol(String),
}

/// A provider process that listens.
#[derive(Debug)]
pub(crate) struct Plugin {
    pub(crate) process: Process,
    pub(crate) dialect: Dialect,
    /// Where it listens: a name that nobody can guess, since the system shows only the first one.
    pub(crate) socket: PathBuf,
    pub(crate) folder: PathBuf,
}

/// The part of an environment that is a provider's: equal for all runs of a provider
/// configuration.
pub(crate) fn environment_of(environment: &Environment) -> Environment {
    let is_for = |name: &String| !NOT_FOR_PROVIDERS.iter().any(|none| name.starts_with(none));
    environment.iter().filter(|(name, _)| is_for(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
}

/// How a provider is started.
#[derive(Clone, Copy)]
pub(crate) struct Start<'a> {
    pub(crate) program: &'a Path,
    pub(crate) environment: &'a Environment,
    /// Becomes its own.
    pub(crate) folder: &'a Path,
    /// Becomes the name of its socket.
    pub(crate) secret_name: &'a str,
    /// How long it may take to say where it listens.
    pub(crate) patience: Duration,
}

/// Starts a provider. One that cannot be greeted leaves no process and no folder.
pub(crate) async fn start(start: Start<'_>, starter: &Starter) -> Result<Plugin, Error> {
    let plugin = launch(start, starter).await;
    if plugin.is_err() {
        std::fs::remove_dir_all(start.folder).ok();
    }
    plugin
}

async fn launch(start: Start<'_>, starter: &Starter) -> Result<Plugin, Error> {
    let Start { program, environment, folder, secret_name, patience } = start;
    std::fs::create_dir_all(folder).map_err(Error::Start)?;
    let file = |name: &str| std::fs::OpenOptions::new().create(true).append(true).open(folder.join(name));
    let mut variables = environment_of(environment);
    let mut set = |name: &str, value: &str| variables.insert(name.to_owned(), value.to_owned());
    set(MAGIC_COOKIE.0, MAGIC_COOKIE.1);
    set("PLUGIN_PROTOCOL_VERSIONS", "5,6");
    set("PLUGIN_UNIX_SOCKET_DIR", &folder.to_string_lossy());
    set("TMPDIR", &folder.to_string_lossy());
    let own = log_of(program);
    for name in LOGS.iter().copied().chain(own.as_deref()) {
        set(name, "ERROR");
    }
    let launch = Launch {
        program,
        environment: variables,
        folder,
        stdout: file(STDOUT).map_err(Error::Start)?,
        stderr: file(STDERR).map_err(Error::Start)?,
    };
    let mut child = starter(launch).map_err(Error::Start)?;
    let process = Process::with_pid(child.id());
    std::thread::spawn(move || child.wait());
    let Some(process) = process else { return Err(Error::Ended(said(folder))) };
    let greeted = tokio::time::timeout(patience, greet(&process, folder)).await;
    let greeted = greeted.unwrap_or(Err(Error::Silent(patience)));
    let (dialect, listens) = match greeted {
        Ok(greeted) => greeted,
        Err(error) => {
            end(&process, folder);
            return Err(error);
        }
    };
    let socket = folder.join(secret_name);
    if let Err(error) = std::fs::rename(&listens, &socket) {
        end(&process, folder);
        return Err(Error::Start(error));
    }
    Ok(Plugin { process, dialect, socket, folder: folder.to_owned() })
}

impl Plugin {
    /// Ends it and what it has started, and removes its folder.
    pub(crate) fn end(&self) {
        end(&self.process, &self.folder);
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// Shortens the standard error of what runs in `folder` to its end when it is too long: what a provider says
/// last is why it died. It is open for appending, so what comes next follows that.
pub(crate) fn bound_stderr(folder: &Path) {
    let path = folder.join(STDERR);
    if path.metadata().is_ok_and(|about| about.len() > STDERR_BYTES_MAX) {
        let end = tail(&path);
        let file = std::fs::OpenOptions::new().append(true).open(path);
        file.and_then(|mut file| file.set_len(0).and_then(|()| file.write_all(end.as_bytes()))).ok();
    }
}

/// The variable of its own by which a provider's log has its level: `TF_LOG_PROVIDER_AWS`.
fn log_of(program: &Path) -> Option<String> {
    let name = program.file_name()?.to_str()?.strip_prefix("terraform-provider-")?.split('_').next()?;
    Some(format!("TF_LOG_PROVIDER_{}", name.to_ascii_uppercase().replace('-', "_")))
}

/// Kills a provider and what it has started.
pub(crate) fn end(process: &Process, folder: &Path) {
    process.signal(Signal::KILL);
    end_session(process, folder);
}

/// `1|5|unix|/path|grpc|`: what every plugin says first.
async fn greet(process: &Process, folder: &Path) -> Result<(Dialect, PathBuf), Error> {
    loop {
        let ended = !process.is_alive();
        if !ended {
            bound_stderr(folder);
        }
        let line = handshake(folder);
        match line {
            Some(line) => return read_handshake(&line),
            None if ended => return Err(Error::Ended(said(folder))),
            None => tokio::time::sleep(LOOK).await,
        }
    }
}

/// The first line that it wrote, once it is whole or too long.
fn handshake(folder: &Path) -> Option<String> {
    let mut bytes = vec![0; HANDSHAKE_BYTES_MAX];
    let length = std::fs::File::open(folder.join(STDOUT)).and_then(|mut file| file.read(&mut bytes)).ok()?;
    let text = String::from_utf8_lossy(&bytes[..length]);
    match text.split_once('\n') {
        Some((line, _)) => Some(line.trim().to_owned()),
        None if length == HANDSHAKE_BYTES_MAX => Some(text.into_owned()),
        None => None,
    }
}

fn read_handshake(line: &str) -> Result<(Dialect, PathBuf), Error> {
    let parts: Vec<&str> = line.split('|').collect();
    let [core, protocol, network, address, transport, ..] = parts.as_slice() else {
        return Err(Error::Garbage(line.chars().take(200).collect()));
    };
    if (*core, *network, *transport) != ("1", "unix", "grpc") {
        return Err(Error::Garbage(line.chars().take(200).collect()));
    }
    let dialect = protocol.parse().ok().and_then(Dialect::from_number);
    let dialect = dialect.ok_or_else(|| Error::Protocol((*protocol).to_owned()))?;
    Ok((dialect, PathBuf::from(address)))
}

/// The end of what it wrote to its standard error, as the rest of a sentence.
fn said(folder: &Path) -> String {
    let text = tail(&folder.join(STDERR));
    if text.trim().is_empty() { String::new() } else { format!(": {}", text.trim()) }
}

/// The end of a file, as text.
pub(crate) fn tail(path: &Path) -> String {
    let Ok(mut file) = std::fs::File::open(path) else { return String::new() };
    let length = file.metadata().map_or(0, |about| about.len());
    let mut bytes = Vec::new();
    let read = file
        .seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))
        .and_then(|_| file.take(TAIL_BYTES).read_to_end(&mut bytes));
    read.map(|_| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
