//! A session with a Spark Connect server: one for each statement, which goes with it.

use std::time::Duration;

use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status, Streaming};

use super::address::Address;
use super::proto::spark_connect_service_client::SparkConnectServiceClient;
use super::proto::{self, analyze_plan_request, analyze_plan_response, config_request};
use crate::base::Secret;

const CONNECTS_WITHIN: Duration = Duration::from_secs(10);
/// For calls that are answered at once.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// As Spark's own clients ask whether the other side is still there.
const ALIVE_EVERY: Duration = Duration::from_secs(60);
const ALIVE_WITHIN: Duration = Duration::from_secs(20);
/// A batch is 4 MB by the server's own setting; a row may be more.
const MOST_MESSAGE: usize = 256 << 20;
const CLIENT: &str = concat!("datasus/", env!("CARGO_PKG_VERSION"));

/// What every statement sets, so that a server's own settings change no answer.
const SETTINGS: [(&str, &str); 12] = [
    ("spark.sql.ansi.enabled", "true"),
    ("spark.sql.session.timeZone", "UTC"),
    ("spark.sql.caseSensitive", "false"),
    ("spark.sql.decimalOperations.allowPrecisionLoss", "true"),
    ("spark.sql.files.ignoreCorruptFiles", "false"),
    ("spark.sql.files.ignoreMissingFiles", "false"),
    ("spark.sql.parser.escapedStringLiterals", "false"),
    ("spark.sql.parquet.datetimeRebaseModeInRead", "CORRECTED"),
    ("spark.sql.parquet.mergeSchema", "false"),
    ("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS"),
    ("spark.sql.parquet.writeLegacyFormat", "false"),
    ("spark.sql.execution.arrow.useLargeVarTypes", "false"),
];

/// Who answers.
#[derive(Debug, Clone)]
pub(super) struct Serves {
    pub version: String,
    /// Apache's own, which has an id of its own for a session; Sail gives ours back.
    pub is_spark: bool,
}

#[derive(Clone)]
pub(super) struct Connection {
    stub: SparkConnectServiceClient<Channel>,
    session: String,
    user: String,
    headers: MetadataMap,
}

