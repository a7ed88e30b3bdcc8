//! The form of the table: one row declares a reason and all that is told of it.

/// A cell: `[-]` cannot happen, anything else is the answer.
macro_rules! cell {
    (-) => {
        $crate::refusal::Told::CannotHappen
    };
    ($answer:expr) => {
        $crate::refusal::Told::Answer($answer)
    };
}

macro_rules! refusals {
    ($(
        $Refusal:ident = $code:literal, $name:literal, $sentence:literal,
            sbi [$($sbi:tt)+] s6a [$($s6a:tt)+] swx [$($swx:tt)+]
            eap [$($eap:tt)+] radius [$($radius:tt)+] gsup [$($gsup:tt)+] emsdp [$($emsdp:tt)+] exit [$($exit:tt)+];
    )+) => {
        /// Why something is refused, whatever protocol it was asked in. One octet.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Refusal {
            $( #[doc = $sentence] $Refusal = $code, )+
        }

        impl Refusal {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$Refusal),+];

            /// Its number in the audit log, for ever.
            #[inline]
            pub const fn code(self) -> u16 {
                self as u16
            }

            /// What has this number.
            pub const fn of(code: u16) -> Option<Self> {
                match code {
                    $( $code => Some(Self::$Refusal), )+
                    _ => None,
                }
            }

            /// As the audit log names it, for ever.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$Refusal => $name, )+
                }
            }

            /// A plain sentence for people.
            pub const fn sentence(self) -> &'static str {
                match self {
                    $( Self::$Refusal => $sentence, )+
                }
            }

            /// What each protocol tells of it.
            pub const fn verdict(&self) -> &'static $crate::refusal::Verdict {
                match self {
                    $( Self::$Refusal => {
                        const VERDICT: $crate::refusal::Verdict = $crate::refusal::Verdict {
                            sbi: cell!($($sbi)+),
                            s6a: cell!($($s6a)+),
                            swx: cell!($($swx)+),
                            eap: cell!($($eap)+),
                            radius: cell!($($radius)+),
                            gsup: cell!($($gsup)+),
                            emsdp: cell!($($emsdp)+),
                            exit: cell!($($exit)+),
                        };
                        &VERDICT
                    } )+
                }
            }
        }
    };
}

pub(super) use {cell, refusals};
