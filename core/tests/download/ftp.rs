//! One attempt at an FTP server: what it lists and gives, and what its failures are called.

use std::time::{Duration, Instant};

use datasus::base::{Cancel, CancelReason, Cause};
use datasus::store::{FtpTree, Patience, Taker, Tree, TreeEntry};
use datasus::{Code, Error, Result};

use crate::ftp_server::{Fault, FtpServer};
use crate::quiet;

const ROOT: &str = "/dissemin/publicos";
const FILE: &str = "/dissemin/publicos/SIHSUS/200801_/Dados/RDAC2401.dbc";
const PATH: &str = "SIHSUS/200801_/Dados/RDAC2401.dbc";
const FOLDER: &str = "SIHSUS/200801_/Dados";

/// A file as it comes.
#[derive(Default)]
struct Taken {
    bytes: Vec<u8>,
    begins: Vec<u64>,
}

impl Taker for Taken {
    fn begin(&mut self, at: u64) -> Result<()> {
        self.bytes.truncate(at as usize);
        self.begins.push(at);
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes.extend(bytes);
        Ok(())
    }
}

fn tree(server: &FtpServer) -> FtpTree {
    FtpTree::open(&server.address(ROOT), Patience::default()).unwrap()
}

/// One that takes a short silence for the end.
fn impatient_tree(server: &FtpServer) -> FtpTree {
    let patience = Patience { silent: Duration::from_millis(700), ..Patience::default() };
    FtpTree::open(&server.address(ROOT), patience).unwrap()
}

