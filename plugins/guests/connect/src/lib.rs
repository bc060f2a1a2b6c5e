//! Opens a TCP connection by wasi:sockets, for tests of the runtime: a task is never given sockets.

pub mod types;

use types::{Input, Output};
use wharf_task::TaskError;

/// Connects and hangs up.
///
/// # Errors
/// Permanent, with the platform's word for it.
pub fn run(input: Input) -> Result<Output, TaskError> {
    connect(&input).map_err(TaskError::Permanent)?;
    Ok(Output { connected: true })
}

wharf_task::task!(run);

#[cfg(target_arch = "wasm32")]
fn connect(input: &Input) -> Result<(), String> {
    use wasip2::sockets::instance_network::instance_network;
    use wasip2::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
    use wasip2::sockets::tcp_create_socket::create_tcp_socket;

    let [a, b, c, d] = input.address.octets();
    let remote = IpSocketAddress::Ipv4(Ipv4SocketAddress { port: input.port, address: (a, b, c, d) });
    let word = |code: ErrorCode| code.to_string();
    let network = instance_network();
    let socket = create_tcp_socket(IpAddressFamily::Ipv4).map_err(word)?;
    socket.start_connect(&network, remote).map_err(word)?;
    loop {
        match socket.finish_connect() {
            Ok(_) => return Ok(()),
            Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
            Err(code) => return Err(word(code)),
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn connect(input: &Input) -> Result<(), String> {
    std::net::TcpStream::connect((input.address, input.port)).map(drop).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn a_listener_is_reached() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(run(Input { address: Ipv4Addr::LOCALHOST, port }), Ok(Output { connected: true }));
    }
}
