//! Wishes to stop that come from outside.
//!
//! Ctrl-C, a request to terminate and a terminal that was closed all ask to stop at the next step,
//! with everything saved. Only a second Ctrl-C stops at once: a closed terminal says so twice, once
//! by the kernel and once by the shell. Whoever started the program with a signal ignored (`nohup`)
//! meant it.

use std::sync::OnceLock;

use runner_data::Interrupt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::Failure;

static INTERRUPT: OnceLock<Interrupt> = OnceLock::new();

/// The wish to stop of this process: one, which signals ask for from the first call on.
///
/// # Errors
///
/// A [`Failure`] where the system refuses.
pub fn interrupt() -> Result<Interrupt, Failure> {
    if let Some(interrupt) = INTERRUPT.get() {
        return Ok(interrupt.clone());
    }
    let interrupt = Interrupt::default();
    catch(&interrupt)?;
    Ok(INTERRUPT.get_or_init(|| interrupt).clone())
}

fn catch(interrupt: &Interrupt) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::internal(format!("cannot listen for signals: {error}"));
    let heard: Vec<i32> =
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal)).collect();
    let mut signals = Signals::new(heard).map_err(failed)?;
    let interrupt = interrupt.clone();
    std::thread::spawn(move || {
        let mut pressed = 0;
        for signal in signals.forever() {
            pressed += usize::from(signal == SIGINT);
            if pressed > 1 {
                std::process::exit(130);
            }
            interrupt.request();
        }
    });
    Ok(())
}

/// Whether a signal is ignored in this process, as `nohup` leaves it.
#[allow(unsafe_code)]
fn is_ignored(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action, `sigaction` only fills in the old one, which is read after it
    // said that it did.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}
