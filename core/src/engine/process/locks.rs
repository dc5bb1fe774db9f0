//! The kernel's means to shut a process in, as far as this one has them.

use std::io::Result as IoResult;
use std::path::Path;

#[cfg(target_os = "linux")]
use super::landlock;
use super::request::Locks;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
use super::seccomp;
use crate::base::{Text, text};

/// Its calls have other numbers elsewhere, and none of them was looked at.
#[cfg(all(target_os = "linux", not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod seccomp {
    pub(super) fn is_there() -> bool {
        false
    }

    pub(super) fn enter() -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
pub(super) fn offered() -> Locks {
    Locks { landlock: landlock::version(), seccomp: seccomp::is_there() }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn offered() -> Locks {
    Locks::default()
}

/// Shuts the calling thread in, and those that it will start.
#[cfg(target_os = "linux")]
pub(super) fn enter<'p>(files: impl Iterator<Item = &'p Path>, written: Option<&Path>) -> IoResult<()> {
    landlock::enter(files, written)?;
    seccomp::enter()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn enter<'p>(_: impl Iterator<Item = &'p Path>, _: Option<&Path>) -> IoResult<()> {
    Ok(())
}

/// What is missing here, for people.
pub(super) fn missing(locks: Locks) -> Option<Text> {
    let (pt, en) = match (locks.landlock, locks.seccomp) {
        (1.., true) => return None,
        (0, true) => ("landlock (arquivos)", "landlock (files)"),
        (_, false) if locks.landlock > 0 => ("seccomp (rede, outros programas)", "seccomp (network, other programs)"),
        _ => (
            "landlock (arquivos) nem seccomp (rede, outros programas)",
            "landlock (files) or seccomp (network, other programs)",
        ),
    };
    Some(text!(
        "O núcleo deste sistema não tem {pt}: o processo em que o SQL roda é separado e tem limites, mas não está fechado por inteiro",
        "This system's kernel has no {en}: the process in which the SQL runs is apart and has limits, but is not shut in entirely"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kernel_does_not_have_is_said() {
        let said = |landlock, seccomp| missing(Locks { landlock, seccomp }).map(|text| text.en).unwrap_or_default();
        assert_eq!(said(1, true), "");
        assert!(said(0, true).contains("no landlock (files):"));
        assert!(said(3, false).contains("no seccomp (network, other programs):"));
        assert!(said(0, false).contains("no landlock (files) or seccomp"));
    }

    #[test]
    #[ignore = "runs in a process of its own"]
    #[cfg(target_os = "linux")]
    fn shuts_itself_in() {
        let Some(folder) = std::env::var_os("DATASUS_TEST_SHUT_IN").map(std::path::PathBuf::from) else { return };
        let (planned, other, written) = (folder.join("planned"), folder.join("other"), folder.join("written"));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let parent = std::os::unix::process::parent_id();
        let tells = |name: &str, outcome: std::io::Result<()>| match outcome {
            Ok(()) => println!("{name}: yes"),
            Err(error) => println!("{name}: {}", error.kind()),
        };
        // Behind what the test's frame has printed on this line.
        println!();
        enter([planned.as_path()].into_iter(), Some(&written)).unwrap();
        let seen = std::thread::spawn(move || {
            tells("reads the planned", std::fs::read(&planned).map(drop));
            tells("writes the planned", std::fs::write(&planned, "x"));
            tells("reads another", std::fs::read(&other).map(drop));
            tells("reads its parent", std::fs::read(format!("/proc/{parent}/environ")).map(drop));
            tells("lists", std::fs::read_dir(&folder).map(drop));
            tells("writes beside", std::fs::write(folder.join("new"), "x"));
            tells("writes in its folder", std::fs::write(written.join("new"), "x"));
            tells("reads in its folder", std::fs::read(written.join("new")).map(drop));
            tells("removes in its folder", std::fs::remove_file(written.join("new")));
            tells("calls", std::net::TcpStream::connect(address).map(drop));
            tells("starts", std::process::Command::new("/bin/true").status().map(drop));
            drop(std::hint::black_box(vec![1u8; 64 << 20]));
            println!("allocates: yes");
            // SAFETY: plain numbers; it asks whether it might.
            let signals = unsafe { libc::kill(parent as i32, 0) };
            // Whoever a descriptor belongs to gets its signals, and of which kind is free.
            // SAFETY: plain numbers.
            let owns = unsafe { libc::fcntl(0, libc::F_SETOWN, parent as i32) };
            tells("lets signal", if owns == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) });
            tells("signals", if signals == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) });
        });
        seen.join().unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_is_shut_in_reads_its_files_writes_to_its_folder_and_does_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["planned", "other"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        std::fs::create_dir(folder.path().join("written")).unwrap();
        let name = "engine::process::locks::tests::shuts_itself_in";
        let ran = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", name, "--nocapture", "--test-threads=1"])
            .env("DATASUS_TEST_SHUT_IN", folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout);
        let yes: Vec<&str> = said.lines().filter_map(|line| line.strip_suffix(": yes")).collect();
        let Locks { landlock, seccomp } = offered();
        if landlock == 0 || !seccomp {
            return println!("SKIPPED: this kernel has no landlock or no seccomp: {said}");
        }
        let may =
            ["reads the planned", "writes in its folder", "reads in its folder", "removes in its folder", "allocates"];
        assert_eq!(yes, may, "{said} {}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(said.lines().filter(|line| line.contains(": ") && !line.contains("test")).count(), 14, "{said}");
    }
}
