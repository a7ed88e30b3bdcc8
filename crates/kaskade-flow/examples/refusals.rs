//! Prints `docs/refusals.md`: `cargo run -p kaskade-flow --example refusals > docs/refusals.md`.

use kaskade_flow::Refusal;
use kaskade_flow::refusal::COLUMNS;

const ABOUT: &str = "\
# What a peer is told

Made from the table of reasons (`crates/kaskade-flow/src/refusal/reasons.rs`) by `cargo run -p kaskade-flow --example refusals`.
A network function refuses for one of these reasons, whatever it was asked in; the row says what becomes of it. `–` is \"cannot happen\": nobody who
speaks this protocol can be refused for that. Columns of protocols that are not there yet are filled in already.

| Column | What |
|---|---|
| code, name | in the audit log, for ever; the name is what `kaskade audit show` prints |
| SBI | HTTP status and cause of `ProblemDetails`. \"later\": with `Retry-After`; \"later if known\": with it where whoever refuses knows when; \"Bearer\": with `WWW-Authenticate` |
| S6a, SWx | `Result-Code`, or `Experimental-Result` of vendor 10415 where (3GPP) stands; 3xxx with the E bit, 5001, 5004, 5005 and 5014 of the base protocol with `Failed-AVP` |
| EAP | code in `AT_NOTIFICATION`, before and after the challenge has succeeded; EAP-Failure follows. \"nothing\": the packet is ignored |
| RADIUS | \"nothing\": the packet is dropped, and the gateway may ask another server |
| GSUP | cause of the error message (TS 24.008 10.5.5.14) |
| EMSDP | cause in Message Reject, of the project profile EMSDP-P1; \"nothing\": the packet is dropped |
| exit | exit status of a command: 1, or a number of `sysexits.h` |

What no source settles is the project profile \"refusals\", version 1: [ADR 0009](adr/0009-refusals.md).
";

/// The page.
pub(crate) fn page() -> String {
    let mut page = format!("{ABOUT}\n| Code | Reason | {} |\n", COLUMNS.join(" | "));
    page.push_str(&"|---".repeat(COLUMNS.len() + 2));
    page.push_str("|\n");
    for refusal in Refusal::ALL {
        let reason = format!("`{}`: {}", refusal.name(), refusal.sentence());
        page.push_str(&format!("| {} | {reason} ", refusal.code()));
        for cell in refusal.verdict().cells() {
            match cell {
                Some(told) => page.push_str(&format!("| {told} ")),
                None => page.push_str("| – "),
            }
        }
        page.push_str("|\n");
    }
    page
}

#[allow(
    clippy::print_stdout,
    dead_code,
    reason = "it is what it does; a test has the page without it"
)]
fn main() {
    print!("{}", page());
}
