//! What the shim says, in the words of the model.

use std::path::Path;

use nix::errno::Errno;
use pikoci_model::outcome::Ended;
use pikoci_model::port::{EndedStop, Spawn};

use crate::protocol::{Exit, SpawnFault, SpawnStage, StopOutcome, StuckProcess};
use crate::reaper::DEFAULT_PATH;

/// How a leader ended.
pub fn ended(exit: Exit) -> Ended {
    match exit {
        Exit::Code(code) => Ended::Exited(code),
        Exit::Signal(signal) => Ended::Signalled(signal),
        Exit::Lost => Ended::ShimLost,
    }
}

/// A process that outlives KILL.
pub fn stuck(process: &StuckProcess) -> Ended {
    Ended::Stuck {
        pid: process.pid,
        command: process.command.clone(),
        wait_channel: process.wait_channel.clone(),
    }
}

/// What a person needs to know about a command that could not be started.
#[derive(Debug, Clone)]
pub struct Asked {
    program: String,
    directory: String,
    path: String,
}

impl Asked {
    pub fn of(spawn: &Spawn) -> Self {
        Self {
            program: spawn.argv.first().cloned().unwrap_or_default(),
            directory: spawn.dir.display().to_string(),
            path: spawn.env.get("PATH").cloned().unwrap_or_else(|| DEFAULT_PATH.to_owned()),
        }
    }

    /// Why it was not started.
    pub fn not_started(&self, fault: &SpawnFault) -> Ended {
        let system = Errno::from_raw(fault.errno).desc();
        let reason = match fault.stage {
            SpawnStage::Program if fault.errno == Errno::ENOENT as i32 => return self.not_found(),
            SpawnStage::Program => system.to_owned(),
            SpawnStage::ZeroByte => {
                "an argument, a variable or the directory has a zero byte in it".to_owned()
            }
            SpawnStage::NoProgram => "no program is named".to_owned(),
            SpawnStage::Fork => format!("no process could be made: {system}"),
            SpawnStage::Files => format!("its files could not be handed over: {system}"),
            SpawnStage::Directory => format!("directory {} cannot be entered: {system}", self.directory),
        };
        Ended::NotStarted { program: self.program.clone(), reason }
    }

    /// The system says the same of a missing program and of a script whose interpreter is missing.
    fn not_found(&self) -> Ended {
        let written = self.program.contains('/');
        if written && Path::new(&self.directory).join(&self.program).exists() {
            let reason = "the file is there, but not the interpreter that its first line names".to_owned();
            return Ended::NotStarted { program: self.program.clone(), reason };
        }
        let searched = if written { self.directory.clone() } else { format!("PATH ({})", self.path) };
        Ended::NotFound { program: self.program.clone(), searched }
    }

    /// How one try of a stop ended.
    pub fn ended_stop(&self, outcome: &StopOutcome) -> EndedStop {
        match outcome {
            StopOutcome::Exit(exit) => EndedStop::Ended(ended(*exit)),
            StopOutcome::NotStarted(fault) => EndedStop::Ended(self.not_started(fault)),
            StopOutcome::TookTooLong(limit) => EndedStop::TimedOut(*limit),
        }
    }
}
