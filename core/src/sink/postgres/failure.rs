//! From PostgreSQL's errors to ours. Texts of the server are quoted; what decides is the SQLSTATE.

use std::error::Error as _;

use rustls::CertificateError;
use tokio_postgres::error::{DbError, SqlState};

use super::filter::Refused;
use super::url::Url;
use crate::base::{Code, Error, Result, Text, io_words, text};

/// The error that a job ends with.
pub(super) fn explain(error: tokio_postgres::Error, url: &Url) -> Error {
    let made = match (error.as_db_error(), refused(&error, url)) {
        (Some(answer), _) => from_server(answer, url),
        (None, Some(refused)) => not_listened_to(&refused, url),
        (None, None) => from_the_way(&error, url),
    };
    made.stage("postgres").because(error)
}

pub(super) trait Explained<T> {
    fn explained(self, url: &Url) -> Result<T>;
}

impl<T> Explained<T> for std::result::Result<T, tokio_postgres::Error> {
    fn explained(self, url: &Url) -> Result<T> {
        self.map_err(|error| explain(error, url))
    }
}

fn from_server(answer: &DbError, url: &Url) -> Error {
    let (state, said) = (answer.code(), url.without_password(answer.message()));
    let shown = &url.shown;
    let class = state.code().get(..2).unwrap_or_default();
    let (code, detail): (Code, Text) = match state.code() {
        "28P01" | "28000" => (
            Code::CredentialsRefused,
            text!(
                "O PostgreSQL em {shown} recusou usuário ou senha; confira o endereço (o servidor diz: \"{said}\")",
                "PostgreSQL at {shown} refused user or password; check the address (the server says: \"{said}\")"
            ),
        ),
        "42501" => (
            Code::Forbidden,
            text!(
                "Sem permissão no PostgreSQL (o servidor diz: \"{said}\"). Peça CREATE no banco e no esquema (o esquema `datasus` guarda o registro das cargas)",
                "No permission in PostgreSQL (the server says: \"{said}\"). Ask for CREATE on database and schema (schema `datasus` keeps the record of loads)"
            ),
        ),
        "3D000" => (
            Code::NotFound,
            text!(
                "O banco não existe em {shown} (o servidor diz: \"{said}\"); confira o endereço, ou crie-o com createdb",
                "There is no such database at {shown} (the server says: \"{said}\"); check the address, or make it by createdb"
            ),
        ),
        "53100" => (
            Code::DiskFull,
            text!(
                "O disco do PostgreSQL está cheio (o servidor diz: \"{said}\"); libere espaço e repita",
                "PostgreSQL's disk is full (the server says: \"{said}\"); free some space and try again"
            ),
        ),
        // Of the server, of the database, or of the role.
        "53300" => (
            Code::Unreachable,
            text!(
                "O PostgreSQL em {shown} não aceita mais sessões (o servidor diz: \"{said}\"). Uma carga abre `connections` + 1; diminua `connections` ou peça um limite maior (CONNECTION LIMIT, max_connections)",
                "PostgreSQL at {shown} takes no more sessions (the server says: \"{said}\"). A load opens `connections` + 1; lower `connections`, or ask for a higher limit (CONNECTION LIMIT, max_connections)"
            ),
        ),
        "42P07" | "42710" | "42P06" => (
            Code::Conflict,
            text!(
                "Já existe no PostgreSQL (o servidor diz: \"{said}\"); use outro nome",
                "It is in PostgreSQL already (the server says: \"{said}\"); use another name"
            ),
        ),
        "2BP01" => (
            Code::Conflict,
            text!(
                "A tabela tem dependentes, como visões (o servidor diz: \"{said}\"). Use `append`, `replace_by` ou `upsert`, ou remova-os",
                "The table has dependents, as views (the server says: \"{said}\"). Use `append`, `replace_by` or `upsert`, or remove them"
            ),
        ),
        "57014" => (
            Code::DeadlinePassed,
            text!(
                "O PostgreSQL interrompeu o comando (o servidor diz: \"{said}\")",
                "PostgreSQL interrupted the statement (the server says: \"{said}\")"
            ),
        ),
        "25006" => {
            (Code::Forbidden, text!("O PostgreSQL em {shown} é somente leitura", "PostgreSQL at {shown} is read-only"))
        }
        _ => match class {
            "08" | "53" | "57" | "40" | "55" => (
                Code::Unreachable,
                text!(
                    "O PostgreSQL em {shown} falhou (o servidor diz: \"{said}\")",
                    "PostgreSQL at {shown} failed (the server says: \"{said}\")"
                ),
            ),
            "22" | "23" => (
                Code::InvalidParams,
                text!(
                    "O PostgreSQL recusou uma linha (o servidor diz: \"{said}\")",
                    "PostgreSQL refused a row (the server says: \"{said}\")"
                ),
            ),
            "42" | "0A" => (
                Code::Conflict,
                text!(
                    "A tabela do PostgreSQL não serve a esta carga (o servidor diz: \"{said}\")",
                    "The table in PostgreSQL does not fit this load (the server says: \"{said}\")"
                ),
            ),
            // Of triggers and functions: RAISE, and what their languages say.
            "P0" | "38" | "39" | "2F" => (
                Code::Conflict,
                text!(
                    "Um gatilho ou função da tabela recusou a carga (o servidor diz: \"{said}\")",
                    "A trigger or function of the table refused the load (the server says: \"{said}\")"
                ),
            ),
            _ => (
                Code::Unreachable,
                text!(
                    "O PostgreSQL respondeu o que não se esperava (o servidor diz: \"{said}\")",
                    "PostgreSQL answered what was not expected (the server says: \"{said}\")"
                ),
            ),
        },
    };
    let mut made = Error::new(code, detail).sqlstate(state.code()).with("server", shown.as_str());
    for (key, value) in
        [("constraint", answer.constraint()), ("hint", answer.hint()), ("server_detail", answer.detail())]
    {
        if let Some(value) = value {
            made = made.with(key, url.without_password(value));
        }
    }
    if let Some(column) = answer.column() {
        made = made.column(column);
    }
    made
}

