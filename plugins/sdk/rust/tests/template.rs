//! The source of the project template is compiled and tested with the SDK that it is written for.

#[path = "../template/src/lib.rs"]
#[allow(unreachable_pub, reason = "the template knows no such lint")]
mod template;
