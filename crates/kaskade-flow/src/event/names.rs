//! The numbers in entries, and what people call them. A number is never used again for something else.

use crate::refusal::Refusal;

macro_rules! numbered {
    ($(#[$about:meta])* $name:ident: $number:ty { $( $(#[$what:meta])* $variant:ident = $value:literal, $text:literal; )+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr($number)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$what])* $variant = $value, )+
        }

        impl $name {
            /// All of them, by number.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its number in the log.
            #[inline]
            pub const fn number(self) -> $number {
                self as $number
            }

            /// What has this number.
            pub const fn of(number: $number) -> Option<Self> {
                match number {
                    $( $value => Some(Self::$variant), )+
                    _ => None,
                }
            }

            /// As people read it, and as `kaskade audit show` takes it.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => $text, )+
                }
            }

            /// What has this name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

numbered! {
    /// What came of it.
    Outcome: u8 {
        /// A key, or what a key can be made of, was given out.
        Released = 1, "released";
        /// Something durable was changed.
        Changed = 2, "changed";
        /// It was refused.
        Refused = 3, "refused";
        /// It happened, and nothing was given out or changed by it.
        Noted = 4, "noted";
    }
}

numbered! {
    /// What was done or asked for.
    Action: u16 {
        /// Nothing that has a name here.
        Other = 0, "other";
        /// The audit log was opened.
        LogOpened = 1, "log-opened";
        /// The audit log was closed.
        LogClosed = 2, "log-closed";
        /// Old segments of the audit log were removed: the correlation is the number of the last of them.
        SegmentsRemoved = 3, "segments-removed";
        /// Somebody accepted that the log is not the one that the store knew; the correlation is up to which entry that one was known.
        LogAccepted = 4, "log-accepted";
        /// Any operation of a service was asked for, before it began (TS 33.501 13.4.1).
        OperationAsked = 5, "operation-asked";
        /// Nudm_UEAuthentication Get: an authentication vector, 5G HE AV or of another kind (TS 33.501 6.1.2).
        VectorGiven = 16, "vector-given";
        /// A SUCI was deconcealed (TS 33.501 6.12).
        SuciDeconcealed = 17, "suci-deconcealed";
        /// An AUTS moved SQN (TS 33.102 6.3.5).
        Resynchronised = 18, "resynchronised";
        /// Nudm_UEAuthentication ResultConfirmation: the outcome of an authentication was reported.
        ResultReported = 19, "result-reported";
        /// Nudm_UEContextManagement: an AMF serves a subscriber from now on, or no more.
        ServingAmfChanged = 20, "serving-amf-changed";
        /// Nudm_UEContextManagement: somebody wants a subscriber to be authenticated again, and its AMF is told.
        ReauthenticationAsked = 21, "reauthentication-asked";
        /// Nausf_UEAuthentication Authenticate: a challenge, 5G SE AV (TS 33.501 6.1.3.2).
        ChallengeGiven = 32, "challenge-given";
        /// Nausf_UEAuthentication: RES* or an EAP response was confirmed; with success K_SEAF is given out.
        KeyReleased = 33, "key-released";
        /// A result of an authentication was taken back.
        ResultRemoved = 34, "result-removed";
        /// Nausf_SoRProtection or Nausf_UPUProtection: a list was protected with K_AUSF (TS 33.501 6.14, 6.15).
        ListProtected = 35, "list-protected";
        /// AKMA: K_AF was given to an application function (TS 33.535 6.3).
        ApplicationKeyGiven = 48, "application-key-given";
        /// AKMA: K_AKMA was given to the anchor function (TS 33.535 6.1).
        AnchorKeyGiven = 49, "anchor-key-given";
        /// A root key of a usage below the EMSK was given to its server (RFC 5295 3.1).
        UsageKeyGiven = 50, "usage-key-given";
        /// The root key of a domain below the EMSK was given to its key server (RFC 5295 4).
        DomainKeyGiven = 51, "domain-key-given";
        /// ERP: rMSK was given to an authenticator (RFC 6696 5.1).
        ReauthenticationKeyGiven = 52, "reauthentication-key-given";
        /// An EMSK ended, and with it the keys below: the count is that of their holders, the correlation the EMSKname.
        EmskRetired = 53, "emsk-retired";
        /// Whoever had a key below the EMSK needs it no more.
        UsageKeyGivenUp = 54, "usage-key-given-up";
        /// Who holds keys below EMSKs was looked at: only who was refused is on record.
        HoldersShown = 55, "holders-shown";
        /// AKMA: the anchor function took K_AKMA of a subscriber; the one before is gone (TS 33.535 6.1).
        AnchorKeyRegistered = 56, "anchor-key-registered";
        /// AKMA: the anchor function forgot K_AKMA of a subscriber; application keys live until they expire.
        AkmaContextRemoved = 57, "akma-context-removed";
        /// AKMA: keys of a subscriber are to be used no more, and who holds them is told; the count is that of the keys.
        AkmaDisabled = 58, "akma-disabled";
        /// AKMA: contexts and holders of keys were looked at: only who was refused is on record.
        AkmaShown = 59, "akma-shown";
        /// An access token was given to a client of the NEF (RFC 6749 4.4).
        TokenGiven = 60, "token-given";
        /// The NEF was told that keys of an A-KID are to be used no more, and passes it on (TS 33.535 6.3).
        DisablePassedOn = 61, "disable-passed-on";
        /// A subscriber was added.
        SubscriberAdded = 64, "subscriber-added";
        /// A subscriber was replaced or changed.
        SubscriberChanged = 65, "subscriber-changed";
        /// A subscriber was suspended: no vector is made of it until it is resumed.
        SubscriberSuspended = 70, "subscriber-suspended";
        /// A subscriber was resumed.
        SubscriberResumed = 71, "subscriber-resumed";
        /// A subscriber was removed.
        SubscriberRemoved = 66, "subscriber-removed";
        /// An import ended: how many subscribers it put, each of which has its own entry in the commit that put it.
        SubscribersImported = 67, "subscribers-imported";
        /// Subscribers were exported, sealed or in clear.
        SubscribersExported = 68, "subscribers-exported";
        /// One card may get sequence numbers of an older epoch again.
        ReuseAllowed = 69, "reuse-allowed";
        /// A subscriber store was made.
        StoreCreated = 80, "store-created";
        /// A subscriber store was opened to serve.
        StoreOpened = 81, "store-opened";
        /// After a restore, all sequence numbers skipped ahead.
        SkippedAhead = 82, "skipped-ahead";
        /// A store of an earlier version was converted: how many subscribers.
        StoreConverted = 83, "store-converted";
        /// A store was copied into another engine, and issues no more: how many subscribers.
        StoreMoved = 84, "store-moved";
        /// A key pair of the home network was made.
        HnKeyCreated = 96, "hn-key-created";
        /// A key pair of the home network was removed.
        HnKeyRemoved = 97, "hn-key-removed";
        /// A private key of the home network left.
        HnKeyExported = 98, "hn-key-exported";
        /// Somebody decided which serving networks may authenticate subscribers.
        PolicyChanged = 112, "policy-changed";
        /// That decision was given up: the configuration counts again.
        PolicyReset = 117, "policy-reset";
        /// A node takes over its configuration as it is now: certificates, roles, policy and the like.
        ConfigurationTakenOver = 118, "configuration-taken-over";
        /// Authentication contexts were looked at: only who was refused is on record.
        ContextsShown = 113, "contexts-shown";
        /// The audit log was checked: only who was refused is on record.
        LogVerified = 114, "log-verified";
        /// Subscribers, home network keys or the policy were looked at: only who was refused is on record.
        Shown = 115, "shown";
        /// Entries of the audit log were looked at: only who was refused is on record.
        LogShown = 116, "log-shown";
    }
}

macro_rules! reasons {
    ($( $(#[$what:meta])* $variant:ident = $value:literal, $text:literal; )+) => {
        /// Why, or with which result: a refusal of the table, or one of what follows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            /// It was refused for this.
            Refused(Refusal),
            $( $(#[$what])* $variant, )+
        }

        impl Reason {
            const OWN: &[Self] = &[$(Self::$variant),+];

            /// Its number in the log.
            #[inline]
            pub const fn number(self) -> u16 {
                match self {
                    Self::Refused(refusal) => refusal.code(),
                    $( Self::$variant => $value, )+
                }
            }

            /// What has this number.
            pub const fn of(number: u16) -> Option<Self> {
                match (number, Refusal::of(number)) {
                    (_, Some(refusal)) => Some(Self::Refused(refusal)),
                    $( ($value, None) => Some(Self::$variant), )+
                    _ => None,
                }
            }

            /// As people read it.
            pub const fn name(self) -> &'static str {
                match self {
                    Self::Refused(refusal) => refusal.name(),
                    $( Self::$variant => $text, )+
                }
            }

            /// What has this name.
            pub fn named(name: &str) -> Option<Self> {
                Self::all().find(|one| one.name() == name)
            }

            /// All of them: the refusals in the order of their table, behind what is none.
            pub fn all() -> impl Iterator<Item = Self> {
                let refusals = Refusal::ALL.iter().map(|refusal| Self::Refused(*refusal));
                Self::OWN.iter().copied().chain(refusals)
            }
        }

        impl From<Refusal> for Reason {
            fn from(refusal: Refusal) -> Self {
                Self::Refused(refusal)
            }
        }
    };
}

reasons! {
    /// Nothing to say.
    None = 0, "";
    /// Several reasons, or several peers, counted together.
    Various = 1, "various";
    /// The next SQN is one that the card accepts already.
    InStep = 32, "in-step";
    /// SQN was raised above SQN_MS.
    Raised = 33, "raised";
    /// SQN starts again above SQN_MS.
    NewEpoch = 34, "new-epoch";
    /// SQN starts again with numbers of an older epoch.
    Reused = 35, "reused";
    /// What the card seems to say is not believed.
    NotFollowed = 36, "not-followed";
    /// It succeeded.
    Success = 37, "success";
    /// In clear, not sealed.
    InClear = 38, "in-clear";
    /// It came with a file of subscribers: all of one import have the same correlation.
    Imported = 39, "imported";
}

numbered! {
    /// Why entries are missing, or may be.
    GapReason: u16 {
        /// The process was killed.
        Killed = 1, "killed";
        /// The machine went down.
        MachineDown = 2, "machine-down";
        /// The log had no room, and went on as it is configured.
        NoRoom = 3, "no-room";
        /// The log was switched off.
        SwitchedOff = 4, "switched-off";
    }
}
