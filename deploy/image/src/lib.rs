//! Container images from scratch, byte for byte the same each time, without a container engine.
//!
//! A [`Layer`] is a set of files, an [`Image`] is layers and how to start them, and [`Packed`] is that image as the blobs
//! of the OCI image format 1.0, ready to be [archived](Packed::archive).

mod archive;
mod blob;
mod image;
mod layer;

pub use blob::{Blob, MediaType};
pub use image::{Image, Packed, Platform};
pub use layer::Layer;
