//! Where pods may connect to.

use crate::config::fault::Code;
use crate::config::reader::{self, Reader};
use crate::config::shape::{Field, Kind, Shape};
use crate::config::yaml::Node;
use crate::plan::Egress;
use crate::schedule::shown;
use std::net::IpAddr;

pub(in crate::config) const SHAPE: Shape = Shape {
    name: "Egress",
    doc: "A destination that a NetworkPolicy allows.",
    one: false,
    fields: &[
        Field::required("cidr", Kind::Form("a block such as `10.0.0.0/8`"), "Addresses."),
        Field::new("ports", Kind::List(&Kind::Int(1, 65_535)), "TCP ports; default: all."),
    ],
};

pub(in crate::config) fn read(reader: &mut Reader<'_>, spec: &Node) -> Vec<Egress> {
    let mut all = Vec::new();
    for node in reader::items(spec, "egress") {
        let Some(cidr) = reader::text(node, "cidr") else { continue };
        match block(&cidr.value) {
            Ok(()) => {
                let ports = reader::items(node, "ports").filter_map(|p| u16::try_from(p.int()?).ok()).collect();
                all.push(Egress { cidr: cidr.value, ports });
            }
            Err(hint) => {
                let message = format!("`{}` is no block of addresses", shown(&cidr.value));
                reader.error_hint(cidr.at, Code::InvalidValue, message, hint);
            }
        }
    }
    all
}

/// Whether it is a block whose address has no bit outside of its length.
fn block(text: &str) -> Result<(), String> {
    const FORM: &str = "write it as `10.0.0.0/8`; a single address has `/32`";
    let (address, length) = text.split_once('/').ok_or(FORM)?;
    let address: IpAddr = address.parse().map_err(|_| FORM)?;
    let plain = (1..=3).contains(&length.len())
        && length.bytes().all(|b| b.is_ascii_digit())
        && !(length.len() > 1 && length.starts_with('0'));
    let length: u32 = length.parse().ok().filter(|_| plain).ok_or(FORM)?;
    let first = match address {
        IpAddr::V4(v4) if length <= 32 => {
            IpAddr::V4((u32::from(v4) & u32::MAX.checked_shl(32 - length).unwrap_or(0)).into())
        }
        IpAddr::V6(v6) if length <= 128 => {
            IpAddr::V6((u128::from(v6) & u128::MAX.checked_shl(128 - length).unwrap_or(0)).into())
        }
        _ => return Err("a length is at most 32, of IPv6 128".into()),
    };
    if first == address { Ok(()) } else { Err(format!("the block that it lies in is `{first}/{length}`")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_blocks() {
        for good in ["10.0.0.0/8", "0.0.0.0/0", "192.168.1.7/32", "::/0", "fd00::/8"] {
            assert_eq!(block(good), Ok(()), "{good}");
        }
        for (bad, hint) in [
            ("10.1.2.3/8", "the block that it lies in is `10.0.0.0/8`"),
            ("10.0.0.0/33", "a length is at most 32, of IPv6 128"),
            ("10.0.0.0", "write it as `10.0.0.0/8`; a single address has `/32`"),
            ("10.0.0/8", "write it as `10.0.0.0/8`; a single address has `/32`"),
            ("10.0.0.0/+8", "write it as `10.0.0.0/8`; a single address has `/32`"),
            ("10.0.0.0/08", "write it as `10.0.0.0/8`; a single address has `/32`"),
            ("fd00::1/8", "the block that it lies in is `fd00::/8`"),
        ] {
            assert_eq!(block(bad), Err(hint.to_owned()), "{bad}");
        }
    }
}
