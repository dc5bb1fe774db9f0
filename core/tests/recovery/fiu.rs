//! Makes the n-th system call of this process fail, by the library that `fiu-run` loads in front of libc. What the std makes
//! past libc (`link`, `mkdir`, and all of cap-std's own) is not seen by it.

use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::SeqCst};

const NEVER: u64 = u64::MAX;
static CALLS: AtomicU64 = AtomicU64::new(0);
static AT: AtomicU64 = AtomicU64::new(NEVER);
static ERRNO: AtomicI32 = AtomicI32::new(0);
static LASTS: AtomicU64 = AtomicU64::new(NEVER);
static DIES: AtomicBool = AtomicBool::new(false);

type Decide = extern "C" fn(*const c_char, *mut c_int, *mut *mut c_void, *mut c_uint) -> c_int;
type Enable = unsafe extern "C" fn(*const c_char, c_int, *mut c_void, c_uint, Decide) -> c_int;

/// What happens at the call.
#[derive(Clone, Copy)]
pub struct Fault {
    /// The call ends with this error; with 0, it moves fewer bytes than it was asked to.
    pub errno: i32,
    /// So do all calls from so many after it on.
    pub lasts: Option<u64>,
    /// The process dies instead, before the call.
    pub dies: bool,
}

impl Fault {
    /// Whoever calls these is watched from now on. Once a process.
    pub fn watch(self, points: &[&str]) {
        // SAFETY: a name that ends with NUL; the answer is null where the library is not loaded.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"fiu_enable_external".as_ptr()) };
        assert!(!found.is_null(), "not under fiu-run");
        // SAFETY: that is the function's type in fiu-control.h.
        let enable: Enable = unsafe { std::mem::transmute::<*mut c_void, Enable>(found) };
        ERRNO.store(self.errno, SeqCst);
        LASTS.store(self.lasts.unwrap_or(NEVER), SeqCst);
        DIES.store(self.dies, SeqCst);
        for point in points {
            let name =
                CString::new(if self.errno == 0 && !self.dies { format!("{point}/reduce") } else { (*point).into() });
            // SAFETY: the name is copied, and the callback is there for as long as the process.
            assert_eq!(unsafe { enable(name.unwrap().as_ptr(), 1, std::ptr::null_mut(), 0, decide) }, 0, "{point}");
        }
    }
}

/// The `at`-th call from now on meets the fault; gives what `work` gives, and how many calls it made.
pub fn at<T>(at: u64, work: impl FnOnce() -> T) -> (T, u64) {
    CALLS.store(0, SeqCst);
    AT.store(at, SeqCst);
    let worked = work();
    AT.store(NEVER, SeqCst);
    (worked, CALLS.load(SeqCst))
}

extern "C" fn decide(_: *const c_char, _: *mut c_int, info: *mut *mut c_void, _: *mut c_uint) -> c_int {
    let at = AT.load(SeqCst);
    if at == NEVER || is_apart() {
        return 0;
    }
    let call = CALLS.fetch_add(1, SeqCst) + 1;
    if call != at && call < at.saturating_add(LASTS.load(SeqCst)) {
        return 0;
    }
    if DIES.load(SeqCst) {
        // SAFETY: ends this process at once, as a kill from outside would.
        unsafe { libc::raise(libc::SIGKILL) };
    }
    // SAFETY: libfiu gives a place for the error's number.
    unsafe { *info = ERRNO.load(SeqCst) as usize as *mut c_void };
    1
}

/// Threads that read at times of their own.
fn is_apart() -> bool {
    let mut name = [0u8; 16];
    // SAFETY: a thread's name has 16 bytes at most, its NUL included.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    [&b"datasus-governo"[..], b"datasus-memory", b"datasus-warm"].iter().any(|own| name.starts_with(own))
}
