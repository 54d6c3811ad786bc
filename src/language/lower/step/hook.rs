//! Hooks: with a label one command, without it steps.

use hcl_edit::structure::{Block, Body};
use pikoci_model::step::{Hook, Hooks};

use super::PlanStage;

impl PlanStage<'_, '_> {
    /// The hooks of a step or a job, each kind in file order.
    pub fn hooks(&mut self, body: &Body) -> Hooks {
        let mut hooks = Hooks::default();
        for block in body.blocks() {
            let kind = match block.ident.as_str() {
                "on_success" => &mut hooks.on_success,
                "on_failure" => &mut hooks.on_failure,
                "on_cancel" => &mut hooks.on_cancel,
                "ensure" => &mut hooks.ensure,
                _ => continue,
            };
            kind.extend(self.hook(block));
        }
        hooks
    }

    fn hook(&mut self, block: &Block) -> Option<Hook> {
        if !block.labels.is_empty() {
            let mut reader = self.types.reader();
            return self.rules.command(&mut reader, block, &[]).map(Hook::Command);
        }
        let steps = block.body.blocks().filter(|step| matches!(step.ident.as_str(), "task" | "put"));
        Some(Hook::Steps(steps.filter_map(|step| self.step_without_hooks(step)).collect()))
    }
}
