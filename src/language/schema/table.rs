//! The table of blocks.

use super::shape::{AttributeRule, Attributes, BlockKind, BlockRule, Labels, Shape, Support, Times, Verdict};
use crate::diagnostic::Code;

/// The kind of the block called `word` in a block of kind `parent`.
#[must_use]
pub fn kind_of(parent: BlockKind, word: &str, labels: usize) -> Option<BlockKind> {
    let rule = shape(parent).blocks.iter().find(|rule| rule.word == word)?;
    match rule.verdict {
        Verdict::Block(kind) | Verdict::Legacy(kind, _) => Some(kind),
        Verdict::Hook => Some(hook_kind(labels)),
        Verdict::Later | Verdict::NotInHook | Verdict::Removed(_) => None,
    }
}

/// A hook with a label is a command.
pub(super) fn hook_kind(labels: usize) -> BlockKind {
    if labels == 0 { BlockKind::HookSteps } else { BlockKind::Command }
}

/// The row of a kind.
#[must_use]
pub fn shape(kind: BlockKind) -> &'static Shape {
    match kind {
        BlockKind::File => &FILE,
        BlockKind::Variable => &VARIABLE,
        BlockKind::VariableSecret => &VARIABLE_SECRET,
        BlockKind::ResourceType => &RESOURCE_TYPE,
        BlockKind::Resource => &RESOURCE,
        BlockKind::RunnerType => &RUNNER_TYPE,
        BlockKind::RunTemplate => &RUN_TEMPLATE,
        BlockKind::SecretType => &SECRET_TYPE,
        BlockKind::ServiceType => &SERVICE_TYPE,
        BlockKind::Command => &COMMAND,
        BlockKind::ReadyCheck => &READY_CHECK,
        BlockKind::RunnerOverride => &RUNNER_OVERRIDE,
        BlockKind::FreeAttributes => &FREE_ATTRIBUTES,
        BlockKind::Job => &JOB,
        BlockKind::Get => &GET,
        BlockKind::Task => &TASK,
        BlockKind::Put => &PUT,
        BlockKind::Service => &SERVICE,
        BlockKind::HookSteps => &HOOK_STEPS,
        BlockKind::TaskInHook => &TASK_IN_HOOK,
        BlockKind::PutInHook => &PUT_IN_HOOK,
    }
}

const NO_LABELS: Labels = labels(&[], 0);
const NAME: Labels = labels(&["name"], 1);
const TYPE: Labels = labels(&["type"], 1);
const RUNNER: Labels = labels(&["runner"], 1);
const TYPE_AND_NAME: Labels = labels(&["type", "name"], 2);

const fn labels(names: &'static [&'static str], least: usize) -> Labels {
    Labels { names, least }
}

const fn attribute(name: &'static str) -> AttributeRule {
    AttributeRule { name, support: Support::Everywhere }
}

const fn builtin_attribute(name: &'static str) -> AttributeRule {
    AttributeRule { name, support: Support::BuiltinOnly }
}

const fn later_attribute(name: &'static str) -> AttributeRule {
    AttributeRule { name, support: Support::Later }
}

const fn block(word: &'static str, kind: BlockKind, times: Times) -> BlockRule {
    BlockRule { word, verdict: Verdict::Block(kind), times }
}

const fn special(word: &'static str, verdict: Verdict) -> BlockRule {
    BlockRule { word, verdict, times: Times::Many }
}

const ONCE: Times = Times::Once(Code::Duplicate);
const MANY: Times = Times::Many;

const FILE: Shape = Shape {
    labels: NO_LABELS,
    takes: Attributes::Listed,
    attributes: &[],
    blocks: &[
        block("variable", BlockKind::Variable, MANY),
        block("resource_type", BlockKind::ResourceType, MANY),
        block("resource", BlockKind::Resource, MANY),
        block("runner_type", BlockKind::RunnerType, MANY),
        block("secret_type", BlockKind::SecretType, MANY),
        block("service_type", BlockKind::ServiceType, MANY),
        block("job", BlockKind::Job, MANY),
        special("runner", Verdict::Legacy(BlockKind::RunnerType, "runner_type")),
        special("service", Verdict::Legacy(BlockKind::ServiceType, "service_type")),
        special("secret", Verdict::Removed("use a variable with a `secret` block")),
        special("notification_type", Verdict::Later),
        special("notification", Verdict::Later),
        special("defaults", Verdict::Later),
    ],
};

