//! Locks of an open file that can be queried without being taken: a process that queries one never
//! blocks another. So on Linux; elsewhere a query takes the lock for an instant.

#[cfg(target_os = "linux")]
pub(super) use linux::{is_held, try_hold};
#[cfg(not(target_os = "linux"))]
pub(super) use portable::{is_held, try_hold};

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io::{Error, Result};

    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc::{F_UNLCK, F_WRLCK, SEEK_SET, flock};

    /// A lock of the whole file.
    fn whole() -> flock {
        let (l_type, l_whence) = (F_WRLCK as i16, SEEK_SET as i16);
        flock { l_type, l_whence, l_start: 0, l_len: 0, l_pid: 0 }
    }

    pub(in crate::lock) fn try_hold(file: &File) -> Result<bool> {
        match fcntl(file, FcntlArg::F_OFD_SETLK(&whole())) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
            Err(error) => Err(Error::from(error)),
        }
    }

    pub(in crate::lock) fn is_held(file: &File) -> bool {
        let mut lock = whole();
        let asked = fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock));
        asked.is_ok() && i32::from(lock.l_type) != F_UNLCK
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use std::fs::{File, TryLockError};
    use std::io::Result;

    pub(in crate::lock) fn try_hold(file: &File) -> Result<bool> {
        match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(in crate::lock) fn is_held(file: &File) -> bool {
        file.try_lock_shared().is_err()
    }
}
