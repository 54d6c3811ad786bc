//! What the table of blocks is made of.

use crate::diagnostic::Code;

/// The kinds of block that differ in what they may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// The top level of a pipeline file.
    File,
    /// `variable "name"`
    Variable,
    /// `secret "type"` in a variable
    VariableSecret,
    /// `resource_type "name"`
    ResourceType,
    /// `resource "type" "name"`
    Resource,
    /// `runner_type "name"`
    RunnerType,
    /// `run` in a runner type: two templates
    RunTemplate,
    /// `secret_type "name"`
    SecretType,
    /// `service_type "name"`
    ServiceType,
    /// A block whose label names a runner
    Command,
    /// `ready_check "runner"`
    ReadyCheck,
    /// `runner "name"` in a type: the override of its commands' runner
    RunnerOverride,
    /// A block of free attributes: `params`, `defaults`
    FreeAttributes,
    /// `job "name"`
    Job,
    /// `get "type" "name"`
    Get,
    /// `task "name"`
    Task,
    /// `put "type" "name"`
    Put,
    /// `service "type" ["instance"]`
    Service,
    /// An unlabelled hook: steps
    HookSteps,
    /// A task in a hook: without hooks of its own
    TaskInHook,
    /// A put in a hook: without hooks of its own
    PutInHook,
}

/// How many labels a block has, and what they are called.
#[derive(Debug, Clone, Copy)]
pub struct Labels {
    /// What they are called, in order.
    pub names: &'static [&'static str],
    /// How many must be there.
    pub least: usize,
}

/// Which attributes a block takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attributes {
    /// Only those of its row.
    Listed,
    /// Any name.
    Free,
}

/// What is to be done with something that is known at this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is a block of this kind.
    Block(BlockKind),
    /// With a label it is a command, without it holds steps.
    Hook,
    /// A later version brings it.
    Later,
    /// It may not stand in a hook.
    NotInHook,
    /// It belonged to an abandoned design; the hint says what to use.
    Removed(&'static str),
    /// An old name of this block.
    Legacy(BlockKind, &'static str),
}

/// How often a block may stand in its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// As often as wanted.
    Many,
    /// Once; the code of the second one.
    Once(Code),
}

/// A nested block.
#[derive(Debug, Clone, Copy)]
pub struct BlockRule {
    /// Its name.
    pub word: &'static str,
    /// What it is.
    pub verdict: Verdict,
    /// How often.
    pub times: Times,
}

/// Who may use an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Everybody.
    Everywhere,
    /// The definitions that ship in the program.
    BuiltinOnly,
    /// Nobody yet: a later version brings it.
    Later,
}

/// An attribute.
#[derive(Debug, Clone, Copy)]
pub struct AttributeRule {
    /// Its name.
    pub name: &'static str,
    /// Who may use it.
    pub support: Support,
}

/// What a kind of block may hold.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Its labels.
    pub labels: Labels,
    /// Whether it takes other attributes than the listed.
    pub takes: Attributes,
    /// The listed attributes.
    pub attributes: &'static [AttributeRule],
    /// The nested blocks.
    pub blocks: &'static [BlockRule],
}
