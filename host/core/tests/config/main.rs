//! Reading configs: golden faults, and plans of whole flows.

mod catalog;
mod faults;
mod golden;
mod plans;
