use super::TaskState;
use crate::event::RunId;

/// An event does not fit the run's state. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("run {run}: {why}")]
pub struct Illegal {
    /// The run.
    pub run: RunId,
    /// What does not fit.
    pub why: Why,
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The first event is not `Created`.
    #[error("its first event is not its creation")]
    NotCreated,
    /// It was created already.
    #[error("it was created already")]
    AlreadyCreated,
    /// No run of that number is known.
    #[error("there is no such run")]
    NoSuchRun,
    /// The flow of that digest was not given.
    #[error("the flow with digest `{0}` is not at hand")]
    UnknownFlow(String),
    /// The flow has more tasks than a position can name.
    #[error("its flow has {0} tasks, more than 65,535")]
    TooManyTasks(usize),
    /// No task of the flow is part of the run.
    #[error("no task of its flow is part of it")]
    NoTask,
    /// There is no task at that position, or it is not part of the run.
    #[error("it has no task {0}")]
    NoSuchTask(u16),
    /// The task has no such item, or is no fan-out, or is one.
    #[error("task {task} has no item {item:?}")]
    NoSuchItem {
        /// Position of the task.
        task: u16,
        /// Position in the fan-out.
        item: Option<u32>,
    },
    /// The task's state does not allow it.
    #[error("task {task} is {}", .state.as_str())]
    TaskIs {
        /// Position of the task.
        task: u16,
        /// Its state.
        state: TaskState,
    },
    /// The item is not the one that is next, and waits for no other attempt.
    #[error("item {item} of task {task} is not to be started")]
    NotDue {
        /// Position of the task.
        task: u16,
        /// Position in the fan-out; 0 for a plain task.
        item: u32,
    },
    /// The attempt has another number than the one that is next.
    #[error("attempt {attempt} of task {task} does not follow {last}")]
    Attempt {
        /// Position of the task.
        task: u16,
        /// As given.
        attempt: u32,
        /// The last one started.
        last: u32,
    },
    /// The attempt is not open: never started, or finished already.
    #[error("attempt {attempt} of task {task}, item {item:?}, is not open")]
    NotOpen {
        /// Position of the task.
        task: u16,
        /// Position in the fan-out.
        item: Option<u32>,
        /// As given.
        attempt: u32,
    },
    /// An outcome that says success where there was none, or the other way round.
    #[error("the outcome's cause does not fit")]
    Cause,
    /// The reason of a skip that is no event, but follows from the needs.
    #[error("the reason of the skip does not fit")]
    Reason,
    /// The run is final.
    #[error("it is final")]
    Final,
    /// The run is not final, or ended otherwise.
    #[error("it is not final")]
    NotFinal,
    /// The run was asked to stop.
    #[error("it was asked to stop")]
    Cancelling,
    /// The tasks to be reset are not in order, leave out tasks that depend on them, or have nothing to resume.
    #[error("these tasks cannot be started anew")]
    Reset,
    /// What was answered was not asked.
    #[error("no outputs of need {need} are awaited for task {task}")]
    NotAsked {
        /// Position of the task.
        task: u16,
        /// Position of the need.
        need: u16,
    },
}
