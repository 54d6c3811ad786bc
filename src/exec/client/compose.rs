//! From the model's request to the shim's command: private files get their numbers here.

use bytes::Bytes;
use pikoci_model::port::{LaunchError, Spawn};
use std::os::unix::ffi::OsStrExt;

use crate::protocol::{Command, HandedFile};
use crate::sys::harden::Surroundings;

/// First number at which a file is handed over.
const FIRST_FILE: i32 = 3;
/// Most files for one command.
const MOST_FILES: usize = 64;

/// The command, complete.
///
/// # Errors
/// Too many files.
pub fn command(spawn: &Spawn, surroundings: Surroundings) -> Result<Command, LaunchError> {
    if spawn.files.len() > MOST_FILES {
        let found = spawn.files.len();
        return Err(LaunchError::Refused(format!(
            "{found} files for one command, at most {MOST_FILES} are taken"
        )));
    }
    let numbered = || (FIRST_FILE..).zip(&spawn.files);
    let in_place = |text: &str| {
        let file = numbered().find(|(_, file)| file.placeholder == text);
        Bytes::from(file.map_or_else(|| text.to_owned(), |(number, _)| format!("/proc/self/fd/{number}")))
    };
    Ok(Command {
        argv: spawn.argv.iter().map(|argument| in_place(argument)).collect(),
        env: spawn.env.iter().map(|(name, value)| (Bytes::from(name.clone()), in_place(value))).collect(),
        directory: Bytes::copy_from_slice(spawn.dir.as_os_str().as_bytes()),
        files: numbered()
            .map(|(number, file)| HandedFile {
                number,
                content: Bytes::from(file.content.reveal().to_owned()),
            })
            .collect(),
        surroundings: Some(surroundings),
        fresh_pids: false,
    })
}
