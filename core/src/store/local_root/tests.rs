use std::io::Write;
use std::path::Path;

use super::*;

fn leftovers(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_is_not_a_plain_file_below_the_root_is_refused() {
    let outer = tempfile::tempdir().unwrap();
    let foreign = outer.path().join("foreign");
    std::fs::write(&foreign, "theirs").unwrap();
    let root_path = outer.path().join("root");
    let root = LocalRoot::open(&root_path).unwrap();
    std::fs::create_dir(root_path.join("folder")).unwrap();
    std::fs::hard_link(&foreign, root_path.join("hard")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink(&foreign, root_path.join("link.csv")).unwrap();
        symlink(outer.path(), root_path.join("out")).unwrap();
        symlink("loop", root_path.join("loop")).unwrap();
        symlink("..", root_path.join("up")).unwrap();
        symlink("/proc/self", root_path.join("proc")).unwrap();
    }
    let _ = std::process::Command::new("mkfifo").arg(root_path.join("fifo")).status();
    let sibling = format!("{}_evil/x.csv", root_path.display());
    for path in [
        "",
        "/",
        ".",
        "..",
        "../x.csv",
        "a/../../x.csv",
        "a/..",
        "a/../x.csv",
        "folder",
        "folder/",
        "x.csv/",
        "x/.",
        "a\0b.csv",
        "/etc/passwd",
        "/dev/null",
        "/proc/self/mem",
        "hard",
        "link.csv",
        "out/x.csv",
        "up/x.csv",
        "proc/x.csv",
        "fifo",
        "loop/x.csv",
        &sibling,
        "hard/x.csv",
    ] {
        for overwrite in [false, true] {
            let error = root.create(Path::new(path), overwrite).err().unwrap_or_else(|| panic!("{path:?} passed"));
            assert_eq!(error.code(), Code::Forbidden, "{path:?}: {error}");
            assert!(error.detail().contains("root"), "{error}");
        }
    }
    assert_eq!(std::fs::read_to_string(&foreign).unwrap(), "theirs");
    assert_eq!(leftovers(outer.path()).len(), 2);
}

#[test]
fn names_below_the_root_are_accepted_relative_or_absolute() {
    let folder = tempfile::tempdir().unwrap();
    let root = LocalRoot::open(folder.path()).unwrap();
    let absolute = folder.path().join("z/abs.csv");
    for path in [Path::new("x.csv"), Path::new("./a/b/y.csv"), Path::new("ação ; 1.csv"), &absolute] {
        let mut file = root.create(path, false).unwrap();
        file.write_all(b"1").unwrap();
        assert!(!folder.path().join(file.relative()).exists(), "the name appears before the file is complete");
        let shown = file.path().to_owned();
        file.publish().unwrap();
        assert_eq!(std::fs::read(shown).unwrap(), b"1");
    }
    assert_eq!(leftovers(&folder.path().join("z")), ["abs.csv"]);
}

#[test]
fn an_existing_file_is_replaced_only_when_asked_even_if_it_came_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let root = LocalRoot::open(folder.path()).unwrap();
    let x = Path::new("x");
    let first = root.create(x, false).unwrap();
    std::fs::write(folder.path().join("x"), "other").unwrap();
    assert_eq!(first.publish().unwrap_err().code(), Code::Conflict);
    assert_eq!(root.create(x, false).err().unwrap().code(), Code::Conflict);
    assert_eq!(root.check(x, false).unwrap_err().code(), Code::Conflict);
    root.create(x, true).unwrap().publish().unwrap();
    assert_eq!(std::fs::read(folder.path().join("x")).unwrap(), b"");
    drop(root.create(x, true).unwrap());
    assert_eq!(leftovers(folder.path()), ["x"]);
}

/// Whoever knows a job's id knows the name under which its file grows.
#[test]
#[cfg(unix)]
fn what_was_planted_where_a_file_goes_on_is_refused_and_never_written() {
    let outer = tempfile::tempdir().unwrap();
    let foreign = outer.path().join("foreign");
    std::fs::write(&foreign, "theirs").unwrap();
    let root = LocalRoot::open(&outer.path().join("root")).unwrap();
    let partial = outer.path().join("root/.datasus-1-0.partial");
    let (x, name) = (Path::new("x.csv"), ".datasus-1-0.partial");
    let plants: [&dyn Fn(); 4] = [
        &|| std::fs::hard_link(&foreign, &partial).unwrap(),
        &|| std::os::unix::fs::symlink(&foreign, &partial).unwrap(),
        &|| std::os::unix::fs::symlink("nowhere", &partial).unwrap(),
        &|| assert!(std::process::Command::new("mkfifo").arg(&partial).status().unwrap().success()),
    ];
    for (number, plant) in plants.iter().enumerate() {
        plant();
        let error = root.resume(x, false, name).err().unwrap_or_else(|| panic!("plant {number} was taken"));
        assert_eq!(error.code(), Code::Forbidden, "plant {number}: {error}");
        // One that begins makes its own in the place of it.
        let mut file = root.begin(x, false, name).unwrap();
        file.write_all(b"ours").unwrap();
        drop(file);
        assert_eq!(std::fs::read(&partial).unwrap(), b"ours");
        root.resume(x, false, name).unwrap();
        std::fs::remove_file(&partial).unwrap();
        assert_eq!(std::fs::read_to_string(&foreign).unwrap(), "theirs");
    }
}
