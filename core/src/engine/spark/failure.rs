//! From what a server answers to our errors: by SQLSTATE where it gives one, by gRPC's code else.

use std::collections::HashMap;

use prost::Message;
use tonic::{Code as Grpc, Status};

use super::address::Address;
use crate::base::{Code, Error, clip, masked, text};

/// `google.rpc.Status`, as far as it is read.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

#[derive(Clone, PartialEq, Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.ErrorInfo`.
#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(map = "string, string", tag = "3")]
    metadata: HashMap<String, String>,
}

/// What Spark says of an error.
struct Complaint {
    /// `PATH_NOT_FOUND`, ...
    condition: String,
    sqlstate: String,
}

impl Complaint {
    fn of(status: &Status) -> Self {
        let details = Details::decode(status.details()).unwrap_or_default().details;
        let info = details.into_iter().find(|detail| detail.type_url.ends_with("google.rpc.ErrorInfo"));
        let info = info.and_then(|detail| ErrorInfo::decode(detail.value.as_slice()).ok()).unwrap_or_default();
        let of = |key: &str| info.metadata.get(key).cloned().unwrap_or_default();
        // Messages begin with the condition in brackets, and have the state near their end.
        let message = status.message();
        let bracket = message.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name);
        let said = message.split("SQLSTATE: ").nth(1).map(|rest| rest.chars().take(5).collect::<String>());
        let or =
            |first: String, second: Option<String>| if first.is_empty() { second.unwrap_or_default() } else { first };
        Complaint { condition: or(of("errorClass"), bracket.map(str::to_owned)), sqlstate: or(of("sqlState"), said) }
    }
}

/// The connection, and not the query, is what failed.
pub(super) fn is_away(status: &Status) -> bool {
    match status.code() {
        Grpc::Unavailable => true,
        // A stream that broke off has no code of the server's.
        Grpc::Unknown | Grpc::Internal | Grpc::Cancelled if status.details().is_empty() => {
            let message = status.message();
            [
                "transport",
                "h2 protocol",
                "connection",
                "stream closed",
                "operation was canceled",
                "error reading a body",
            ]
            .iter()
            .any(|sign| message.contains(sign))
        }
        Grpc::Internal => status.message().contains("INVALID_CURSOR.DISCONNECTED"),
        _ => false,
    }
}

/// The server knows nothing of the statement: it has begun anew, or the statement never came.
pub(super) fn is_forgotten(status: &Status) -> bool {
    let condition = Complaint::of(status).condition;
    ["INVALID_HANDLE.OPERATION_NOT_FOUND", "INVALID_HANDLE.SESSION_NOT_FOUND", "INVALID_HANDLE.SESSION_CHANGED"]
        .iter()
        .any(|one| condition == *one || status.message().contains(one))
}

/// What people are told of it: its first line, without what must not be seen.
fn first_line(status: &Status) -> String {
    let line = status.message().lines().next().unwrap_or_default();
    masked(&clip(line)).into_owned()
}

/// Nobody answers, or no longer.
pub(super) fn away(status: &Status, address: &Address, attempts: u32) -> Error {
    let (shown, said) = (address.shown(), first_line(status));
    Error::new(
        Code::Unreachable,
        text!(
            "O servidor Spark Connect {shown} não responde, ou a ligação caiu; confira que ele está de pé e que o endereço em `engine` é o seu, e repita",
            "The Spark Connect server {shown} does not answer, or the connection broke off: {said}. See that it is up and that the address in `engine` is its own, and try again"
        ),
    )
    .with("attempts", attempts)
    .with("engine_message", said)
    .stage("query")
}

/// The server came back without the statement, of which rows were handed out.
pub(super) fn lost(address: &Address) -> Error {
    let shown = address.shown();
    Error::new(
        Code::Unreachable,
        text!(
            "O servidor Spark Connect {shown} recomeçou no meio da consulta, depois de entregar linhas; repita a consulta",
            "The Spark Connect server {shown} began anew in the middle of the query, after it had handed out rows; run the query again"
        ),
    )
    .stage("query")
}

