use crate::grants::environment::{EXIT_FUNCTION, EXIT_INTERFACE};
use std::borrow::Cow;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wasmparser::{Encoding, ImportSectionReader, Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What a wrapped program imports besides what the adapter gives it.
const WIT: &str = "package wharf:adapter@0.1.0;
interface exit { exit: func(code: u8); }
world program { import exit; }";
/// Id of the import section.
const IMPORTS: u8 = 2;

/// A component as it is; a core module of WASI preview 1 wrapped with the adapter.
pub(super) fn as_component(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    match encoding(bytes)? {
        Encoding::Component => Ok(Cow::Borrowed(bytes)),
        Encoding::Module => wrap(bytes).map(Cow::Owned),
    }
}

/// What the first bytes say that a file is.
pub(crate) fn encoding(bytes: &[u8]) -> Result<Encoding, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    if !bytes.starts_with(b"\0asm") {
        return Err("it does not begin as WebAssembly does (`\\0asm`)".into());
    }
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding, .. })) => Ok(encoding),
        Some(Err(e)) => Err(e.to_string()),
        _ => Err("it has no WebAssembly header".into()),
    }
}

fn wrap(module: &[u8]) -> Result<Vec<u8>, String> {
    let renamed = rename_exit(module).map_err(|e| e.to_string())?;
    let encode = || {
        let mut module = Cow::Borrowed(module);
        if let Some(mut renamed) = renamed {
            let mut wit = Resolve::default();
            let package = wit.push_str("adapter.wit", WIT)?;
            let world = wit.select_world(&[package], None)?;
            embed_component_metadata(&mut renamed, &wit, world, StringEncoding::UTF8, false)?;
            module = Cow::Owned(renamed);
        }
        ComponentEncoder::default()
            .module(&module)?
            .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER)?
            .validate(true)
            .encode()
    };
    encode().map_err(|e| format!("it is a core module that cannot be wrapped as a command of WASI preview 1: {e:#}"))
}

/// The module with its import of `proc_exit` turned into one of [`EXIT_INTERFACE`]; `None` where it has none.
fn rename_exit(module: &[u8]) -> wasmparser::Result<Option<Vec<u8>>> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(section) = payload? {
            return replace(module, &section);
        }
    }
    Ok(None)
}

fn replace(module: &[u8], section: &ImportSectionReader<'_>) -> wasmparser::Result<Option<Vec<u8>>> {
    let mut found = false;
    let mut body = Vec::new();
    leb(section.count(), &mut body);
    // A module that is read whole into memory has no offset beyond it.
    let at = |offset: u64| usize::try_from(offset).unwrap_or(module.len()).min(module.len());
    let (first, last) = (at(section.range().start), at(section.range().end));
    let mut entries = section.clone().into_iter_with_offsets().peekable();
    while let Some(entry) = entries.next() {
        let (start, imports) = entry?;
        let end = match entries.peek() {
            Some(Ok((next, _))) => at(*next),
            _ => last,
        };
        let bytes = &module[at(start)..end];
        let of_exit =
            |i: &wasmparser::Import<'_>| i.module == WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME && i.name == "proc_exit";
        match imports {
            wasmparser::Imports::Single(_, import) if of_exit(&import) => {
                found = true;
                name(EXIT_INTERFACE, &mut body);
                name(EXIT_FUNCTION, &mut body);
                // Both names are short: each is one byte of length and its text.
                body.extend_from_slice(&bytes[2 + import.module.len() + import.name.len()..]);
            }
            _ => body.extend_from_slice(bytes),
        }
    }
    if !found {
        return Ok(None);
    }
    let mut renamed = module[..header(module, first)].to_vec();
    renamed.push(IMPORTS);
    leb(u32::try_from(body.len()).unwrap_or(u32::MAX), &mut renamed);
    renamed.extend_from_slice(&body);
    renamed.extend_from_slice(&module[last..]);
    Ok(Some(renamed))
}

/// Where the section begins whose contents begin at `start`: its id, then the length in up to five bytes of which all
/// but the last have their top bit set.
fn header(module: &[u8], start: usize) -> usize {
    let mut at = start - 1;
    while at > 0 && start - at < 5 && module[at - 1] & 0x80 != 0 {
        at -= 1;
    }
    at - 1
}

fn name(text: &str, out: &mut Vec<u8>) {
    leb(u32::try_from(text.len()).unwrap_or(u32::MAX), out);
    out.extend_from_slice(text.as_bytes());
}

fn leb(mut n: u32, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(imports: &str) -> Option<Vec<String>> {
        let wat = format!("(module (type (func (param i32))) {imports} (memory 1) (func (export \"_start\")))");
        let module = wat::parse_str(wat).unwrap();
        let renamed = rename_exit(&module).unwrap()?;
        wasmparser::Validator::new().validate_all(&renamed).unwrap();
        let mut names = Vec::new();
        for payload in Parser::new(0).parse_all(&renamed) {
            if let Payload::ImportSection(section) = payload.unwrap() {
                names.extend(section.into_imports().map(|i| i.unwrap()).map(|i| format!("{} {}", i.module, i.name)));
            }
        }
        Some(names)
    }

    #[test]
    fn the_import_of_proc_exit_alone_is_renamed() {
        let import = |name: &str| format!("(import \"wasi_snapshot_preview1\" \"{name}\" (func (type 0)))");
        let exit = format!("{EXIT_INTERFACE} {EXIT_FUNCTION}");
        assert_eq!(renamed(""), None);
        assert_eq!(renamed(&import("fd_close")), None);
        assert_eq!(renamed(&import("proc_exit")), Some(vec![exit.clone()]));
        // Enough imports for every length of the section's own length.
        for n in [1, 3, 4, 5, 50, 600] {
            let mut all: Vec<String> = (0..n).map(|i| import(&format!("f{i}"))).collect();
            all.insert(n / 2, import("proc_exit"));
            let names = renamed(&all.concat()).unwrap();
            assert_eq!((names.len(), &names[n / 2]), (n + 1, &exit));
            assert_eq!(names[n], format!("wasi_snapshot_preview1 f{}", n - 1));
        }
    }
}
