//! Which task comes after which.

use crate::config::elements::task::Task;
use crate::config::fault::Code;
use crate::config::reader::Reader;
use crate::schedule::nearest;
use std::collections::HashMap;

/// The tasks in topological order.
#[derive(Debug)]
pub(super) struct Graph {
    /// Declared position of the task at each place.
    pub(super) order: Vec<usize>,
    /// Places of the needs of the task at each place, ascending.
    pub(super) needs: Vec<Vec<usize>>,
    /// Places of those that need the task at each place, ascending.
    pub(super) dependents: Vec<Vec<usize>>,
}

impl Graph {
    /// The places of all that must be final before the task at a place is ready.
    pub(super) fn before(&self, place: usize) -> Vec<usize> {
        let mut seen = vec![false; self.order.len()];
        let mut open = self.needs[place].clone();
        while let Some(next) = open.pop() {
            if !std::mem::replace(&mut seen[next], true) {
                open.extend(&self.needs[next]);
            }
        }
        (0..seen.len()).filter(|i| seen[*i]).collect()
    }
}

/// Orders the tasks: each after its needs, otherwise as declared. None where they go in a circle.
pub(super) fn order(reader: &mut Reader<'_>, tasks: &[Task]) -> Option<Graph> {
    let positions: HashMap<&str, usize> = tasks.iter().enumerate().map(|(i, t)| (t.name.value.as_str(), i)).collect();
    let needs: Vec<Vec<usize>> = tasks.iter().map(|task| find_needs(reader, task, &positions)).collect();
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); tasks.len()];
    for (task, needs) in needs.iter().enumerate() {
        needs.iter().for_each(|need| dependents[*need].push(task));
    }
    let mut missing: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut ready: std::collections::BTreeSet<usize> = (0..tasks.len()).filter(|i| missing[*i] == 0).collect();
    let mut order = Vec::with_capacity(tasks.len());
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for dependent in &dependents[next] {
            missing[*dependent] -= 1;
            if missing[*dependent] == 0 {
                ready.insert(*dependent);
            }
        }
    }
    if order.len() < tasks.len() {
        report_cycle(reader, tasks, &needs, &missing);
        return None;
    }
    let mut places = vec![0; tasks.len()];
    order.iter().enumerate().for_each(|(place, task)| places[*task] = place);
    let placed = |lists: &[Vec<usize>]| {
        let of = |task: &usize| {
            let mut list: Vec<usize> = lists[*task].iter().map(|t| places[*t]).collect();
            list.sort_unstable();
            list
        };
        order.iter().map(of).collect()
    };
    Some(Graph { needs: placed(&needs), dependents: placed(&dependents), order })
}

fn find_needs(reader: &mut Reader<'_>, task: &Task, positions: &HashMap<&str, usize>) -> Vec<usize> {
    let mut needs = Vec::new();
    for need in &task.needs {
        match positions.get(need.value.as_str()) {
            Some(position) if needs.contains(position) => {
                reader.error(need.at, Code::DuplicateName, format!("the need `{need}` stands twice"));
            }
            Some(position) => needs.push(*position),
            None => {
                let message = format!(
                    "`{}` needs `{}`, which is no task of the flow",
                    task.name,
                    crate::schedule::shown(&need.value)
                );
                let mut names: Vec<_> = positions.keys().copied().collect();
                names.sort_unstable();
                let hint = match nearest(&need.value, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!(
                        "the tasks are {}",
                        names.iter().take(20).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
                    ),
                };
                reader.error_hint(need.at, Code::NotFound, message, hint);
            }
        }
    }
    needs
}

/// Goes back along needs that are in the way until a task comes twice.
fn report_cycle(reader: &mut Reader<'_>, tasks: &[Task], needs: &[Vec<usize>], missing: &[usize]) {
    let Some(start) = missing.iter().position(|m| *m > 0) else { return };
    let mut path = vec![start];
    let first = loop {
        let last = path[path.len() - 1];
        let Some(next) = needs[last].iter().copied().find(|n| missing[*n] > 0) else { return };
        if let Some(first) = path.iter().position(|t| *t == next) {
            break first;
        }
        path.push(next);
    };
    let cycle = &path[first..];
    let name = |task: &usize| format!("`{}`", tasks[*task].name);
    let shown: Vec<_> = cycle.iter().chain([&cycle[0]]).map(name).collect();
    let (from, to) = (&tasks[cycle[0]], &tasks[*cycle.get(1).unwrap_or(&cycle[0])]);
    let at = from.needs.iter().find(|n| n.value == to.name.value).map_or(from.name.at, |n| n.at);
    let message = format!("tasks need each other in a circle: {}", shown.join(" needs "));
    reader.error_hint(at, Code::Cycle, message, "take one of these needs away");
}
