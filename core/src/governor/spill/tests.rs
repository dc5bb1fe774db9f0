use std::process::{Command, Stdio};

use super::*;

fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(root).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_folder_is_private_and_goes_with_its_job() {
    let root = tempfile::tempdir().unwrap();
    let spill = SpillFolder::create(&root.path().join("deep/er"), 1 << 20).unwrap();
    assert_eq!(spill.quota(), 1 << 20);
    std::fs::write(spill.path().join("block.tmp"), "rows").unwrap();
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&spill.path().metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o700);
    }
    spill.check().unwrap();
    let path = spill.path().to_owned();
    drop(spill);
    assert!(!path.exists() && root.path().exists());
}

/// The owner is a process that was killed; its lock went with it, its record and files stayed.
#[test]
fn a_killed_owners_folder_is_swept_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let mut child = Command::new("sleep").arg("60").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let owner = Owner::of(child.id()).unwrap();
    let of_child = SpillFolder::create_for(&SpillFolder::new_path(root.path()), 1 << 20, &owner).unwrap();
    std::fs::write(of_child.path().join("block.tmp"), "rows").unwrap();
    // Without its lock, as a process would leave it.
    let SpillFolder { path, _record, .. } = &of_child;
    _record.unlock().unwrap();
    let live = SpillFolder::create(root.path(), 1 << 20).unwrap();
    let ours = live.path().file_name().unwrap().to_str().unwrap().to_owned();
    std::fs::create_dir(root.path().join("datasus-spill-of-mine")).unwrap();
    std::fs::create_dir(root.path().join(format!("{PREFIX}{}", ulid::Ulid::new()))).unwrap();
    std::fs::write(root.path().join("notes.txt"), "mine").unwrap();
    assert_eq!(sweep(root.path()).unwrap(), 0, "its owner is still alive");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(sweep(root.path()).unwrap(), 1);
    assert!(!path.exists());
    assert_eq!(names(root.path()).len(), 4);
    assert!(names(root.path()).contains(&ours));
    assert_eq!(sweep(&root.path().join("not/there")).unwrap(), 0);
}

#[test]
fn a_held_lock_keeps_a_folder_whose_owner_cannot_be_seen_from_here() {
    let root = tempfile::tempdir().unwrap();
    let elsewhere = SpillFolder::create_for(&SpillFolder::new_path(root.path()), 1 << 20, &Owner::dead()).unwrap();
    assert_eq!(sweep(root.path()).unwrap(), 0);
    elsewhere._record.unlock().unwrap();
    assert_eq!(sweep(root.path()).unwrap(), 1);
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_runs_full_cuts_the_quota_then_refuses() {
    let root = tempfile::tempdir().unwrap();
    let small = root.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=40m", "tmpfs"]).arg(&small).status();
    if !mounted.is_ok_and(|status| status.success()) {
        crate::base::skip::on_this_machine("no right to mount a tmpfs: a full disk");
        return;
    }
    let result = std::panic::catch_unwind(|| {
        let spill = SpillFolder::create(&small, 1 << 40).unwrap();
        assert!((34 << 20..=38 << 20).contains(&spill.quota()), "{}", spill.quota());
        std::fs::write(spill.path().join("block.tmp"), vec![1; 30 << 20]).unwrap();
        spill.check().unwrap();
        let error = SpillFolder::create(&small, 1 << 40).err().unwrap();
        assert_eq!(error.code(), Code::DiskFull);
        assert!(error.detail().contains(small.to_str().unwrap()) && error.detail().contains("16777216"), "{error}");
        std::fs::write(spill.path().join("more.tmp"), vec![1; 9 << 20]).unwrap();
        assert_eq!(spill.check().unwrap_err().code(), Code::DiskFull);
    });
    assert!(Command::new("umount").arg(&small).status().unwrap().success());
    result.unwrap();
}
