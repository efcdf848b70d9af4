//! The few system calls that have no safe form elsewhere.

use crate::seccomp::Instruction;
use rustix::fd::{AsFd, AsRawFd as _};
use rustix::io::Errno;
use rustix::process::Pid;
use rustix::thread::UnshareFlags;
use std::ffi::CString;
use std::time::Duration;

/// How a process ended and what it used.
pub(crate) struct Waited {
    /// As `waitpid` encodes it.
    pub(crate) status: i32,
    /// Time on processors, of the process and of those that it waited for.
    pub(crate) cpu: Duration,
    /// Largest resident size of any of them, in bytes.
    pub(crate) max_resident: u64,
}

/// Splits the process in two; `None` in the new one.
///
/// Only for a process with one thread: [`crate::init`]'s.
pub(crate) fn fork() -> Result<Option<Pid>, Errno> {
    #[expect(
        unsafe_code,
        reason = "no safe form: the child of a process with threads may not do anything"
    )]
    // SAFETY: the callers run in a process that `init` owns and that never made a second thread, so no lock is held by another.
    let pid = unsafe { libc::fork() };
    if pid < 0 {
        return Err(last_errno());
    }
    Ok(Pid::from_raw(pid))
}

/// Leaves namespaces behind and goes on in new ones.
pub(crate) fn unshare(flags: UnshareFlags) -> Result<(), Errno> {
    debug_assert!(!flags.contains(UnshareFlags::FILES), "the descriptor table stays");
    #[expect(unsafe_code, reason = "rustix marks the call for the flag FILES")]
    // SAFETY: the flag that makes the call unsafe, FILES, is never given.
    unsafe {
        rustix::thread::unshare_unsafe(flags)
    }
}

/// Waits for the end of `pid`, a child of this process.
pub(crate) fn wait_for(pid: Pid) -> Result<Waited, Errno> {
    let mut status = 0;
    loop {
        #[expect(unsafe_code, reason = "rustix has no wait4")]
        // SAFETY: all-zero bytes are a valid rusage; both pointers are to locals that outlive the call.
        let (pid, usage) = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            (
                libc::wait4(pid.as_raw_nonzero().get(), &raw mut status, 0, &raw mut usage),
                usage,
            )
        };
        if pid < 0 {
            match last_errno() {
                Errno::INTR => continue,
                errno => return Err(errno),
            }
        }
        let of = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
        return Ok(Waited {
            status,
            cpu: of(usage.ru_utime) + of(usage.ru_stime),
            max_resident: usage.ru_maxrss as u64 * 1024,
        });
    }
}

/// Attributes of a mount that can be set on it, wherever it is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MountChange {
    /// Writes fail.
    ReadOnly,
    /// Mounts and unmounts do not spread from it nor to it.
    Private,
}

/// Changes a mount, with `recursive` also those below it.
pub(crate) fn change_mount(mount: impl AsFd, change: MountChange, recursive: bool) -> Result<(), Errno> {
    let attributes = libc::mount_attr {
        attr_set: if change == MountChange::ReadOnly {
            libc::MOUNT_ATTR_RDONLY
        } else {
            0
        },
        attr_clr: 0,
        propagation: if change == MountChange::Private {
            libc::MS_PRIVATE
        } else {
            0
        },
        userns_fd: 0,
    };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    #[expect(unsafe_code, reason = "rustix has no mount_setattr")]
    // SAFETY: the path is an empty C string, the structure and its size belong together, and both outlive the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

/// Starts the loopback interface of a new network namespace.
pub(crate) fn start_loopback() -> Result<(), Errno> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    #[expect(unsafe_code, reason = "rustix has no call for an interface's flags")]
    // SAFETY: all-zero bytes are a valid ifreq, its name ends with a zero, and it outlives the call.
    let result = unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        libc::ioctl(
            socket.as_raw_fd(),
            libc::SIOCSIFFLAGS as libc::Ioctl,
            &raw const request,
        )
    };
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

/// Sets every signal to what a new program expects and blocks none.
pub(crate) fn reset_signals() {
    #[expect(unsafe_code, reason = "rustix has no stable form of sigaction")]
    // SAFETY: SIG_DFL installs no code; numbers that cannot be changed are refused by the kernel, which is what is wanted.
    // The set is initialised by sigemptyset before it is used.
    unsafe {
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Holds every signal back until [`next_signal`] takes it.
pub(crate) fn hold_signals() {
    #[expect(unsafe_code, reason = "rustix has no stable form of sigprocmask")]
    // SAFETY: the set is initialised by sigfillset before it is used.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
    }
}

/// Waits for a signal that is held back, and takes it.
pub(crate) fn next_signal() -> i32 {
    #[expect(unsafe_code, reason = "rustix has no stable form of sigwaitinfo")]
    // SAFETY: the set is initialised by sigfillset before it is used; no information beside the number is asked for.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigwaitinfo(&raw const all, std::ptr::null_mut())
    }
}

/// Closes every descriptor from `first` on. Only for a process that uses none of them any more.
pub(crate) fn close_from(first: u32) {
    #[expect(unsafe_code, reason = "rustix has no close_range")]
    // SAFETY: the caller goes on to functions that own no descriptor, and ends by `exit`, which drops nothing.
    unsafe {
        libc::syscall(libc::SYS_close_range, first, u32::MAX, 0);
    }
}

/// Marks every descriptor from `first` on to be closed when the program is replaced.
pub(crate) fn close_on_exec_from(first: u32) -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "rustix has no close_range")]
    // SAFETY: the flag only marks descriptors; nothing that Rust owns is closed while it is used.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

/// Replaces the program. Returns only if that failed.
pub(crate) fn execute(path: &CString, argv: &[CString], env: &[CString]) -> Errno {
    let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
        let texts = texts.iter().map(|text| text.as_ptr());
        texts.chain([std::ptr::null()]).collect()
    };
    let (argv, env) = (pointers(argv), pointers(env));
    #[expect(
        unsafe_code,
        reason = "the standard library sorts the environment and drops repeated names"
    )]
    // SAFETY: both arrays end with a null pointer and point into C strings that live until the call returns.
    unsafe {
        libc::execve(path.as_ptr(), argv.as_ptr(), env.as_ptr());
    }
    last_errno()
}

/// Filters the system calls of this process and of all that come from it.
pub(crate) fn filter_calls(program: &[Instruction]) -> Result<(), Errno> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| Errno::TOOBIG)?,
        // The kernel only reads it.
        filter: program.as_ptr().cast_mut().cast(),
    };
    #[expect(unsafe_code, reason = "rustix has no call for filters")]
    // SAFETY: an Instruction is laid out as the kernel's sock_filter; length and pointer belong to one slice, which outlives
    // the call.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

/// Ends this process at once: no destructor of the program runs, no buffer is written twice.
pub(crate) fn exit(code: i32) -> ! {
    #[expect(
        unsafe_code,
        reason = "std::process::exit runs handlers that belong to the program, not to its helper"
    )]
    // SAFETY: nothing of this process is used afterwards.
    unsafe {
        libc::_exit(code)
    }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
