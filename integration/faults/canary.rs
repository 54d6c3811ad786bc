//! Bystanders: same user, same names, one with the number of a process that was the build's. None may be touched.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{Fallible, kernel};

/// Attempts at getting one number: others start processes at the same time.
const TRIES: u32 = 200;
const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";

/// The bystanders of one yard. They end when dropped.
pub struct Canaries {
    alive: Vec<Child>,
    user: Option<u32>,
}

impl Canaries {
    /// A daemon like the services', and a namesake of the program's own processes.
    pub fn stand(namesake: &Path, user: Option<u32>) -> Fallible<Self> {
        let mut canaries = Self { alive: Vec::new(), user };
        for program in [Path::new("sleep"), namesake] {
            canaries.alive.push(stand(program, user)?);
        }
        Ok(canaries)
    }

    /// Lets one stand with this number, which must be free; says whether the kernel gave it.
    pub fn recycle(&mut self, pid: i32) -> bool {
        for _ in 0..TRIES {
            if fs::write(LAST_PID, (pid - 1).to_string()).is_err() {
                return false;
            }
            let Ok(mut canary) = stand(Path::new("sleep"), self.user) else { return false };
            if i32::try_from(canary.id()) == Ok(pid) {
                self.alive.push(canary);
                return true;
            }
            let _ = canary.kill();
            let _ = canary.wait();
        }
        false
    }

    /// How many have been ended by somebody.
    pub fn killed(&mut self) -> usize {
        self.alive.iter_mut().filter_map(|canary| canary.try_wait().ok().flatten()).count()
    }
}

impl Drop for Canaries {
    fn drop(&mut self) {
        for canary in &mut self.alive {
            let _ = canary.kill();
            let _ = canary.wait();
        }
    }
}

fn stand(program: &Path, user: Option<u32>) -> Fallible<Child> {
    let mut command = Command::new(program);
    command.arg("86413").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    if let Some(user) = user {
        // SAFETY: between fork and exec only system calls are made.
        unsafe { command.pre_exec(move || kernel::become_user(user)) };
    }
    command.spawn().map_err(|error| format!("{}: {error}", program.display()))
}
