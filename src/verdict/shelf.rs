/// Things by number. Their numbers are nearly consecutive, so that a thing stands where its number says or near it, and
/// neighbours stand side by side: a million of them are looked up without running to and fro in memory.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    /// By number, each once.
    things: Vec<(u64, T)>,
}

impl<T> Shelf<T> {
    /// Of several with one number the last is kept.
    pub(super) fn of(mut things: Vec<(u64, T)>) -> Self {
        things.reverse();
        things.sort_by_key(|(number, _)| *number);
        things.dedup_by_key(|(number, _)| *number);
        Self { things }
    }

    pub(super) fn get(&self, number: u64) -> Option<&T> {
        let place = self.place(number)?;
        self.things.get(place).map(|(_, thing)| thing)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let place = self.place(number)?;
        self.things.get_mut(place).map(|(_, thing)| thing)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.things.iter().map(|(_, thing)| thing)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.things.iter_mut().map(|(_, thing)| thing)
    }

    fn place(&self, number: u64) -> Option<usize> {
        let is_at = |place: usize| self.things.get(place).is_some_and(|(at, _)| *at == number);
        let first = self.things.first()?.0;
        let guess = usize::try_from(number.checked_sub(first)?).ok()?;
        if is_at(guess) {
            return Some(guess);
        }
        self.things
            .binary_search_by_key(&number, |(at, _)| *at)
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_found_by_number_and_the_last_of_several_is_kept() {
        let mut shelf = Shelf::of(vec![(7, 'a'), (5, 'b'), (7, 'c'), (6, 'd'), (90, 'e')]);
        let found = [4, 5, 6, 7, 8, 90, u64::MAX].map(|number| shelf.get(number).copied());
        assert_eq!(
            found,
            [None, Some('b'), Some('d'), Some('c'), None, Some('e'), None]
        );
        if let Some(thing) = shelf.get_mut(6) {
            *thing = 'x';
        }
        assert_eq!(shelf.iter().collect::<String>(), "bxce");
        assert_eq!(Shelf::<u8>::of(Vec::new()).get(1), None);
    }
}
