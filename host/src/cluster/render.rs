use super::objects::{COMPILER, Objects};
use super::yaml;

/// The objects as YAML documents, the same text for the same plan. What they leave out is said in comments.
#[must_use]
pub fn render(objects: &Objects, operator: &str) -> String {
    let mut text = format!(
        "# The compiler's keys are made once and kept by the cluster, not here: Secret and ConfigMap {operator}/{COMPILER}.\n\
         # `wharf cluster apply` makes them; else: wharf cluster compiler-key | kubectl create -f -\n"
    );
    for note in &objects.notes {
        text.push_str(&format!("# {note}\n"));
    }
    for object in &objects.objects {
        text.push_str("---\n");
        text.push_str(&yaml::document(&object.body));
    }
    text
}
