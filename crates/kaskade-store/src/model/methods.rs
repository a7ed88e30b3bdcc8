//! The methods that a subscriber may authenticate with, in the order in which the home network prefers them.

use core::fmt;

/// A method of authentication (TS 29.505 5.4.3, `AuthMethod`; EPS AKA is TS 33.401 6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthMethod {
    /// `5G_AKA` (TS 33.501 6.1.3.2).
    FiveGAka,
    /// `EAP_AKA_PRIME` (TS 33.501 6.1.3.1).
    EapAkaPrime,
    /// EPS AKA (TS 33.401 6.1.1).
    EpsAka,
}

impl AuthMethod {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::FiveGAka, Self::EapAkaPrime, Self::EpsAka];

    /// Its number in rows, 1 to 15.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::FiveGAka => 1,
            Self::EapAkaPrime => 2,
            Self::EpsAka => 3,
        }
    }

    const fn of_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::FiveGAka),
            2 => Some(Self::EapAkaPrime),
            3 => Some(Self::EpsAka),
            _ => None,
        }
    }

    /// What it is called in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FiveGAka => "5G_AKA",
            Self::EapAkaPrime => "EAP_AKA_PRIME",
            Self::EpsAka => "EPS_AKA",
        }
    }

    /// The method of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
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
    pub const FIVE_G_AKA: Self = Self::NONE.and(AuthMethod::FiveGAka);
    /// EAP-AKA' alone.
    pub const EAP_AKA_PRIME: Self = Self::NONE.and(AuthMethod::EapAkaPrime);
    /// EPS AKA alone.
    pub const EPS_AKA: Self = Self::NONE.and(AuthMethod::EpsAka);
    /// The most that a list has.
    pub const CAPACITY: usize = 8;

    /// The same, and this method after all others, if it is not among them.
    #[must_use]
    pub const fn and(self, method: AuthMethod) -> Self {
        let mut end = 0;
        while end < 32 && (self.0 >> end) & 0xf != 0 {
            if (self.0 >> end) & 0xf == method.number() as u32 {
                return self;
            }
            end += 4;
        }
        if end == 32 {
            return self;
        }
        Self(self.0 | (method.number() as u32) << end)
    }

    /// Whether this method is among them.
    pub const fn contains(self, method: AuthMethod) -> bool {
        self.and(method).0 == self.0
    }

    /// The method that the home network prefers; `None` when there are none.
    pub fn first(self) -> Option<AuthMethod> {
        self.iter().next()
    }

    /// All, in their order.
    pub fn iter(self) -> impl Iterator<Item = AuthMethod> {
        self.numbers().filter_map(AuthMethod::of_number)
    }

    /// The numbers of all, in their order.
    pub(crate) fn numbers(self) -> impl Iterator<Item = u8> {
        let number = move |at: u32| u8::try_from(self.0 >> (4 * at) & 0xf).unwrap_or(0);
        (0..8).map(number).take_while(|number| *number != 0)
    }

    /// The list of these numbers; `None` when one is unknown or there twice.
    pub(crate) fn of_numbers(numbers: &[u8]) -> Option<Self> {
        numbers.iter().try_fold(Self::NONE, |list, number| {
            let method = AuthMethod::of_number(*number)?;
            (!list.contains(method)).then(|| list.and(method))
        })
    }

    /// The set of the first two formats, which had no order: a bit for each.
    pub(crate) fn of_bits(bits: u8) -> Option<Self> {
        if bits > 7 {
            return None;
        }
        let methods = AuthMethod::ALL.into_iter().enumerate();
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

impl FromIterator<AuthMethod> for AuthMethods {
    fn from_iter<I: IntoIterator<Item = AuthMethod>>(methods: I) -> Self {
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
        let list = AuthMethods::EAP_AKA_PRIME.and(AuthMethod::FiveGAka);
        assert_eq!(list.first(), Some(AuthMethod::EapAkaPrime));
        assert_ne!(list, AuthMethods::FIVE_G_AKA.and(AuthMethod::EapAkaPrime));
        assert_eq!(list.and(AuthMethod::EapAkaPrime), list);
        assert!(list.contains(AuthMethod::FiveGAka) && !list.contains(AuthMethod::EpsAka));
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
    fn names_read_back() {
        for method in AuthMethod::ALL {
            assert_eq!(AuthMethod::of_name(method.name()), Some(method));
        }
        assert_eq!(AuthMethod::of_name("5g-aka"), None);
    }

    #[test]
    fn the_sets_of_before_are_lists() {
        assert_eq!(AuthMethods::of_bits(0), Some(AuthMethods::NONE));
        assert_eq!(AuthMethods::of_bits(1), Some(AuthMethods::FIVE_G_AKA));
        assert_eq!(
            AuthMethods::of_bits(6),
            Some(AuthMethods::EAP_AKA_PRIME.and(AuthMethod::EpsAka))
        );
        assert_eq!(AuthMethods::of_bits(8), None);
    }
}
