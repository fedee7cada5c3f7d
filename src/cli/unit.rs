//! `captd unit`: a systemd unit for this program.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::Exit;
use super::connection::Connection;
use super::output::say;

/// Where a service keeps its data.
const SERVICE_DATA: &str = "/var/lib/captd";

/// `captd unit`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  captd unit | sudo tee /etc/systemd/system/captd.service
  sudo useradd --system --home-dir /var/lib/captd captd
  sudo systemctl daemon-reload && sudo systemctl enable --now captd

Put other settings into captd.toml in the data folder. An upgrade is a new program and `systemctl restart captd`: what is at
work goes on. Before a reboot: `captd drain`.")]
pub(super) struct Args {
    /// The user that it runs as: not root
    #[arg(long, default_value = "captd", value_name = "USER")]
    user: String,
}

/// Prints it, with the paths of this program and of the data folder.
pub(super) fn run(args: &Args, connection: &Connection) -> Result<Exit> {
    let program = std::env::current_exe().context("cannot find the path of this program")?;
    let data_dir = match connection.given_data_dir() {
        Some(dir) => std::path::absolute(dir).context("the data folder has no absolute path")?,
        None => PathBuf::from(SERVICE_DATA),
    };
    for path in [&program, &data_dir] {
        let plain = path.to_str().is_some_and(|text| !text.contains(['"', '\\', '%', '$', '\n', ' ']));
        ensure!(plain, "{} holds characters that mean something else in a unit", path.display());
    }
    say(unit(&program, &data_dir, &args.user).trim_end())?;
    Ok(Exit::Done)
}

fn unit(program: &Path, data_dir: &Path, user: &str) -> String {
    let (program, data) = (program.display(), data_dir.display());
    // Below /var/lib systemd makes the folder, and lets its user write there.
    let state = data_dir.strip_prefix("/var/lib").map_or_else(
        |_| String::new(),
        |below| format!("StateDirectory={}\nStateDirectoryMode=0700\n", below.display()),
    );
    format!(
        "[Unit]
Description=captd, which drives Terraform for EKS managed node groups
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={program} serve --data-dir {data}
ExecReload=/bin/kill -HUP $MAINPID
User={user}
{state}Restart=always
RestartSec=2
TimeoutStartSec=300
WatchdogSec=60

# The end of the daemon is no end of its runs: only the daemon gets a signal, and what has run out of memory ends
# alone.
KillMode=process
OOMPolicy=continue

# A run that goes on sees the folders that it began with.
RuntimeDirectory=captd
RuntimeDirectoryPreserve=yes
PrivateTmp=no

# What holds for captd holds for terraform and its providers too; captd confines these by itself, with Landlock.
NoNewPrivileges=yes
ProtectSystem=full
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
"
    )
}
