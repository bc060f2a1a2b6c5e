//! Configs that tests and benches write.

use crate::binaries::component;
use std::fmt::Write;

/// A coordinator document with this parallelism, and the tenant `t`.
#[must_use]
pub fn head(parallelism: u32) -> String {
    format!(
        "apiVersion: wharf.dev/v1\nkind: Coordinator\nmetadata: {{name: wharf}}\nspec: {{parallelism: {parallelism}}}\n---\n\
         apiVersion: wharf.dev/v1\nkind: Tenant\nmetadata: {{name: t}}\nspec: {{}}\n"
    )
}

/// A flow document of tenant `t`; `spec` is YAML at two spaces.
#[must_use]
pub fn flow(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: wharf.dev/v1\nkind: Flow\nmetadata: {{name: {name}, namespace: t}}\nspec:\n{}\n",
        spec.trim_end()
    )
}

/// Fan-out of `params.n` items of a component that returns at once.
#[must_use]
pub fn fan_out(name: &str) -> String {
    flow(
        name,
        &format!(
            "  params: {{defaults: {{n: 1}}}}\n  tasks:\n    - name: item\n      component: {{path: {}}}\n      \
             forEach: {{items: \"{{{{ range(params.n) | list }}}}\"}}\n      input: \"{{{{ item }}}}\"\n",
            component("noop").display()
        ),
    )
}

/// `n` tasks, each of which needs the one before.
#[must_use]
pub fn chain(name: &str, n: usize) -> String {
    let path = component("noop");
    let mut spec = String::from("  tasks:\n");
    for i in 0..n {
        let needs = if i == 0 { String::new() } else { format!(", needs: [t{}]", i - 1) };
        let _ = writeln!(spec, "    - {{name: t{i}, component: {{path: {}}}, input: {i}{needs}}}", path.display());
    }
    flow(name, &spec)
}
