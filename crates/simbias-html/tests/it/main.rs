//! What the renderers promise to the outside.

mod fixture;
mod notebook;
mod page;
mod pictures;
mod terminal;
