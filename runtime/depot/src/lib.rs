//! Where attempts keep what outlives their pods.
