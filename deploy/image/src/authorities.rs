//! The certificate authorities that an image trusts: an image from scratch has none, and some clients look for them in a
//! file whatever else they were given.

use std::fmt::Write as _;
use wharf_image::Layer;

/// Where OpenSSL's and rustls's readers look first.
const PATH: &str = "etc/ssl/certs/ca-certificates.crt";

/// Mozilla's.
pub(crate) fn authorities() -> Layer {
    let mut pem = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        // Writing to a string does not fail.
        let _ = writeln!(pem, "-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----", base64(certificate));
    }
    Layer::new().file(PATH, pem.into_bytes())
}

/// In lines of 64 characters.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for line in bytes.chunks(48) {
        for three in line.chunks(3) {
            let bits = three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
            for i in 0..4 {
                let six = usize::try_from(bits >> (18 - 6 * i) & 63).unwrap_or(0);
                text.push(if i <= three.len() { char::from(ALPHABET[six]) } else { '=' });
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_base64() {
        for (bytes, expect) in [
            (&b""[..], ""),
            (b"f", "Zg==\n"),
            (b"fo", "Zm8=\n"),
            (b"foo", "Zm9v\n"),
            (b"foobar", "Zm9vYmFy\n"),
            (b"\xfb\xff\xbf", "+/+/\n"),
        ] {
            assert_eq!(base64(bytes), expect);
        }
        assert_eq!(base64(&[0; 49]), format!("{}\nAA==\n", "A".repeat(64)));
    }
}
