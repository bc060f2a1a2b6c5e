//! What follows from what: small pure questions, one a file, that the fold and the scheduler ask.

pub(crate) mod backoff;
pub(crate) mod gate;
pub(crate) mod missed;
pub(crate) mod prepare;
pub(crate) mod reset;
pub(crate) mod scope;
pub(crate) mod templates;
pub(crate) mod upstream;
