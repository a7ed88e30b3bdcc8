//! Derivations explained: the facts of one, with its octets where it was made, trees and tables of many, and what falls with a key.
//!
//! | Room | What |
//! |---|---|
//! | [`facts`] | what a derivation is, without values |
//! | [`step`] | a derivation that was made: its inputs, its S, its key |
//! | [`ruler`] | S octet by octet, with what each is |
//! | [`table`] | many derivations: a tree, a list, a path, Markdown, JSON |
//! | [`leak`] | what falls when keys leak, and what near them does not |
//! | [`page`] | the pages of `kaskade explain`: an overview, a key, what a word stands for |

pub mod facts;
pub mod leak;
pub mod page;
pub mod ruler;
pub mod step;
pub mod table;
