//! Reports as web pages: one file each, with its style and its pictures in it. No script, and nothing that a browser would
//! have to fetch; a policy in the page forbids both (CSP 3).
//!
//! Pictures are plain SVG without a `viewBox`: what is along them is in percent of the width and what is across in pixels,
//! so that text and marks keep their size from a telephone to a wide screen. `interval` draws what the counts allow to say,
//! `timeline` who came when in a trial, `history` a question over many runs; `matrix` is a table, and `legend` says in
//! words what the words mean.

mod history;
mod interval;
mod legend;
mod mark;
mod matrix;
mod page;
mod run;
mod scale;
mod scene;
mod timeline;

pub(super) use history::history;
pub(super) use interval::interval;
pub(super) use legend::{said_of_arms, said_of_depths, said_of_doubts};
pub(super) use mark::said;
pub(super) use matrix::{Column, Square, matrix};
pub(super) use page::{Crumb, page};
pub use run::html;
pub(super) use run::run_page;
pub use scene::{Part, scene};
