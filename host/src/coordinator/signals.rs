use super::handle::Control;
use super::request::Input;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// SIGTERM and SIGINT drain, and stop when they come again; SIGHUP reads the config anew.
///
/// # Errors
/// The signals cannot be listened for.
pub(super) fn listen(inputs: mpsc::Sender<Input>) -> std::io::Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let mut hup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        let mut asked = false;
        loop {
            let control = tokio::select! {
                _ = term.recv() => if asked { Control::Stop } else { Control::Drain },
                _ = int.recv() => if asked { Control::Stop } else { Control::Drain },
                _ = hup.recv() => Control::Reload,
            };
            asked |= control == Control::Drain;
            if inputs.send(Input::Control(control)).await.is_err() {
                return;
            }
        }
    });
    Ok(())
}
