//! A hash table whose keys are random already, or the result of a keyed hash: they are not hashed again.

use hashbrown::HashTable;

/// A key whose bits nobody can choose.
pub(super) trait Random: Copy + Eq {
    fn bits(self) -> u64;
}

impl Random for u64 {
    fn bits(self) -> u64 {
        self
    }
}

impl Random for u128 {
    fn bits(self) -> u64 {
        let [low, high] = [self & u128::from(u64::MAX), self >> 64].map(|half| u64::try_from(half).unwrap_or(0));
        low ^ high
    }
}

/// Values by such keys.
pub(super) struct ByRandom<K, V>(HashTable<(K, V)>);

impl<K: Random, V> ByRandom<K, V> {
    /// What this takes at most with so many entries, in octets: a power of two of places, seven eighths of which are used, with
    /// an octet each.
    pub(super) const fn octets_at_most(entries: usize) -> usize {
        let places = entries.saturating_add(entries.div_ceil(7)).next_power_of_two();
        places.saturating_mul(size_of::<(K, V)>() + 1)
    }

    pub(super) const fn new() -> Self {
        Self(HashTable::new())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.0.iter().map(|(key, value)| (*key, value))
    }

    pub(super) fn get(&self, key: K) -> Option<&V> {
        let found = self.0.find(key.bits(), |(other, _)| *other == key);
        found.map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let found = self.0.find_mut(key.bits(), |(other, _)| *other == key);
        found.map(|(_, value)| value)
    }

    /// Puts in what is not there yet.
    pub(super) fn insert_new(&mut self, key: K, value: V) {
        self.0.insert_unique(key.bits(), (key, value), |(key, _)| key.bits());
    }

    pub(super) fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let entry = self
            .0
            .entry(key.bits(), |(other, _)| *other == key, |(key, _)| key.bits());
        &mut entry.or_insert_with(|| (key, V::default())).into_mut().1
    }

    pub(super) fn remove(&mut self, key: K) -> Option<V> {
        let entry = self.0.find_entry(key.bits(), |(other, _)| *other == key).ok()?;
        let ((_, value), _) = entry.remove();
        Some(value)
    }
}
