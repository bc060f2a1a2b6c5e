use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};

pub(crate) fn write(path: &str, bytes: &[u8], append: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = if append { options.append(true) } else { options.write(true).truncate(true) };
    options.create(true).open(path)?.write_all(bytes)
}

/// Names in a folder, sorted.
pub(crate) fn list(path: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Writes until enough is written or no more is taken, and gives the bytes.
pub(crate) fn fill(path: &str, bytes: Option<u64>) -> io::Result<u64> {
    let mut file = File::create(path)?;
    let part = vec![b'x'; 1 << 20];
    let mut done = 0;
    let want = bytes.unwrap_or(u64::MAX);
    while done < want {
        let next = part.len().min(usize::try_from(want - done).unwrap_or(part.len()));
        match file.write(&part[..next]) {
            Ok(0) => break,
            Ok(n) => done += n as u64,
            Err(e)
                if matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge) =>
            {
                break;
            }
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

/// Draws random bytes from the platform and gives the number of those that are zero.
pub(crate) fn random(bytes: u64) -> io::Result<u64> {
    #[cfg(target_arch = "wasm32")]
    let draw = |n: u64| io::Result::Ok(wasip2::random::random::get_random_bytes(n));
    #[cfg(not(target_arch = "wasm32"))]
    let draw = |n: u64| {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(File::open("/dev/urandom")?, n), &mut bytes)?;
        io::Result::Ok(bytes)
    };
    let mut zeros = 0;
    let mut left = bytes;
    while left > 0 {
        let part = left.min(64 << 10);
        zeros += draw(part)?.iter().filter(|b| **b == 0).count() as u64;
        left -= part;
    }
    Ok(zeros)
}