/// No word from the server itself: the address, the network, or TLS.
fn from_the_way(error: &tokio_postgres::Error, url: &Url) -> Error {
    let shown = &url.shown;
    if let Some(cause) = tls_cause(error) {
        return distrusted(cause, url);
    }
    let words = words(error);
    if words.contains("invalid configuration") || words.contains("password missing") {
        return Error::new(
            Code::CredentialsRefused,
            text!(
                "O PostgreSQL em {shown} pede uma senha, e o endereço não tem nenhuma; escreva postgres://usuario:senha@host:5432/banco",
                "PostgreSQL at {shown} asks for a password, and the address has none; write postgres://user:password@host:5432/database"
            ),
        )
        .with("server", shown.as_str());
    }
    let why = why(error);
    let (pt, en) = (why.pt, why.en);
    Error::new(
        Code::Unreachable,
        text!(
            "PostgreSQL inacessível em {shown}: {pt}. Confira host, porta e se o servidor está no ar",
            "PostgreSQL is unreachable at {shown}: {en}. Check host, port, and whether the server is up"
        ),
    )
    .with("server", shown.as_str())
    .with("driver_message", words)
}

/// What the filter found, in the error itself or, where the driver says only that the session is closed, noted beside it.
fn refused(error: &tokio_postgres::Error, url: &Url) -> Option<Refused> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(refused) =
            error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref()?.downcast_ref::<Refused>())
        {
            return Some(refused.clone());
        }
        next = error.source();
    }
    if error.is_closed() { url.refusals.get() } else { None }
}

/// A server that answers what no PostgreSQL answers, or asks for what it is not given.
fn not_listened_to(refused: &Refused, url: &Url) -> Error {
    if refused.cause == "tls_not_offered" {
        return distrusted("tls_not_offered", url);
    }
    let (shown, pt, en) = (&url.shown, &refused.what.pt, &refused.what.en);
    let detail = match refused.code {
        Code::CredentialsRefused => text!("De {shown} veio {pt}", "From {shown} came {en}"),
        _ => text!(
            "{shown} não respondeu como um PostgreSQL: veio {pt}, e a conexão foi encerrada. Confira se o endereço é o certo",
            "{shown} did not answer as PostgreSQL does: {en} came, and the connection was ended. Check whether it is the right address"
        ),
    };
    Error::new(refused.code, detail).with("cause", refused.cause).with("server", shown.as_str())
}

/// A socket of the file system that does not open.
#[cfg(unix)]
pub(super) fn no_socket(url: &Url, error: &std::io::Error) -> Error {
    let (shown, why) = (&url.shown, io_words(error));
    let (pt, en) = (why.pt, why.en);
    Error::new(
        Code::Unreachable,
        text!(
            "PostgreSQL inacessível em {shown}: {pt}. Confira host, porta e se o servidor está no ar",
            "PostgreSQL is unreachable at {shown}: {en}. Check host, port, and whether the server is up"
        ),
    )
    .with("server", shown.as_str())
    .stage("postgres")
}

/// Counts that do not fit what was sent.
pub(super) fn miscounted(url: &Url, counted: u64, sent: u64) -> Error {
    let shown = &url.shown;
    Error::new(
        Code::Unreachable,
        text!(
            "{shown} contou {counted} linhas das {sent} enviadas; nada foi publicado. Confira se o endereço é mesmo de um PostgreSQL",
            "{shown} counted {counted} rows of the {sent} that were sent; nothing was published. Check whether the address is a PostgreSQL's"
        ),
    )
    .with("cause", "unexpected_answer")
    .with("expected_rows", sent)
    .with("received", counted)
    .stage("postgres")
}

