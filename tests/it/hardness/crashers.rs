//! What the fuzzers in `fuzz/` broke something with, cut down to what it takes.

use crate::hardness::promises;

#[test]
fn bodies() {
    for text in [
        "begin select 1 into a.; end",
        "begin select 1 into a. ; return; end",
        "begin insert into a (b into c.'; end",
        "begin select 1 into a.",
    ] {
        promises::body(text);
    }
}