fn content() -> Vec<u8> {
    (0..300_000_u32).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn serving() -> FtpServer {
    let server = FtpServer::start();
    server.put(FILE, &content());
    server
}

fn listed(tree: &FtpTree) -> TreeEntry {
    tree.list(FOLDER, &Cancel::default()).unwrap().into_iter().find(|entry| entry.name == "RDAC2401.dbc").unwrap()
}

/// One attempt, from what `taken` has on.
fn attempt(tree: &FtpTree, taken: &mut Taken) -> Result<()> {
    let (entry, have) = (listed(tree), taken.bytes.len() as u64);
    tree.fetch(PATH, &entry, have, taken, &Cancel::default())
}

fn names(tree: &FtpTree, folder: &str) -> Vec<String> {
    tree.list(folder, &Cancel::default()).unwrap().into_iter().map(|entry| entry.name).collect()
}

fn refused(tree: &FtpTree, folder: &str) -> Error {
    tree.list(folder, &Cancel::default()).unwrap_err()
}

#[test]
fn both_forms_of_a_listing_and_names_in_latin1_are_read_and_fetched() {
    let server = serving();
    server.put(&format!("{ROOT}/SIM/Vari\u{e1}veis e \u{ff} d.o. 1.dbc"), b"abc");
    server.manners().files.get_mut(FILE).unwrap().size = Some(5_000_000_000);
    server.manners().folders.insert(format!("{ROOT}/SIM/VAZIA"));
    let tree = tree(&server);
    let entry = listed(&tree);
    assert_eq!((entry.size, entry.folder), (Some(5_000_000_000), false));
    assert_eq!(names(&tree, ""), ["SIHSUS", "SIM"]);
    assert_eq!(names(&tree, "SIM"), ["Vari\u{e1}veis e \u{ff} d.o. 1.dbc", "VAZIA"]);
    assert_eq!(names(&tree, "SIM/VAZIA"), [""; 0]);
    let odd = tree.stat("SIM/Vari\u{e1}veis e \u{ff} d.o. 1.dbc", &Cancel::default()).unwrap();
    let mut taken = Taken::default();
    let path = format!("SIM/{}", odd.name);
    // The sign that Telnet keeps for itself is doubled on the line, and this server does not know that.
    let error = tree.fetch(&path, &odd, 0, &mut taken, &Cancel::default()).unwrap_err();
    assert_eq!(error.cause(), Some(Cause::SourceGone));
    let asked = server.commands().into_iter().find(|one| one.starts_with("SIZE")).unwrap();
    assert!(asked.ends_with("/SIM/Vari\u{e1}veis e \u{ff}\u{ff} d.o. 1.dbc"), "{asked}");
    let unknown = ["MLSD", "NLST", "OPTS", "FEAT"].map(|command| server.asked(command));
    assert_eq!(unknown, [0; 4], "commands that such servers refuse, or answer badly");
    server.manners().unix = true;
    for file in server.manners().files.values_mut() {
        file.time = "Aug 06  2018";
    }
    assert_eq!(names(&tree, "SIM"), ["Vari\u{e1}veis e \u{ff} d.o. 1.dbc", "VAZIA"]);
    assert!(listed(&tree).modified.unwrap().day_only);
}

#[test]
fn a_listing_that_is_not_whole_or_not_readable_is_an_error_and_no_empty_folder() {
    let server = serving();
    let tree = tree(&server);
    server.manners().odd_lines.insert(format!("{ROOT}/{FOLDER}"), vec!["05-29-15  ??:10PM  18550 x.dbc".into()]);
    let error = refused(&tree, FOLDER);
    assert!(error.code() == Code::Unreachable && error.detail().contains("??:10PM"), "{error}");
    server.manners().odd_lines.clear();
    server.manners().cut_listings = 1;
    assert_eq!(refused(&tree, FOLDER).cause(), Some(Cause::SourceLost));
    server.manners().denied.insert(format!("{ROOT}/uploads"));
    server.manners().folders.insert(format!("{ROOT}/uploads"));
    let error = refused(&tree, "uploads");
    assert_eq!((error.code(), error.cause()), (Code::NotFound, Some(Cause::SourceGone)));
    assert_eq!(refused(&tree, "nada").cause(), Some(Cause::SourceGone));
}

#[test]
fn what_a_server_refuses_is_done_another_way() {
    let server = serving();
    server.manners().no_epsv = true;
    server.manners().no_size = true;
    let tree = tree(&server);
    let mut taken = Taken::default();
    attempt(&tree, &mut taken).unwrap();
    assert!(taken.bytes == content() && server.asked("PASV") > 0);
    let commands = server.commands();
    let at = |command: &str| commands.iter().position(|one| one.starts_with(command)).unwrap();
    assert!(at("TYPE I") < at("SIZE") && at("TYPE I") < at("RETR"), "{commands:?}");
    // Without REST it begins anew.
    server.manners().no_rest = true;
    taken.bytes.truncate(1000);
    attempt(&tree, &mut taken).unwrap();
    assert!(taken.bytes == content() && taken.begins == [0, 0], "{:?}", taken.begins);
}

#[test]
fn too_many_clients_is_a_wait_and_a_wrong_password_is_none() {
    let server = serving();
    let tree = tree(&server);
    for reply in ["530", "421"] {
        match reply {
            "530" => server.manners().busy = 1,
            _ => server.manners().closing = 1,
        }
        let error = refused(&tree, FOLDER);
        assert_eq!((error.code(), error.cause()), (Code::Unreachable, Some(Cause::SourceLost)), "{error}");
    }
    let address = server.address(ROOT).replace("ftp://", "ftp://ana:wrong@");
    let error = refused(&FtpTree::open(&address, Patience::default()).unwrap(), FOLDER);
    assert_eq!((error.code(), error.cause()), (Code::CredentialsRefused, None), "{error}");
    assert!(!format!("{error:?}").contains("wrong@") && !format!("{error:?}").contains("ana:"), "{error:?}");
}

#[test]
fn a_transfer_that_ends_early_is_known_and_goes_on_where_it_ended() {
    let server = serving();
    let tree = tree(&server);
    let all = content();
    let faults = [Fault::Cut(0), Fault::Cut(all.len() - 1), Fault::Short(100_000), Fault::Stall(5_000)];
    for fault in faults {
        server.fault(FILE, [fault.clone()]);
        let mut taken = Taken::default();
        let error = match fault {
            Fault::Stall(_) => {
                impatient_tree(&server).fetch(PATH, &listed(&tree), 0, &mut taken, &Cancel::default()).unwrap_err()
            }
            _ => attempt(&tree, &mut taken).unwrap_err(),
        };
        assert_eq!((error.code(), error.cause()), (Code::Unreachable, Some(Cause::SourceLost)), "{fault:?}: {error}");
        assert!(taken.bytes.len() < all.len() && all.starts_with(&taken.bytes), "{fault:?}");
        let before = server.sent();
        attempt(&tree, &mut taken).unwrap();
        assert!(taken.bytes == all, "{fault:?}");
        let first = *taken.begins.last().unwrap();
        assert_eq!(server.sent() - before, all.len() as u64 - first, "{fault:?}: sent only what was missing");
    }
    // All of it is there: the server's last word does not count.
    server.fault(FILE, [Fault::NoFinal]);
    let mut taken = Taken::default();
    attempt(&tree, &mut taken).unwrap();
    assert!(taken.bytes == all);
    for reply in ["425 Cannot open data connection.", "450 Busy.", "451 Local error.", "426 Connection closed."] {
        server.fault(FILE, [Fault::Reply(reply)]);
        assert_eq!(attempt(&tree, &mut Taken::default()).unwrap_err().cause(), Some(Cause::SourceLost), "{reply}");
    }
    server.fault(FILE, [Fault::Gone]);
    let error = attempt(&tree, &mut Taken::default()).unwrap_err();
    assert_eq!((error.code(), error.cause()), (Code::NotFound, Some(Cause::SourceGone)), "{error}");
}

#[test]
fn a_file_that_is_not_what_was_listed_is_not_taken() {
    let server = serving();
    let tree = tree(&server);
    let entry = listed(&tree);
    server.put(FILE, b"republished");
    let mut taken = Taken::default();
    let error = tree.fetch(PATH, &entry, 0, &mut taken, &Cancel::default()).unwrap_err();
    assert_eq!((error.cause(), taken.bytes.len()), (Some(Cause::SourceChanged), 0), "{error}");
}

#[test]
fn what_was_published_anew_with_the_same_size_does_not_go_on_from_the_old() {
    let server = serving();
    let tree = tree(&server);
    let entry = listed(&tree);
    server.fault(FILE, [Fault::Cut(100_000)]);
    let mut taken = Taken::default();
    tree.fetch(PATH, &entry, 0, &mut taken, &Cancel::default()).unwrap_err();
    let have = taken.bytes.len() as u64;
    let mut anew = content();
    anew.reverse();
    server.put_at(FILE, &anew, "06-30-24  09:00AM");
    let error = tree.fetch(PATH, &entry, have, &mut taken, &Cancel::default()).unwrap_err();
    assert_eq!((error.cause(), taken.bytes.len() as u64), (Some(Cause::SourceChanged), have), "{error}");
    // By its own listing it comes whole.
    let mut taken = Taken::default();
    tree.fetch(PATH, &listed(&tree), 0, &mut taken, &Cancel::default()).unwrap();
    assert!(taken.bytes == anew);
}

#[test]
fn who_cannot_be_reached_says_both_causes_within_the_time_and_a_blocked_data_port_its_own() {
    // Nobody takes a connection from this queue, and it is full.
    let full = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = full.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        held.push(stream);
    }
    let patience = Patience { connect: Duration::from_secs(1), ..Patience::default() };
    let tree = FtpTree::open(&format!("ftp://{address}/x"), patience).unwrap();
    let began = Instant::now();
    let error = refused(&tree, "");
    assert!(began.elapsed() < quiet::most(Duration::from_secs(4)), "{:?}", began.elapsed());
    assert_eq!((error.code(), error.cause()), (Code::Unreachable, Some(Cause::SourceAway)));
    let said = error.detail();
    assert!(said.contains("fora do ar") && said.contains("bloqueado") && said.contains("em 1 s"), "{said}");
    let server = serving();
    server.manners().no_data = true;
    let error = refused(&self::tree(&server), FOLDER);
    assert_eq!(error.diagnostic()["cause"], "data_port");
    assert!(error.detail().contains("firewall"), "{error}");
}

#[test]
fn a_cancelled_job_does_not_wait_for_a_silent_server() {
    let server = serving();
    server.fault(FILE, [Fault::Stall(10)]);
    let tree = FtpTree::open(&server.address(ROOT), Patience::default()).unwrap();
    let entry = listed(&tree);
    let cancel = Cancel::default();
    let stop = cancel.clone();
    let stopping = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        stop.set(CancelReason::Interrupted);
    });
    let error = tree.fetch(PATH, &entry, 0, &mut Taken::default(), &cancel).unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    stopping.join().unwrap();
}
