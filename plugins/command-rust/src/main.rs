//! Counts lines, words and bytes of files, or of standard input. An ordinary program that knows nothing of wharf.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    lines: u64,
    words: u64,
    bytes: u64,
}

fn count(mut source: impl Read) -> io::Result<Count> {
    let mut count = Count::default();
    let mut in_word = false;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let n = source.read(&mut buffer)?;
        if n == 0 {
            return Ok(count);
        }
        count.bytes += n as u64;
        for byte in &buffer[..n] {
            count.lines += u64::from(*byte == b'\n');
            let space = byte.is_ascii_whitespace();
            count.words += u64::from(!space && !in_word);
            in_word = !space;
        }
    }
}

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let mut failed = false;
    let mut show = |name: Option<&str>, result: io::Result<Count>| match result {
        Ok(c) => {
            let name = name.map(|name| format!(" {name}")).unwrap_or_default();
            failed |= writeln!(io::stdout(), "{} {} {}{name}", c.lines, c.words, c.bytes).is_err();
        }
        Err(e) => {
            eprintln!("command-rust: {}: {e}", name.unwrap_or("standard input"));
            failed = true;
        }
    };
    if files.is_empty() {
        show(None, count(io::stdin().lock()));
    }
    for file in &files {
        show(Some(file), File::open(file).and_then(count));
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_stands_between_spaces() {
        let check = |text: &str, lines, words, bytes| {
            assert_eq!(count(text.as_bytes()).unwrap(), Count { lines, words, bytes }, "{text:?}");
        };
        check("", 0, 0, 0);
        check("one two\nthree\n", 2, 3, 14);
        check("  a\t\tb", 0, 2, 6);
    }
}
