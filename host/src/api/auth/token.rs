use crate::api::types::{ErrorBody, ErrorCode};
use axum::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Longest token in bytes: those of Kubernetes have one or two thousand.
const LONGEST: usize = 8 << 10;

/// A bearer's token. It shows itself to nobody.
pub(super) struct Token(String);

/// What stands for a token where its answers are kept.
pub(super) type TokenKey = [u8; 32];

impl Token {
    /// The token of a request.
    ///
    /// # Errors
    /// There is none, or what there is cannot be one.
    pub(super) fn of(headers: &HeaderMap) -> Result<Token, ErrorBody> {
        let mut all = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (all.next(), all.next()) else {
            return Err(unauthorized("a token is wanted, in one header `Authorization: Bearer TOKEN`"));
        };
        let token = value
            .as_bytes()
            .split_at_checked(SCHEME.len())
            .and_then(|(scheme, token)| scheme.eq_ignore_ascii_case(SCHEME).then_some(token));
        let Some(token) = token else {
            return Err(unauthorized("the header Authorization is not of the form `Bearer TOKEN`"));
        };
        if token.len() > LONGEST {
            return Err(unauthorized(format!("the token is longer than {LONGEST} bytes")));
        }
        match std::str::from_utf8(token) {
            Ok(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) => Ok(Token(text.to_owned())),
            _ => Err(unauthorized("the token is empty, or has characters that no token has")),
        }
    }

    /// What its answers are kept under.
    pub(super) fn key(&self) -> TokenKey {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The token itself, for the one who can say whose it is.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

const SCHEME: &[u8] = b"Bearer ";

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// It is not known who asks.
pub(super) fn unauthorized(message: impl Into<String>) -> ErrorBody {
    let hint = "`kubectl create token NAME --audience wharf` makes one that is good for wharf alone; the commands take it \
                from a file: --token-file FILE";
    ErrorBody { code: ErrorCode::Unauthorized, message: message.into(), hint: Some(hint.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn read(values: &[&[u8]]) -> Result<Token, ErrorBody> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        Token::of(&headers)
    }

    #[test]
    fn a_token_is_taken_from_one_header_of_its_form() {
        for value in ["Bearer abc.DEF-1_~+/=", "bearer abc.DEF-1_~+/=", "BEARER abc.DEF-1_~+/="] {
            assert_eq!(read(&[value.as_bytes()]).unwrap().reveal(), "abc.DEF-1_~+/=", "{value}");
        }
        assert_eq!(read(&[format!("Bearer {}", "x".repeat(LONGEST)).as_bytes()]).unwrap().reveal().len(), LONGEST);
        let check = |values: &[&[u8]], expect: &str| {
            let error = read(values).unwrap_err();
            assert_eq!(error.code, ErrorCode::Unauthorized);
            assert!(error.message.contains(expect), "{}", error.message);
            assert!(!error.message.contains("hunter2"), "{}", error.message);
        };
        check(&[], "a token is wanted");
        check(&[b"Bearer hunter2", b"Bearer hunter2"], "one header");
        check(&[b"Basic hunter2"], "not of the form");
        check(&[b"hunter2"], "not of the form");
        check(&[b"Bearer"], "not of the form");
        check(&[b"Bearer "], "empty");
        check(&[b"Bearer  hunter2"], "characters");
        check(&[b"Bearer hunter2 hunter2"], "characters");
        check(&["Bearer hunter2ü".as_bytes()], "characters");
        check(&[format!("Bearer {}", "x".repeat(LONGEST + 1)).as_bytes()], "longer than 8192 bytes");
    }

    #[test]
    fn a_token_shows_itself_to_nobody() {
        let token = read(&[b"Bearer hunter2"]).unwrap();
        assert_eq!(format!("{token:?}"), "Token(..)");
        assert_ne!(token.key(), read(&[b"Bearer hunter3"]).unwrap().key());
        assert!(!token.key().windows(7).any(|w| w == b"hunter2"));
    }
}
