//! How a fault strikes: waits for its moment, does its harm, and mends what it did.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::scenario::{Fault, Harm, Moment, Victim};
use super::world::World;
use super::{Kind, Trouble, processes};
use crate::support::{on_path, python};

const LOOK: Duration = Duration::from_millis(10);

/// Lets a fault strike; where its moment does not come before `over`, it strikes nobody.
pub async fn strike(world: &World, fault: &Fault, over: &CancellationToken) -> Result<(), Trouble> {
    tokio::select! {
        () = wait_for(world, &fault.moment) => {}
        () = over.cancelled() => return Ok(()),
    }
    // Not cut short from here on: harm is mended.
    do_harm(world, fault, over).await
}

pub async fn wait_for(world: &World, moment: &Moment) {
    match moment {
        Moment::After(time) => sleep(*time).await,
        Moment::Into { command, nth, then } => {
            let mut seen = Vec::new();
            while seen.len() <= *nth {
                for found in processes::commands(&world.data, command) {
                    if !seen.contains(&found.folder) {
                        seen.push(found.folder);
                    }
                }
                sleep(LOOK).await;
            }
            sleep(*then).await;
        }
    }
}

async fn do_harm(world: &World, fault: &Fault, over: &CancellationToken) -> Result<(), Trouble> {
    let victim = fault.victim;
    match &fault.harm {
        Harm::KillDaemon(away) => {
            world.struck(victim, &format!("away for {away:?}"));
            return world.kill_daemon(*away).await;
        }
        Harm::KillSupervisor | Harm::KillTerraform | Harm::KillProvider | Harm::KillGateway => {
            kill_one(world, fault, over).await;
        }
        Harm::HangGateway(time) | Harm::HangProvider(time) => hang_one(world, fault, *time, over).await,
        Harm::FillDisk(time) => {
            // Filled by one at a time.
            let disk = world.disk.lock().await;
            let Some(disk) = &*disk else { return Ok(()) };
            world.struck(victim, &format!("for {time:?}"));
            disk.fill();
            sleep(*time).await;
            disk.make_room();
            world.note("the disk has room again");
        }
        Harm::LockDatabase(time) => return lock_database(world, *time).await,
        Harm::MoveClock(seconds, back) => {
            world.struck(victim, &format!("by {seconds} s, back after {back:?}"));
            std::fs::write(world.clock_file(), seconds.to_string()).unwrap();
            if let Some(time) = back {
                sleep(*time).await;
                std::fs::write(world.clock_file(), "0").unwrap();
                world.note("the clock is back");
            }
        }
        // Set before the trial began.
        Harm::Rule(_) => over.cancelled().await,
    }
    Ok(())
}

/// Kills one process of its kind; one that is at work is waited for.
async fn kill_one(world: &World, fault: &Fault, over: &CancellationToken) {
    let preferred = match &fault.moment {
        Moment::Into { command, .. } => command,
        Moment::After(_) => "apply",
    };
    while !over.is_cancelled() {
        for name in [preferred, "apply", "plan"] {
            for command in processes::commands(&world.data, name) {
                let pid = match fault.harm {
                    Harm::KillSupervisor => command.supervisor,
                    Harm::KillTerraform => command.terraform,
                    Harm::KillGateway => processes::gateway(&world.data),
                    // One of its own, where it was not to share one.
                    _ => command.terraform.and_then(|pid| processes::providers(pid, &world.data).pop()),
                };
                // Kept before, so that nobody sees its end without knowing the cause.
                if fault.harm == Harm::KillTerraform {
                    pid.inspect(|pid| world.killed_terraform(*pid));
                }
                if pid.is_some_and(processes::kill) {
                    world.struck(fault.victim, &format!("{pid:?} of {}", command.folder.display()));
                    return;
                }
            }
        }
        sleep(LOOK).await;
    }
}

/// Stops one process of its kind that serves whoever is at work, and lets it go on after `time`.
async fn hang_one(world: &World, fault: &Fault, time: Duration, over: &CancellationToken) {
    while !over.is_cancelled() {
        let at_work = ["apply", "plan"].iter().flat_map(|name| processes::commands(&world.data, name));
        for command in at_work {
            let pid = match fault.harm {
                Harm::HangGateway(_) => processes::gateway(&world.data),
                _ => command.terraform.and_then(|pid| processes::providers(pid, &world.data).pop()),
            };
            if let Some(pid) = pid.filter(|pid| processes::stop(*pid)) {
                world.struck(fault.victim, &format!("{pid} for {time:?}"));
                sleep(time).await;
                let goes_on = processes::go_on(pid, &world.data);
                world.note(&format!("{pid} {}", if goes_on { "goes on" } else { "was gone already" }));
                return;
            }
        }
        sleep(LOOK).await;
    }
}

const LOCKER: &str = "import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
database.execute('BEGIN EXCLUSIVE')
sys.stdout.write('!')
sys.stdout.flush()
sys.stdin.read()
database.execute('ROLLBACK')
";

async fn lock_database(world: &World, time: Duration) -> Result<(), Trouble> {
    let Some(python) = python().or_else(|| on_path("python3")) else {
        println!("skipped: a Python that locks the database not found");
        return Ok(());
    };
    let spawn = Command::new(python)
        .args(["-c", LOCKER])
        .arg(world.data.join("captd.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn();
    let mut locker = spawn.unwrap();
    let mut out = locker.stdout.take().unwrap();
    let is_locked = tokio::task::spawn_blocking(move || {
        let mut byte = [0];
        out.read_exact(&mut byte).is_ok()
    });
    if is_locked.await.unwrap() {
        world.struck(Victim::Database, &format!("for {time:?}"));
        sleep(time).await;
    }
    drop(locker.stdin.take());
    let ended = tokio::task::spawn_blocking(move || locker.wait()).await.unwrap().unwrap();
    world.note("the database is free again");
    // A database that cannot be read by others is broken.
    if ended.success() { Ok(()) } else { Err(Trouble::new(Kind::Other, "another process could not lock the database")) }
}
