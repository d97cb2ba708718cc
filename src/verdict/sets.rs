/// What a report can show of one thing: a visitor may come with a new name every time.
const SHOWN: usize = 20;

/// Each item once, in the order first seen.
pub(super) fn each_once<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    once_up_to(usize::MAX, items)
}

/// The same, and no more than a report can show.
pub(super) fn first_once<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    once_up_to(SHOWN, items)
}

fn once_up_to<T: PartialEq>(most: usize, items: impl Iterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for item in items {
        if once.len() == most {
            break;
        }
        add_once(&mut once, item);
    }
    once
}

/// Adds an item that is not there yet.
pub(super) fn add_once<T: PartialEq>(once: &mut Vec<T>, item: T) {
    if !once.contains(&item) {
        once.push(item);
    }
}

/// The same, and no more than a report can show.
pub(super) fn add_shown<T: PartialEq>(once: &mut Vec<T>, item: T) {
    if once.len() < SHOWN {
        add_once(once, item);
    }
}

/// In order.
pub(super) fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items
}
