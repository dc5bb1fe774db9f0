//! The same with FTP servers that others wrote: vsftpd and pyftpdlib.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use datasus::{Client, Config, QueryParams};

use crate::servers::{Running, folder, free_port, program, python};
use crate::tree::{Place, admissions, bytes, open, rows};

const MONTHS: [&str; 3] = ["202401", "202402", "202403"];

/// The tree, in a folder of the server's own.
fn tree(folder: &Path) -> PathBuf {
    let tree = folder.join("tree");
    let dados = tree.join("dissemin/publicos/SIHSUS/200801_/Dados");
    std::fs::create_dir_all(&dados).unwrap();
    std::fs::create_dir_all(tree.join("dissemin/publicos/SIHSUS/199201_200712/Dados")).unwrap();
    for month in MONTHS {
        let name = format!("RDAC{}.dbc", &month[2..]);
        std::fs::write(dados.join(&name), bytes(&name, 500)).unwrap();
    }
    // What no query reads.
    std::fs::write(dados.join("leia me.txt"), "x").unwrap();
    tree
}

/// Passive ports: others than the system gives by itself.
fn passive() -> (u16, u16) {
    let from = 20_000 + (std::process::id() % 500) as u16 * 20;
    (from, from + 19)
}

fn vsftpd(most_clients: u32) -> Option<Running> {
    let Some(program) = program("DATASUS_VSFTPD", "vsftpd/vsftpd") else {
        crate::skip::for_want_of_a_tool("no vsftpd: run `make servers`, or set DATASUS_VSFTPD");
        return None;
    };
    let (folder, port, (first, last)) = (folder("datasus-vsftpd-"), free_port(), passive());
    let tree = tree(&folder);
    std::fs::create_dir(folder.join("empty")).unwrap();
    let (tree, empty) = (tree.display(), folder.join("empty").display().to_string());
    // Whose home there is: the program changes into it.
    let user = "ftp_username=daemon\nnopriv_user=daemon";
    let settings = format!(
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\nanonymous_enable=YES\nlocal_enable=NO\n\
         no_anon_password=NO\nanon_root={tree}\nsecure_chroot_dir={empty}\npasv_min_port={first}\npasv_max_port={last}\n\
         max_clients={most_clients}\nseccomp_sandbox=NO\n{user}\n"
    );
    std::fs::write(folder.join("vsftpd.conf"), settings).unwrap();
    Some(Running::start(folder.clone(), &format!("'{}' ./vsftpd.conf", program.display()), port))
}

fn pyftpdlib(most_clients: u32) -> Option<Running> {
    let Some(python) = python() else {
        crate::skip::for_want_of_a_tool("no pyftpdlib: run `make servers`, or set DATASUS_SERVERS_PYTHON");
        return None;
    };
    let (folder, port, (first, last)) = (folder("datasus-pyftpdlib-"), free_port(), passive());
    tree(&folder);
    let script = format!(
        "from pyftpdlib.authorizers import DummyAuthorizer\nfrom pyftpdlib.handlers import FTPHandler\n\
         from pyftpdlib.servers import FTPServer\nFTPHandler.authorizer = DummyAuthorizer()\n\
         FTPHandler.authorizer.add_anonymous('tree')\nFTPHandler.passive_ports = range({first}, {last})\n\
         FTPServer.max_cons_per_ip = {most_clients}\nFTPServer(('127.0.0.1', {port}), FTPHandler).serve_forever()\n"
    );
    std::fs::write(folder.join("serve.py"), script).unwrap();
    Some(Running::start(folder, &format!("exec '{}' serve.py", python.display()), port))
}

fn address(server: &Running) -> String {
    format!("ftp://127.0.0.1:{}/dissemin/publicos", server.port)
}

fn answer(client: &Client, params: &QueryParams) -> Vec<RecordBatch> {
    client.query(params).unwrap().collect_batches().unwrap()
}

#[test]
fn the_tree_of_a_real_server_gives_the_rows_of_its_files() {
    for (name, server) in [("vsftpd", vsftpd(20)), ("pyftpdlib", pyftpdlib(20))] {
        let Some(mut server) = server else { continue };
        let place = Place::new();
        let client = open(&address(&server), Config { keep_files: true, ..place.config() });
        let months = admissions(&MONTHS);
        let plan = client.plan_sync(std::slice::from_ref(&months)).unwrap();
        assert_eq!((plan.files, plan.files_to_fetch), (3, 3), "{name}: {}", server.log());
        let all: u64 = MONTHS.iter().map(|month| bytes(&format!("RDAC{}.dbc", &month[2..]), 500).len() as u64).sum();
        assert_eq!(plan.bytes_to_fetch, all, "{name}");
        let sums = QueryParams { columns: None, ..months.clone() }.group_by(["CNES"]);
        let sums = sums.aggregate(datasus::AggregateFn::Sum, "VAL_TOT", "valor").order_by("CNES", false);
        let beside = Place::new();
        let files = crate::tree::example(500);
        let here = open(&files.display().to_string(), Config { lake: Some(beside.path().into()), ..beside.config() });
        let (came, expected) = (answer(&client, &sums), answer(&here, &sums));
        assert!(!expected.is_empty() && came == expected, "{name}");
        for month in MONTHS {
            let file = format!("RDAC{}.dbc", &month[2..]);
            let kept = place.path().join("home/files/SIHSUS/200801_/Dados").join(&file);
            assert!(std::fs::read(kept).unwrap() == bytes(&file, 500), "{name}: {file}");
        }
        server.stop();
        assert_eq!(rows(&client, &months).unwrap(), 1_500, "{name}: the lake has them");
    }
}

/// One connection at a time: of six that are wanted five are refused, and wait for the one.
#[test]
fn a_server_that_takes_no_more_clients_is_waited_for() {
    for (name, server) in [("vsftpd", vsftpd(1)), ("pyftpdlib", pyftpdlib(1))] {
        let Some(server) = server else { continue };
        let place = Place::new();
        let client = open(&address(&server), Config { transfers: 6, ..place.config() });
        let came = rows(&client, &admissions(&MONTHS));
        assert_eq!(came.map_err(|error| error.to_string()), Ok(1_500), "{name}: {}", server.log());
    }
}
