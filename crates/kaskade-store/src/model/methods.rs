//! The methods that a subscriber may authenticate with, in the order in which the home network prefers them.

use core::fmt;

use kaskade_aka::arpf::Method;

/// The methods that a list can have, in the order of their numbers.
const ALL: [Method; 6] = [
    Method::FiveGAka,
    Method::EapAkaPrime,
    Method::EpsAka,
    Method::EapAka,
    Method::UmtsAka,
    Method::GsmAka,
];

/// Its number in rows, 1 to 15; 0 for one that has none.
const fn number(method: Method) -> u8 {
    match method {
        Method::FiveGAka => 1,
        Method::EapAkaPrime => 2,
        Method::EpsAka => 3,
        Method::EapAka => 4,
        Method::UmtsAka => 5,
        Method::GsmAka => 6,
        _ => 0,
    }
}

fn of_number(number: u8) -> Option<Method> {
    ALL.get(usize::from(number).checked_sub(1)?).copied()
}

/// An ordered list of methods, each once: the first is the one that the home network prefers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AuthMethods(
    /// A number in each group of four bits, the first in the lowest.
    u32,
);

impl AuthMethods {
    /// None: the subscriber cannot authenticate.
    pub const NONE: Self = Self(0);
    /// 5G AKA alone.
    pub const FIVE_G_AKA: Self = Self::NONE.and(Method::FiveGAka);
    /// EAP-AKA' alone.
    pub const EAP_AKA_PRIME: Self = Self::NONE.and(Method::EapAkaPrime);
    /// EPS AKA alone.
    pub const EPS_AKA: Self = Self::NONE.and(Method::EpsAka);
    /// The most that a list has.
    pub const CAPACITY: usize = 8;

    /// The same, and this method after all others, if it is not among them.
    #[must_use]
    pub const fn and(self, method: Method) -> Self {
        if number(method) == 0 {
            return self;
        }
        let mut end = 0;
        while end < 32 && (self.0 >> end) & 0xf != 0 {
            if (self.0 >> end) & 0xf == number(method) as u32 {
                return self;
            }
            end += 4;
        }
        if end == 32 {
            return self;
        }
        Self(self.0 | (number(method) as u32) << end)
    }

    /// Whether this method is among them.
    pub const fn contains(self, method: Method) -> bool {
        number(method) != 0 && self.and(method).0 == self.0
    }

    /// The method that the home network prefers; `None` when there are none.
    pub fn first(self) -> Option<Method> {
        self.iter().next()
    }

    /// All, in their order.
    pub fn iter(self) -> impl Iterator<Item = Method> {
        self.numbers().filter_map(of_number)
    }

    /// The numbers of all, in their order.
    pub(crate) fn numbers(self) -> impl Iterator<Item = u8> {
        let number = move |at: u32| u8::try_from(self.0 >> (4 * at) & 0xf).unwrap_or(0);
        (0..8).map(number).take_while(|number| *number != 0)
    }

    /// The list of these numbers; `None` when one is unknown or there twice.
    pub(crate) fn of_numbers(numbers: &[u8]) -> Option<Self> {
        numbers.iter().try_fold(Self::NONE, |list, number| {
            let method = of_number(*number)?;
            (!list.contains(method)).then(|| list.and(method))
        })
    }

    /// The set of the first two formats, which had no order: a bit for each.
    pub(crate) fn of_bits(bits: u8) -> Option<Self> {
        if bits > 7 {
            return None;
        }
        let methods = ALL.into_iter().take(3).enumerate();
        let set = methods.filter(|(at, _)| bits >> at & 1 != 0);
        Some(set.fold(Self::NONE, |list, (_, method)| list.and(method)))
    }
}

/// 5G AKA.
impl Default for AuthMethods {
    fn default() -> Self {
        Self::FIVE_G_AKA
    }
}

impl FromIterator<Method> for AuthMethods {
    fn from_iter<I: IntoIterator<Item = Method>>(methods: I) -> Self {
        methods.into_iter().fold(Self::NONE, Self::and)
    }
}

impl fmt::Debug for AuthMethods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_its_order_and_each_method_once() {
        let list = AuthMethods::EAP_AKA_PRIME.and(Method::FiveGAka);
        assert_eq!(list.first(), Some(Method::EapAkaPrime));
        assert_ne!(list, AuthMethods::FIVE_G_AKA.and(Method::EapAkaPrime));
        assert_eq!(list.and(Method::EapAkaPrime), list);
        assert!(list.contains(Method::FiveGAka) && !list.contains(Method::EpsAka));
        assert_eq!(list.iter().collect::<AuthMethods>(), list);
        let numbers: Vec<u8> = list.numbers().collect();
        assert_eq!(numbers, [2, 1]);
        assert_eq!(AuthMethods::of_numbers(&numbers), Some(list));
        for wrong in [&[1, 1][..], &[0], &[9], &[1, 2, 200]] {
            assert_eq!(AuthMethods::of_numbers(wrong), None, "{wrong:?}");
        }
        assert_eq!(AuthMethods::NONE.first(), None);
    }

    #[test]
    fn every_method_has_its_number() {
        for (at, method) in ALL.into_iter().enumerate() {
            assert_eq!(usize::from(number(method)), at + 1);
            assert_eq!(of_number(number(method)), Some(method));
        }
        assert_eq!(of_number(0), None);
        assert_eq!(of_number(7), None);
    }

    #[test]
    fn the_sets_of_before_are_lists() {
        assert_eq!(AuthMethods::of_bits(0), Some(AuthMethods::NONE));
        assert_eq!(AuthMethods::of_bits(1), Some(AuthMethods::FIVE_G_AKA));
        assert_eq!(
            AuthMethods::of_bits(6),
            Some(AuthMethods::EAP_AKA_PRIME.and(Method::EpsAka))
        );
        assert_eq!(AuthMethods::of_bits(8), None);
    }
}