const VARIABLE: Shape = Shape {
    labels: NAME,
    takes: Attributes::Listed,
    attributes: &[attribute("type"), attribute("default"), attribute("description")],
    blocks: &[block("secret", BlockKind::VariableSecret, Times::Once(Code::TwoSecrets))],
};

const VARIABLE_SECRET: Shape = Shape {
    labels: TYPE,
    takes: Attributes::Listed,
    attributes: &[attribute("path"), attribute("key")],
    blocks: &[],
};

const OVERRIDE: BlockRule = block("runner", BlockKind::RunnerOverride, Times::Once(Code::TwoOverrides));

const RESOURCE_TYPE: Shape = Shape {
    labels: NAME,
    takes: Attributes::Listed,
    attributes: &[attribute("source"), attribute("sha256"), attribute("params"), attribute("cache")],
    blocks: &[
        block("check", BlockKind::Command, ONCE),
        block("pull", BlockKind::Command, ONCE),
        block("push", BlockKind::Command, ONCE),
        block("defaults", BlockKind::FreeAttributes, ONCE),
        OVERRIDE,
    ],
};

const RESOURCE: Shape = Shape {
    labels: TYPE_AND_NAME,
    takes: Attributes::Listed,
    attributes: &[
        attribute("params"),
        attribute("check_interval"),
        attribute("tags"),
        attribute("cache"),
        attribute("icon"),
        attribute("description"),
    ],
    blocks: &[block("params", BlockKind::FreeAttributes, ONCE)],
};

const RUNNER_TYPE: Shape = Shape {
    labels: NAME,
    takes: Attributes::Listed,
    attributes: &[attribute("source"), attribute("sha256"), attribute("params")],
    blocks: &[block("run", BlockKind::RunTemplate, ONCE)],
};

const RUN_TEMPLATE: Shape = Shape {
    labels: NO_LABELS,
    takes: Attributes::Listed,
    attributes: &[attribute("path"), attribute("args")],
    blocks: &[],
};

const SECRET_TYPE: Shape = Shape {
    labels: NAME,
    takes: Attributes::Free,
    attributes: &[attribute("source"), attribute("sha256"), attribute("params")],
    blocks: &[block("get", BlockKind::Command, ONCE), OVERRIDE],
};

const SERVICE_TYPE: Shape = Shape {
    labels: NAME,
    takes: Attributes::Listed,
    attributes: &[attribute("source"), attribute("sha256"), attribute("params"), builtin_attribute("suffix")],
    blocks: &[
        block("start", BlockKind::Command, ONCE),
        block("process", BlockKind::Command, ONCE),
        block("ready_check", BlockKind::ReadyCheck, ONCE),
        block("stop", BlockKind::Command, ONCE),
        block("defaults", BlockKind::FreeAttributes, ONCE),
        OVERRIDE,
    ],
};

const COMMAND: Shape = Shape {
    labels: RUNNER,
    takes: Attributes::Free,
    attributes: &[attribute("path"), attribute("args"), attribute("env")],
    blocks: &[],
};

const READY_CHECK: Shape = Shape {
    labels: RUNNER,
    takes: Attributes::Free,
    attributes: &[
        attribute("path"),
        attribute("args"),
        attribute("env"),
        attribute("interval"),
        attribute("timeout"),
    ],
    blocks: &[],
};

const RUNNER_OVERRIDE: Shape =
    Shape { labels: RUNNER, takes: Attributes::Free, attributes: &[attribute("args")], blocks: &[] };

const FREE_ATTRIBUTES: Shape =
    Shape { labels: NO_LABELS, takes: Attributes::Free, attributes: &[], blocks: &[] };

