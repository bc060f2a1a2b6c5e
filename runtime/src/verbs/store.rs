//! A pod that serves a store in a volume to the coordinator, which mounts none.

use super::fail;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use wharf_contract::{ExitCode, claim, pod::paths};
use wharf_depot::Digest;
use wharf_depot::claim::Server;

/// Connections at a time.
const CONNECTIONS: usize = 8;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder of the store.
    #[arg(long, value_name = "DIR", default_value = paths::STORE_VOLUME)]
    folder: PathBuf,
    /// Digest of the token that whoever connects must know: `sha256:` and 64 hex digits.
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    token_digest: Digest,
    /// Port of the loopback that is listened on; 0: any, which is printed.
    #[arg(long, default_value_t = claim::PORT)]
    port: u16,
    /// Seconds without a connection after which it ends.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    linger: u64,
}

fn digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| "it is not `sha256:` and 64 lower-case hex digits".to_owned())
}

pub(crate) fn main(args: &Args) -> ExitCode {
    let served = tokio::runtime::Builder::new_current_thread().enable_all().build().and_then(|tokio| {
        // What is still at work when it ends is done over by whoever asked for it.
        let served = tokio.block_on(serve(args));
        tokio.shutdown_background();
        served
    });
    match served {
        Ok(()) => ExitCode::Success,
        Err(e) => fail(ExitCode::Internal, format_args!("cannot serve {}: {e}", args.folder.display())),
    }
}

/// Serves until it is told to end, or nobody is connected for long enough.
async fn serve(args: &Args) -> std::io::Result<()> {
    let server = Server::open(&args.folder, args.token_digest)?;
    // Nobody outside of the pod reaches it but through the API server.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await?;
    if args.port == 0 {
        println!("{}", listener.local_addr()?.port());
    }
    let mut stop = signal(SignalKind::terminate())?;
    let (room, ended) = (Arc::new(Semaphore::new(CONNECTIONS)), Arc::new(Notify::new()));
    let linger = Duration::from_secs(args.linger);
    let mut alone_since = Instant::now();
    loop {
        tokio::select! {
            () = tokio::time::sleep((alone_since + linger).saturating_duration_since(Instant::now())) => {
                if room.available_permits() == CONNECTIONS {
                    return Ok(());
                }
                alone_since = Instant::now();
            }
            () = ended.notified() => alone_since = Instant::now(),
            _ = stop.recv() => return Ok(()),
            connection = listener.accept() => {
                let (stream, _) = connection?;
                let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
                let (server, ended) = (server.clone(), Arc::clone(&ended));
                tokio::spawn(async move {
                    stream.set_nodelay(true).ok();
                    if let Err(e) = server.serve(stream).await {
                        eprintln!("a connection ended: {e}");
                    }
                    drop(permit);
                    ended.notify_one();
                });
            }
        }
    }
}
