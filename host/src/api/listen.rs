use std::net::SocketAddr;
use std::path::PathBuf;

/// Where the API is served over TCP besides its socket, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    address: SocketAddr,
    authentication: Authentication,
    tls: Option<TlsFiles>,
}

/// How it is found out who asks over TCP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all: whoever reaches the port may do everything. For this machine alone.
    #[default]
    None,
    /// By a token that the Kubernetes API server knows, and that was made for wharf; what its bearer may do, by the rights
    /// that the cluster gives.
    Kubernetes,
}

/// A certificate with its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those that lead to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Listen {
    /// At this address; port 0 is one that the system chooses.
    ///
    /// # Errors
    /// In words, with what to do after a semicolon: others than this machine could reach it, and it is not asked who they are.
    pub fn new(address: SocketAddr, authentication: Authentication, tls: Option<TlsFiles>) -> Result<Listen, String> {
        let ip = address.ip().to_canonical();
        if authentication == Authentication::None && !ip.is_loopback() {
            return Err(format!(
                "{address} is no address of this machine alone, and whoever reaches it could do everything; \
                 say who may with --authentication kubernetes, or listen on 127.0.0.1:{}",
                address.port()
            ));
        }
        Ok(Listen { address, authentication, tls })
    }

    /// Where.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it is found out who asks.
    #[must_use]
    pub fn authentication(&self) -> Authentication {
        self.authentication
    }

    /// The certificate; none: without TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsFiles> {
        self.tls.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_believed_without_a_token() {
        use Authentication::{Kubernetes, None};
        let check = |address: &str, authentication, expect: bool| {
            let made = Listen::new(address.parse().unwrap(), authentication, Option::None);
            assert_eq!(made.is_ok(), expect, "{address} {authentication:?}: {made:?}");
            if let Err(why) = made {
                assert!(why.contains("; say who may with --authentication kubernetes"), "{why}");
            }
        };
        check("127.0.0.1:8080", None, true);
        check("127.9.9.9:0", None, true);
        check("[::1]:8080", None, true);
        check("[::ffff:127.0.0.1]:8080", None, true);
        check("0.0.0.0:8080", None, false);
        check("[::]:8080", None, false);
        check("[::ffff:10.0.0.1]:8080", None, false);
        check("192.0.2.1:8080", None, false);
        check("0.0.0.0:8080", Kubernetes, true);
        check("127.0.0.1:8080", Kubernetes, true);
    }
}
