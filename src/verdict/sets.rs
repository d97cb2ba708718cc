/// Each item once, in the order first seen.
pub(super) fn each_once<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for item in items {
        if !once.contains(&item) {
            once.push(item);
        }
    }
    once
}

/// The same, and no more than a report can show: a visitor may come with a new name every time.
pub(super) fn first_once<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    const SHOWN: usize = 20;
    let mut once = Vec::new();
    for item in items {
        if once.len() == SHOWN {
            break;
        }
        if !once.contains(&item) {
            once.push(item);
        }
    }
    once
}

/// In order.
pub(super) fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items
}
