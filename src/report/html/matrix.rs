use maud::{Markup, html};

use super::mark::Said;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct Column {
    /// The arm.
    pub(in crate::report) arm: String,
    /// The form, and the doorway where that matters.
    pub(in crate::report) form: String,
}

/// What is said of a question in a row.
#[derive(Debug, Clone)]
pub(in crate::report) struct Square {
    /// What is said.
    pub(in crate::report) said: Said,
    /// In how many trials, and whatever else is worth a second line.
    pub(in crate::report) below: String,
    /// Where more is said.
    pub(in crate::report) link: String,
}

/// Many services, or variants of one, and the questions that were asked of them. The caption says what is to be seen.
pub(in crate::report) fn matrix(
    caption: &str,
    of: &str,
    columns: &[Column],
    rows: &[(Markup, Vec<Option<Square>>)],
) -> Markup {
    html! {
        // A table may be wider than the screen: whoever has no mouse scrolls it too.
        div.scrolls tabindex="0" role="region" aria-label=(caption) {
            table.matrix {
                caption { (caption) }
                thead {
                    tr {
                        th scope="col" { (of) }
                        @for column in columns {
                            th scope="col" { (column.arm) br; span.form { (column.form) } }
                        }
                    }
                }
                tbody {
                    @for (name, squares) in rows {
                        tr {
                            th scope="row" { (name) }
                            @for square in squares { td { (shown(square.as_ref())) } }
                        }
                    }
                }
            }
        }
    }
}

fn shown(square: Option<&Square>) -> Markup {
    html! {
        @match square {
            Some(square) => {
                a href=(square.link) { (square.said.badge()) }
                span.below { (square.below) }
            }
            None => { span.below { "not asked" } }
        }
    }
}
