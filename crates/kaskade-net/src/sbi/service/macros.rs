//! The declaration of a service.

/// Declares a service: a trait, its data `SERVICE`, its router `routes`, its `Client`, and the `Link` that is one or the other.
/// One declaration to a module.
///
/// ```
/// use kaskade_codec::sbi::ResourceId;
/// use kaskade_codec::sbi::nausf_auth::DeregistrationInfo;
/// use kaskade_net::sbi::service::Plain;
///
/// kaskade_net::service! {
///     /// Who has left.
///     pub trait Gone = "gone" "v1", "nowhere 1";
///
///     /// Says who left at a place.
///     who: PUT "/places/{placeId}/last"
///         (place: ResourceId) (last: DeregistrationInfo)     // variables in the order of the path; the body, if there is one
///         -> 200 Json Plain<DeregistrationInfo>,             // status, media type, what the role gives
///         refusals [DataNotFound], scope "gone", "nowhere 1.1";
/// }
/// assert_eq!(SERVICE.operations[0].label(), "gone.who");
/// ```
///
/// The answer is anything that implements [`Answer`](crate::sbi::service::Answer): `()`, `Plain<T>`, `Durable<T>`, `Told<T>`, and
/// `Created<…>` and `Option<…>` of these.
#[macro_export]
macro_rules! service {
    (
        $(#[doc = $about:literal])+
        pub trait $Service:ident = $api:literal $version:literal, $specified:literal;
        $(
            $(#[doc = $title:literal])+
            $operation:ident : $method:ident $path:literal
                ( $($variable:ident : $V:ty),* $(,)? ) $( ( $body:ident : $B:ty ) )?
                -> $status:literal $content:ident $A:ty,
                refusals [$($refusal:ident),* $(,)?], scope $scope:literal, $clause:literal;
        )+
    ) => {
        $(#[doc = $about])+
        ///
        /// Static dispatch: a local call boxes nothing.
        pub trait $Service: Send + Sync + 'static {
            $(
                $(#[doc = $title])+
                ///
                /// # Errors
                /// For one of the reasons that the declaration lists.
                fn $operation(
                    &self,
                    caller: &$crate::sbi::service::Caller,
                    $($variable: $V,)*
                    $($body: $B,)?
                ) -> impl $crate::sbi::service::code::Future<
                    Output = ::core::result::Result<$A, $crate::sbi::service::NotDone>,
                > + Send;
            )+
        }

        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "they are operations")]
        #[derive(Clone, Copy)]
        enum Index {
            $($operation,)+
        }

        impl Index {
            fn operation(self) -> &'static $crate::sbi::service::Operation {
                &SERVICE.operations[self as usize]
            }
        }

        /// The service as data.
        pub static SERVICE: $crate::sbi::service::Service = $crate::sbi::service::Service {
            name: $api,
            version: $version,
            title: concat!($($about),+).trim_ascii(),
            clause: $specified,
            operations: &[$(
                $crate::sbi::service::Operation {
                    api: $api,
                    name: stringify!($operation),
                    title: concat!($($title),+).trim_ascii(),
                    method: $crate::sbi::service::code::Method::$method,
                    path: $path,
                    request: $crate::service!(@request $($B)?),
                    answer: $crate::sbi::service::AnswerForm {
                        status: $status,
                        content: $crate::sbi::service::code::Content::$content,
                        also: <$A as $crate::sbi::service::Answer>::ALSO,
                        body: <$A as $crate::sbi::service::Answer>::BODY,
                        location: <$A as $crate::sbi::service::Answer>::LOCATED,
                        released: <$A as $crate::sbi::service::Answer>::RELEASED,
                        optional: <$A as $crate::sbi::service::Answer>::OPTIONAL,
                    },
                    refusals: &[$($crate::sbi::service::code::Refusal::$refusal),*],
                    scope: $scope,
                    clause: $clause,
                },
            )+],
        };

        $(
            const _: () = assert!(
                $crate::sbi::service::code::variables($path) == 0 $(+ $crate::service!(@one $variable))*,
                "each variable of the path has its argument, in the order of the path",
            );
        )+

        /// Serves the operations of a role.
        pub fn routes<S: $Service>(service: S) -> $crate::sbi::service::Api {
            $crate::sbi::service::Api::new(&SERVICE, Router(service))
        }

        struct Router<S>(S);

        impl<S: $Service> $crate::sbi::service::code::Served for Router<S> {
            fn serve<'s>(
                &'s self,
                operation: usize,
                caller: $crate::sbi::service::Caller,
                mut asked: $crate::sbi::service::code::Asked<'_>,
            ) -> ::core::result::Result<$crate::sbi::service::Replying<'s>, $crate::sbi::service::code::Problem> {
                $(
                    if operation == Index::$operation as usize {
                        $(let $variable = asked.variable::<$V>()?;)*
                        asked.acceptable::<$A>()?;
                        $(let $body = asked.body::<$B>()?;)?
                        let at = asked.at::<$A>();
                        return Ok(asked.replying(async move {
                            let done = <S as $Service>::$operation(&self.0, &caller, $($variable,)* $($body,)?).await;
                            $crate::sbi::service::code::reply(done, Index::$operation.operation(), &at)
                        }));
                    }
                )+
                Err($crate::sbi::service::code::Refusal::ResourceNotFound.into())
            }
        }

        /// A peer that serves the operations, over HTTP/2. Cheap to clone; clones share the connection.
        #[derive(Clone, Debug)]
        pub struct Client($crate::sbi::service::code::SbiClient);

        impl Client {
            /// At the apiRoot of this client.
            pub const fn new(client: $crate::sbi::service::code::SbiClient) -> Self {
                Self(client)
            }

            $(
                $(#[doc = $title])+
                ///
                /// For whoever the answer is meant for: the trait is for roles that pass it on.
                ///
                /// # Errors
                /// As the peer says, or that it says nothing, or nonsense.
                #[allow(dead_code, reason = "not every service is asked for everything")]
                pub fn $operation(
                    &self,
                    caller: &$crate::sbi::service::Caller,
                    $($variable: $V,)*
                    $($body: $B,)?
                ) -> impl $crate::sbi::service::code::Future<
                    Output = ::core::result::Result<
                        <$A as $crate::sbi::service::Answer>::Heard,
                        $crate::sbi::service::NotDone,
                    >,
                > + Send {
                    $crate::service!(
                        @remote self, Index::$operation.operation(), $($variable)*; $($body)?
                    ).hear::<$A>(caller)
                }
            )+
        }

        impl $Service for Client {
            $(
                fn $operation(
                    &self,
                    caller: &$crate::sbi::service::Caller,
                    $($variable: $V,)*
                    $($body: $B,)?
                ) -> impl $crate::sbi::service::code::Future<
                    Output = ::core::result::Result<$A, $crate::sbi::service::NotDone>,
                > + Send {
                    // What waits for an answer lies on the heap: the future of who asks stays small.
                    $crate::sbi::service::code::Box::pin(
                        $crate::service!(
                            @remote self, Index::$operation.operation(), $($variable)*; $($body)?
                        ).ask::<$A>(caller),
                    )
                }
            )+
        }

        /// The service in this process, or over the wire: which is configuration.
        #[derive(Clone, Debug)]
        #[allow(dead_code, reason = "not every service is asked for both")]
        pub enum Link<L> {
            /// In this process.
            Here(L),
            /// At a peer.
            There(Client),
        }

        impl<L> Link<L> {
            /// Whether there is something to wait for.
            #[allow(dead_code, reason = "not everybody asks")]
            pub const fn is_elsewhere(&self) -> bool {
                matches!(self, Self::There(_))
            }
        }

        impl<L: $Service> $Service for Link<L> {
            $(
                #[inline]
                fn $operation(
                    &self,
                    caller: &$crate::sbi::service::Caller,
                    $($variable: $V,)*
                    $($body: $B,)?
                ) -> impl $crate::sbi::service::code::Future<
                    Output = ::core::result::Result<$A, $crate::sbi::service::NotDone>,
                > + Send {
                    match self {
                        Self::Here(here) => $crate::sbi::service::code::Either::Here {
                            call: <L as $Service>::$operation(here, caller, $($variable,)* $($body,)?),
                        },
                        Self::There(there) => $crate::sbi::service::code::Either::There {
                            call: <Client as $Service>::$operation(there, caller, $($variable,)* $($body,)?),
                        },
                    }
                }
            )+
        }
    };
    (@request) => {
        ::core::option::Option::None
    };
    (@request $B:ty) => {
        ::core::option::Option::Some($crate::sbi::service::BodyForm::of::<$B>())
    };
    (@one $variable:ident) => {
        1
    };
    (@remote $client:ident, $operation:expr, $($variable:ident)*; $($body:ident)?) => {{
        #[allow(unused_mut, reason = "not every operation has variables")]
        let mut path = $crate::sbi::service::code::path_to(&SERVICE, $operation);
        $(path.put(&$variable);)*
        let remote = $crate::sbi::service::code::Remote::new(&$client.0, $operation, path.done());
        $(let remote = remote.with(&$body);)?
        remote
    }};
}
