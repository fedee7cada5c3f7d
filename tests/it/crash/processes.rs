//! Processes of a trial: those that live in its data folder, and no others.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A command of a run that is at work.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    pub folder: PathBuf,
    pub supervisor: Option<u32>,
    pub terraform: Option<u32>,
}

/// Commands named `name` (`plan`, `apply` …) of runs in `data` that are at work.
pub fn commands(data: &Path, name: &str) -> Vec<Command> {
    let runs = fs::read_dir(data.join("runs")).into_iter().flatten().flatten();
    let steps = runs.flat_map(|run| fs::read_dir(run.path()).into_iter().flatten().flatten());
    let folders = steps.map(|step| step.path()).filter(|folder| {
        let named = folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once('-'));
        named.is_some_and(|(_, rest)| rest == name) && !folder.join("exit.json").exists()
    });
    let commands = folders.map(|folder| Command {
        supervisor: pid_in(&folder.join("supervisor.json")).filter(|pid| lives_in(*pid, data)),
        terraform: pid_in(&folder.join("terraform.json")).filter(|pid| lives_in(*pid, data)),
        folder,
    });
    commands.filter(|command| command.supervisor.is_some() || command.terraform.is_some()).collect()
}

fn pid_in(record: &Path) -> Option<u32> {
    let value: Value = serde_json::from_slice(&fs::read(record).ok()?).ok()?;
    u32::try_from(value["pid"].as_u64()?).ok()
}

/// Provider processes that `terraform` may use: those that all share, and those that it has started.
pub fn providers(terraform: u32, data: &Path) -> Vec<u32> {
    let shared = fs::read_dir(data.join("gateway/p")).into_iter().flatten().flatten();
    let shared = shared.filter_map(|entry| {
        let record: Value = serde_json::from_slice(&fs::read(entry.path().join("process.json")).ok()?).ok()?;
        u32::try_from(record["process"]["pid"].as_u64()?).ok().filter(|pid| lives_in(*pid, data))
    });
    let own = all().filter(|pid| parent(*pid) == Some(terraform));
    shared.chain(own.filter(|pid| command_line(*pid).contains("terraform-provider"))).collect()
}

/// The gateway.
pub fn gateway(data: &Path) -> Option<u32> {
    let record: Value = serde_json::from_slice(&fs::read(data.join("gateway/gateway.json")).ok()?).ok()?;
    u32::try_from(record["process"]["pid"].as_u64()?).ok().filter(|pid| lives_in(*pid, data))
}

/// Whether it is the daemon, its gateway, or a process that this keeps warm.
pub fn stays_with_the_daemon(pid: u32, line: &str, data: &Path) -> bool {
    let is_warm = fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(data.join("gateway/p")));
    is_warm || (line.contains(" serve ") && line.contains("captd"))
}

/// Processes that name the folder, or work in it: pid and command line.
pub fn living_in(data: &Path) -> Vec<(u32, String)> {
    all().filter(|pid| lives_in(*pid, data)).map(|pid| (pid, command_line(pid))).collect()
}

/// Kills one; false when it is gone.
pub fn kill(pid: u32) -> bool {
    send(pid, Signal::KILL)
}

/// Stops one where it stands; false when it is gone.
pub fn stop(pid: u32) -> bool {
    send(pid, Signal::STOP)
}

/// Lets one go on that was stopped, if it is there still.
pub fn go_on(pid: u32, data: &Path) -> bool {
    lives_in(pid, data) && send(pid, Signal::CONT)
}

fn send(pid: u32, signal: Signal) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
}

fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(|pid| *pid != std::process::id())
}

fn lives_in(pid: u32, data: &Path) -> bool {
    let name = data.to_str().unwrap();
    let file = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let names = |bytes: &[u8]| bytes.windows(name.len()).any(|part| part == name.as_bytes());
    let works_there = fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(data));
    (works_there || names(&file("cmdline")) || names(&file("environ"))) && state_of(pid) != Some('Z')
}

fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ").trim().to_owned()
}

/// State and parent: the fields after the name, which is in parentheses and may hold anything.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn state_of(pid: u32) -> Option<char> {
    stat(pid).map(|(state, _)| state)
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid).map(|(_, parent)| parent)
}
