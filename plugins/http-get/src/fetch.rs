use crate::answer::judge;
use crate::types::{Input, Output};
use crate::url::Url;
use std::io::Write;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, IncomingBody, IncomingResponse, OutgoingRequest, RequestOptions, Scheme};
use wasip2::io::streams::StreamError;
use wharf_task::{TaskError, artifacts, progress};

/// Bytes that are read in one call.
const CHUNK: u64 = 64 << 10;

pub(crate) fn fetch(input: &Input, url: &Url<'_>) -> Result<Output, TaskError> {
    let response = send(input, url)?;
    let header = |name: &str| {
        let value = response.headers().get(name).into_iter().next()?;
        String::from_utf8(value).ok()
    };
    judge(response.status(), header("retry-after").as_deref())?;
    let total = header("content-length").and_then(|text| text.parse().ok());
    if total.is_some_and(|n| n > input.max_bytes) {
        return Err(too_long(input));
    }
    let mut output =
        Output { status: response.status(), media_type: header("content-type"), size: 0, text: None, artifact: None };
    match &input.save {
        Some(name) => {
            let mut file = artifacts::create(name, output.media_type.as_deref())?;
            output.size = read(input, &response, total, |bytes| Ok(file.write_all(bytes)?))?;
            output.artifact = Some(file.finish()?);
        }
        None => {
            let mut body = Vec::new();
            output.size = read(input, &response, total, |bytes| {
                body.extend_from_slice(bytes);
                Ok(())
            })?;
            let text = String::from_utf8(body);
            let text = text.map_err(|_| TaskError::permanent("the body is no UTF-8 text: keep it by input.save"))?;
            output.text = Some(text);
        }
    }
    Ok(output)
}

fn send(input: &Input, url: &Url<'_>) -> Result<IncomingResponse, TaskError> {
    let headers: Vec<_> =
        input.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
    let headers = Fields::from_list(&headers)
        .map_err(|e| TaskError::invalid_input(format!("input.headers: a header cannot be sent: {e}")))?;
    let request = OutgoingRequest::new(headers);
    let scheme = if url.secure { Scheme::Https } else { Scheme::Http };
    let set = request
        .set_scheme(Some(&scheme))
        .and_then(|()| request.set_authority(Some(url.authority)))
        .and_then(|()| request.set_path_with_query(Some(&url.path)));
    set.map_err(|()| TaskError::invalid_input("input.url: it is no valid URL"))?;

    let options = RequestOptions::new();
    let timeout = Some(input.timeout.saturating_mul(1_000_000));
    // A runtime may refuse to keep one of these; the attempt's own timeout stands behind them.
    let _ = options.set_connect_timeout(timeout);
    let _ = options.set_first_byte_timeout(timeout);
    let _ = options.set_between_bytes_timeout(timeout);

    let failed = |code: ErrorCode| failed(url.authority, &code);
    let future = outgoing_handler::handle(request, Some(options)).map_err(failed)?;
    loop {
        if let Some(Ok(answer)) = future.get() {
            return answer.map_err(failed);
        }
        future.subscribe().block();
    }
}

fn failed(authority: &str, code: &ErrorCode) -> TaskError {
    match code {
        ErrorCode::HttpRequestDenied => {
            TaskError::Permanent(format!("{authority}: this host is not granted to the task (grants.http in the flow)"))
        }
        ErrorCode::DestinationIpProhibited => {
            TaskError::Permanent(format!("{authority}: its address is private, and the grant does not cover such"))
        }
        ErrorCode::TlsCertificateError => TaskError::Permanent(format!("{authority}: its certificate is not trusted")),
        ErrorCode::HttpRequestUriInvalid => TaskError::InvalidInput("input.url: it is no valid URL".to_owned()),
        other => TaskError::retryable(format!("{authority}: {other:?}")),
    }
}

/// Hands on the body piece by piece and gives its length.
fn read(
    input: &Input,
    response: &IncomingResponse,
    total: Option<u64>,
    mut take: impl FnMut(&[u8]) -> Result<(), TaskError>,
) -> Result<u64, TaskError> {
    let broken = || TaskError::retryable("the connection broke within the body");
    let body: IncomingBody = response.consume().map_err(|()| broken())?;
    let stream = body.stream().map_err(|()| broken())?;
    let mut size = 0;
    loop {
        match stream.blocking_read(CHUNK) {
            Ok(bytes) => {
                size += bytes.len() as u64;
                if size > input.max_bytes {
                    return Err(too_long(input));
                }
                take(&bytes)?;
                progress::report(size, total, None);
            }
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(_)) => return Err(broken()),
        }
    }
    if total.is_some_and(|n| n != size) {
        return Err(broken());
    }
    Ok(size)
}

fn too_long(input: &Input) -> TaskError {
    TaskError::Permanent(format!("the body is longer than input.maxBytes, {}", input.max_bytes))
}