/// The error that a job ends with.
pub(super) fn explain(status: &Status, address: &Address) -> Error {
    let Complaint { condition, sqlstate } = Complaint::of(status);
    let (shown, said) = (address.shown(), first_line(status));
    let has = |sign: &str| status.message().contains(sign);
    let made = match (status.code(), sqlstate.as_str()) {
        (Grpc::Unauthenticated | Grpc::PermissionDenied, _) | (_, "28000") => Error::new(
            Code::CredentialsRefused,
            text!(
                "O servidor Spark Connect {shown} recusou o acesso; confira `token` e `use_ssl` no endereço em `engine`",
                "The Spark Connect server {shown} refused the access: see `token` and `use_ssl` of the address in `engine`"
            ),
        ),
        (Grpc::Unimplemented, _) => Error::new(
            Code::InvalidParams,
            text!(
                "{shown} não fala Spark Connect, ou uma versão antiga; é preciso Spark 4.0 ou mais novo",
                "{shown} does not speak Spark Connect, or an old version of it; Spark 4.0 or newer is needed"
            ),
        ),
        (_, "42K03") => unseen(&shown),
        _ if has("FileNotFoundException") || has("FAILED_READ_FILE.FILE_NOT_EXIST") => unseen(&shown),
        (_, "KD001") => Error::new(
            Code::Unreachable,
            text!(
                "O cluster {shown} não conseguiu ler um Parquet do lake; confira o disco que ele lê, e repita",
                "The cluster {shown} could not read a Parquet of the lake: {said}. Check the disk that it reads, and try again"
            ),
        ),
        (_, "22003") => Error::new(
            Code::InvalidParams,
            text!(
                "O resultado não cabe em seu tipo (a soma é grande demais); restrinja a consulta",
                "The result does not fit its type (the sum is too large): {said}. Narrow the query"
            ),
        ),
        (Grpc::ResourceExhausted, _) | (_, "53200") => memory(),
        _ if has("OutOfMemoryError") || has("maxResultSize") => memory(),
        (_, "HY008") => Error::new(
            Code::Unreachable,
            text!(
                "O cluster {shown} interrompeu a consulta; alguém a cancelou ali, ou ele foi desligado",
                "The cluster {shown} ended the query: somebody cancelled it there, or it was shut down"
            ),
        ),
        _ if has("ExecutorLostFailure") || has("FetchFailed") || has("SparkContext was shut down") => Error::new(
            Code::Unreachable,
            text!(
                "O cluster {shown} perdeu os processos que executavam a consulta; repita quando ele estiver de pé",
                "The cluster {shown} lost the processes that ran the query: {said}. Try again when it is up"
            ),
        ),
        _ => Error::internal(format!("spark: {said}")),
    };
    let made = if sqlstate.is_empty() { made } else { made.with("sqlstate", sqlstate) };
    let made = if condition.is_empty() { made } else { made.with("condition", condition) };
    made.with("engine_message", said).stage("query")
}

fn memory() -> Error {
    Error::new(
        Code::OutOfMemory,
        text!(
            "A memória do cluster não bastou; dê-lhe mais executores ou memória, ou restrinja a consulta",
            "The cluster's memory was not enough; give it more executors or memory, or narrow the query"
        ),
    )
}

/// DS-404: files that the cluster does not see.
pub(super) fn unseen(shown: &str) -> Error {
    Error::new(
        Code::NotFound,
        text!(
            "O cluster {shown} não vê os arquivos do lake; ponha `lake` numa pasta que todas as máquinas veem com o mesmo caminho (NFS, por exemplo)",
            "The cluster {shown} does not see the files of the lake; put `lake` into a folder that all machines see under the same path (NFS, for example)"
        ),
    )
}
