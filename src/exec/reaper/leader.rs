//! Starting the leader: everything is made ready before the fork, and a fault is told through a pipe that `exec` closes.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use bytes::Bytes;
use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, chdir, getpid, getppid, setsid};

use crate::protocol::{Command, SpawnFault, SpawnStage};
use crate::sys::fork::{self, Pointers, exec};
use crate::sys::{deadline, descriptors, harden, namespaces, signals};

/// Searched when the command's environment has no `PATH`.
pub const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Exit code of a child that could not execute its program; nobody sees it, the pipe tells more.
const NOT_EXECUTED: i32 = 127;

/// The reaper hears nobody until the program runs: one whose directory or file lies on a dead network is not waited for.
const LONGEST_START: Duration = Duration::from_secs(30);

/// A leader that has been forked. Its program runs as soon as [`Birth::outcome`] says so.
pub struct Leader {
    pub pid: Pid,
    pub birth: Birth,
}

/// The pipe on which a fault of the start is told; it ends without a word when the program runs.
pub struct Birth(File);

impl Birth {
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// To be called when the pipe is readable.
    pub fn outcome(mut self) -> Result<(), SpawnFault> {
        let mut told = [0u8; 5];
        match self.0.read_exact(&mut told) {
            Err(_) => Ok(()),
            Ok(()) => {
                let stage = match told[0] {
                    b'f' => SpawnStage::Files,
                    b'd' => SpawnStage::Directory,
                    b'k' => SpawnStage::Fork,
                    _ => SpawnStage::Program,
                };
                Err(SpawnFault { stage, errno: i32::from_ne_bytes([told[1], told[2], told[3], told[4]]) })
            }
        }
    }
}

/// Starts the leader of `command`; comes back when its program runs, or when it has ended without.
pub fn start(
    command: &Command,
    output: &OwnedFd,
    errors: &OwnedFd,
    group: Option<BorrowedFd<'_>>,
) -> Result<Leader, SpawnFault> {
    let mut prepared = Prepared::new(command, output, errors)?;
    prepared.is_first = command.fresh_pids && namespaces::number_children_anew();
    let (told, tell) = descriptors::pipe().map_err(|error| fault(SpawnStage::Fork, &error))?;
    let reaper = getpid();
    let pid = fork::program(group, &|| {
        let (stage, error) = prepared.become_program(reaper);
        let mut message = [stage, 0, 0, 0, 0];
        message[1..].copy_from_slice(&error.raw_os_error().unwrap_or_default().to_ne_bytes());
        let _ = nix::unistd::write(&tell, &message);
        NOT_EXECUTED
    })
    .map_err(|error| fault(SpawnStage::Fork, &error))?;
    Ok(Leader { pid, birth: Birth(File::from(told)) })
}

fn fault(stage: SpawnStage, error: &io::Error) -> SpawnFault {
    SpawnFault { stage, errno: error.raw_os_error().unwrap_or_default() }
}

/// All that a leader needs, allocated before the fork.
struct Prepared {
    candidates: Vec<CString>,
    argv: Pointers,
    /// For a text file without an interpreter line: the shell, then the file.
    script_argv: Vec<Pointers>,
    env: Pointers,
    directory: CString,
    standard: [OwnedFd; 3],
    files: Vec<(i32, OwnedFd)>,
    surroundings: Option<harden::Surroundings>,
    /// It is the first process of a space of numbers.
    is_first: bool,
}

impl Prepared {
    fn new(command: &Command, output: &OwnedFd, errors: &OwnedFd) -> Result<Self, SpawnFault> {
        let zero = |_| SpawnFault { stage: SpawnStage::ZeroByte, errno: 0 };
        let Some(program) = command.argv.first().filter(|program| !program.is_empty()) else {
            return Err(SpawnFault { stage: SpawnStage::NoProgram, errno: 0 });
        };
        let candidates: Vec<CString> = candidates(program, &command.env)
            .into_iter()
            .map(CString::new)
            .collect::<Result<_, _>>()
            .map_err(zero)?;
        let argv: Vec<CString> =
            command.argv.iter().map(|one| CString::new(&one[..])).collect::<Result<_, _>>().map_err(zero)?;
        let env: Vec<CString> = command
            .env
            .iter()
            .map(|(name, value)| CString::new([&name[..], b"=", &value[..]].concat()))
            .collect::<Result<_, _>>()
            .map_err(zero)?;
        let script_argv = candidates.iter().map(|file| script_argv(file, &argv)).collect();
        let (standard, files) =
            descriptors_of(command, output, errors).map_err(|error| fault(SpawnStage::Files, &error))?;
        Ok(Self {
            candidates,
            argv: Pointers::new(argv),
            script_argv,
            env: Pointers::new(env),
            directory: CString::new(&command.directory[..]).map_err(zero)?,
            standard,
            files,
            surroundings: command.surroundings,
            is_first: false,
        })
    }

