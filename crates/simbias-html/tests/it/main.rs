//! What the renderers promise to the outside.

mod fixture;
mod page;
mod pictures;
mod terminal;