const JOB: Shape = Shape {
    labels: NAME,
    takes: Attributes::Listed,
    attributes: &[
        attribute("tags"),
        attribute("concurrency"),
        attribute("serial_groups"),
        attribute("timeout"),
        attribute("disable_retry"),
        attribute("allow_failure"),
        attribute("interruptible"),
        attribute("on_worker_loss"),
        attribute("description"),
        attribute("public"),
        later_attribute("for_each"),
        later_attribute("image"),
        later_attribute("pull_policy"),
        later_attribute("variables"),
        later_attribute("env"),
    ],
    blocks: &[
        block("get", BlockKind::Get, MANY),
        block("task", BlockKind::Task, MANY),
        block("put", BlockKind::Put, MANY),
        block("service", BlockKind::Service, MANY),
        special("on_success", Verdict::Hook),
        special("on_failure", Verdict::Hook),
        special("on_cancel", Verdict::Hook),
        special("ensure", Verdict::Hook),
        special("on_trigger", Verdict::Later),
        special("notify", Verdict::Later),
        special("in_parallel", Verdict::Later),
        special("if", Verdict::Later),
        special("else_if", Verdict::Later),
        special("else", Verdict::Later),
        special("approve", Verdict::Later),
        special("input", Verdict::Later),
        special("matrix", Verdict::Later),
    ],
};

const GET: Shape = Shape {
    labels: TYPE_AND_NAME,
    takes: Attributes::Listed,
    attributes: &[
        attribute("trigger"),
        attribute("passed"),
        attribute("version"),
        attribute("timeout"),
        attribute("attempts"),
    ],
    blocks: HOOKS,
};

const TASK_ATTRIBUTES: &[AttributeRule] = &[
    attribute("inputs"),
    attribute("outputs"),
    attribute("env"),
    attribute("timeout"),
    attribute("attempts"),
];

const TASK: Shape = Shape {
    labels: NAME,
    takes: Attributes::Listed,
    attributes: TASK_ATTRIBUTES,
    blocks: &[
        block("run", BlockKind::Command, Times::Once(Code::RunCount)),
        HOOKS[0],
        HOOKS[1],
        HOOKS[2],
        HOOKS[3],
    ],
};

const PUT_ATTRIBUTES: &[AttributeRule] =
    &[attribute("skip_get"), attribute("timeout"), attribute("attempts")];

const PUT: Shape = Shape {
    labels: TYPE_AND_NAME,
    takes: Attributes::Free,
    attributes: PUT_ATTRIBUTES,
    blocks: &[block("params", BlockKind::FreeAttributes, ONCE), HOOKS[0], HOOKS[1], HOOKS[2], HOOKS[3]],
};

const SERVICE: Shape =
    Shape { labels: labels(&["type", "instance"], 1), takes: Attributes::Free, attributes: &[], blocks: &[] };

const HOOKS: &[BlockRule] = &[
    special("on_success", Verdict::Hook),
    special("on_failure", Verdict::Hook),
    special("on_cancel", Verdict::Hook),
    special("ensure", Verdict::Hook),
];

const NO_HOOKS: &[BlockRule] = &[
    special("on_success", Verdict::NotInHook),
    special("on_failure", Verdict::NotInHook),
    special("on_cancel", Verdict::NotInHook),
    special("ensure", Verdict::NotInHook),
];

const HOOK_STEPS: Shape = Shape {
    labels: NO_LABELS,
    takes: Attributes::Listed,
    attributes: &[],
    blocks: &[
        block("task", BlockKind::TaskInHook, MANY),
        block("put", BlockKind::PutInHook, MANY),
        special("notify", Verdict::Later),
        special("get", Verdict::NotInHook),
        special("service", Verdict::NotInHook),
        special("if", Verdict::NotInHook),
        special("else_if", Verdict::NotInHook),
        special("else", Verdict::NotInHook),
        special("in_parallel", Verdict::NotInHook),
        NO_HOOKS[0],
        NO_HOOKS[1],
        NO_HOOKS[2],
        NO_HOOKS[3],
    ],
};

const TASK_IN_HOOK: Shape = Shape {
    labels: NAME,
    takes: Attributes::Listed,
    attributes: TASK_ATTRIBUTES,
    blocks: &[
        block("run", BlockKind::Command, Times::Once(Code::RunCount)),
        NO_HOOKS[0],
        NO_HOOKS[1],
        NO_HOOKS[2],
        NO_HOOKS[3],
    ],
};

const PUT_IN_HOOK: Shape = Shape {
    labels: TYPE_AND_NAME,
    takes: Attributes::Free,
    attributes: PUT_ATTRIBUTES,
    blocks: &[
        block("params", BlockKind::FreeAttributes, ONCE),
        NO_HOOKS[0],
        NO_HOOKS[1],
        NO_HOOKS[2],
        NO_HOOKS[3],
    ],
};