/// A random UUID, as the protocol wants them.
pub(super) fn new_id() -> String {
    let random = u128::from(ulid::Ulid::new());
    // The first 48 bits of a ULID are the time: behind it 80 are random.
    let bits = random.rotate_left(48);
    let bits = (bits & !(0xf << 76)) | (0x4 << 76);
    let bits = (bits & !(0x3 << 62)) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

impl Connection {
    /// Nothing is asked of the server yet. `ca`: authorities that are trusted beside the system's, as PEM. `session`: one that is there
    /// already.
    pub async fn open(address: Address, ca: Option<Vec<u8>>, session: Option<String>) -> Result<Self, Status> {
        let odd = |error: tonic::transport::Error| Status::unavailable(format!("transport: {error}"));
        let mut endpoint = Endpoint::from_shared(address.uri())
            .map_err(odd)?
            .connect_timeout(CONNECTS_WITHIN)
            .http2_keep_alive_interval(ALIVE_EVERY)
            .keep_alive_timeout(ALIVE_WITHIN);
        endpoint = endpoint.user_agent(CLIENT).map_err(odd)?;
        if address.tls {
            let name = address.host.trim_matches(['[', ']']).to_owned();
            let tls = ClientTlsConfig::new().domain_name(name).with_native_roots();
            let tls = match ca {
                Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
                None => tls,
            };
            endpoint = endpoint.tls_config(tls).map_err(odd)?;
        }
        let stub = SparkConnectServiceClient::new(endpoint.connect_lazy())
            .max_decoding_message_size(MOST_MESSAGE)
            .max_encoding_message_size(MOST_MESSAGE);
        let mut headers = MetadataMap::new();
        let bearer = address.token.as_ref().map(|token| ("authorization", format!("Bearer {}", token.reveal())));
        let others = address.headers.iter().map(|(name, value)| (name.as_str(), Secret::reveal(value).to_owned()));
        for (name, value) in bearer.into_iter().chain(others) {
            let odd = |_| Status::invalid_argument("a header of `engine` cannot be sent");
            let mut value: AsciiMetadataValue = value.parse().map_err(odd)?;
            value.set_sensitive(true);
            let name = name.parse::<tonic::metadata::AsciiMetadataKey>();
            headers.insert(name.map_err(|_| Status::invalid_argument("a header of `engine` cannot be sent"))?, value);
        }
        Ok(Connection { stub, session: session.unwrap_or_else(new_id), user: address.user, headers })
    }

    /// Its id.
    pub fn session(&self) -> &str {
        &self.session
    }

    fn user(&self) -> Option<proto::UserContext> {
        Some(proto::UserContext { user_id: self.user.clone(), user_name: self.user.clone() })
    }

    fn request<T>(&self, message: T, within: Option<Duration>) -> Request<T> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.headers.clone();
        if let Some(within) = within {
            request.set_timeout(within);
        }
        request
    }

    /// Sets what every statement needs, batches of `rows` among it, and asks who serves.
    pub async fn begin(mut self, rows: usize) -> Result<Serves, Status> {
        let pair = |key: &str, value: &str| proto::KeyValue { key: key.to_owned(), value: Some(value.to_owned()) };
        let mut pairs: Vec<proto::KeyValue> = SETTINGS.iter().map(|(key, value)| pair(key, value)).collect();
        pairs.push(pair("spark.sql.execution.arrow.maxRecordsPerBatch", &rows.to_string()));
        let set = config_request::operation::OpType::Set(config_request::Set { pairs });
        let operation = config_request::Operation { op_type: Some(set) };
        let message = proto::ConfigRequest {
            session_id: self.session.clone(),
            user_context: self.user(),
            operation: Some(operation),
            client_type: Some(CLIENT.into()),
        };
        let request = self.request(message, Some(ANSWERS_WITHIN));
        let session = self.stub.config(request).await?.into_inner().server_side_session_id;
        let message = proto::AnalyzePlanRequest {
            session_id: self.session.clone(),
            user_context: self.user(),
            client_type: Some(CLIENT.into()),
            analyze: Some(analyze_plan_request::Analyze::SparkVersion(analyze_plan_request::SparkVersion {})),
        };
        let request = self.request(message, Some(ANSWERS_WITHIN));
        let answer = self.stub.analyze_plan(request).await?.into_inner();
        match answer.result {
            Some(analyze_plan_response::Result::SparkVersion(of)) => {
                Ok(Serves { version: of.version, is_spark: session != self.session })
            }
            _ => Err(Status::unimplemented("no version")),
        }
    }

    pub async fn execute(
        mut self,
        plan: proto::Plan,
        operation: String,
    ) -> Result<Streaming<proto::ExecutePlanResponse>, Status> {
        use proto::execute_plan_request::{RequestOption, request_option};
        let reattachable = proto::ReattachOptions { reattachable: true };
        let option =
            RequestOption { request_option: Some(request_option::RequestOption::ReattachOptions(reattachable)) };
        let message = proto::ExecutePlanRequest {
            session_id: self.session.clone(),
            user_context: self.user(),
            operation_id: Some(operation),
            plan: Some(plan),
            client_type: Some(CLIENT.into()),
            request_options: vec![option],
        };
        let request = self.request(message, None);
        self.stub.execute_plan(request).await.map(tonic::Response::into_inner)
    }

    /// The answers behind `last`, or all of them.
    pub async fn reattach(
        mut self,
        operation: String,
        last: Option<String>,
    ) -> Result<Streaming<proto::ExecutePlanResponse>, Status> {
        let message = proto::ReattachExecuteRequest {
            session_id: self.session.clone(),
            user_context: self.user(),
            operation_id: operation,
            client_type: Some(CLIENT.into()),
            last_response_id: last,
        };
        let request = self.request(message, None);
        self.stub.reattach_execute(request).await.map(tonic::Response::into_inner)
    }

    /// Ends what still runs in the session, and the session.
    pub async fn end(mut self) -> Result<(), Status> {
        let message = proto::InterruptRequest {
            session_id: self.session.clone(),
            user_context: self.user(),
            client_type: Some(CLIENT.into()),
            interrupt_type: proto::interrupt_request::InterruptType::All.into(),
        };
        let request = self.request(message, Some(ENDS_WITHIN));
        let interrupted = self.stub.interrupt(request).await.map(drop);
        let message = proto::ReleaseSessionRequest {
            session_id: self.session.clone(),
            user_context: self.user(),
            client_type: Some(CLIENT.into()),
        };
        let request = self.request(message, Some(ENDS_WITHIN));
        let released = self.stub.release_session(request).await.map(drop);
        interrupted.and(released)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_random_uuid() {
        let (first, second) = (new_id(), new_id());
        let parts: Vec<usize> = first.split('-').map(str::len).collect();
        assert_eq!((parts.as_slice(), &first[14..15]), ([8, 4, 4, 4, 12].as_slice(), "4"));
        assert!("89ab".contains(&first[19..20]) && first != second, "{first} {second}");
    }
}