    /// Runs in the child, comes back only with what went wrong.
    fn become_program(&self, reaper: Pid) -> (u8, io::Error) {
        signals::default_everything();
        deadline::die_unless_executed_within(LONGEST_START);
        let _ = setsid();
        let _ = prctl::set_pdeathsig(Signal::SIGKILL);
        if self.is_first {
            // Its parent has no number there, and a `/proc` that shows too much is no reason not to run.
            let _ = namespaces::own_proc();
        } else if getppid() != reaper {
            return (b'k', io::Error::from(Errno::ESRCH));
        }
        harden::be_as_usual();
        if let Some(surroundings) = &self.surroundings {
            surroundings.enter();
        }
        if let Err(error) = self.place_descriptors() {
            return (b'f', error);
        }
        if let Err(error) = chdir(self.directory.as_c_str()) {
            return (b'd', error.into());
        }
        (b'p', self.execute())
    }

    fn place_descriptors(&self) -> io::Result<()> {
        for (target, source) in (0..).zip(&self.standard) {
            descriptors::put_at(source.as_fd(), target)?;
        }
        for (target, source) in &self.files {
            descriptors::put_at(source.as_fd(), *target)?;
        }
        Ok(())
    }

    /// Tries the places in order, as a shell does: one that may not be entered is remembered while the search goes on.
    fn execute(&self) -> io::Error {
        let mut denied = None;
        for (path, script_argv) in self.candidates.iter().zip(&self.script_argv) {
            let error = exec(path, &self.argv, &self.env);
            match error.raw_os_error() {
                Some(libc::ENOEXEC) => return exec(c"/bin/sh", script_argv, &self.env),
                Some(libc::EACCES) => denied = Some(error),
                Some(libc::ENOENT | libc::ENOTDIR) => {}
                _ => return error,
            }
        }
        denied.unwrap_or_else(|| io::Error::from(Errno::ENOENT))
    }
}

fn script_argv(file: &CString, argv: &[CString]) -> Pointers {
    let mut all = vec![c"sh".to_owned(), file.clone()];
    all.extend_from_slice(argv.get(1..).unwrap_or_default());
    Pointers::new(all)
}

/// Where the program may lie.
fn candidates(program: &[u8], env: &[(Bytes, Bytes)]) -> Vec<Vec<u8>> {
    if program.contains(&b'/') {
        return vec![program.to_vec()];
    }
    let path = env.iter().find(|(name, _)| &name[..] == b"PATH");
    let path = path.map_or(DEFAULT_PATH.as_bytes(), |(_, value)| &value[..]);
    path.split(|byte| *byte == b':')
        .map(|place| if place.is_empty() { b"." } else { place })
        .map(|place| [place, b"/", program].concat())
        .collect()
}

type Placed = ([OwnedFd; 3], Vec<(i32, OwnedFd)>);

fn descriptors_of(command: &Command, output: &OwnedFd, errors: &OwnedFd) -> io::Result<Placed> {
    let null = File::open("/dev/null")?;
    let standard = [
        descriptors::out_of_the_way(null.as_fd())?,
        descriptors::out_of_the_way(output.as_fd())?,
        descriptors::out_of_the_way(errors.as_fd())?,
    ];
    let mut files = Vec::with_capacity(command.files.len());
    for file in &command.files {
        if !(3..=200).contains(&file.number) {
            return Err(io::Error::from(Errno::EBADF));
        }
        let mut memory = File::from(memfd_create(c"pikoci-script", MFdFlags::MFD_CLOEXEC)?);
        memory.write_all(&file.content)?;
        nix::sys::stat::fchmod(&memory, nix::sys::stat::Mode::S_IRUSR)?;
        files.push((file.number, descriptors::out_of_the_way(memory.as_fd())?));
    }
    Ok((standard, files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_searched_in_the_path_of_its_own_environment() {
        let env = [(Bytes::from("PATH"), Bytes::from("/a::/b"))];
        assert_eq!(candidates(b"x", &env), [b"/a/x".to_vec(), b"./x".to_vec(), b"/b/x".to_vec()]);
        assert_eq!(candidates(b"./x", &env), [b"./x".to_vec()]);
        assert_eq!(candidates(b"x", &[]).len(), 3);
    }

    #[test]
    fn with_fresh_numbers_nobody_else_is_seen_or_hit() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let script = "echo $$; echo /proc/[0-9]*; kill -0 $0 2>/dev/null || echo nobody";
        let argv = ["sh", "-c", script, &std::process::id().to_string()];
        let command = Command {
            argv: argv.iter().map(|argument| Bytes::from((*argument).to_owned())).collect(),
            directory: Bytes::from("/"),
            fresh_pids: true,
            ..Command::default()
        };
        // Where even root may not, as in many a container, it runs among the host's processes.
        let apart = std::thread::spawn(namespaces::number_children_anew).join().unwrap();
        // The space of numbers is that of the thread that asks for it, and the leader ends with its thread.
        let run = move || {
            let (read, write) = descriptors::pipe().unwrap();
            let leader = start(&command, &write, &write, None).unwrap().pid;
            drop(write);
            let mut said = String::new();
            File::from(read).read_to_string(&mut said).unwrap();
            let _ = nix::sys::wait::waitpid(leader, None);
            said
        };
        let said = std::thread::spawn(run).join().unwrap();
        assert!(!apart || said == "1\n/proc/1\nnobody\n", "{said}");
    }
}