/// Something is there, and does not answer as PostgreSQL does.
pub(super) fn silent(url: &Url) -> Error {
    let (shown, seconds) = (&url.shown, url.patience.as_secs_f64());
    Error::new(
        Code::Unreachable,
        text!(
            "{shown} não respondeu em {seconds} s; confira host e porta, e se é um PostgreSQL",
            "{shown} did not answer within {seconds} s; check host and port, and whether it is a PostgreSQL"
        ),
    )
    .with("server", shown.as_str())
    .stage("postgres")
}

/// A server that keeps its connections and says nothing more on them: one that was stopped, or what stands before it.
pub(super) fn stalled(url: &Url, after: std::time::Duration) -> Error {
    let (shown, seconds) = (&url.shown, after.as_secs_f64());
    Error::new(
        Code::Unreachable,
        text!(
            "{shown} parou de responder: nada em {seconds} s; confira se o servidor está de pé, e repita",
            "{shown} stopped answering: nothing within {seconds} s; check whether the server is up, and try again"
        ),
    )
    .with("server", shown.as_str())
    .stage("postgres")
}

fn distrusted(cause: &'static str, url: &Url) -> Error {
    let shown = &url.shown;
    let detail = match cause {
        "tls_not_offered" => text!(
            "{shown} não oferece TLS, e o endereço o exige (sslmode); a conexão não foi feita em claro",
            "{shown} does not offer TLS, and the address demands it (sslmode); no plaintext connection was made"
        ),
        "tls_wrong_name" => text!(
            "O certificado de {shown} é de outro nome; confira o host, ou use o nome que está no certificado",
            "The certificate of {shown} is made out for another name; check the host, or use the certificate's name"
        ),
        "tls_expired" => {
            text!(
                "O certificado de {shown} está vencido; peça ao administrador um novo",
                "The certificate of {shown} has expired; ask the administrator for a new one"
            )
        }
        "tls_unknown_ca" => text!(
            "O certificado de {shown} vem de uma autoridade desconhecida; diga a dela por `sslrootcert`",
            "The certificate of {shown} comes from an unknown authority; name it by `sslrootcert`"
        ),
        _ => text!("O certificado de {shown} não é aceito", "The certificate of {shown} is not accepted"),
    };
    Error::new(Code::CredentialsRefused, detail).with("cause", cause).with("server", shown.as_str())
}

/// What rustls found wrong, wherever in the chain of errors it stands.
fn tls_cause(error: &tokio_postgres::Error) -> Option<&'static str> {
    let mut next = error.source();
    while let Some(error) = next {
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(|io| io.get_ref())
            .map(|inner| inner as &dyn std::error::Error);
        for found in
            [Some(error as &dyn std::error::Error), inner.map(|e| e as &dyn std::error::Error)].into_iter().flatten()
        {
            if let Some(rustls::Error::InvalidCertificate(why)) = found.downcast_ref::<rustls::Error>() {
                return Some(match why {
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                        "tls_wrong_name"
                    }
                    CertificateError::Expired | CertificateError::ExpiredContext { .. } => "tls_expired",
                    CertificateError::UnknownIssuer => "tls_unknown_ca",
                    _ => "tls_bad_certificate",
                });
            }
        }
        next = error.source();
    }
    None
}

/// What the system said, wherever in the chain of errors it stands.
fn why(error: &tokio_postgres::Error) -> Text {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return match io.get_ref().is_some() && io.raw_os_error().is_none() {
                // A name that is not found comes as a text of the resolver's.
                true if io.to_string().contains("lookup") => {
                    text!("o nome não foi encontrado", "the name was not found")
                }
                _ => io_words(io),
            };
        }
        next = error.source();
    }
    match error.is_closed() {
        true => text!("a conexão foi encerrada", "the connection was closed"),
        false => text!("a conexão falhou", "the connection failed"),
    }
}

/// The chain of errors, each once. None of them holds the password: the crate keeps it out of its errors.
fn words(error: &tokio_postgres::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        next = error.source();
    }
    words
}

/// True where the server was lost, so that it is not known whether the last command took effect.
pub(super) fn is_lost(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(state) => {
            [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CONNECTION_FAILURE].contains(state)
        }
        None => true,
    }
}

/// True where the server refused a row, and not the statement.
pub(super) fn is_of_row(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|state| state.code().starts_with("22") || state.code().starts_with("23"))
}

/// Line and column of `COPY t, line 4321, column s`, in whatever language: integers that stand alone, and the last word.
pub(super) fn place_in_copy(error: &tokio_postgres::Error) -> Option<(u64, Option<String>)> {
    let context = error.as_db_error()?.where_()?;
    let first = context.lines().find(|line| line.contains("COPY"))?;
    let mut parts = first.split(", ").skip(1);
    let line = parts.next()?.split(' ').find_map(|word| word.trim_end_matches(':').parse().ok())?;
    let column = parts.next().and_then(|part| part.split(' ').nth(1)).map(|name| name.trim_end_matches(':').to_owned());
    Some((line, column))
}
